"""What 11c_softmax refuses: choices, corpora and checkpoints that do not fit."""
import pandas as pd
import pytest

from clinbert_nb.core import CourseError
from clinbert_nb.finetuning import Settings, tiny_model
from clinbert_nb.normalization import Concept, Mention, Vocabulary, predictions_table, ranked_of
from clinbert_nb.softmax import head_of, train_softmax, with_targets

VOCABULARY = Vocabulary('v', {f'C{i}': Concept(f'C{i}', (f'name {i}',)) for i in range(4)})
SETTINGS = Settings(learning_rate=1e-2, batch_size=10, epochs=1, patience=0, max_seq_length=8)


def mention(text, *ids, doc='1'): return Mention(doc, 0, len(text), text, text, ids)


@pytest.fixture
def tiny(tmp_path): return tiny_model(tmp_path/'tiny', ['w0', 'w1'])


GOOD = dict(train=[mention('w0', 'C0'), mention('w1', 'C1')], dev=[mention('w0', 'C0')])


def test_an_unknown_way_with_several_concepts_is_refused():
    with pytest.raises(CourseError, match="Unknown way with mentions of several concepts 'all'"):
        with_targets(GOOD['train'], VOCABULARY, 'all')


@pytest.mark.parametrize('negatives', [0, 2])
@pytest.mark.parametrize('bad, settings, message', [
    (dict(train=[mention('a')]), SETTINGS, 'training set is empty'),
    (dict(dev=[mention('a', 'X')]), SETTINGS, 'dev set is empty'),
    ({}, Settings(max_seq_length=9999), 'max_seq_length is 9999, but tiny has only 512'),
])
def test_nothing_to_learn_is_an_error(tiny, negatives, bad, settings, message):
    with pytest.raises(CourseError, match=message):
        train_softmax(tiny, **(GOOD | bad), vocabulary=VOCABULARY, settings=settings, negatives=negatives)


def test_an_unknown_score_is_refused(tiny):
    with pytest.raises(CourseError, match="Unknown score 'f1'"): train_softmax(tiny, **GOOD, vocabulary=VOCABULARY, score='f1')


def test_a_model_without_a_pooled_vector_is_refused():
    class Other:
        base_model = None
    with pytest.raises(CourseError, match='Other has no linear layer over a pooled vector'): head_of(Other())


def test_a_run_that_was_not_asked_says_so(tmp_path):
    table = predictions_table(GOOD['dev'], [[('C0', 1.)]]).assign(split='test')
    pd.DataFrame(table).to_parquet(tmp_path/'predictions.parquet')
    with pytest.raises(CourseError, match='says nothing about document 7, characters 0–1'):
        ranked_of(tmp_path, [mention('a', 'C1', doc='7')], 'test')
