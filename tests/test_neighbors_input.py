"""Words that a checkpoint cannot read, vocabularies without neighbours, and vectors that must not depend on their batch."""
from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from transformers import AutoModel

from clinbert_nb.core import CourseError
from clinbert_nb.finetuning import tiny_model
from clinbert_nb.neighbors import (
    bootstrap_means, cohesion, context_vectors, interval, log_odds, nearest, open_spaces, paper_agreement,
    plane, sign_flip_p, space_of, table_vectors, whole_words, word_counts, word_list)
from clinbert_nb.pretraining import open_model
from clinbert_nb.tokens import load_tokenizer


@pytest.fixture(scope='module')
def toy(tmp_path_factory):
    words = ['fever', 'cough', 'sea', 'ship', 'trans', '##fer']
    return tiny_model(tmp_path_factory.mktemp('toy')/'toy', words)


def test_a_word_with_unknown_letters_is_refused(toy):
    with pytest.raises(CourseError, match=r"toy cannot read 'zebra'"):
        open_spaces(toy, ['fever', 'zebra'], Counter(), 0)


def test_a_vocabulary_without_words_of_the_texts_is_refused(toy):
    with pytest.raises(CourseError, match='no entry that is 3 times'):
        open_spaces(toy, ['fever'], Counter(fever=2), 3)


def test_a_word_that_is_asked_about_and_an_entry_is_there_once(toy):
    space = open_spaces(toy, ['fever'], Counter(), 0)['input table']
    assert 'fever' not in nearest(space, 'fever', 9)
    assert np.allclose(space['fever'], space.vectors[-1])


def test_vectors_in_context_do_not_depend_on_the_batch(toy):
    model, tokenizer = open_model(AutoModel, toy)[0].eval(), load_tokenizer(toy)
    words = ['transfer', 'fever', 'transfer', 'sea', 'ship']
    whole = context_vectors(model, tokenizer, words)
    assert np.allclose(whole, context_vectors(model, tokenizer, words, batch_size=1), atol=1e-5)
    assert table_vectors(model, tokenizer, words).shape == whole.shape


@pytest.mark.parametrize('sentences, expected', [
    (0, {'one': 3, 'two': 3}),
    (4, {'one': 2, 'two': 2}),
    (3, {'one': 2, 'two': 2}),     # as many of each shard
    (1, {'one': 1, 'two': 1}),
    (100, {'one': 3, 'two': 3}),
])
def test_sentences_come_from_all_shards(tmp_path, sentences, expected):
    for number, word in enumerate(expected):
        texts = pa.table(dict(text=[word.upper(), f'{word}.', f'2 {word}']))
        pq.write_table(texts, tmp_path/f'shard-{number:05}.parquet')
    assert word_counts(tmp_path, sentences) == expected


def test_an_empty_sentence_is_no_fault(tmp_path):
    pq.write_table(pa.table(dict(text=['Fever', None, ''])), tmp_path/'shard-00000.parquet')
    assert word_counts(tmp_path) == Counter(fever=1)


def test_log_odds_change_their_sign_with_the_texts():
    a, b = Counter(fever=30, the=70), Counter(fever=3, the=97)
    there, back = log_odds(a, b), log_odds(b, a)
    assert np.allclose(there.log_odds, -back.log_odds) and np.allclose(there.error, back.error)


def test_a_higher_ratio_leaves_fewer_words():
    a, b = Counter(fever=300, pain=200, the=1000), Counter(fever=10, pain=30, the=1000)
    few, many = word_list(a, b, 8), word_list(a, b, 2)
    assert [w for w in few if few[w] == 'clinical'] == ['fever']
    assert [w for w in many if many[w] == 'clinical'] == ['fever', 'pain']


@pytest.mark.parametrize('entry', ['##ing', 'b12', 'x', '[CLS]', 'a-b', ''])
def test_what_is_no_word_is_nobodys_neighbor(entry):
    assert whole_words([entry], Counter({entry: 9}), 0) == []


def test_cohesion_of_words_with_fewer_neighbors_than_asked_for():
    space = space_of(['fever', 'cough', 'sea'], np.eye(3))
    kinds = dict(fever='a', cough='a', sea='b')
    assert cohesion(space, dict(fever='a'), kinds, 10).tolist() == [.5]


def test_the_interval_holds_the_mean_and_shrinks_with_more_words():
    few, many = np.tile([0., 1.], 10), np.tile([0., 1.], 1000)
    (a, b), (c, d) = (interval(bootstrap_means(values)) for values in (few, many))
    assert a < .5 < b and c < .5 < d and d - c < b - a


def test_p_is_two_sided():
    differences = np.r_[np.full(9, .1), -.05]
    assert sign_flip_p(differences) == sign_flip_p(-differences) < .05


def test_agreement_counts_only_what_can_be_said():
    space = space_of(['glucose', 'potassium', 'sea'], np.array([[1., 0], [1, .1], [0, 1]]))
    table = paper_agreement(dict(Clinical=space, BERT=space), ['glucose'], 1)
    assert table.to_dict('index') == {'Clinical': {'printed': 3, 'can be said': 1, 'among 1 nearest': 1}}


def test_a_plane_keeps_the_distances_of_what_is_flat():
    points = np.random.default_rng(0).normal(size=(8, 2))
    turned = np.c_[points, np.ones(8)] @ np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]
    flat, share = plane(turned)
    distances = lambda p: np.linalg.norm(p[:, None] - p[None], axis=-1)
    assert share == pytest.approx(1) and np.allclose(distances(flat), distances(points))
