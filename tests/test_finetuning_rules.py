"Rules of fine-tuning that hold for more than the notebook's examples."
import socket
from itertools import product

import numpy as np
import pandas as pd
import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from clinbert_nb.core import is_whole
from clinbert_nb.files import describe_corpus, is_shareable, read_json
from clinbert_nb.finetuning import (
    accuracy, Accuracy, ASSERTIONS, collate, encode_pairs, finetune, gold_tensor, grid,
    keep_best, label_ids, labels_of_pieces, length_batches, load_model, mean_loss, mean_sd,
    model_of_task, over_seeds, predict, predictions, run_once, save, select, Settings, TAGS,
    tiny_model, toy_model, toy_pairs, toy_tags, Tuned)
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
