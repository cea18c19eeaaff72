"""Rules of drawing that no lesson needs: streams are even, passes repeat, blocks and batches begin anywhere."""
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch

from clinbert_nb.core import CourseError
from clinbert_nb.instances import (
    BITS, EHRBERT_RULES, STEP, Draws, Rules, SpecialIds, batch_maker, by_stream, epoch_pairs, pair_batches,
    pair_blocks, plain_pairs, special_ids, stirred)
from clinbert_nb.tokens import JoinedIds, tokens_of, train_vocabulary


def random_corpus(documents=300, seed=0, longest=40, vocabulary=60_000):
    rng = np.random.default_rng(seed)
    sentence = lambda: rng.integers(5, vocabulary, rng.integers(1, 14)).tolist()
    return tokens_of([[sentence() for _ in range(rng.integers(1, longest))] for _ in range(documents)])


# ---- streams

def test_the_stream_is_splitmix64():
    states = [(1234567 + (i+1)*STEP) & BITS for i in range(3)]
    reference = [6457827717110365317, 3203168211198807973, 9817491932198370423]
    assert [stirred(state) for state in states] == reference


def test_draws_are_even():
    draw = Draws(1234567)
    counts, _ = np.histogram([draw() for _ in range(20_000)], 10, (0, 1))
    assert abs(counts - 2000).max() < 4*(2000*.9)**.5


def test_whole_numbers_below_a_limit_are_drawn():
    draw = Draws(1234567)
    assert {draw.below(3) for _ in range(99)} == {0, 1, 2}
    assert Draws(0).below(1) == 0


# ---- special ids

def test_special_ids_come_from_the_tokenizer():
    tokenizer = train_vocabulary(['pt c/o SOB and chest pain']*3, 80)
    special, vocab = special_ids(tokenizer), tokenizer.get_vocab()
    inside = {token for token in vocab if token.startswith('##')}
    assert tokenizer.convert_ids_to_tokens(special[:4]) == ['[CLS]', '[SEP]', '[MASK]', '[PAD]']
    assert special.size == len(tokenizer)
    assert {token for token, i in vocab.items() if special.continues[i]} == inside != set()


def test_a_tokenizer_without_a_mask_is_refused():
    tokenizer = train_vocabulary(['pt c/o SOB and chest pain']*3, 80)
    tokenizer.mask_token = None
    with pytest.raises(CourseError, match='lacks one of'): special_ids(tokenizer)


# ---- passes, blocks, batches

def test_the_same_pass_twice_is_the_same():
    tokens = random_corpus()
    assert np.array_equal(epoch_pairs(tokens, Rules(64), 1, 0), epoch_pairs(tokens, Rules(64), 1, 0))


def test_another_pass_and_another_seed_hide_other_words():
    tokens = random_corpus()
    streams = lambda seed, epoch: set(epoch_pairs(tokens, Rules(64), seed, epoch)[:, 5])
    assert not streams(1, 0) & (streams(1, 1) | streams(2, 0))


def test_copies_come_again_after_dupe_factor_passes():
    tokens, rules = random_corpus(), Rules(64, dupe_factor=5)
    draw = lambda epoch: epoch_pairs(tokens, rules, 1, epoch)
    assert np.array_equal(draw(7), draw(2))
    assert not np.array_equal(draw(1), draw(2))


def test_a_corpus_of_one_document_has_no_other():
    tokens = random_corpus(1, longest=30)
    for rules in [Rules(64), Rules(64, short_seq_prob=1.), Rules(64, same_category=False),
                  Rules(64, by_sentences=True), Rules(64, same_category=False, by_sentences=True)]:
        fast, plain = epoch_pairs(tokens, rules, 0, 0), plain_pairs(tokens, rules, 0, 0)
        assert np.array_equal(by_stream(fast), by_stream(plain))


@pytest.mark.parametrize('held_out, name', [(False, 'training'), (True, 'held-out')])
def test_a_corpus_without_documents_is_refused(held_out, name):
    tokens = random_corpus(2)
    tokens.held_out[:] = not held_out
    with pytest.raises(CourseError, match=f'has no {name} documents: it is too small'):
        epoch_pairs(tokens, Rules(64), 0, 0, held_out=held_out)


@pytest.mark.parametrize('first', [0, 1, 7, 39])
def test_batches_go_on_where_they_were_left(monkeypatch, first):
    monkeypatch.setattr('clinbert_nb.instances.BLOCK', 3)
    tokens, rules = random_corpus(20, longest=9), Rules(64)
    begin = list(islice(pair_batches(tokens, rules, 0, 16), first+3))
    later = list(islice(pair_batches(tokens, rules, 0, 16, first), 3))
    assert np.array_equal(later, begin[first:])


def test_batches_are_the_passes_one_after_the_other(monkeypatch):
    monkeypatch.setattr('clinbert_nb.instances.BLOCK', 3)
    tokens, rules = random_corpus(20, longest=9), Rules(64)
    batches = np.concatenate(list(islice(pair_batches(tokens, rules, 0, 16), 40)))
    passes = np.concatenate([epoch_pairs(tokens, rules, 0, epoch) for epoch in range(40)])
    assert np.array_equal(batches, passes[:640])


def test_blocks_can_be_drawn_alone(monkeypatch):
    monkeypatch.setattr('clinbert_nb.instances.BLOCK', 70)
    tokens, rules = random_corpus(), Rules(64)
    blocks = list(pair_blocks(tokens, rules, 0, 0))
    alone = pair_blocks(tokens, rules, 0, 0, first=3)
    assert len(blocks) == 5
    assert all(np.array_equal(a, b) for a, b in zip(blocks[3:], alone, strict=True))
    assert np.array_equal(by_stream(np.concatenate(blocks)), by_stream(plain_pairs(tokens, rules, 0, 0)))


def test_the_first_pairs_of_a_pass():
    tokens, rules = random_corpus(20), Rules(64)
    whole = epoch_pairs(tokens, rules, 0, 0)
    assert np.array_equal(epoch_pairs(tokens, rules, 0, 0, at_most=7), whole[:7])


# ---- batches as arrays

RULES = [Rules(64), Rules(20, mlm_probability=.5), Rules(64, whole_words=True), Rules(64, max_predictions=2)]


@pytest.mark.parametrize('fixed', [False, True])
@pytest.mark.parametrize('rules', RULES)
def test_shapes_and_padding_of_a_batch(rules, fixed):
    tokens = random_corpus(60, vocabulary=500)
    special = SpecialIds(2, 3, 4, 0, 500, np.arange(500) >= 300)
    pairs = epoch_pairs(tokens, rules, 0, 0)
    batch = batch_maker(tokens, special, rules, fixed)(pairs)
    attended = batch['attention_mask'].bool()
    if fixed: assert batch['input_ids'].shape[1] == rules.max_seq_length
    else: assert attended.any(0).all()
    assert not batch['input_ids'][~attended].any()
    assert not batch['token_type_ids'][~attended].any()
    if fixed:
        most = min(rules.max_predictions, round(rules.max_seq_length*rules.mlm_probability))
        assert len(batch['masked_positions']) == len(pairs)*most
    else: assert (batch['masked_labels'] != -100).all()


@pytest.mark.parametrize('fixed', [False, True])
@pytest.mark.parametrize('rules', RULES)
def test_ids_in_two_files_give_the_same_batch(rules, fixed):
    tokens = random_corpus(60, vocabulary=500)
    special = SpecialIds(2, 3, 4, 0, 500, np.arange(500) >= 300)
    middle = int(tokens.sentences[tokens.documents[30]])
    joined = replace(tokens, ids=JoinedIds(np.split(tokens.ids, [middle])))
    pairs = epoch_pairs(tokens, rules, 0, 0)
    batch = batch_maker(tokens, special, rules, fixed)(pairs)
    again = batch_maker(joined, special, rules, fixed)(pairs)
    assert all(torch.equal(batch[name], again[name]) for name in batch)


# ---- EhrBERT's rules

def share_of_the_longest(rules):
    "How often a random B for the document of nine sentences is the one of thirty, not the one of one."
    tokens = tokens_of([[[7]]*9, [[7]]*1, [[7]]*30])
    borders = tokens.sentences[tokens.documents]
    document_of = lambda position: np.searchsorted(borders, position, side='right') - 1
    chosen = [document_of(b) == 2 for epoch in range(400)
              for a, _, b, _, is_random, _ in plain_pairs(tokens, rules, 0, epoch) if is_random and a < 9]
    return np.mean(chosen)


def test_long_notes_are_drawn_in_proportion_by_ehrberts_rules():
    assert abs(share_of_the_longest(replace(EHRBERT_RULES, max_seq_length=300)) - 30/31) < .04


def test_all_notes_are_drawn_alike_by_clinicalberts_rules():
    assert abs(share_of_the_longest(Rules(300)) - .5) < .1
