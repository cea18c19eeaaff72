"""DNorm's pairs: what the index answers, learns and refuses."""
from collections import Counter

import numpy as np
import pytest

from clinbert_nb.core import CourseError
from clinbert_nb.normalization import Mention
from clinbert_nb.pairwise import PairwiseIndex, learned_words

NAMES = {
    'breast neoplasms': Counter(A=1),
    'lung neoplasms': Counter(B=1),
    'cancer of the lung': Counter(B=1),
    'breast pain': Counter(C=1)}
LESSON = [
    ('mammary cancer', 'A'),
    ('mammary tumor', 'A'),
    ('breast cancer', 'A'),
    ('tumor of the lung', 'B'),
    ('mastalgia', 'C')]


def _mention(text, *ids): return Mention('1', 0, len(text), text, text, ids)


TRAIN = [_mention(text, id) for text, id in LESSON]


def _learned(**choices): return PairwiseIndex(NAMES).fit(TRAIN, TRAIN, progress=False, **choices)


def test_words_in_another_order_are_the_same_name():
    (first, *rest), = PairwiseIndex(NAMES, stop_words=True).rank(['Lung, cancer'], 9)
    assert first == ('B', pytest.approx(1), 'cancer of the lung') and {c for c, *_ in rest} == {'A', 'C'}


def test_an_unknown_word_weighs_nothing():
    index = PairwiseIndex(NAMES)
    assert (index.weight('lungs', 'lung'), index.weight('lung', 'breast'), index.weight('xyz', 'lung')) == (1, 0, 0)


def test_of_two_concepts_with_one_name_the_more_frequent_comes_first():
    index = PairwiseIndex({'cold': Counter(A=.01, B=3.), 'flu': Counter(C=1)})
    assert [c for c, *_ in index.rank(['cold'], 2)[0]] == ['B', 'A']


def test_an_unknown_text_has_no_score_and_no_text_no_answer():
    index = PairwiseIndex({'cold': Counter(A=.01, B=3.), 'flu': Counter(C=1)})
    assert [score for _, score, _ in index.rank(['xyz'])[0]] == [0, 0, 0] and index.rank([]) == []


def test_it_learns():
    index = _learned(learning_rate=.3, margin=.5)
    ranked = index.rank(['breast cancer', 'mammary cancers', 'mastalgia', 'tumors of lung'], 1)
    assert [concept for (concept, *_), in ranked] == ['A', 'A', 'C', 'B']
    assert index.history.index[0] == 0 and index.history.dev_accuracy.max() == 1 > index.history.dev_accuracy[0]
    assert index.weight('mammary', 'breast') > .1


def test_it_never_gets_worse_on_dev():
    against = [_mention('lung neoplasms', 'B')]      # right before, so that nothing learned is kept
    assert PairwiseIndex(NAMES).fit(TRAIN[:2], against, progress=False).change.nnz == 0


def test_it_learns_the_same_every_time(): assert (_learned().change != _learned().change).nnz == 0


@pytest.mark.parametrize('train', [
    [],
    [_mention('a', 'A', 'B')],
    [_mention('a')],
    [_mention('a', 'ZZ')],
])
def test_what_does_not_teach(train):
    with pytest.raises(CourseError, match='nothing to learn'): PairwiseIndex(NAMES).fit(train, TRAIN)


def test_another_score_is_refused():
    with pytest.raises(CourseError, match="Unknown score 'f1'"): PairwiseIndex(NAMES).fit(TRAIN, TRAIN, 'f1')


def test_an_index_needs_names():
    with pytest.raises(CourseError, match='no names'): PairwiseIndex({})


def test_ranking_agrees_with_sorting_everything():
    rng = np.random.default_rng(0)
    words = [f'w{i}' for i in range(30)]
    names = {' '.join(rng.choice(words, 3, replace=False)): Counter({f'C{i % 60}': 1}) for i in range(400)}
    index = PairwiseIndex(names)
    texts = [' '.join(rng.choice(words, 3)) for _ in range(20)]
    for text, row in zip(texts, index.rank(texts, 7)):
        best = {}
        for id, score in zip(index.ids, index.scores(index.vectorizer.transform([text]))[0]):
            best[id] = max(score, best.get(id, 0))
        assert np.allclose([score for _, score, _ in row], sorted(best.values(), reverse=True)[:7])
        assert len({c for c, *_ in row}) == 7 and all(np.isclose(best[c], score) for c, score, _ in row)


def test_the_largest_entries_are_shown():
    index = _learned(learning_rate=.3, margin=.5)
    up, down = learned_words(index), learned_words(index, falling=True)
    assert up.weight.is_monotonic_decreasing and down.weight.is_monotonic_increasing
    assert up.weight[0] > 0 > down.weight[0]
    assert (up['in the mention'] != up['in the name']).all()
    assert ('mastalgia', 'pain') in set(zip(up['in the mention'], up['in the name']))


def test_an_index_that_has_not_learned_shows_nothing(): assert learned_words(PairwiseIndex(NAMES)).empty
