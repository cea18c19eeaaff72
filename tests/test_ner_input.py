"""Odd and broken input of documents, labels and the formats BRAT and CoNLL: read, counted, or refused in one sentence."""
from collections import Counter
from dataclasses import replace

import pytest

from clinbert_nb.core import CourseError
from clinbert_nb.files import describe_corpus, read_text
from clinbert_nb.finetuning import tiny_model
from clinbert_nb.ner import (
    Document, ExactF1, Span, blank_tokens, check_spans, encode_sentences, entities, exact_f1, from_iob,
    labelled_lines, lost_spans, paper_split, partial_view, read_brat, read_conll, split_documents, unescaped,
    write_brat, write_conll)
from clinbert_nb.tokens import load_tokenizer


# Spans and labels

@pytest.mark.parametrize('span, fault', [
    (Span(2, 1, 'x'), r'^a\.xml, span 2–1 ends before it starts\.$'),
    (Span(1, 1, 'x'), 'span 1–1 is empty'),
    (Span(0, 4, 'x'), 'span 0–4 lies outside of the text, which has 3 characters'),
    (Span(-1, 2, 'x'), 'span -1–2 lies outside of the text'),
    (Span(0, 1, ''), 'span 0–1 has no type'),
])
def test_spans_that_cannot_be_are_refused(span, fault):
    with pytest.raises(CourseError, match=fault):
        check_spans(Document('d', 'abc', (span,)), 'a.xml')


@pytest.mark.parametrize('spans', [(), (Span(0, 3, 'x'), Span(1, 2, 'y'))])
def test_spans_that_can_be_are_not(spans):
    check_spans(Document('d', 'abc', spans), 'a.xml')


def test_labels_and_tokens_must_be_as_many():
    with pytest.raises(CourseError, match='2 labels for 1 tokens'): from_iob(['O', 'O'], [(0, 1)])


@pytest.mark.parametrize('label', ['S-x', 'B-', 'problem', ''])
def test_other_labels_are_refused(label):
    with pytest.raises(CourseError, match=f"Unknown label '{label}'; expected O, B-type or I-type"):
        entities(['O', label])


# Lines and windows

LONG = Document('d', 'a a a a abb\na', (Span(0, 1, 'x'), Span(6, 11, 'x'), Span(12, 13, 'x')))


@pytest.fixture(scope='module')
def tokenizer(tmp_path_factory):
    return load_tokenizer(tiny_model(tmp_path_factory.mktemp('tokenizer'), ['a', 'b', '##b']))


def test_windows_of_long_lines_are_counted(tokenizer, capsys):
    assert len(encode_sentences(labelled_lines([LONG]), tokenizer, 8)) == 3
    said = '1 of 2 lines are longer than 8 word pieces: they take 1 additional window,'
    assert said in capsys.readouterr().out


def test_what_is_cut_off_is_counted(tokenizer, capsys):
    lines = labelled_lines([LONG])
    cut = encode_sentences(lines, tokenizer, 8, how='truncate')
    assert '1 token and 1 span are cut off' in capsys.readouterr().out
    assert lost_spans(lines, cut) == 1
    assert cut[0]['labels'] == [-100, 'B-x', 'O', 'O', 'B-x', -100]


def test_nothing_is_printed_where_nobody_wants_it(tokenizer, capsys):
    encode_sentences(labelled_lines([LONG]), tokenizer, 8, say=False)
    assert not capsys.readouterr().out


def test_a_label_that_the_head_does_not_know_is_not_learned(tokenizer):
    encoded = encode_sentences(labelled_lines([LONG]), tokenizer, label_names=['O', 'B-y', 'I-y'])
    assert set(encoded[1]['labels']) == {-100} and encoded[1]['positions'] == [1]


@pytest.mark.parametrize('bad', [dict(how='cut'), dict(max_seq_length=2), dict(stride=-1)])
def test_impossible_windows_are_refused(tokenizer, bad):
    with pytest.raises(CourseError, match='window'):
        encode_sentences(labelled_lines([LONG]), tokenizer, **bad)


def test_two_documents_of_one_name_are_refused():
    with pytest.raises(CourseError, match="Two documents are called 'd'"):
        labelled_lines([Document('d', 'a')]*2)


def test_nothing_has_no_lines(tokenizer):
    assert encode_sentences([], tokenizer) == [] and labelled_lines([Document('e', ' \n ')]) == []


# Scores

@pytest.mark.parametrize('predicted, gold, message', [
    (['O'], ['O', 'O'], r'Sequence 0 \(from 0\) has 1 predicted labels but 2 true ones'),
    (['problem'], ['O'], "Unknown label 'problem'"),
])
def test_the_metric_checks_what_it_is_given(predicted, gold, message):
    metric = ExactF1(keep_in_memory=True)
    with pytest.raises(CourseError, match=message):
        metric.compute(predictions=[predicted], references=[gold])


def test_nothing_to_find_and_nothing_found_is_an_f1_of_0():
    assert ExactF1(keep_in_memory=True).compute(predictions=[['O']], references=[['O']])['f1'] == 0


A, B = Document('a', 'x y z', (Span(0, 1, 'p'), Span(2, 3, 't'))), Document('b', 'x y z')


@pytest.mark.parametrize('gold, predicted', [([A, B], [A]), ([A], [B]), ([A, A], [A, A]), ([A], [A, A])])
def test_only_the_same_documents_are_compared(gold, predicted):
    with pytest.raises(CourseError, match='do not have the same ids, each once'):
        exact_f1(gold, predicted)


def test_only_the_same_texts_are_compared():
    with pytest.raises(CourseError, match="text of document 'a' is not the one"):
        exact_f1([A], [replace(A, text='x')])


def test_many_spans_are_counted_as_by_hand():
    "There are several groups of them."
    gold = Document('d', 'a'*2000, tuple(Span(i, i+5, 'x') for i in range(0, 2000, 10)))
    guesses = [Span(s.start + s.start % 3, s.end, 'xy'[s.start % 20 > 0]) for s in gold.spans]
    view = partial_view([gold], [replace(gold, spans=tuple(guesses))])
    by_hand = Counter((s.start % 3 > 0, s.start % 20 > 0) for s in gold.spans)   # another start, another type
    right, wrong_start = by_hand[False, False], by_hand[True, False]
    wrong_type = by_hand[False, True]
    assert view.correct.to_dict() == dict(
        strict=right, exact=right + wrong_type, ent_type=right + wrong_start, partial=right + wrong_type)
    assert view.missed.sum() == view.spurious.sum() == 0


def test_nothing_can_be_viewed():
    assert partial_view([], []).f1.tolist() == [0]*4


# BRAT

def brat(folder, text, *lines, newline='\n'):
    "A folder with one document, a."
    folder.mkdir(exist_ok=True)
    (folder/'a.txt').write_bytes(text.encode())
    (folder/'a.ann').write_bytes(newline.join([*lines, '']).encode())
    return folder


def spans_of(*arguments, **options): return read_brat(brat(*arguments, **options))[0].spans


def test_a_gap_over_a_line_break_is_no_gap(tmp_path, capsys):
    lines = 'T1\tx 2 4\tbb', 'T2\tx 2 4;6 8\tbb cc'
    assert spans_of(tmp_path, 'a bb\r\ncc', *lines, newline='\r\n') == (Span(2, 4, 'x'), Span(2, 8, 'x'))
    assert capsys.readouterr().out == ''


def test_what_is_covered_or_not_read_is_counted(tmp_path, capsys):
    lines = 'T1\tx 0 1;5 7\ta cc', 'E1\tx:T1', '', '#1\tnote T1\tsure?'
    assert spans_of(tmp_path/'b', 'a bb cc', *lines) == (Span(0, 7, 'x'),)
    others = 'lines about other things (relations, events, attributes, notes), not read'
    assert capsys.readouterr().out == f'b: 1 discontinuous spans covered, 2 {others}\n'


def test_discontinuous_spans_are_dropped_on_demand(tmp_path, capsys):
    folder = brat(tmp_path, 'a bb cc', 'T1\tx 0 1;5 7\ta cc', 'N1\tReference T1 x:1\ta cc')
    assert read_brat(folder, 'drop')[0].spans == ()
    assert '1 discontinuous spans dropped' in capsys.readouterr().out


@pytest.mark.parametrize('line, message', [
    ('T1\tx 2 3\tbb',
     r'^a\.ann, line 2: its words are not what stands at 2 3; offsets and text do not belong'),
    ('T1\tx 4 2\tbb', r'line 2 \(4 2\) ends before it starts'),
    ('T1\tx 2 2\t', r'line 2 \(2 2\) is empty'),
    ('T1\tx 2 40\tbb', r'line 2 \(2 40\) lies outside of the text, which has 7 characters'),
    ('T1\tx -3 1\tbb', r'line 2 \(-3 1\) lies outside'),
    ('T1 x 2 4 bb', "line 2 is no annotation; expected 'T1<tab>type start end<tab>text'"),
    ('T1\tx 2 4', 'line 2 is no annotation'),
    ('T0\tx 0 1\ta', 'line 2: an annotation of this name stands above it'),
    ('N1\tReference T9 x:1\t', 'line 2 is about an annotation that is not in the file'),
    ('N1\tReference', "line 2 is no concept; expected 'N1<tab>Reference T1 database:id<tab>name'"),
])
def test_lines_that_cannot_be_are_refused(tmp_path, line, message):
    with pytest.raises(CourseError, match=message):
        spans_of(tmp_path, 'a bb cc', 'T0\tx 0 1\ta', line)


@pytest.mark.parametrize('text, line, span', [
    ('a bb', '\ufeffT1\tx 0 1\ta', Span(0, 1, 'x')),
    ('\ufeffa bb', 'T1\tx 1 2\ta', Span(1, 2, 'x')),   # in the text it counts
])
def test_a_byte_order_mark_hides_nothing(tmp_path, text, line, span):
    assert spans_of(tmp_path, text, line) == (span,)


@pytest.mark.parametrize('offset, message', [
    ('1'*5000, 'a.ann, line 1: the offset is no whole number'),
    ('²', 'a.ann, line 1 is no annotation|offset is no whole'),
])
def test_an_offset_that_is_no_number_is_refused(tmp_path, offset, message):
    with pytest.raises(CourseError, match=message): spans_of(tmp_path, 'a', f'T1\tx 0 {offset}\ta')


def test_another_policy_is_refused(tmp_path):
    with pytest.raises(CourseError, match='Unknown policy'): read_brat(brat(tmp_path, 'a'), 'keep')


@pytest.mark.parametrize('files, message', [
    (dict(a='txt ann', b='ann'), r'b\.ann has no b\.txt beside it'),
    (dict(a='txt ann', b='txt'), r'b\.txt has no b\.ann beside it .*; this is so for 1 files'),
    (dict(a='ann'), 'holds no .txt file'),
])
def test_files_come_in_pairs(tmp_path, files, message):
    for name, kinds in files.items():
        for kind in kinds.split(): (tmp_path/f'{name}.{kind}').write_text('')
    with pytest.raises(CourseError, match=message): read_brat(tmp_path)


def test_a_document_without_annotations_is_one(tmp_path):
    assert read_brat(brat(tmp_path, 'a bb cc')) == [Document('a', 'a bb cc')]


def test_another_encoding_is_refused(tmp_path):
    (brat(tmp_path, '')/'a.txt').write_bytes(b'caf\xe9')
    with pytest.raises(CourseError, match=r'a\.txt, line 1 holds the byte 0xE9'):
        read_brat(tmp_path)


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(CourseError, match='nowhere does not exist; expected a folder of'):
        read_brat(tmp_path/'nowhere')


def test_a_concept_has_a_database_and_a_name(tmp_path):
    failure = Span(8, 21, 'x', ('MESH:D017093',))
    d = Document('d', 'CHF and liver\nfailure', (Span(0, 3, 'x', ('D006333', 'OMIM:1')), failure))
    assert read_text(write_brat([d], tmp_path/'b')/'d.ann').splitlines()[2:] == [
        'N1\tReference T1 concept:D006333\tCHF',
        'N2\tReference T1 OMIM:1\tCHF',
        'N3\tReference T2 MESH:D017093\tliver failure']
    named = write_brat([d], tmp_path/'b', names={'D006333': 'Heart\tFailure'})
    assert read_text(named/'d.ann').splitlines()[2] == 'N1\tReference T1 concept:D006333\tHeart Failure'


@pytest.mark.parametrize('bare', ['N1\tReference T1 D006333\t', 'N1\tReference T1 D006333'])
def test_a_concept_of_another_program_may_be_bare(tmp_path, bare):
    assert spans_of(tmp_path, 'CHF', 'T1\tx 0 3\tCHF', bare)[0].ids == ('D006333',)


@pytest.mark.parametrize('document, message', [
    (Document('../x', 'a'), 'cannot be the name of a file'),
    (Document('x', 'a\nb', (Span(1, 3, 'p'),)), 'span 1–3 begins or ends with a line break'),
    (Document('x', 'a\n', (Span(1, 2, 'p'),)), 'span 1–2 begins or ends with a line break'),
    (Document('x', 'a', (Span(0, 1, 'p q'),)), 'has a type or concept with a space in it'),
    (Document('x', 'a', (Span(0, 1, 'p', ('a b',)),)), 'has a type or concept with a space in it'),
    (Document('x', 'a', (Span(0, 2, 'p'),)), 'outside of the text'),
])
def test_what_brat_cannot_hold_is_refused(tmp_path, document, message):
    with pytest.raises(CourseError, match=message): write_brat([document], tmp_path/'w')
    assert not (tmp_path/'w').exists()


def test_two_files_of_one_name_are_refused(tmp_path):
    with pytest.raises(CourseError, match="Two documents are called 'x'"):
        write_brat([Document('x', 'a')]*2, tmp_path/'w')
    assert not (tmp_path/'w').exists()


# CoNLL

def conll(folder, text, **options):
    (folder/'x.txt').write_bytes(text.encode())
    return read_conll(folder/'x.txt', **options)


def test_the_last_sentence_needs_no_empty_line(tmp_path):
    spans = Span(0, 3, 'x'), Span(4, 5, 'x')
    assert conll(tmp_path, 'a B-x\nb I-x\n\nc NN I-x') == [Document('x-1', 'a b\nc', spans)]


def test_a_span_goes_on_in_the_next_line_on_demand(tmp_path):
    assert conll(tmp_path, 'a B-x\n\nc I-x', join_lines=True)[0].spans == (Span(0, 3, 'x'),)


def test_documents_have_names_or_get_them(tmp_path):
    text = '-DOCSTART- -X- O O\n\na O\r\n\r\n\n-DOCSTART- n7 O\n\n'
    assert conll(tmp_path, text) == [Document('x-1', 'a'), Document('n7', '')]
    assert conll(tmp_path, f'b O\n{text}') == [Document('x-1', 'b'), Document('x-2', 'a'), Document('n7', '')]


@pytest.mark.parametrize('text, message', [
    ('a O\nb', r'^x\.txt, line 2 has no label; expected a token and a label'),
    ('a O\n\nb S-x', "line 3 has the label 'x-x'; expected O, B-type or I-type"),
    ('a B-', "line 1 has the label 'x-'"),
    ('\n\n', 'holds no token'),
    ('', 'is empty'),
    ('-DOCSTART- n O\n\n-DOCSTART- n O\n', "two documents called 'x'"),
])
def test_other_lines_are_refused(tmp_path, text, message):
    with pytest.raises(CourseError, match=message): conll(tmp_path, text)


def test_a_label_is_quoted_where_the_corpus_may_be_shown(tmp_path):
    describe_corpus(tmp_path, 'invented', shareable=True)
    with pytest.raises(CourseError, match="line 1 has the label 'S-x'; expected O"):
        conll(tmp_path, 'b S-x')


@pytest.mark.parametrize('name', ['a b', '-X-', ''])
def test_names_that_conll_cannot_hold_are_refused(tmp_path, name):
    with pytest.raises(CourseError, match='cannot stand in a CoNLL file'):
        write_conll([Document(name, 'a')], tmp_path/'y')


def test_tokens_that_conll_cannot_hold_are_refused(tmp_path):
    with pytest.raises(CourseError, match=r'Document n: a token cannot stand in a CoNLL file \(1 such\)'):
        write_conll([Document('n', '-DOCSTART- a')], tmp_path/'y', blank_tokens)


# XML

@pytest.mark.parametrize('marked, text, kept', [
    ('R &amp; B', 'R & B', 0),
    ('caf&#233; caf&#xE9; &lt;5', 'café café <5', 0),
    ('Q&A and &nurse; and &AMP;', 'Q&A and &nurse; and &AMP;', 3),
    ('&#0; &#xD800; &#9999999; &#x110000;', '&#0; &#xD800; &#9999999; &#x110000;', 4),
])
def test_only_references_of_xml_are_followed(marked, text, kept):
    counts = Counter()
    assert unescaped(marked, counts) == text and counts.total() == kept


# Splits

@pytest.mark.parametrize('n', [0, 8, 10, 16])
def test_too_few_sentences_for_nine_chunks_are_refused(n):
    with pytest.raises(CourseError, match=f'{n} sentences are too few for nine chunks'):
        paper_split(n)


PATIENTS = [Document(f'd{i}', 'a', group=f'p{i//3}') for i in range(3)]


@pytest.mark.parametrize('documents', [[], PATIENTS, PATIENTS[:1]])
def test_documents_that_cannot_be_split_are_refused(documents):
    with pytest.raises(CourseError, match='cannot be split: train or dev would be empty'):
        split_documents(documents)


def test_another_way_to_split_is_refused():
    with pytest.raises(CourseError, match="Unknown split 'random'"):
        split_documents(PATIENTS, 'random')
