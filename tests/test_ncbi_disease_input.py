"""NCBI Disease: files that are found, and files that are missing."""
import pytest

from clinbert_nb.core import CourseError
from clinbert_nb.ncbi_disease import corpus_files, read_corpus
from clinbert_nb.normalization import read_vocabulary

ABSTRACT = """{id}|t|Fake cysts.
{id}|a|A nosuch syndrome (NS).
{id}\t5\t10\tcysts\tModifier\tD1
{id}\t31\t33\tNS\tSpecificDisease\tD2|D9
"""
MEDIC = 'D1|X1||Cyst|cysts\nD2||Nosuch syndrome\n'


@pytest.fixture
def corpus(tmp_path):
    "An empty folder, with a vocabulary beside it."
    (tmp_path/'medic.txt').write_text(MEDIC)
    (tmp_path/'c').mkdir()
    return tmp_path/'c'


def _abstract(path, id='1'):
    path.write_text(ABSTRACT.format(id=id))
    return str(path)


def _files(corpus, test_file='', vocabulary='medic.txt'):
    return corpus_files(str(corpus), test_file, str(corpus.parent/vocabulary), 'ncbi')


@pytest.fixture
def whole(corpus):
    _abstract(corpus/'NCBItrainset_corpus.txt', '1')
    _abstract(corpus/'NCBIdevelopset_corpus.txt', '2')
    (corpus/'train_notes.md').write_text('no corpus')
    return corpus


def test_files_are_found_by_the_name_of_their_part(whole):
    files, _ = _files(whole)
    assert {part: f.name for part, f in files.items()} == dict(
        train='NCBItrainset_corpus.txt', dev='NCBIdevelopset_corpus.txt')


def test_what_is_odd_is_counted(whole):
    files, vocabulary = _files(whole)
    _, mentions, odd = read_corpus(files, read_vocabulary(vocabulary)[0])
    assert mentions['train'][1].expanded == 'nosuch syndrome'
    assert odd.loc['id that is not in the vocabulary', 'train'] == 1
    assert odd.loc['mention of several concepts'].tolist() == [1, 1]


def test_an_abstract_that_stands_in_two_parts_is_counted(whole):
    files, vocabulary = _files(whole, _abstract(whole.parent/'unseen.txt', '1'))
    assert files['test'].name == 'unseen.txt'
    _, _, odd = read_corpus(files, read_vocabulary(vocabulary)[0])
    assert odd.loc['abstract that an earlier part has, too'].tolist() == [0, 0, 1]


@pytest.mark.parametrize('names, message', [
    (['dev.txt'], 'c has 0 files whose name says train; expected one'),
    (['train.txt'], 'c has 0 files whose name says dev; expected one'),
    (['dev.txt', 'train1.txt', 'train2.txt'], 'c has 2 files whose name says train; expected one'),
    (['dev.txt', 'train.txt', 'test1.txt', 'test2.txt'], 'c has 2 files whose name says test; expected one'),
])
def test_a_part_has_one_file(corpus, names, message):
    for name in names: _abstract(corpus/name)
    with pytest.raises(CourseError, match=message): _files(corpus)


def test_a_corpus_needs_its_vocabulary(corpus):
    with pytest.raises(CourseError, match='the vocabulary is not'): corpus_files(str(corpus), '', '', 'ncbi')


def test_a_test_file_alone_needs_the_open_corpora(corpus, monkeypatch):
    monkeypatch.setenv('CLINBERT_OPEN_DATA', str(corpus/'nowhere'))
    with pytest.raises(CourseError, match='that belong to test_file'):
        corpus_files('', str(corpus.parent/'medic.txt'), '', 'ncbi')
