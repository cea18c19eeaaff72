"""Rules of 11c_softmax in detail: weights, batches, slices, rates, and what a lesson may lack."""
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from clinbert_nb.core import CourseError
from clinbert_nb.finetuning import Settings, load_model, tiny_model
from clinbert_nb.normalization import Concept, Mention, Vocabulary, texts_of
from clinbert_nb.pretraining import make_optimizer
from clinbert_nb.softmax import (
    FullTraining, Lesson, Reader, RowAdam, SampledTraining, SoftmaxIndex, best_classes, ceiling,
    counted_once, end_to_end, faster, head_bytes, head_of, head_steps, lesson_of, loss_in_parts,
    made_up, oracle, planned, pooled_vectors, questions_of, sampled_classes, sampled_loss, sampling,
    split_metrics, start_at_names, time_steps, train_softmax, weighted_loss, with_names)
from clinbert_nb.tokens import load_tokenizer

WORDS = [f'w{i}' for i in range(20)]
VOCABULARY = Vocabulary('v', {f'C{i}': Concept(f'C{i}', (f'w{i}', f'w{i} w0')) for i in range(12)})
SETTINGS = Settings(learning_rate=1e-2, batch_size=8, epochs=4, patience=0, max_seq_length=8)


def mention(text, *ids, doc='1', start=0): return Mention(doc, start, start + len(text), text, text, ids)


@pytest.fixture(scope='module')
def tiny(tmp_path_factory): return tiny_model(tmp_path_factory.mktemp('tiny')/'tiny', WORDS)


@pytest.fixture
def net(tiny):
    torch.manual_seed(0)
    return load_model(tiny, list(VOCABULARY.concepts), say=False)


TRAIN = [mention(f'w{i}', f'C{i}', doc=str(i)) for i in range(10) for _ in range(i % 3 + 1)]


# Weights

def test_pairs_are_counted_in_units_of_their_mean():
    texts, targets, weights = counted_once(['a', 'b', 'a', 'a', 'b'], ['A', 'B', 'A', 'C', 'B'])
    assert (texts, targets) == (['a', 'b', 'a'], ['A', 'B', 'C'])
    assert np.allclose(weights, [1.2, 1.2, .6]) and weights.dtype == np.float32


def test_nothing_counted_is_nothing():
    texts, targets, weights = counted_once([], [])
    assert (texts, targets, len(weights)) == ([], [], 0)


def test_a_weight_counts_like_repetition():
    torch.manual_seed(0)
    logits, gold = torch.randn(3, 5), torch.tensor([0, 4, 2])
    repeated = [0, 0, 0, 1, 2, 2]
    as_often = weighted_loss(logits[repeated], gold[repeated], None)
    assert torch.allclose(weighted_loss(logits, gold, torch.tensor([3., 1., 2.])), as_often)
    assert torch.allclose(weighted_loss(logits, gold, torch.ones(3)*7), F.cross_entropy(logits, gold))


def test_a_lesson_once_has_each_pair_once(tiny):
    reader = Reader(load_tokenizer(tiny), 8)
    every, once = (lesson_of(TRAIN, VOCABULARY, reader, 'skip', how) for how in (False, True))
    assert (len(every.examples), every.weights) == (len(TRAIN), None)
    assert once.targets.tolist() == list(range(10)) and np.isclose(once.weights.sum(), 10)
    assert np.allclose(once.weights/once.weights[0], [i % 3 + 1 for i in range(10)])


# Batches

def lesson_with(mentions, names=0):
    examples = [dict(input_ids=[1]*(2 + i % 5)) for i in range(mentions + names)]
    return Lesson(examples, np.zeros(mentions + names, int), None, names)


def test_every_mention_is_in_every_epoch():
    plan = planned(lesson_with(30), SETTINGS)
    assert len(plan) == 4 and all(max(map(len, epoch)) == 8 for epoch in plan)
    assert all(sorted(np.concatenate(epoch)) == list(range(30)) for epoch in plan)
    first, second = ([b.tolist() for b in epoch] for epoch in plan[:2])
    assert first != second


def test_the_seed_decides_the_batches():
    def batches(seed): return [b.tolist() for b in planned(lesson_with(30, 90), Settings(seed=seed, epochs=1))[0]]
    assert batches(1) == batches(1) != batches(2)


def test_fewer_names_than_mentions_are_all_there():
    epoch, *_ = planned(lesson_with(9, 4), SETTINGS)
    assert sorted(np.concatenate(epoch)) == list(range(13))


def test_names_beside_unweighted_mentions_have_no_weight():
    both = with_names(lesson_with(3), Lesson([dict(input_ids=[1])]*2, np.array([5, 6])))
    assert both.weights is None and both.names == 2 and both.targets.tolist() == [0, 0, 0, 5, 6]


# Slices

@pytest.mark.parametrize('rows', [1, 3, 4, 100])
@pytest.mark.parametrize('chunk', [1, 6, 11, 100])
def test_slices_of_both_kinds_change_nothing(rows, chunk):
    torch.manual_seed(0)
    head, pooled = torch.nn.Linear(8, 11), torch.randn(9, 8)
    best, probabilities = best_classes(pooled, head, 4, chunk, rows)
    whole = head(pooled).softmax(1).topk(4)
    assert (best == whole.indices.numpy()).all() and best.shape == (9, 4)
    assert np.allclose(probabilities, whole.values.detach(), atol=1e-6)


def test_there_are_no_more_answers_than_classes():
    head = torch.nn.Linear(8, 3)
    best, probabilities = best_classes(torch.randn(2, 8), head, 5)
    assert best.shape == (2, 3) and np.allclose(probabilities.sum(1), 1, atol=1e-6)


@pytest.mark.parametrize('rows', [1, 4, 100])
def test_the_loss_in_parts_is_the_loss(rows):
    torch.manual_seed(0)
    head, pooled, gold = torch.nn.Linear(8, 11), torch.randn(9, 8), np.arange(9)
    assert loss_in_parts(pooled, head, gold, rows) == pytest.approx(F.cross_entropy(head(pooled), torch.arange(9)).item())


def test_vectors_come_in_the_order_of_the_examples(tiny, net):
    examples = Reader(load_tokenizer(tiny), 8).encode(['w1', 'w1 w2 w3', 'w4 w5'])
    net.train()
    together = pooled_vectors(net, examples, 0, batch_size=2)
    assert net.training
    alone = [pooled_vectors(net, [e], 0)[0] for e in examples]
    assert torch.allclose(together, torch.stack(alone), atol=1e-5)


# Rates

def test_the_layer_has_rates_of_its_own(net):
    optimizer, schedule = make_optimizer(net, .1, 10, warmup=0.)
    faster(optimizer, schedule, head_of(net), 5.)
    everywhere = [p for group in optimizer.param_groups for p in group['params']]
    assert len(everywhere) == len({id(p) for p in everywhere}) == len(list(net.parameters()))
    rate_of = {id(p): group['lr'] for group in optimizer.param_groups for p in group['params']}
    decay_of = {id(p): group['weight_decay'] for group in optimizer.param_groups for p in group['params']}
    word = net.base_model.embeddings.word_embeddings.weight
    assert rate_of[id(net.classifier.weight)] == pytest.approx(5*rate_of[id(word)])
    assert decay_of[id(net.classifier.weight)] == decay_of[id(word)] > decay_of[id(net.classifier.bias)] == 0
    for _ in range(5):
        optimizer.step()
        schedule.step()
    halfway = {id(p): group['lr'] for group in optimizer.param_groups for p in group['params']}
    assert halfway[id(net.classifier.bias)] == pytest.approx(5*halfway[id(word)]) and 0 < halfway[id(word)] < .1


@pytest.mark.parametrize('make', [FullTraining, SampledTraining])
@pytest.mark.parametrize('head_rate', [1., 10.])
def test_a_step_moves_the_layer_by_its_rate(net, make, head_rate):
    settings = Settings(learning_rate=1e-3, warmup=0., weight_decay=0., dropout=0.)
    training = make(net, settings, 100, False, head_rate)
    before = net.classifier.bias.detach().clone()
    inputs = dict(input_ids=torch.tensor([[1, 6, 2]]), attention_mask=torch.ones(1, 3, dtype=torch.long))
    training.step(inputs, np.array([3]), None)
    moved = net.classifier.bias.detach() - before
    assert moved[3].item() == pytest.approx(1e-3*head_rate, rel=.01)       # Adam's first step is the rate
    assert (moved[:3] < 0).all() and np.allclose(moved[:3], -1e-3*head_rate, rtol=.05)


def test_sampling_says_how_many_are_drawn(net):
    training = sampling(5)(net, SETTINGS, 10, False, 1.)
    assert (training.negatives, training.half, training.clip) == (5, False, 1.)


def test_weights_reach_the_sampled_loss():
    torch.manual_seed(0)
    head, pooled, classes = torch.nn.Linear(4, 9), torch.randn(2, 4), np.array([1, 5])
    def loss(weights): return sampled_loss(pooled, classes, RowAdam(head), 99, np.random.default_rng(0), weights)
    one = F.cross_entropy(head(pooled[:1]), torch.tensor([1]))
    assert torch.allclose(loss(torch.tensor([1., 0.])), one) and not torch.allclose(loss(None), one)


def test_sixteen_bits_teach_the_same(tiny):
    losses = [train_softmax(tiny, TRAIN, None, VOCABULARY, SETTINGS, half=half).history.train_loss for half in (False, True)]
    assert np.allclose(*losses, rtol=.1) and not (losses[0] == losses[1]).all()


# Names

def test_rows_are_the_middle_of_their_names():
    pooled = torch.tensor([[3., 0.], [1., 0.], [0., 2.], [0., -2.]])
    weight, bias = start_at_names(pooled, torch.tensor([0, 0, 1, 2]), 3, 8.)
    middle = pooled.mean(0)
    assert torch.allclose(weight @ middle + bias, torch.zeros(3), atol=1e-6)    # the middle says nothing
    lengths = weight.norm(dim=1)
    assert torch.allclose(lengths, lengths[:1].expand(3)) and lengths[0] == pytest.approx(8/(pooled - middle).norm(dim=1).mean())
    assert (pooled @ weight.T + bias).argmax(1).tolist() == [0, 0, 1, 2]


# What a lesson may lack

def test_without_patience_there_need_be_no_dev(tiny):
    history = train_softmax(tiny, TRAIN, None, VOCABULARY, SETTINGS).history
    assert history.columns.tolist() == ['train_loss', 'kept'] and history.kept.tolist() == [False]*3 + [True]
    assert history.index.tolist() == [1, 2, 3, 4] and history.train_loss.is_monotonic_decreasing


def test_with_patience_there_must_be_dev(tiny):
    with pytest.raises(CourseError, match='no development mentions to choose an epoch by; expected patience 0'):
        train_softmax(tiny, TRAIN, None, VOCABULARY, Settings(patience=1, max_seq_length=8))


def test_patience_ends_the_training_and_keeps_the_best(tiny):
    patient = Settings(learning_rate=1e-9, batch_size=8, epochs=9, patience=2, max_seq_length=8)
    tuned = train_softmax(tiny, TRAIN, TRAIN, VOCABULARY, patient)
    assert tuned.history.kept.tolist() == [True, False, False]       # nothing gets better, so the first is kept
    assert tuned.history.columns.tolist() == ['train_loss', 'dev_loss', 'dev_metric', 'kept']
    assert tuned.history.dev_loss.iloc[0] == pytest.approx(np.log(12), abs=.5)


def test_concepts_that_are_all_unknown_teach_nothing(tiny):
    strangers = [mention('w1', f'X{i}') for i in range(5)]
    with pytest.raises(CourseError, match='training set is empty'):
        train_softmax(tiny, strangers, TRAIN, VOCABULARY, SETTINGS, names='too', once=True)


def test_an_unknown_use_of_names_is_refused(tiny):
    with pytest.raises(CourseError, match="Unknown use of names 'all'; expected no, start, too"):
        train_softmax(tiny, TRAIN, None, VOCABULARY, SETTINGS, names='all')


def test_a_mention_of_three_hundred_characters_is_cut_and_answered(tiny, capsys):
    long = mention(' '.join(WORDS[i % 12] for i in range(110))[:300], 'C1')
    tuned = train_softmax(tiny, [*TRAIN, long], [long], VOCABULARY, SETTINGS)
    assert '1 of' in capsys.readouterr().out
    (row,) = SoftmaxIndex(tuned.model, tuned.tokenizer).rank(texts_of([long]), 3)
    assert len(row) == 3


def test_a_document_of_five_hundred_mentions(tiny):
    many = [mention(f'w{i % 10}', f'C{i % 10}', doc='one', start=9*i) for i in range(500)]
    tuned = train_softmax(tiny, many, many, VOCABULARY, SETTINGS, once=True)
    ranked = SoftmaxIndex(tuned.model, tuned.tokenizer).rank(texts_of(many))
    metrics = split_metrics(many, many, ranked, 'document', 'skip')
    assert metrics['mentions'] == 500 and metrics['ceiling'] == 1 >= metrics['document_f1'] > 0


def test_a_question_of_several_concepts_has_the_first_in_its_loss(tiny):
    reader = Reader(load_tokenizer(tiny), 8)
    questions = questions_of([mention('w1 w2', 'C2', 'C1'), mention('w3')], VOCABULARY, reader, 'mention')
    assert questions.targets.tolist() == [2] and questions.measure([1]) == questions.measure([2]) == 1
    assert questions.measure([3]) == 0


# Scores

def test_the_score_of_a_part_is_by_document_or_by_mention():
    train, ranked = [mention('a', 'C1')], [[('C1', 1.)], [('C1', 1.)], [('C1', 1.)]]
    other = [mention('a', 'C1'), mention('b', 'C2'), mention('c', 'C1', doc='2')]
    by_document, by_mention = (split_metrics(train, other, ranked, how, 'skip') for how in ('document', 'mention'))
    assert by_document['f1'] == by_document['document_f1'] == by_document['ceiling'] == pytest.approx((2/3 + 1)/2)
    assert (by_mention['f1'], by_mention['ceiling']) == (pytest.approx(2/3),)*2


def test_an_oracle_asks_the_simple_mentions_first():
    both, one = mention('a and b', 'A', 'B'), mention('b', 'B', start=9)
    assert oracle({'A', 'B'}, [both, one]) == [['A'], ['B']] and oracle(set(), [both]) == [[]]
    assert ceiling([mention('x', 'A')], [both])['document_f1'] == pytest.approx(2/3)


# Costs

def test_classes_are_drawn_evenly():
    rng = np.random.default_rng(0)
    drawn = np.concatenate([sampled_classes(np.array([0]), 50, 10, rng)[0][1:] for _ in range(2000)])
    counts = np.bincount(drawn, minlength=50)
    assert counts[0] == 0 and counts[1:].min() > 300 and counts[1:].max() < 500


def test_both_steps_are_timed_in_turn():
    table = time_steps(head_steps(50, 8, 4, 5), 2)
    assert table.step.tolist() == ['full', 'sampled', 'sampled', 'full'] and table['round'].tolist() == [0, 0, 1, 1]
    assert (table.seconds > 0).all() and list(head_steps(50, 8, which=['sampled'])) == ['sampled']
    assert head_bytes(100, 9, 4, 20).logits.to_dict() == dict(full=3200, sampled=8*4*24)


def test_made_up_vocabularies_repeat():
    assert made_up(300, 5, 1)[1:] == made_up(300, 5, 1)[1:] != made_up(300, 5, 2)[1:]


def test_the_whole_run_says_what_it_did():
    found = end_to_end(200, 32, taught=4, negatives=16, epochs=1)
    assert {'prepare_seconds', 'train_seconds', 'ask_seconds', 'seen_accuracy', 'unseen_accuracy', 'steps', 'asked'} == {*found}
    assert (found['steps'], found['asked']) == (1, 8) and all(found[key] > 0 for key in found if 'seconds' in key)
