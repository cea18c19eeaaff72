"""Rules of 12_made in detail: which codes and places count, what the stand-in for MetaMap marks, what is written."""
import pytest

from clinbert_nb.catalogue import write_made
from clinbert_nb.core import CourseError
from clinbert_nb.made import (
    Found, Statement, asked_places, by_number, coded_mentions, codes_of_concepts, dictionary_found, gold_code,
    like_table_2, mention_f1, mmi_line, places_marked, read_made, read_mmi, statements, with_codes, write_mmi)
from clinbert_nb.ner import Document, Span
from clinbert_nb.normalization import Concept, Mention, Vocabulary

NOTES = [
    Document('9_1', 'Fake rash, and fake pain.', (Span(0, 9, 'ADE', ('MDR:7',)), Span(15, 24, 'SSLIF')), '9'),
    Document('10_1', 'SOB', (Span(0, 3, 'SSLIF', ('SNOMEDCT_US:5',)),), '10')]


def vocabulary(**names): return Vocabulary('v', {id: Concept(id, tuple(some)) for id, some in names.items()})


# Codes

@pytest.mark.parametrize('nothing', ['', 'N/A', 'NA', 'NULL', 'None'])
@pytest.mark.parametrize('field', ['snomed code', 'snomed term'])
def test_a_field_that_says_nothing_is_no_field(nothing, field):
    fields = {'snomed code': '1', 'snomed term': 'rash', 'meddra code': '2'}
    assert gold_code(fields) == 'SNOMEDCT_US:1' and gold_code(fields | {field: nothing}) == 'MDR:2'
    assert gold_code({'meddra code': nothing}) == gold_code({}) == ''


def test_notes_come_in_the_order_of_their_numbers(tmp_path):
    folder = write_made(NOTES[::-1], tmp_path/'m', {'MDR:7': 'rash', 'SNOMEDCT_US:5': 'dyspnea'})
    documents, odd = read_made(folder)
    assert [d.doc_id for d in documents] == ['9_1', '10_1'] and odd == {'mention without a code': 1}
    assert by_number('10_1007') == ['', 10, '_', 1007, '']


@pytest.mark.parametrize('patient, groups', [
    (r'(\d+)_.*', ['9', '10']),
    ('', ['9_1', '10_1']),
    (r'(9)_.*', ['9', '10_1']),       # a name that does not fit is a patient of its own
])
def test_the_name_of_a_note_says_whose_it_is(tmp_path, patient, groups):
    folder = write_made(NOTES, tmp_path/'m', {'MDR:7': 'rash', 'SNOMEDCT_US:5': 'dyspnea'})
    assert [d.group for d in read_made(folder, patient=patient)[0]] == groups


def test_only_the_wanted_types_are_read(tmp_path):
    folder = write_made(NOTES, tmp_path/'m', {'MDR:7': 'rash', 'SNOMEDCT_US:5': 'dyspnea'})
    documents, odd = read_made(folder, ['ADE'])
    assert [s.type for d in documents for s in d.spans] == ['ADE'] and odd == {'SSLIF, not wanted': 2}


def test_a_concept_at_two_places_is_two_mentions():
    v = Vocabulary('v', {'C1': Concept('C1', ('x',))}, {'MDR:7': 'C1', 'SNOMEDCT_US:5': 'C1'})
    mentions, odd = coded_mentions(NOTES, v)
    assert [(m.doc_id, m.start, m.ids) for m in mentions] == [('9_1', 0, ('C1',)), ('10_1', 0, ('C1',))]
    assert odd == {'mention without a code, not scored': 1}
    twice = Document('1_1', 'SOB', (Span(0, 3, 'ADE', ('MDR:7',)), Span(0, 3, 'SSLIF', ('SNOMEDCT_US:5',))))
    (m,), odd = coded_mentions([twice], v)
    assert m.ids == ('C1',) and odd == {'two mentions at one place, put together': 1}


def test_snomed_comes_before_meddra_whatever_the_order():
    primary = {'MDR:1': 'C1', 'SNOMEDCT_US:2': 'C1', 'SNOMEDCT_US:3': 'C1', 'OTHER:0': 'C2', 'MDR:4': 'C2'}
    assert codes_of_concepts(Vocabulary('v', {}, primary)) == {'C1': 'SNOMEDCT_US:2', 'C2': 'MDR:4'}


def test_a_statement_keeps_the_type_of_its_place():
    v = Vocabulary('v', {}, {'MDR:7': 'C1'})
    said: list[Statement] = [('9_1', 0, 9, 'C1'), ('9_1', 15, 24, 'C9'), ('10_1', 0, 3, 'C1'), ('10_1', 1, 3, 'C1')]
    first, second = with_codes(NOTES, said, v, 'Indication')
    assert first.spans == (Span(0, 9, 'ADE', ('MDR:7',)), Span(15, 24, 'SSLIF'))      # C9 has no code
    assert second.spans == (Span(0, 3, 'SSLIF', ('MDR:7',)), Span(1, 3, 'Indication', ('MDR:7',)))
    assert with_codes(NOTES, [], v)[0].spans == ()


# Scores

GOLD = [Mention('n', 0, 3, 'SOB', 'SOB', ('C1',)), Mention('n', 9, 12, 'pain', 'pain', ('C2',))]


@pytest.mark.parametrize('said, scores', [
    ([('n', 0, 3, 'C1')], (1, 1, 2)),
    ([('n', 0, 3, 'C2')], (0, 1, 2)),
    ([('n', 0, 2, 'C1')], (0, 1, 2)),
    ([('n', 1, 3, 'C1')], (0, 1, 2)),
    ([('m', 0, 3, 'C1')], (0, 1, 2)),
    ([('n', 0, 3, 'C1'), ('n', 0, 3, 'C2')], (1, 2, 2)),
    ([], (0, 0, 2)),
])
def test_note_place_and_concept_must_be_right(said, scores):
    found = mention_f1(GOLD, said)
    assert (found['correct'], found['predicted'], found['gold']) == scores


def test_there_is_a_ranking_for_each_mention():
    assert statements(GOLD, [[('C1', .9, 'x'), ('C2', .1, 'y')], []]) == [('n', 0, 3, 'C1')]
    with pytest.raises(ValueError): statements(GOLD, [[]])


def test_a_table_names_who_is_in_both():
    ours, paper = dict(A=[50., 52.], B=[60.], C=[1.]), dict(B=(40., 1.), A=(39., .5), D=(9., 9.))
    table = like_table_2(ours, paper)
    assert table.index.tolist() == ['A', 'B'] and table.columns.tolist() == ['ours', "paper's"]
    with_floor = like_table_2(ours, paper, 'A')
    assert with_floor.improvement.tolist() == ['', 9] and with_floor["paper's improvement"].tolist() == ['', 1]


# Places

def test_a_taggers_places_have_no_concept():
    found = places_marked(NOTES)
    assert [(f.doc_id, f.start, f.end, f.concept, f.words) for f in found] == [
        ('9_1', 0, 9, '', 'Fake rash'), ('9_1', 15, 24, '', 'fake pain'), ('10_1', 0, 3, '', 'SOB')]
    gold = [Mention('9_1', 0, 9, 'Fake rash', 'Fake rash', ('C1',)), Mention('10_1', 0, 2, 'SO', 'SO', ('C2',))]
    asked = asked_places(found, NOTES, gold)
    assert [m.ids for m in asked] == [('C1',), (), ()] and [m.expanded for m in asked] == ['Fake rash', 'fake pain', 'SOB']


def marked(text, longest=8, **names): return [(f.words, f.concept) for f in dictionary_found([Document('n', text)], vocabulary(**names), longest)]


@pytest.mark.parametrize('text, words', [
    ('pain of the left arm', ['pain of the left arm']),
    ('pain of the left', ['pain']),
    ('left arm pain', ['left arm', 'pain']),
    ('arm', []),
    ('PAIN; pains', ['PAIN']),
    ('a', []),                                  # one letter is no mention
    ('', []),
])
def test_the_longest_name_is_marked(text, words):
    assert [w for w, _ in marked(text, C1=['pain', 'pain of the left arm'], C2=['left arm'], C3=['a'])] == words


def test_a_name_may_be_too_long():
    names = dict(C1=['one two three'], C2=['one two'])
    assert marked('one two three', 3, **names) == [('one two three', 'C1')]
    assert marked('one two three', 2, **names) == [('one two', 'C2')]


def test_a_line_for_each_concept_of_a_note(tmp_path):
    v = vocabulary(C1=['Dyspnea'], C2=['Pain'])
    found = [Found('n', 0, 3, 'C1', 'SOB'), Found('n', 9, 12, 'C1', 'sob'), Found('n', 20, 24, 'C1', 'sob  x', True),
             Found('n', 0, 3, 'C2', 'SOB'), Found('m', 0, 3, 'C3', 'SOB')]
    lines = write_mmi(found, v, tmp_path/'x').read_text().splitlines()
    assert lines == [
        'n|MMI|3.00|Dyspnea|C1|[fndg]|["Dyspnea"-tx-1-"sob"-noun-0,"Dyspnea"-tx-1-"sob x"-noun-1]|TX|[0/3],[9/3];20/4|',
        'n|MMI|1.00|Pain|C2|[fndg]|["Pain"-tx-1-"sob"-noun-0]|TX|0/3|',
        'm|MMI|1.00|C3|C3|[fndg]|["C3"-tx-1-"sob"-noun-0]|TX|0/3|']
    assert mmi_line('n', 'C2', {('sob', False): ['0/3']}, v) == lines[1]


# MetaMap's file

def mmi(*rows): return ''.join(f'n|MMI|1|x|{cui}|[sosy]|["x"-tx-1-"{words}"-noun-0]|TX|{place}|\n' for cui, words, place in rows)


@pytest.mark.parametrize('rows, starts, odd', [
    ([('C1', 'fake', '0/4'), ('C2', 'rash', '5/4')], [0, 5], {}),
    ([('C1', 'fake', '1/4'), ('C2', 'rash', '6/4')], [0, 5], {'place counted from 1, moved': 2}),
    ([('C1', 'fake', '0/4'), ('C2', 'rash', '6/4')], [0, 6], {'place with other words than are quoted': 1}),   # as many: from 0
    ([('C1', 'Fake-rash', '0/9')], [0], {}),      # punctuation and case do not matter
])
def test_where_counting_begins(tmp_path, rows, starts, odd):
    (tmp_path/'o').write_text(mmi(*rows))
    found, counts = read_mmi(tmp_path/'o', NOTES[:1] and [Document('n', 'Fake rash, and fake pain.')])
    assert [f.start for f in found] == starts and counts == odd


def test_more_wrong_words_than_right_ones_are_another_text(tmp_path):
    (tmp_path/'o').write_text(mmi(('C1', 'fake', '0/4'), ('C2', 'zzz', '5/3'), ('C3', 'yyy', '5/3')))
    with pytest.raises(CourseError, match='o: at 2 of 3 places stand other words than the file quotes'):
        read_mmi(tmp_path/'o', [Document('n', 'Fake rash')])


def test_hidden_files_of_a_folder_are_not_read(tmp_path):
    (tmp_path/'f').mkdir()
    (tmp_path/'f/.DS_Store').write_text('free text')
    (tmp_path/'f/n.mmi.txt').write_text(mmi(('C1', 'fake', '0/4')))
    found, _ = read_mmi(tmp_path/'f', [Document('n', 'Fake rash')])
    assert [(f.doc_id, f.concept, f.negated) for f in found] == [('n', 'C1', False)]
