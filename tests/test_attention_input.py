"""Mentions of one piece, of unknown letters, too long ones; a kept model that is found again."""
import numpy as np
import pytest
import torch

from clinbert_nb.attention import (
    answer_html, attended, attributed, deletions, dot_attention, encoded, explained, shade,
    shaded_pieces, shares, without_each)
from clinbert_nb.finetuning import load_model, tiny_model
from clinbert_nb.legible import illegible
from clinbert_nb.tokens import load_tokenizer

WORDS = ['weight', 'loss', 'or', 'gain', 'fever', '##s']


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    return tiny_model(tmp_path_factory.mktemp('toy')/'toy', WORDS)


@pytest.fixture(scope='module')
def toy(folder):
    return load_model(folder, ['C1', 'C2'], say=False).eval(), load_tokenizer(folder)


def test_attention_outside_of_the_mention_is_zero():
    states = torch.randn(2, 4, 8)
    inside = torch.tensor([[False, True, True, False], [False, True, False, False]])
    weights = dot_attention(states, inside)
    assert (weights[~inside] == 0).all() and weights.sum(-1).tolist() == pytest.approx([1, 1])


def test_a_mention_of_one_piece_has_all_the_weight(toy):
    e, = explained(*toy, ['gain'], steps=2)
    assert e.attention.tolist() == [1.] and len(e.lost) == 1 and np.isfinite(e.lost).all()


def test_unknown_letters_are_a_piece_too(toy):
    e, = explained(*toy, ['gain of zebras'], steps=2)
    assert e.pieces == ['gain', '[UNK]', '[UNK]']


def test_what_is_too_long_is_cut_and_said(toy, capsys):
    e, = explained(*toy, ['weight loss or gain'], steps=2, max_seq_length=4)
    assert e.pieces == ['weight', 'loss'] and 'cut off' in capsys.readouterr().out


def test_each_deletion_lacks_one_piece():
    assert without_each([1, 5, 6, 2]) == [[1, 6, 2], [1, 5, 2]] and without_each([1, 5, 2]) == [[1, 2]]


def test_deletions_do_not_depend_on_other_mentions(toy):
    model, tokenizer = toy
    batch, _ = encoded(model, tokenizer, ['weight loss or gain', 'fevers'])
    ids = batch['input_ids'][1][batch['attention_mask'][1] == 1].tolist()
    best, p, lost, flips = deletions(model, tokenizer, ids)
    e = explained(model, tokenizer, ['weight loss or gain', 'fevers'], steps=2)[1]
    assert e.answer == model.config.id2label[best] and e.probability == pytest.approx(p, abs=1e-6)
    assert e.lost == pytest.approx(lost, abs=1e-6) and (e.flips == flips).all()


def test_attributions_do_not_depend_on_the_batch(toy):
    texts, classes = ['weight loss or gain', 'fevers', 'gain'], [0, 1, 0]
    together, _ = attributed(*toy, texts, classes, steps=8)
    alone, _ = attributed(*toy, texts, classes, steps=8, batch_size=1)
    for a, b in zip(together, alone, strict=True): assert a == pytest.approx(b, abs=1e-4)


def test_gradients_leave_nothing_behind(toy):
    model, tokenizer = toy
    before = attended(model, tokenizer, ['fevers'])[0]
    attributed(model, tokenizer, ['fevers'], [0], steps=2)
    assert attended(model, tokenizer, ['fevers'])[0] == pytest.approx(before)


@pytest.mark.parametrize('values', [np.zeros(3), np.array([-1., -2, -3])])
def test_pieces_that_speak_against_the_answer_stay_white(values):
    assert shares(values).tolist() == [0, 0, 0] and shade(0) == '#ffffff'


@pytest.mark.parametrize('share', np.linspace(0, 1, 11))
def test_every_shade_is_legible(share):
    assert illegible(shaded_pieces(['pain'], np.array([share, 1])[:1], True)) == []


def test_html_in_a_mention_is_text():
    assert '<b>' not in shaded_pieces(['<b>'], np.array([1.]), True)
    assert '<i>' not in answer_html('<i>', '<i>x')
