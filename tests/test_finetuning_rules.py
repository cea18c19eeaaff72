"Rules of fine-tuning that hold for more than the notebook's examples."
import socket
from itertools import product
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from clinbert_nb.core import CourseError, is_whole
from clinbert_nb.files import describe_corpus, is_shareable, read_json
from clinbert_nb.finetuning import (
    accuracy, Accuracy, ASSERTIONS, check_examples, collate, distinct, encode_pairs, finetune,
    gold_tensor, grid, keep_best, label_ids, labels_of_pieces, length_batches, load_model,
    mean_loss, mean_sd, model_of_task, named_models, open_tuned, opened_for, over_seeds,
    paired_test, Patience, planned_batches, plot_scores, predict, predictions, run_once, save,
    select, Settings, TAGS, tiny_model, toy_model, toy_pairs, toy_tags, train_epoch,
    trained_epochs, Tuned)
from clinbert_nb.tokens import load_tokenizer

LENGTHS = np.random.default_rng(0).integers(3, 151, 10_001)


@pytest.fixture(scope='module')
def letters(tmp_path_factory):
    return load_tokenizer(tiny_model(tmp_path_factory.mktemp('letters')/'t', list('abcdefgh')))


def cut_as_the_original(a, b, room):
    "run_classifier.py: the longer segment loses its last piece until the pair fits."
    while a + b > room: a, b = (a-1, b) if a > b else (a, b-1)
    return a, b


@pytest.mark.parametrize('room', range(4, 40, 5))
def test_pairs_are_cut_as_in_the_original(letters, room):
    for a, b in product(range(1, 20, 3), range(1, 20, 4)):
        example, = encode_pairs(letters, [' '.join('a'*a)], [' '.join('b'*b)], room+3)
        pieces = letters.convert_ids_to_tokens(example['input_ids'])
        left, right = cut_as_the_original(a, b, room)
        assert pieces.count('a') + pieces.count('b') == left + right
        assert abs(pieces.count('a') - left) <= 1   # `tokenizers` may give the odd piece to the other


def test_a_single_sentence_is_the_first_half_of_a_pair(letters):
    pair, = encode_pairs(letters, ['a b'], ['g h'], 9)
    single, = encode_pairs(letters, ['a b'], None, 9)
    assert len(pair['input_ids']) == 7 and single['input_ids'] == pair['input_ids'][:4]


def test_no_batch_is_larger_than_asked_and_their_order_is_mixed():
    batches = length_batches(LENGTHS, 32, seed=0)
    means = [LENGTHS[b].mean() for b in batches]
    assert max(map(len, batches)) == 32
    assert abs(np.corrcoef(means, range(len(batches)))[0, 1]) < 0.2


def test_even_batches_are_as_many_and_have_similar_loads():
    batches, even = (length_batches(LENGTHS, 32, 0, e) for e in (False, True))
    sd_of_loads = lambda batches: np.std([LENGTHS[b].sum() for b in batches])
    assert abs(len(even) - len(batches)) <= 1
    assert sd_of_loads(even) < .8*sd_of_loads(batches)


def test_one_even_batch_holds_everything():
    assert length_batches([3, 4], 16, 0, True)[0].tolist() in ([0, 1], [1, 0])


def test_without_a_seed_the_longest_come_first():
    assert (np.diff(LENGTHS[np.concatenate(length_batches(LENGTHS, 32))]) <= 0).all()


@pytest.mark.parametrize('seed', [None, 0])
def test_nothing_has_no_batches(seed): assert length_batches([], 32, seed) == []


def test_the_metric_needs_no_network(monkeypatch):
    def refuse(*a, **k): raise AssertionError('network')
    for name in ('create_connection', 'getaddrinfo'): monkeypatch.setattr(socket, name, refuse)
    monkeypatch.setattr(socket.socket, 'connect', refuse)
    result = Accuracy(keep_in_memory=True).compute(predictions=[0, 1, 2, 2], references=[0, 1, 1, 1])
    assert result == dict(accuracy=.5)


def tuned_toy(folder, **settings):
    "The toy in `folder`, fine-tuned quickly, and the development examples."
    tokenizer = load_tokenizer(folder)
    *train, labels = toy_pairs(256, 1)
    *dev, dev_labels = toy_pairs(64, 2)
    examples, dev_examples = (encode_pairs(tokenizer, *texts, 60) for texts in (train, dev))
    settings = Settings(**dict(learning_rate=2e-3, epochs=2) | settings)
    tuned = finetune(folder, examples, labels, dev_examples, dev_labels, ASSERTIONS, settings, progress=False)
    return tuned, dev_examples


@pytest.fixture
def toy(tmp_path): return toy_model(tmp_path/'toy')


def test_same_seed_same_logits(toy, monkeypatch):
    monkeypatch.setitem(finetune.__globals__, 'best_device', lambda: torch.device('cpu'))
    (a, dev), (b, _), (c, _) = tuned_toy(toy), tuned_toy(toy), tuned_toy(toy, seed=1)
    assert np.array_equal(predict(a.model, dev), predict(b.model, dev))
    assert a.history.equals(b.history)
    assert not np.array_equal(predict(a.model, dev), predict(c.model, dev))


@pytest.mark.parametrize('settings, kept', [
    (dict(epochs=5, patience=1), [True, False]),   # nothing is learned, so nothing gets better
    (dict(epochs=3), [False, False, True]),
])
def test_early_stopping_keeps_the_best_and_can_be_off(toy, settings, kept):
    tuned, _ = tuned_toy(toy, learning_rate=0.0, **settings)
    assert tuned.history.kept.tolist() == kept


@pytest.fixture
def tagger(toy):
    "A tagger of the toy, its development examples and their gold labels."
    tokenizer = load_tokenizer(toy)
    train, dev = toy_tags(tokenizer, 400, 400), toy_tags(tokenizer, 50, 50)
    settings = Settings(learning_rate=2e-3, epochs=1)
    tuned = finetune(toy, *train, *dev, TAGS, settings, kind='token', progress=False)
    return tuned, dev[0], label_ids(dev[1], TAGS, 'token')


def test_predictions_have_the_length_of_their_example(tagger):
    tuned, dev, _ = tagger
    logits = predict(tuned.model, dev, tuned.tokenizer, batch_size=7)
    assert [len(row) for row in logits] == [len(e['input_ids']) for e in dev]


def test_logits_and_loss_of_tokens_are_those_of_transformers(tagger):
    tuned, dev, gold = tagger
    device = tuned.model.device
    theirs = tuned.model(**collate(dev, 0, device), labels=gold_tensor(gold, device)[0])
    logits = predict(tuned.model, dev, tuned.tokenizer, batch_size=7)
    assert np.allclose(logits[3], theirs.logits[3, :len(logits[3])].detach().cpu(), atol=1e-4)
    assert mean_loss(logits, gold) == pytest.approx(theirs.loss.item(), abs=1e-4)


def test_saved_and_reopened_gives_the_same_logits(toy, tmp_path):
    tuned, dev = tuned_toy(toy)
    folder = save(tuned, tmp_path/'saved', {'pairs': True})
    again = AutoModelForSequenceClassification.from_pretrained(folder).to(tuned.model.device)
    assert np.array_equal(predict(again, dev), predict(tuned.model, dev))
    assert again.config.id2label == dict(enumerate(ASSERTIONS))


def test_a_saved_tokenizer_cuts_nothing(toy, tmp_path):
    tuned, _ = tuned_toy(toy)
    folder, text = save(tuned, tmp_path/'saved', {'pairs': True}), 'pt denies fever .'
    assert AutoTokenizer.from_pretrained(folder)(text) == tuned.tokenizer(text)
    assert read_json(folder/'tokenizer.json')['truncation'] is None


def test_a_saved_model_is_as_restricted_as_its_start_and_its_task(toy, tmp_path):
    tuned, _ = tuned_toy(toy)
    def shareable(pairs): return is_shareable(save(tuned, tmp_path/'saved', dict(pairs=pairs)))
    assert not shareable(True)   # nobody has said what the toy has read
    describe_corpus(toy, 'toy', shareable=True)
    assert shareable(True) and not shareable(False)


@pytest.fixture
def once(tmp_path, monkeypatch):
    "`run_once` for a seed, in a folder of its own; counts how often it worked."
    monkeypatch.setenv('CLINBERT_RESULTS', str(tmp_path))
    def once(seed):
        def work(run):
            once.made += 1
            run.metrics['x'] = 1
        return run_once('nb', 'bert', dict(seed=seed), 'demo', work)
    once.made = 0
    return once


def test_a_run_is_made_once(once, capsys):
    first = once(0)
    assert (first/'metrics.json').is_file() and 'reused' not in capsys.readouterr().err
    assert once(0) == first and once.made == 1
    assert 'reused' in capsys.readouterr().err


def test_another_seed_is_another_run(once):
    assert once(0) != once(1) and once.made == 2


def test_other_code_is_another_run(once, monkeypatch):
    first = once(0)
    monkeypatch.setitem(run_once.__globals__, 'code_hash', lambda *modules: 'other code')
    assert once(0) != first and once.made == 2


def test_an_interrupted_run_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv('CLINBERT_RESULTS', str(tmp_path))
    def broken(run): raise KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt): run_once('nb', 'bert', {}, 'demo', broken)
    assert not [p for p in (tmp_path/'demo/nb').iterdir() if p.is_dir()]


def test_mean_and_sample_sd():
    assert mean_sd([1, 2, 3], 2) == '2.00 ± 1.00'
    assert mean_sd([0.5]) == '0.500 ± ?'


def test_seeds_are_counted_up():
    assert [s.seed for s in over_seeds(Settings(seed=3, epochs=9), 2)] == [3, 4]


def test_labels_are_names_or_positions():
    assert label_ids(['b', 0, 'a'], ['a', 'b']) == [1, 0, 0]
    assert label_ids([['a', -100]], ['a', 'b'], 'token') == [[0, -100]]


def test_the_best_cell_is_chosen_on_dev_and_the_first_of_equals():
    cells = grid([1e-5, 2e-5], [16, 32], [3], seed=4)
    table, best = select(cells, lambda cell: round(1e5*cell.learning_rate), progress=False)
    assert best == cells[2] == Settings(2e-5, 16, 3, seed=4)
    assert table.dev_metric.tolist() == [2, 2, 1, 1]


@pytest.mark.parametrize('logits, gold, value', [
    (np.eye(3), [0, 1, 0], 2/3),
    ([np.eye(2), np.eye(2)[:1]], [[0, -100], [1]], 1/2),
])
def test_accuracy_is_over_labels_that_count(logits, gold, value):
    assert accuracy(logits, gold) == pytest.approx(value)


def test_predictions_of_tokens_have_positions():
    gold, logits = [[-100, 1, -100], [0, -100]], [np.eye(3)[:, :2], np.eye(2)]
    table = predictions(['n7', 'n9'], gold, logits, ['no', 'yes'])
    rows = table[['id', 'position', 'gold', 'predicted']].values.tolist()
    assert rows == [['n7', 1, 'yes', 'yes'], ['n9', 0, 'no', 'no']]


@pytest.mark.parametrize('word_ids, labels', [
    ([None, 0, 1, 1, None], [-100, 'O', 'absent', -100, -100]),
    ([0, 0], ['O', -100]),
])
def test_the_first_piece_of_a_word_has_its_label(word_ids, labels):
    assert labels_of_pieces(word_ids, ['O', 'absent']) == labels


@pytest.mark.parametrize('lost', ['model.safetensors', 'tokenizer.json', 'corpus.json'])
def test_a_kept_model_that_lost_a_file_is_made_again(lost, tmp_path, monkeypatch):
    monkeypatch.setenv('CLINBERT_RESULTS', str(tmp_path))
    words = tiny_model(tmp_path/'tiny', ['a', 'b'])
    def work(run):
        run.metrics['dev'] = .5
        pd.DataFrame(dict(id=[1])).to_parquet(run.folder/'predictions.parquet')
        tuned = Tuned(load_model(words, ['no', 'yes'], say=False), load_tokenizer(words), None, str(words))
        save(tuned, run.folder/'model', dict(notes=True))
    made, kept = [], model_of_task('p', 'nb')
    def again(run): made.append(run_once('nb', 'r', dict(a=1), 'p', work))
    run = run_once('nb', 'r', dict(a=1), 'p', work)
    for _ in range(2): keep_best([run], 'dev', again, kept, dict(notes=True))
    assert not made and is_whole(run)   # a run is whole without the weights that have gone
    (kept/lost).unlink()
    keep_best([run], 'dev', again, kept, dict(notes=True))
    assert made == [run] and (kept/lost).is_file()


# One pass through the training data

class Constant(torch.nn.Module):
    "A model whose logits are its only weights, the same for every example."
    def __init__(self):
        super().__init__()
        self.logits = torch.nn.Parameter(torch.tensor([5., 0.]))

    def forward(self, n): return SimpleNamespace(logits=self.logits.expand(n, 2))


class Watched:
    "Optimizer, schedule and progress bar in one, that changes nothing and notes the gradients."
    def __init__(self, model): self.model, self.gradients, self.calls, self.n, self.disable = model, [], [], 0, True

    def step(self):
        self.calls.append('step')
        if len(self.calls) % 2: self.gradients.append(self.model.logits.grad.clone())

    def zero_grad(self): self.model.zero_grad()
    def update(self): self.n += 1


def passed(batches, **settings):
    "The mean loss of batches of (number of examples, label), and who watched."
    model = Constant().eval()
    watched = Watched(model)
    batches = [(dict(n=n), torch.full((n,), label), n) for n, label in batches]
    loss = train_epoch(model, batches, Settings(**settings), watched, watched, watched)
    assert model.training, 'dropout is on'
    return loss, watched


def test_the_loss_of_an_epoch_is_the_mean_over_examples():
    right, wrong = np.log1p(np.exp(-5)), np.log1p(np.exp(5))
    assert passed([(3, 0), (1, 1)])[0] == pytest.approx((3*right + wrong)/4)


def test_every_batch_is_a_step_with_a_gradient_of_its_own():
    _, watched = passed([(2, 1), (2, 1), (2, 0)], clip=100.)
    first, second, third = watched.gradients
    assert torch.equal(first, second) and not torch.equal(second, third)
    assert watched.n == 3 and len(watched.calls) == 6   # of optimizer and schedule


@pytest.mark.parametrize('clip, norm', [(.5, .5), (100., 2**.5)])
def test_gradients_are_cut_to_a_norm(clip, norm):
    _, watched = passed([(1, 1)], clip=clip)
    assert watched.gradients[0].norm().item() == pytest.approx(norm, rel=.01)


def test_a_batch_learns_nothing_where_no_label_counts():
    model = Constant()
    watched = Watched(model)
    loss = train_epoch(model, [(dict(n=2), torch.full((2,), -100), 0)], Settings(), watched, watched, watched)
    assert loss == 0 and not watched.gradients[0].any()


def test_the_settings_reach_the_optimizer(monkeypatch):
    given = []
    def make(net, *numbers):
        given.extend(numbers)
        return Watched(net), Watched(net)
    monkeypatch.setitem(trained_epochs.__globals__, 'make_optimizer', make)
    settings = Settings(learning_rate=.25, warmup=.5, weight_decay=.125)
    tensors = {n: (dict(n=n), torch.zeros(n, dtype=int), n) for n in (1, 2)}.get
    losses = list(trained_epochs(Constant(), [[1, 2], [1]], tensors, settings, 'x', False))
    assert given == [.25, 3, .5, .125] and len(losses) == 2


def test_each_epoch_has_an_order_of_its_own():
    examples = [dict(input_ids=[0]*n) for n in LENGTHS[:100]]
    plan = planned_batches(examples, Settings(batch_size=8, epochs=3), 'sequence')
    orders = [np.concatenate(batches).tolist() for batches in plan]
    assert len(plan) == 3 and orders[0] != orders[1] != orders[2]
    assert max(len(b) for b in plan[0]) == 8 and sorted(orders[2]) == list(range(100))
    again = planned_batches(examples, Settings(batch_size=8, epochs=1), 'sequence')
    assert np.concatenate(again[0]).tolist() == orders[0]


# Which epoch is kept

@pytest.mark.parametrize('patience, metrics, over, kept', [
    (0, [.9, .5, .4], [False, False, False], 2),
    (1, [.5, .9, .7], [False, False, True], 1),
    (2, [.9, .7, .8], [False, False, True], 0),
    (1, [.9, .9], [False, True], 0),   # as good is not better
    (2, [.5, .4, .6, .6, .6], [False, False, False, False, True], 2),
])
def test_the_best_epoch_is_kept_with_its_weights(patience, metrics, over, kept):
    model, state = Constant(), Patience(patience)
    answers = []
    for i, metric in enumerate(metrics):
        with torch.no_grad(): model.logits.fill_(i)
        answers.append(state.is_over(model, metric))
    assert answers == over and state.kept() == kept
    if patience: assert state.weights['logits'].tolist() == [kept, kept]
    else: assert state.weights is None


# Examples

def test_equal_examples_are_computed_once():
    a, b, c = dict(input_ids=[1, 2]), dict(input_ids=[1, 2], token_type_ids=[0, 1]), dict(input_ids=[3])
    once, places = distinct([a, b, dict(a), c, b])
    assert once == [a, b, c] and places == [0, 1, 0, 2, 1]


def test_prediction_leaves_the_model_as_it_was(toy):
    model = load_model(toy, ASSERTIONS, say=False)
    examples = [dict(input_ids=[2, 7, 3]), dict(input_ids=[2, 8, 9, 3]), dict(input_ids=[2, 7, 3])]
    for training in (True, False):
        logits = predict(model.train(training), examples, batch_size=2)
        assert model.training == training
    assert logits.shape == (3, 3) and np.array_equal(logits[0], logits[2]) and not np.array_equal(logits[0], logits[1])
    assert predict(model, []).shape == (0, 3)
    assert predict(load_model(toy, TAGS, 'token', say=False), []) == []


def test_shorter_examples_are_filled_up():
    batch = collate([dict(input_ids=[5, 6, 7], token_type_ids=[0, 1, 1]), dict(input_ids=[8], token_type_ids=[0])], 9)
    assert {name: values.tolist() for name, values in batch.items()} == dict(
        input_ids=[[5, 6, 7], [8, 9, 9]], token_type_ids=[[0, 1, 1], [0, 0, 0]], attention_mask=[[1, 1, 1], [1, 0, 0]])
    assert set(collate([dict(input_ids=[5])], 0)) == {'input_ids', 'attention_mask'}


def test_the_longest_allowed_is_allowed():
    check_examples([dict(input_ids=[7]*4)], ['a'], 4, 'sequence', 'training')
    check_examples([dict(input_ids=[7]*4)], [[-100]*4], 4, 'token', 'dev')
    with pytest.raises(CourseError, match='has 5 word pieces; max_seq_length is 4'):
        check_examples([dict(input_ids=[7]*5)], ['a'], 4, 'sequence', 'training')


# Models

def test_a_tiny_model_is_what_was_asked_for(tmp_path):
    shapes = dict(a=dict(), b=dict(hidden=64, layers=1), c=dict(seed=1))
    models = {name: load_model(tiny_model(tmp_path/name, ['x', '##y'], **shape), ['no', 'yes'], say=False) for name, shape in shapes.items()}
    assert [(m.config.hidden_size, m.config.num_hidden_layers, m.config.vocab_size) for m in models.values()] == [(32, 2, 7), (64, 1, 7), (32, 2, 7)]
    words = {name: m.bert.embeddings.word_embeddings.weight for name, m in models.items()}
    assert not torch.equal(words['a'], words['c'])


def test_settings_and_labels_reach_the_model(toy):
    net, tokenizer = opened_for(Settings(dropout=.3, max_seq_length=512), toy, ASSERTIONS, 'sequence', False)
    assert net.config.classifier_dropout == net.dropout.p == .3
    assert net.config.id2label == dict(enumerate(ASSERTIONS)) and net.config.label2id['family'] == 1
    assert tokenizer.tokenize('pt denies') == ['pt', 'denies']


def test_a_new_pooler_is_drawn_when_asked_for(toy):
    kept, new = (opened_for(Settings(new_pooler=p), toy, ASSERTIONS, 'sequence', False)[0] for p in (False, True))
    before, after = kept.bert.pooler.dense, new.bert.pooler.dense
    assert not torch.equal(before.weight, after.weight) and not after.bias.any()
    assert after.weight.std().item() == pytest.approx(new.config.initializer_range, rel=.1)


@pytest.mark.parametrize('kind, labels', [('sequence', ASSERTIONS), ('token', TAGS)])
def test_a_kept_model_is_opened_with_its_head_and_ready(kind, labels, toy, tmp_path):
    tuned = Tuned(load_model(toy, labels, kind, say=False).eval(), load_tokenizer(toy), None, str(toy))
    model, tokenizer = open_tuned(save(tuned, tmp_path/'saved', dict(notes=True)))
    assert not model.training and model.config.id2label == dict(enumerate(labels))
    assert ('Token' in type(model).__name__) == (kind == 'token')
    examples = [tokenizer('pt denies fever')]
    assert np.array_equal(predict(model, examples)[0], predict(tuned.model, examples)[0])


def test_what_is_no_fine_tuned_model_is_refused(toy, tmp_path):
    with pytest.raises(CourseError, match='^toy has no classification head'): open_tuned(toy)
    model, tokenizer = load_model(toy, ASSERTIONS, say=False), load_tokenizer(toy)
    for name, change in dict(unnamed=dict(id2label={0: 'LABEL_0', 1: 'LABEL_1', 2: 'LABEL_2'}), whole={}).items():
        model.config.update(change or dict(id2label=dict(enumerate(ASSERTIONS))))
        model.save_pretrained(tmp_path/name), tokenizer.save_pretrained(tmp_path/name)
    with pytest.raises(CourseError, match='^unnamed has labels without names'): open_tuned(tmp_path/'unnamed')
    assert open_tuned(tmp_path/'whole')[0].config.id2label[1] == 'family'


@pytest.mark.parametrize('models, named', [
    (['a/BERT', 'X=a/b=c'], {'BERT': 'a/BERT', 'X': 'a/b=c'}),
    ([], {}),
])
def test_models_are_called_by_their_last_part_or_as_asked(models, named): assert named_models(models) == named


def test_a_name_that_is_a_path_is_refused():
    with pytest.raises(CourseError, match="'../x', the name of a model"): named_models(['../x=BERT'])


# Scores and records

SCORES = pd.DataFrame(dict(model=list('AAABBB'), seed=[0, 1, 2]*2, test_accuracy=[.60, .61, .62, .70, .72, .71]))


def test_the_paired_test_is_that_of_the_textbook():
    found = paired_test(SCORES, 'A', 'B')
    differences = np.array([10., 11., 9.])
    assert found['sd'] == pytest.approx(1) and found['t'] == pytest.approx(differences.mean()/(1/3**.5))
    assert found['p'] == pytest.approx(.0016577, rel=1e-3)   # of t = 17.32 with two degrees of freedom, one tail


def test_the_plot_has_a_dot_for_each_run_and_a_bar_for_each_mean():
    ax, = plot_scores(SCORES, chance=.5, title='T').axes
    dots = [c.get_offsets() for c in ax.collections if len(c.get_offsets()) == 3]
    assert [d[:, 1].tolist() for d in dots] == [pytest.approx([60, 61, 62]), pytest.approx([70, 72, 71])]
    bars = [c.get_segments()[0][:, 1] for c in ax.collections if hasattr(c, 'get_segments')]
    assert [b[0] for b in bars] == pytest.approx([61, 71])
    assert [t.get_text() for t in ax.get_xticklabels()] == ['A', 'B'] and ax.get_title() == 'T'
    *pairs, chance = ax.lines
    assert len(pairs) == 3 and set(chance.get_ydata()) == {50}


def test_the_table_of_a_grid_shows_what_was_varied():
    cells = grid([1e-5, 2e-5], [16], [3], dropout=.2)
    table, _ = select(cells, lambda cell: cell.learning_rate, progress=False)
    assert list(table) == ['learning_rate', 'batch_size', 'epochs', 'dev_metric']
    more = cells + grid([1e-5], [16], [3], dropout=.3)
    assert 'dropout' in select(more, lambda cell: 0, progress=False)[0]


def test_a_kept_model_says_where_it_is_from(tmp_path, monkeypatch):
    monkeypatch.setenv('CLINBERT_RESULTS', str(tmp_path))
    words = tiny_model(tmp_path/'tiny', ['a', 'b'])
    describe_corpus(words, 'tiny', shareable=True)
    def work(run):
        run.metrics['dev'] = .5
        save(Tuned(load_model(words, ['no', 'yes'], say=False), load_tokenizer(words), None, str(words)), run.folder/'model', dict(notes=True))
    run = run_once('nb', 'r', dict(a=1), 'p', work, inputs=[words])
    kept = keep_best([run, run], 'dev', None, model_of_task('p', 'task'), dict(notes=True))
    record = read_json(kept/'fine-tuned.json')
    assert kept == tmp_path/'p/models/task' and record['task'] == 'task' and record['run'] == run.name
    assert record['chosen'] == dict(by='dev', among=1) and record['metrics']['dev'] == .5
    assert read_json(kept/'corpus.json')['name'] == 'task'
    assert [entry for entry in read_json(run/'manifest.json')['inputs'] if 'tiny' in str(entry)]


def test_other_modules_are_another_run(tmp_path, monkeypatch):
    monkeypatch.setenv('CLINBERT_RESULTS', str(tmp_path))
    def work(run): run.metrics['x'] = 1
    plain, with_tags = (run_once('nb', 'r', {}, 'p', work, modules=m) for m in ((), ('ner',)))
    assert plain != with_tags and plain.name.startswith('r-') and plain.parent == tmp_path/'p/nb'
