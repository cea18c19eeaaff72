"""NCBI Disease: which encoder reads, what a search keeps, what is written."""
import pytest

from clinbert_nb.finetuning import tiny_model
from clinbert_nb.ncbi_disease import run_search, search_answers, search_encoder, write_said
from clinbert_nb.ner import Document, Span
from clinbert_nb.normalization import Concept, Mention, Vocabulary, read_pubtator
from clinbert_nb.retrieval import Normalizer, open_encoder


def _vocabulary(**names): return Vocabulary('v', {id: Concept(id, tuple(n)) for id, n in names.items()})


def _mention(text, doc, *ids): return Mention(str(doc), 0, len(text), text, text, ids)


@pytest.fixture(autouse=True)
def results(tmp_path, monkeypatch):
    monkeypatch.setenv('CLINBERT_RESULTS', str(tmp_path/'results'))
    return tmp_path/'results'


TWO_NAMES = _vocabulary(A=['heart failure', 'failure of the heart'], B=['renal cyst', 'kidney cyst'])


@pytest.fixture
def checkpoints(tmp_path, monkeypatch):
    "One that is named, and another one in CLINBERT_CHECKPOINT."
    mine, other = (str(tiny_model(tmp_path/name, ['heart', 'failure', 'cyst'])) for name in ('mine', 'other'))
    monkeypatch.setenv('CLINBERT_CHECKPOINT', other)
    return mine, other


def test_foreign_abstracts_are_read_by_what_the_environment_names(checkpoints):
    name, reader = search_encoder('', dict(steps=2.), TWO_NAMES, 'p', hospital=False)
    assert (name, reader.source) == ('other', checkpoints[1])      # as it is


def test_what_is_named_reads_and_learns_synonyms(checkpoints, results):
    mine, _ = checkpoints
    lesson = dict(steps=2., batch_size=2.)
    name, reader = search_encoder(mine, lesson, TWO_NAMES, 'p', hospital=False, pooling='mean')
    assert (name, reader.pooling) == ('mine', 'mean')
    assert reader.source.startswith(str(results/'p/models/mine-synonyms-'))


def test_without_a_lesson_it_reads_as_it_is(checkpoints):
    mine, _ = checkpoints
    assert search_encoder(mine, {}, TWO_NAMES, 'p', hospital=True)[1].source == mine


def test_without_a_checkpoint_letters_decide(monkeypatch):
    monkeypatch.delenv('CLINBERT_CHECKPOINT', raising=False)
    assert search_encoder('', {}, TWO_NAMES, 'p', hospital=False) == ('letters', None)
    lesson = [_mention(text, d, id) for d in range(20) for text, id in (('cardiac failure', 'A'), ('kidney cysts', 'B'))]
    parts = dict(train=lesson, dev=[_mention('renal cysts', 90, 'B')])
    scores = run_search('letters', None, parts, TWO_NAMES, [0], 'p', '13_test')
    assert scores.model.tolist() == ['search, letters'] and scores.dev_f1.tolist() == [1]


FOUR_NAMES = _vocabulary(A=['heart failure'], B=['renal cyst'], C=['breast cancer'], D=['ovarian cancer'])
LESSON = [
    ('cardiac failure', 'A'),
    ('kidney cyst', 'B'),
    ('breast and ovarian cancer', 'C', 'D'),
    ('breast cancers', 'C'),
    ('ovarian cancers', 'D'),
    ('failure of the heart and such', 'A'),
]
PARTS = dict(
    train=[_mention(text, doc, *ids) for doc in range(30) for text, *ids in LESSON],
    dev=[_mention('cardiac failures', 90, 'A'), _mention('breast and ovarian cancer', 91, 'C', 'D')])
RIGHT = [('A',), ('C', 'D')]


@pytest.fixture
def encoder(tmp_path): return open_encoder(tiny_model(tmp_path/'m', ['heart', 'failure', 'cyst', 'cancer']))


def test_a_search_for_each_seed(encoder):
    scores = run_search('tiny', encoder, PARTS, FOUR_NAMES, [0, 1], 'p', '13_test')
    assert len(scores) == 2 and (scores.dev_f1 == 1).all()
    assert search_answers(scores, PARTS)['search, tiny']['dev'] == [RIGHT]*2


def test_a_search_that_doubts_is_silent_and_made_once(encoder, monkeypatch):
    def doubting(self, seed, learn=Normalizer.learn):      # doubts whatever is not a joint reading
        learn(self, seed).doubt_below = 1.01
    monkeypatch.setattr(Normalizer, 'learn', doubting)
    scores = run_search('doubting', encoder, PARTS, FOUR_NAMES, [0], 'p', '13_test')
    assert search_answers(scores, PARTS) == {
        'search, doubting': dict(dev=[RIGHT]),
        'search, doubting, silent in doubt': dict(dev=[[(), ('C', 'D')]])}
    assert (scores.dev_f1[0], scores.dev_silent_f1[0]) == (1, .5)
    monkeypatch.setattr(Normalizer, '__init__', None)      # nothing is made again
    assert run_search('doubting', encoder, PARTS, FOUR_NAMES, [0], 'p', '13_test').equals(scores)


DOCUMENT = Document('1', 'A cold. Not the flu.', (Span(2, 6, 'Disease', ('D1',)), Span(16, 19, 'Disease')), '1')
ASKED = [Mention('1', 2, 6, 'cold', 'cold', ('D1',))]


def test_what_was_said_can_be_read_again(tmp_path):
    (back,), _ = read_pubtator(write_said([DOCUMENT], ASKED, [('D2', 'D3')], tmp_path/'new'/'said.txt'))
    assert back.text == DOCUMENT.text and [s.ids for s in back.spans] == [('D2', 'D3'), ()]


def test_each_mention_needs_an_answer(tmp_path):
    with pytest.raises(ValueError): write_said([DOCUMENT], ASKED, [], tmp_path/'said.txt')
