"""Rules of lines, windows, formats and splits, beyond the examples of the notebook."""
import random
import re

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from clinbert_nb.finetuning import tiny_model
from clinbert_nb.ner import (
    TABLE_1, Document, ExactF1, Span, clinical_tokens, closed_labels, encode_sentences, from_iob, labelled_lines,
    labels_of, line_documents, lines_of, lost_spans, paper_split, read_brat, seen_before, shared_groups,
    split_documents, with_labels, write_brat)
from clinbert_nb.tokens import load_tokenizer

same_examples = settings(max_examples=100, deadline=None, derandomize=True, database=None,
                         suppress_health_check=list(HealthCheck))
LABELS = ['O', 'B-x', 'I-x', 'B-y-z', 'I-y-z']


# Lines and windows

@same_examples
@given(st.text() | st.text('ab1 .-/[*]\n\r\t\u00a0é中_\u0301'))
def test_every_line_that_is_not_empty_is_there(text):
    lines = [text[a:b] for a, b in lines_of(text)]
    assert lines == [line for line in re.split('[\r\n]', text) if line.strip()]


@st.composite
def any_document(draw):
    "Any text, any spans that start and end at its tokens and do not overlap."
    text = draw(st.text(max_size=60) | st.text('abé12 .-/[*]\n\r\t\u00a0中_\u0301\x00\u200b', max_size=60))
    tokens = clinical_tokens(text)
    labels = draw(st.lists(st.sampled_from(LABELS), min_size=len(tokens), max_size=len(tokens)))
    return Document('d', text, tuple(from_iob(labels, tokens)))


@pytest.fixture(scope='module')
def tokenizer(tmp_path_factory):
    pieces = ['a', 'b', '##a', '##b', '1', '2', '.', '-', '[', '*']
    return load_tokenizer(tiny_model(tmp_path_factory.mktemp('tokenizer'), pieces))


def right_logits(window, line):
    "Logits of a model that is always right where somebody looks, and answers O elsewhere."
    logits = [[label == 'O' for label in LABELS] for _ in window['input_ids']]
    for position, t in zip(window['positions'], window['tokens']):
        logits[position] = [label == line.labels[t] for label in LABELS]
    return logits


@same_examples
@given(any_document(), st.integers(3, 30), st.integers(0, 12))
def test_each_token_is_labelled_once_at_its_first_piece(tokenizer, document, longest, stride):
    lines = labelled_lines([document])
    encoded = encode_sentences(lines, tokenizer, longest, stride=stride)
    answered = sorted((window['sentence'], t) for window in encoded for t in window['tokens'])
    assert answered == [(i, t) for i, line in enumerate(lines) for t in range(len(line.tokens))]
    for window in encoded:
        assert len(window['input_ids']) == len(window['labels']) <= longest
        labels = [lines[window['sentence']].labels[t] for t in window['tokens']]
        assert labels == [window['labels'][p] for p in window['positions']]
        assert labels == [label for label in window['labels'] if label != -100]


@same_examples
@given(any_document(), st.integers(3, 30))
def test_cut_lines_lose_the_spans_that_are_counted(tokenizer, document, longest):
    lines = labelled_lines([document])
    cut = encode_sentences(lines, tokenizer, longest, how='truncate')
    assert len(cut) == len(lines)
    logits = [right_logits(window, lines[window['sentence']]) for window in cut]
    found = with_labels([document], lines, labels_of(cut, logits, LABELS, lines))
    assert (found == [document]) == (lost_spans(lines, cut) == 0)


# Labels and scores

@pytest.mark.parametrize('task, types', [('i2b2 2006', 8), ('i2b2 2010', 3), ('i2b2 2012', 6)])
def test_dim_of_table_1_is_that_of_closed_labels(task, types):
    assert len(closed_labels(f'B-{t}' for t in range(types))) == TABLE_1[task][0]


@pytest.mark.parametrize('observed, closed', [
    (['I-b', 'O', 'B-a-x'], ['O', 'B-a-x', 'I-a-x', 'B-b', 'I-b']),
    ([], ['O']),
])
def test_labels_are_closed(observed, closed):
    assert closed_labels(observed) == closed


@pytest.mark.parametrize('predicted, f1, token_f1, token_accuracy', [
    ('B-x I-x O O', 1, 1, 1),
    ('B-x O O O', 0, 2/3, .75),
    ('B-x O O B-y', 0, 1/2, .5),
    ('O O O O', 0, 0, .5),
])
def test_tokens_are_scored_beside_entities(predicted, f1, token_f1, token_accuracy):
    metric = ExactF1(keep_in_memory=True)
    scores = metric.compute(predictions=[predicted.split()], references=['B-x I-x O O'.split()])
    assert (scores['f1'], scores['token_f1'], scores['token_accuracy']) == (f1, token_f1, token_accuracy)


# BRAT

def test_nested_spans_come_back_from_brat(tmp_path):
    nested = Document('n', 'a b c', (Span(0, 1, 'x'), Span(0, 3, 'y'), Span(2, 3, 'x')))
    assert read_brat(write_brat([nested], tmp_path/'b')) == [nested]


# Splits

@pytest.mark.parametrize('n, sizes', [
    (49_939, [44_392, 5_547]),
    (16_313, [14_504, 1_809]),
    (7_444, [6_624, 820]),
    (50_880, [45_232, 5_648]),
])
def test_the_split_of_the_paper_gives_table_1(n, sizes):
    train, dev = paper_split(n)
    assert [len(train), len(dev)] == sizes
    assert sorted(train + dev) == list(range(n))


def test_the_split_of_the_paper_is_that_of_its_code():
    random.seed(42)
    order = list(range(100))
    random.shuffle(order)
    assert paper_split(100)[1] == order[96:]


MARKS = (Span(0, 3, 'x'), Span(0, 4, 'y'))
NOTES = [Document(f'd{i}', 'a\n\nb\n', MARKS, f'p{i//3}' if i < 60 else '') for i in range(90)]


def test_another_seed_is_another_split():
    assert split_documents(NOTES) == split_documents(NOTES)
    assert split_documents(NOTES, seed=1) != split_documents(NOTES)


@pytest.mark.parametrize('some, others, shared', [
    (slice(4), slice(3, 9), 1),
    (slice(80, 90), slice(85, 90), 5),
])
def test_a_note_without_a_patient_is_its_own_group(some, others, shared):
    assert shared_groups(NOTES[some], NOTES[others]) == shared


def test_lines_are_split_as_in_the_paper():
    lines = split_documents(NOTES, 'paper')
    assert (len(lines['train']), len(lines['dev'])) == (160, 20)
    assert {d.text for d in lines['dev']} == {'a', 'b'}


def test_a_span_over_a_line_break_is_cut():
    assert line_documents(NOTES[:1]) == [
        Document('d0#0', 'a', (Span(0, 1, 'x'), Span(0, 1, 'y')), 'p0'),
        Document('d0#1', 'b', (Span(0, 1, 'y'),), 'p0')]


A = Document('1', 'Foo  Bar saw Baz', (Span(0, 8, 'DOCTOR'), Span(13, 16, 'PATIENT')))
B = Document('2', 'FOO Bar, Baz', (Span(0, 7, 'DOCTOR'), Span(9, 12, 'DOCTOR')))


@pytest.mark.parametrize('train, others, share', [([A], [B], .5), ([B], [A, B], .75), ([A], [], 0)])
def test_what_was_seen_before(train, others, share):
    assert seen_before(train, others) == share
