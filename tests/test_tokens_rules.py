"""The fast way gives the tokenizer's own pieces, and the folder of tokens is the same whoever makes it."""
import os
import shutil
from collections import Counter
from itertools import product

import numpy as np
import pyarrow as pa
import pytest
import transformers
from hypothesis import given, settings, strategies as st
from pyarrow import csv
from tokenizers import AddedToken, ByteLevelBPETokenizer, Tokenizer

from clinbert_nb.core import CourseError, derived_seed
from clinbert_nb.notes import sentence_shards
from clinbert_nb.tokens import (
    LONGEST, NASTY, JoinedIds, WordPieces, check_pieces, describe_checkpoint, ensure_tokens, fast_tokenizer,
    has_read, is_held_out, load_tokenizer, looked_up, looked_up_together, make_tokens, may_quote, open_tokens, separator_of,
    plain_pieces, tokenize_shard, train_vocabulary, uttered, why_outlines, why_plain)
from clinbert_nb.files import describe_corpus, read_json
from token_shards import write_shards

SPECIAL = '[PAD] [UNK] [CLS] [SEP] [MASK]'.split()
KINDS = [dict(do_lower_case=lower, strip_accents=strip, tokenize_chinese_chars=chinese)
         for lower, strip, chinese in product((False, True), (None, False, True), (False, True))]


def bert(lines, **choices):
    "A tokenizer with a piece for every character that cleaning leaves: no difference is hidden by [UNK]."
    cleaning = transformers.BertTokenizerFast(vocab={'[UNK]': 0}, **choices).backend_tokenizer.normalizer
    letters = sorted(set(cleaning.normalize_str(' '.join(lines))) - {' '})
    tokens = [*SPECIAL, *letters, *('##' + c for c in letters)]
    return transformers.BertTokenizerFast(vocab={token: i for i, token in enumerate(tokens)}, **choices)


def check_three_ways(tokenizer, lines):
    "Ours, the library's, and the call that everybody makes agree; how many sentences were not cut."
    ids, lengths, whole = WordPieces(tokenizer)(pa.array(lines, pa.string()))
    expected, counts = plain_pieces(fast_tokenizer(tokenizer), lines)
    called = tokenizer(lines, add_special_tokens=False)['input_ids'] if lines else []
    assert lengths.tolist() == counts.tolist() == [len(s) for s in called]
    assert ids.tolist() == expected.tolist() == [i for s in called for i in s]
    return whole


# ---- what a checkpoint has read

def test_a_folder_without_a_record_is_outlined(tmp_path):
    mine = tmp_path/'mine'
    mine.mkdir()
    (mine/'config.json').touch()
    assert uttered(['Smith'], mine) == ['xxxxx']
    assert has_read(mine) == {'mine': False}
    assert 'mine has no corpus.json' in why_outlines(mine)
    assert 'shareable=True' in why_outlines(mine)


def test_what_starts_from_a_folder_without_a_record_is_outlined_too(tmp_path):
    for name in ('mine', 'child'): (tmp_path/name).mkdir()
    (tmp_path/'mine/config.json').touch()
    describe_checkpoint(tmp_path/'child', 'child', dict(general=True), tmp_path/'mine')
    assert not may_quote(tmp_path/'child')
    assert 'child has read mine' in why_outlines(tmp_path/'child')


def test_a_hub_name_is_public():
    assert uttered(['Smith'], 'google/bert') == ['Smith']
    assert why_outlines('google/bert') == ''


def test_who_says_that_a_restricted_start_may_be_shown_is_believed(tmp_path):
    for name in ('start', 'child'): (tmp_path/name).mkdir()
    describe_checkpoint(tmp_path/'start', 'start', dict(notes=False))
    describe_corpus(tmp_path/'start', 'start', shareable=True)
    describe_checkpoint(tmp_path/'child', 'child', {}, tmp_path/'start')
    assert may_quote(tmp_path/'child')


# ---- the same pieces

@pytest.mark.parametrize('choices', KINDS)
def test_nasty_sentences_and_no_sentences_have_the_same_pieces(choices):
    tokenizer = bert(NASTY, **choices)
    assert check_three_ways(tokenizer, NASTY) == sum('[MASK]' in s for s in NASTY)
    assert check_three_ways(tokenizer, []) == 0
    check_pieces(WordPieces(tokenizer), [])


STRANGE = [
    *' .,-[]()*/:_',
    ' ', '[MASK]', '[SEP]', '[ MASK]',
    *map(chr, [0, 9, 10, 11, 12, 13, 28, 29, 30, 31, 0x85, 0xa0, 0xad]),
    *map(chr, [0x300, 0x301, 0x316, 0x345, 0x37e, 0x3a3, 0x130, 0x1680, 0x180e, 0x1fef]),
    *map(chr, [0x2000, 0x200b, 0x200d, 0x2028, 0x202f, 0x2260, 0x3000, 0x3099]),
    *map(chr, [0x4e00, 0xac00, 0xe000, 0xfb01, 0xfeff, 0xfffd, 0x1d165, 0x1f642, 0x20000]),
]
PART = st.one_of(st.sampled_from(STRANGE), st.text('aAbBéÉ1', max_size=3))
SENTENCE = st.one_of(st.text(max_size=40), st.lists(PART, max_size=14).map(''.join))


@settings(max_examples=250, deadline=None)
@given(st.lists(SENTENCE, max_size=6), st.sampled_from(KINDS))
def test_any_text_has_the_same_pieces(lines, choices):
    check_three_ways(bert(lines, **choices), lines)


LINES = ['chest pain', 'chest  pain', 'a[deid]b', 'x_covid19_ Covid19 covid195', 'covid19', 'x <e> y',
         'x  <e>y', 'pain', 'a']


def with_added(*tokens, **choices):
    tokenizer = bert([*LINES, 'covid'], **choices)
    tokenizer.add_tokens(list(tokens))
    return tokenizer


@pytest.mark.parametrize('whole, tokens, choices', [
    (0, [], {}),
    (0, [AddedToken('covid19', normalized=True)], dict(do_lower_case=True)),
    (3, [AddedToken('chest pain', normalized=False),
         AddedToken('<e>', normalized=False, lstrip=True, rstrip=True)], {}),
    (3, [AddedToken('covid19', normalized=False, single_word=True),
         AddedToken('[deid]', normalized=False)], {}),
])
def test_sentences_with_an_added_token_are_not_cut(whole, tokens, choices):
    tokenizer = with_added(*tokens, **choices)
    assert check_three_ways(tokenizer, LINES) == whole
    assert why_plain(fast_tokenizer(tokenizer)) == ''


@pytest.mark.parametrize('token', [
    AddedToken('chest pain', normalized=True),
    AddedToken('covid19', normalized=True, single_word=True),
    AddedToken('[deid]', normalized=True),
    AddedToken('pain', normalized=True, lstrip=True),
])
def test_tokens_that_are_searched_for_in_cleaned_text_forbid_cutting(token):
    tokenizer = with_added(token, do_lower_case=True)
    assert check_three_ways(tokenizer, LINES) == len(LINES)
    assert f"added token '{token.content}' is searched for" in why_plain(fast_tokenizer(tokenizer))


def test_a_token_that_ends_with_a_space_forbids_cutting():
    tokenizer = with_added(AddedToken('pain ', normalized=False))
    assert check_three_ways(tokenizer, LINES) == len(LINES)
    assert why_plain(fast_tokenizer(tokenizer)) == "its added token 'pain ' begins or ends with a space"


def test_a_tokenizer_of_another_kind_is_never_cut_for():
    trained = ByteLevelBPETokenizer()
    trained.train_from_iterator(LINES, vocab_size=300, show_progress=False)
    other = WordPieces(Tokenizer.from_str(trained.to_str()))
    assert 'where BERT has' in other.why_plain
    assert other(pa.array(LINES))[0].tolist() == plain_pieces(other.plain, LINES)[0].tolist()


def test_memory_is_emptied_when_full_and_never_keeps_long_words(monkeypatch):
    monkeypatch.setattr('clinbert_nb.tokens.REMEMBERED', 50)
    lines = [f'word{i} other{i*i} again ' + 'x'*i for i in range(300)]
    pieces, most = WordPieces(bert(lines)), 0
    for i in range(0, 300, 10):
        ids, _, _ = pieces(pa.array(lines[i:i+10]))
        assert ids.tolist() == plain_pieces(pieces.plain, lines[i:i+10])[0].tolist()
        most = max(most, len(pieces.known))
    assert 20 < most <= 50
    assert max(map(len, pieces.known)) <= LONGEST


@pytest.mark.parametrize('added', [[], ['P] ['], ['é'], ['0 [MASK', '] 1']])
def test_words_that_hold_special_tokens_are_looked_up_alone(added):
    words = ['a [SEP] b', '[SEP]', 'a[MASK]b', '[SE', 'P]', 'x'*120, 'é', '\x00', *map(str, range(200))]
    tokenizer = fast_tokenizer(bert(words))
    tokenizer.add_tokens([AddedToken(token, normalized=False) for token in added])
    encodings = [tokenizer.encode(word, add_special_tokens=False) for word in words]
    alone = [np.array(encoding.ids, '<u2').tobytes() for encoding in encodings]
    for look_up in (looked_up, looked_up_together):
        assert list(look_up(words, tokenizer, np.dtype('<u2')).values()) == alone


def test_words_that_are_looked_up_together_have_a_separator():
    assert separator_of(fast_tokenizer(bert(['a']))) == '[PAD]'


@pytest.mark.parametrize('a, b', [(0, 5), (1, 4), (2, 3), (3, 5), (2, 2)])
def test_a_slice_of_a_column_is_cut_like_the_whole(a, b):
    column = pa.array(['one two', '[MASK]', '', 'three, four', 'five'])
    pieces = WordPieces(bert(column.to_pylist()))
    ids, lengths = plain_pieces(pieces.plain, column.to_pylist()[a:b])
    ours, our_lengths, _ = pieces(column.slice(a, b-a))
    assert ours.tolist() == ids.tolist()
    assert our_lengths.tolist() == lengths.tolist()


def test_all_of_mtsamples_has_the_same_pieces(open_data):
    file = open_data/'mtsamples/mtsamples.csv'
    if not file.is_file(): pytest.skip('no MTSamples')
    table = csv.read_csv(file, parse_options=csv.ParseOptions(newlines_in_values=True))
    notes = table['transcription'].fill_null('').unique().to_pylist()
    lines = [line for note in notes for line in note.split(':')]
    small = train_vocabulary(lines[:10_000], 3000)
    lower = transformers.BertTokenizerFast(vocab=small.get_vocab(), do_lower_case=True)
    kinds = [(small, notes), (lower, lines)]
    if model := os.environ.get('CLINBERT_MINILM'):   # a published lower-casing vocabulary
        kinds.append((load_tokenizer(model), lines))
    for tokenizer, text in kinds:
        pieces = WordPieces(tokenizer)
        ids, lengths, _ = pieces(pa.array(text, pa.string()))
        expected, counts = plain_pieces(pieces.plain, text)
        assert np.array_equal(lengths, counts)
        assert np.array_equal(ids, expected) and len(ids) > 10**6


# ---- tokens on disk

WORDS = ['pain', 'SOB,', 'pt', '120/80', '\x1c', 'café', '[**1-2**]', '[MASK]']


def random_notes(n, first=0):
    "Notes (note_id, subject_id, category, sentences); some of patients that nobody knows."
    rng = np.random.default_rng(first)
    sentence = lambda: ' '.join(rng.choice(WORDS, rng.integers(0, 9)))
    notes = []
    for i in range(first, first+n):
        patient = str(i//3) if i % 5 else None
        category = ['ECG', 'Nursing ', None][i % 3]
        notes.append((str(i), patient, category, [sentence() for _ in range(rng.integers(1, 7))]))
    return notes


def files_of(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob('*')) if p.is_file()}


def by_a_loop(notes, tokenizer, share):
    "What `open_tokens` should give, note by note; how many sentences and notes have no piece."
    ids, sentences, documents, category, held_out = [], [0], [0], [], []
    names, counts = {}, Counter()
    for note, patient, kind, text in notes:
        found = tokenizer(text, add_special_tokens=False)['input_ids']
        pieces = [p for p in found if p]
        counts['empty_sentences'] += len(found) - len(pieces)
        counts['not_cut'] += sum('[MASK]' in sentence for sentence in text)
        counts['text_bytes'] += sum(len(sentence.encode()) for sentence in text)
        if not pieces:
            counts['empty_notes'] += 1
            continue
        for p in pieces:
            ids += p
            sentences.append(len(ids))
        documents.append(len(sentences)-1)
        category.append(names.setdefault((kind or '').strip(), len(names)))
        held_out.append(derived_seed('held out', patient or note) % 10_000 < share*10_000)
    counts['unknown'] = ids.count(tokenizer.unk_token_id)
    counts['held_out'] = sum(held_out)
    return dict(ids=ids, sentences=sentences, documents=documents, category=category,
                held_out=held_out), counts, list(names)


def test_what_is_stored_is_what_a_loop_over_notes_gives(tmp_path, monkeypatch):
    monkeypatch.setattr('clinbert_nb.tokens.BATCH', 50)   # notes lie across batches
    shards = [random_notes(120), random_notes(1, 120), random_notes(70, 121)]
    notes = [note for shard in shards for note in shard]
    tokenizer = bert([sentence for *_, text in notes for sentence in text])
    about = make_tokens(write_shards(tmp_path/'s', *shards), tokenizer, tmp_path/'t', held_out=.3)
    expected, counts, names = by_a_loop(notes, tokenizer, .3)
    tokens = open_tokens(tmp_path/'t')
    for column, values in expected.items():
        assert getattr(tokens, column)[:].tolist() == values, column
    assert counts['empty_notes'] > 0 and counts['not_cut'] > 0 and counts['held_out'] > 0
    for name, n in counts.items(): assert about[name] == n, name
    assert list(about['categories']) == names


def four_shards(tmp_path):
    shards = [random_notes(20, 20*i) for i in range(4)]
    return write_shards(tmp_path/'s', *shards), bert(['pain SOB, pt 120/80 café [**1-2**]'])


def test_any_number_of_workers_gives_the_same_bytes(tmp_path):
    sentences, tokenizer = four_shards(tmp_path)
    make_tokens(sentences, tokenizer, tmp_path/'a', workers=1)
    make_tokens(sentences, tokenizer, tmp_path/'b', workers=2)
    assert files_of(tmp_path/'a') == files_of(tmp_path/'b')
    assert len(files_of(tmp_path/'a')) == 21


def test_any_interruption_gives_the_same_bytes(tmp_path):
    sentences, tokenizer = four_shards(tmp_path)
    make_tokens(sentences, tokenizer, tmp_path/'a', workers=1)
    for shard in reversed(sentence_shards(sentences)):   # as jobs of a cluster would
        tokenize_shard(shard, tokenizer, tmp_path/'c')
    with pytest.raises(CourseError, match='finished'): open_tokens(tmp_path/'c')
    times = lambda: {p: p.stat().st_mtime_ns for p in (tmp_path/'c').rglob('*.u*')}
    before = times()
    shutil.rmtree(tmp_path/'c/00001')
    (tmp_path/'c/.00001.partial-123').mkdir()   # what a killed process leaves
    make_tokens(sentences, tokenizer, tmp_path/'c')
    assert files_of(tmp_path/'c') == files_of(tmp_path/'a')
    assert {p.parent.name for p, t in times().items() if before[p] != t} == {'00001'}


def test_another_share_of_patients_makes_a_shard_anew(tmp_path):
    sentences, tokenizer = four_shards(tmp_path)
    shard = sentence_shards(sentences)[0]
    tokenize_shard(shard, tokenizer, tmp_path/'t')
    tokenize_shard(shard, tokenizer, tmp_path/'t', held_out=.5)
    assert read_json(tmp_path/'t/00000/manifest.json')['held_out_share'] == .5


def test_tokens_are_made_once_for_each_tokenizer(tmp_path, monkeypatch):
    monkeypatch.setenv('CLINBERT_DATA', str(tmp_path/'data'))
    sentences = write_shards(tmp_path/'s', random_notes(5))
    folder = ensure_tokens(sentences, bert(['pain']))
    made = (folder/'manifest.json').stat().st_mtime_ns
    assert ensure_tokens(sentences, bert(['pain'])) == folder
    assert (folder/'manifest.json').stat().st_mtime_ns == made
    assert ensure_tokens(sentences, bert(['pains'])) != folder


def test_patients_are_held_out_whole():
    assert is_held_out('7', '1', .05) == is_held_out('7', '2', .05)
    assert is_held_out(None, '7', .3) == is_held_out('', '7', .3) == is_held_out('7', 'x', .3)
    assert not is_held_out('7', '1', 0)
    assert is_held_out('7', '1', 1)


def test_as_many_patients_are_held_out_as_were_asked_for():
    share = np.mean([is_held_out(str(i), '', .05) for i in range(4000)])
    assert .035 < share < .065


def test_joined_ids_are_read_forwards_only():
    with pytest.raises(ValueError, match='forwards only'):
        JoinedIds([np.arange(3), np.arange(4)])[::2]
