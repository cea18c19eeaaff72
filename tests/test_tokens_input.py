"""Broken tokenizers and shards: each is refused in one sentence, and nothing is left behind."""
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import transformers

from clinbert_nb.core import CourseError
from clinbert_nb.tokens import (
    ensure_tokens, fast_tokenizer, load_tokenizer, make_tokens, open_tokens, tokenize_shard,
    train_vocabulary)
from token_shards import write_shards

SPECIAL = '[PAD] [UNK] [CLS] [SEP] [MASK]'.split()
CASED = [*SPECIAL, *'Patient patient SOB A B C ABC abc a b c'.split()]


def bert(tokens, **choices):
    "A tokenizer with these entries."
    return transformers.BertTokenizerFast(vocab={token: i for i, token in enumerate(tokens)}, **choices)


def letters(text):
    "A tokenizer that spells."
    found = sorted(set(text))
    return bert([*SPECIAL, *found, *('##' + c for c in found)])


# ---- tokenizers

def test_a_cased_checkpoint_is_opened(tmp_path):
    bert(CASED, do_lower_case=False).save_pretrained(tmp_path/'cased')
    assert load_tokenizer(tmp_path/'cased').tokenize('Patient SOB') == ['Patient', 'SOB']


def test_a_cased_vocabulary_with_a_lower_casing_tokenizer_is_refused(tmp_path):
    bert(CASED, do_lower_case=True).save_pretrained(tmp_path/'wrong')
    with pytest.raises(CourseError, match='cased .* lower-cases'):
        load_tokenizer(tmp_path/'wrong')


def test_a_checkpoint_without_a_tokenizer_is_refused(tmp_path):
    (tmp_path/'bare').mkdir()
    (tmp_path/'bare/config.json').write_text('{}')
    with pytest.raises(CourseError, match='has no tokenizer'):
        load_tokenizer(tmp_path/'bare')


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(CourseError, match='does not exist'):
        load_tokenizer(tmp_path/'nowhere')


def test_a_tokenizer_that_is_not_fast_or_splits_special_tokens_is_refused():
    with pytest.raises(CourseError, match='A dict is no fast tokenizer'):
        fast_tokenizer({})
    with pytest.raises(CourseError, match='split_special_tokens'):
        fast_tokenizer(bert(CASED, split_special_tokens=True))


def test_large_vocabularies_take_four_bytes(tmp_path):
    tokenizer = bert([*SPECIAL, *map(str, range(70_000))])
    make_tokens(write_shards(tmp_path/'s', [('1', '1', 'ECG', ['69999 5'])]), tokenizer, tmp_path/'t')
    assert (tmp_path/'t/00000/tokens.u32').is_file()
    assert open_tokens(tmp_path/'t').ids.tolist() == [70_004, 10]


# ---- shards

def test_a_folder_without_shards_is_refused(tmp_path):
    (tmp_path/'report.json').write_text('{}')
    with pytest.raises(CourseError, match='holds no shards'):
        make_tokens(tmp_path, letters('pain'), tmp_path/'t')


@pytest.mark.parametrize('name, more, message', [
    ('a', dict(index=[1]), 'a begins in the middle of a note'),
    ('b', {}, "b is no whole shard of sentences: it has no column 'index'"),
])
def test_a_shard_that_is_none_is_refused(tmp_path, name, more, message):
    columns = dict(note_id=['1'], subject_id=['1'], category=['ECG'], text=['pain'])
    pq.write_table(pa.table(columns | more), tmp_path/name)
    with pytest.raises(CourseError, match=message):
        tokenize_shard(tmp_path/name, letters('pain'), tmp_path/'t')
    assert not list((tmp_path/'t').glob('*'))


def test_a_shard_may_be_empty(tmp_path):
    notes = [(str(i), str(i), 'ECG', ['pain', 'no pain']) for i in range(4)]
    sentences = write_shards(tmp_path/'s', [], notes, [])
    about = make_tokens(sentences, letters('no pain'), tmp_path/'t')
    assert len(open_tokens(tmp_path/'t')) == about['documents'] == 4


@pytest.mark.parametrize('notes', [[], [('1', '1', 'ECG', ['\x00', ' '])]])
def test_a_corpus_without_a_piece_is_refused(tmp_path, notes):
    with pytest.raises(CourseError, match='gives no word piece at all'):
        make_tokens(write_shards(tmp_path/'s', notes), letters('pain'), tmp_path/'t')


def test_half_a_shard_is_refused_and_the_whole_one_goes_on(tmp_path, monkeypatch):
    monkeypatch.setenv('CLINBERT_DATA', str(tmp_path/'data'))
    notes = [('1', '1', 'ECG', ['pain'])]
    sentences, tokenizer = write_shards(tmp_path/'s', notes, notes), letters('pain')
    second = sentences/'shard-00001.parquet'
    whole = second.read_bytes()
    second.write_bytes(whole[:100])
    with pytest.raises(CourseError, match='shard-00001.parquet is no whole shard'):
        ensure_tokens(sentences, tokenizer)
    second.write_bytes(whole)
    folder = ensure_tokens(sentences, tokenizer)
    assert not (folder.parent/f'.{folder.name}.unfinished').exists()
    assert len(open_tokens(folder)) > 0


def test_a_file_of_another_size_is_refused(tmp_path):
    make_tokens(write_shards(tmp_path/'s', [('1', '1', 'ECG', ['pain'])]), letters('pain'), tmp_path/'t')
    with (tmp_path/'t/00000/tokens.u16').open('ab') as f: f.write(b'x')
    with pytest.raises(CourseError, match='tokens.u16 has .* bytes; expected'):
        open_tokens(tmp_path/'t')


def test_a_folder_that_is_not_finished_is_refused(tmp_path):
    sentences = write_shards(tmp_path/'s', [('1', '1', 'ECG', ['pain'])])
    tokenize_shard(sentences/'shard-00000.parquet', train_vocabulary(['pain'], 20), tmp_path/'t')
    with pytest.raises(CourseError, match='finished'):
        open_tokens(tmp_path/'t')
