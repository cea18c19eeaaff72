"Rules of pretraining: the same run however it is cut, spread or interrupted, and checkpoints that keep their word."
import os
import signal
from dataclasses import replace
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from papermill import inspect_notebook
from transformers import (
    AutoModel, AutoModelForMaskedLM, BertConfig, BertForPreTraining, BertModel, BertTokenizerFast, pipeline)

from clinbert_nb.core import CourseError, checkout, seed_everything
from clinbert_nb.instances import Rules, batch_maker, epoch_pairs, special_ids
from clinbert_nb.pretraining import (
    HEAD_NAMES, PretrainingSettings, Shared, ahead, completions, ensure_checkpoint, fill_mask,
    load_for_pretraining, number_of_steps, pretrain, pretrain_heads, pretraining_losses, rate, share_of,
    simple_pretraining, tiny_bert)
from clinbert_nb.tokens import load_tokenizer, may_quote, tokens_of, train_vocabulary


def numbers(size):
    "A tokenizer whose words are numbers."
    words = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', *map(str, range(size-5))]
    return BertTokenizerFast(vocab={word: i for i, word in enumerate(words)}, do_lower_case=False)


def random_corpus():
    "Forty documents of up to forty sentences."
    rng = np.random.default_rng(0)
    def sentence(): return rng.integers(5, 300, rng.integers(1, 14)).tolist()
    return tokens_of([[sentence() for _ in range(rng.integers(1, 40))] for _ in range(40)])


def small_setting(**others):
    "Tokens, a tokenizer, and settings for thirty steps."
    documents = [[[5+d, 6+d, 7+d, 8+d], [6+d, 7+d, 8+d, 9+d]]*3 for d in range(0, 40, 5)]*6
    tokens = tokens_of(documents)
    tokens.held_out[::6] = True
    chosen = dict(steps=30, batch_size=8, max_seq_length=24, learning_rate=3e-3, evaluations=3, save_minutes=1e-9)
    return tokens, numbers(60), PretrainingSettings(**chosen | others)


def small_model(vocabulary=60, dropout=.1):
    "One layer, always with the same weights."
    seed_everything(0)
    return BertForPreTraining(BertConfig(
        vocab_size=vocabulary, hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64,
        hidden_dropout_prob=dropout, attention_probs_dropout_prob=dropout))


def equal_weights(a, b):
    pairs = zip(a.state_dict().values(), b.state_dict().values(), strict=True)
    return all(torch.equal(x, y) for x, y in pairs)


def loss_of_transformers(model, batch):
    "The loss of BertForPreTraining, which wants the labels at all positions."
    labels, there = torch.full((batch['input_ids'].numel(),), -100), batch['masked_labels'] != -100
    labels[batch['masked_positions'][there]] = batch['masked_labels'][there]
    inputs = {k: v for k, v in batch.items() if not k.startswith('masked')}
    return model(**inputs, labels=labels.view(batch['input_ids'].shape)).loss


@pytest.mark.parametrize('fixed', [False, True])
def test_loss_and_gradients_are_those_of_bert_for_pretraining(fixed):
    tokens, tokenizer, rules = random_corpus(), numbers(300), Rules(64)
    model = tiny_bert(tokenizer, 64)
    batch = batch_maker(tokens, special_ids(tokenizer), rules, fixed)(epoch_pairs(tokens, rules, 0, 0)[:16])
    mlm, nsp, *_ = pretraining_losses(model, batch)
    theirs = loss_of_transformers(model, batch)
    assert abs(mlm + nsp - theirs) < 1e-6*theirs
    weights = list(model.parameters())
    gradients = (torch.autograd.grad(loss, weights) for loss in (mlm + nsp, theirs))
    assert all(torch.allclose(a, b, atol=1e-5) for a, b in zip(*gradients))


@pytest.mark.parametrize('step, warmup, value', [(0, .1, 1), (5, .0, 0)])
def test_the_schedule_of_a_very_short_run(step, warmup, value): assert rate(step, 5, warmup) == value


def test_the_long_form_is_the_simple_one():
    tokens, tokenizer, settings = small_setting()
    simple, long = small_model(), small_model()
    seed_everything(1)
    losses = simple_pretraining(simple, tokens, tokenizer, settings)
    seed_everything(1)
    curve = pretrain(long, tokens, tokenizer, settings)
    assert equal_weights(simple, long)
    assert np.allclose(curve.train_loss[1:], np.mean(np.reshape(losses, (3, 10)), axis=1))


def stop_in_step(number, monkeypatch):
    "Send SIGTERM while the batch of that step is made; gives the counter of batches."
    batches = count(1)
    def impatient(*arguments):
        if next(batches) == number: os.kill(os.getpid(), signal.SIGTERM)
        return share_of(*arguments)
    monkeypatch.setitem(pretrain.__globals__, 'share_of', impatient)
    return batches


def test_a_stopped_run_comes_to_the_same_end(tmp_path, monkeypatch):
    tokens, tokenizer, settings = small_setting()
    whole, stopped, resumed = small_model(), small_model(), small_model()
    seed_everything(1)
    curve = pretrain(whole, tokens, tokenizer, settings)
    batches = stop_in_step(17, monkeypatch)
    seed_everything(1)
    with pytest.raises(CourseError, match='stopped after step 17; run it again to go on'):
        pretrain(stopped, tokens, tokenizer, settings, folder=tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ['step-00000016', 'step-00000017']
    assert pretrain(resumed, tokens, tokenizer, settings, folder=tmp_path).equals(curve)
    assert equal_weights(whole, resumed) and not equal_weights(whole, stopped)
    assert next(batches) == 31   # no step was made twice


@pytest.mark.parametrize('micro_batch, parts_of_three', [(1, 12), (3, 6), (4, 3)])
def test_shares_add_up_to_the_batch(micro_batch, parts_of_three):
    tokens, tokenizer, rules = random_corpus(), numbers(300), Rules(64)
    loss_of, pairs = Shared(small_model(300, 0.)), epoch_pairs(tokens, rules, 0, 0)[:12]
    make = batch_maker(tokens, special_ids(tokenizer), rules)
    whole = loss_of(make(pairs), torch.ones(2))
    parts = [part for rank in range(3) for part in share_of(make, pairs, rank, 3, micro_batch)]
    assert len(parts) == parts_of_three
    assert abs(sum(loss_of(*part) for part in parts)/3 - whole) < 1e-5


def test_gradients_add_up_over_micro_batches():
    tokens, tokenizer, settings = small_setting(steps=5, evaluations=1)
    models = [small_model(dropout=0.) for _ in range(3)]
    curves = [pretrain(model, tokens, tokenizer, replace(settings, micro_batch=size))
              for model, size in zip(models, (8, 3, 1))]
    assert all(np.allclose(curve, curves[0], rtol=1e-4, equal_nan=True) for curve in curves)
    assert not equal_weights(models[0], small_model(dropout=0.))


def test_what_fails_in_the_thread_is_raised_where_it_is_waited_for():
    def items():
        yield 1
        raise ValueError('no more')
    made = ahead(items())
    assert next(made) == 1
    with pytest.raises(ValueError, match='no more'): next(made)


def test_new_heads_are_trained_alone():
    tokens, tokenizer, settings = small_setting(head_steps=9)
    model = small_model()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    curve = pretrain_heads(model, list(HEAD_NAMES.values()), tokens, tokenizer, settings, 'x')
    moved = {key for key, value in model.state_dict().items() if not torch.equal(value, before[key])}
    assert {'bert.pooler.dense.weight', 'cls.seq_relationship.weight', 'cls.predictions.bias'} <= moved
    assert all('pooler' in key for key in moved if key.startswith('bert.'))
    assert curve.step.tolist() == [-9, -6, -3, 0]
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_a_pooler_that_is_there_is_kept_while_heads_are_trained():
    tokens, tokenizer, settings = small_setting(head_steps=3, evaluations=1)
    model = small_model()
    before = model.bert.pooler.dense.weight.clone()
    pretrain_heads(model, ['MLM head', 'NSP head'], tokens, tokenizer, settings, 'x')
    assert torch.equal(model.bert.pooler.dense.weight, before)


def test_a_batch_must_be_shared_evenly(monkeypatch):
    tokens, tokenizer, settings = small_setting(batch_size=8)
    three = SimpleNamespace(device=torch.device('cpu'), num_processes=3, process_index=0)
    monkeypatch.setitem(pretrain.__globals__, 'make_accelerator', lambda *_: three)
    with pytest.raises(CourseError, match='a batch of 8 cannot be shared evenly by 3 processes'):
        pretrain(small_model(), tokens, tokenizer, settings)


def test_a_loss_that_explodes_ends_the_run():
    tokens, tokenizer, settings = small_setting(
        steps=400, evaluations=1, save_minutes=9., learning_rate=1000., warmup=0.)
    message = 'the loss (leapt|is nan).*no state was saved; try a smaller learning rate than 1000'
    with pytest.raises(CourseError, match=message):
        pretrain(small_model(), tokens, tokenizer, settings)


def test_steps_or_passes():
    tokens, _, settings = small_setting()
    pairs = len(epoch_pairs(tokens, settings, 0, 0))
    assert number_of_steps(tokens, settings) == 30
    assert number_of_steps(tokens, replace(settings, epochs=2.)) == 2*pairs//8


def test_a_tracker_gets_the_curve(tmp_path):
    tokens, tokenizer, settings = small_setting(steps=4, evaluations=1, tracker='tensorboard')
    pretrain(small_model(), tokens, tokenizer, settings, folder=tmp_path)
    assert list((tmp_path/'pretraining').rglob('events.out.tfevents.*'))


def test_training_learns_and_repeats():
    tokens, tokenizer, settings = small_setting(steps=150, batch_size=16, evaluations=2)
    first, second = (pretrain(tiny_bert(tokenizer, 32), tokens, tokenizer, settings) for _ in range(2))
    assert first.equals(second)
    assert first.mlm_loss.iloc[-1] < .7*first.mlm_loss.iloc[0]


FEW = PretrainingSettings(steps=2, batch_size=4, max_seq_length=24, evaluations=0)
NOTES = '\n\n'.join(f'The man has pain {i}.\nHe denies fever {i}.\nPlan is rest.' for i in range(120))


@pytest.fixture
def roots(tmp_path, monkeypatch):
    "Data and results of a test's own, with a file of notes."
    monkeypatch.setenv('CLINBERT_DATA', str(tmp_path/'data'))
    monkeypatch.setenv('CLINBERT_RESULTS', str(tmp_path/'results'))
    for corpus in ('general', 'notes'): (tmp_path/f'{corpus}.txt').write_text(NOTES)
    return tmp_path


def test_a_checkpoint_that_has_read_restricted_notes_answers_in_outlines(roots, capsys):
    corpora = {corpus: str(roots/f'{corpus}.txt') for corpus in ('general', 'notes')}
    family, options = {'A': ['', 'general'], 'B': ['A', 'notes'], 'C': ['B', 'general']}, dict(general=dict(shareable=True))
    made = {name: ensure_checkpoint(name, 'p', family, corpora, options, FEW) for name in family}
    assert 'The vocabulary is not learned from notes-' in capsys.readouterr().out
    assert [may_quote(folder) for folder in made.values()] == [True, False, False]
    table = completions(made, ['He has [MASK].'])
    assert table.A.item() == ' '.join(fill_mask(made['A'], 'He has [MASK].'))
    reasons = capsys.readouterr().out
    for name in 'BC':
        assert {c for c in table[name].item() if c.isalnum()} <= {'x', '0'}
        assert f'{name} has read notes-' in reasons


def test_a_vocabulary_of_restricted_notes_must_be_asked_for(roots, capsys):
    family, corpora = {'A': ['', 'notes']}, dict(notes=str(roots/'notes.txt'))
    message = ('would hold whole words of that text. Name a checkpoint .* '
               'or allow it with restricted_vocabulary: true')
    with pytest.raises(CourseError, match=message): ensure_checkpoint('A', 'p', family, corpora, {}, FEW)
    allowed = replace(FEW, restricted_vocabulary=True)
    folder = ensure_checkpoint('A', 'p', family, corpora, {}, allowed)
    assert 'it holds whole words of that text' in capsys.readouterr().out and not may_quote(folder)


def test_a_checkpoint_is_made_once_and_again_when_the_settings_change(roots):
    family, corpora = {'A': ['', 'a'], 'B': ['A', 'a']}, {'a': str(roots/'general.txt')}
    def time_of(steps):
        settings = replace(FEW, steps=steps, evaluations=1)
        folder = ensure_checkpoint('B', 'p', family, corpora, dict(a=dict(shareable=True)), settings)
        return (Path(folder)/'model.safetensors').stat().st_mtime_ns
    first = time_of(2)
    assert time_of(2) == first != time_of(3)


def test_a_name_outside_the_family_is_given_back():
    family = {'A': ['', 'a']}
    assert ensure_checkpoint('bert-base-cased', 'p', family, {'a': 'a.txt'}) == 'bert-base-cased'


def test_missing_heads_are_reported(tmp_path, capsys):
    config = BertConfig(
        vocab_size=50, hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64)
    BertModel(config).save_pretrained(tmp_path/'bare')
    assert load_for_pretraining(tmp_path/'bare', 0)[1] == ['MLM head', 'NSP head']
    assert 'bare has no MLM head and no NSP head' in capsys.readouterr().out


@pytest.fixture
def saved(tmp_path):
    "A model, the folder where it is saved, and a question."
    tokenizer = train_vocabulary(['pt c/o SOB and chest pain', 'the ship left the harbor']*3, 80)
    model = tiny_bert(tokenizer, 32).eval()
    model.save_pretrained(tmp_path/'m')
    tokenizer.save_pretrained(tmp_path/'m')
    return model, tmp_path/'m', 'pt c/o [MASK] and chest pain'


@torch.inference_mode()
def test_a_checkpoint_survives_saving(saved):
    model, folder, question = saved
    inputs = load_tokenizer(folder)(question, return_tensors='pt')
    before, again = model(**inputs), load_for_pretraining(folder, 5)[0].eval()(**inputs)
    assert torch.equal(before.prediction_logits, again.prediction_logits)
    assert torch.equal(before.seq_relationship_logits, again.seq_relationship_logits)


@torch.inference_mode()
def test_transformers_opens_a_checkpoint_without_us(saved):
    model, folder, question = saved
    inputs = load_tokenizer(folder)(question, return_tensors='pt')
    masked = AutoModelForMaskedLM.from_pretrained(folder).eval()(**inputs)
    encoder = AutoModel.from_pretrained(folder).eval()(**inputs)
    assert torch.equal(model(**inputs).prediction_logits, masked.logits)
    assert torch.equal(model.bert(**inputs).last_hidden_state, encoder.last_hidden_state)


def test_fill_mask_is_the_pipeline_of_transformers(saved):
    _, folder, question = saved
    theirs = pipeline('fill-mask', model=str(folder), top_k=3)(question)
    ours = load_tokenizer(folder).convert_tokens_to_ids(fill_mask(folder, question, 3))
    assert [answer['token'] for answer in theirs] == ours


def test_a_saved_tokenizer_keeps_its_casing_and_length(saved):
    tokenizer = load_tokenizer(saved[1])
    assert tokenizer.model_max_length == 512 and tokenizer.tokenize('SOB') == ['SOB']


@pytest.mark.skipif(not checkout(), reason='no checkout, no notebook')
@pytest.mark.parametrize('name', ['steps', 'batch_size', 'max_seq_length', 'learning_rate', 'evaluations', 'seed'])
def test_the_notebook_and_the_library_agree_on_the_demo(name):
    parameters = inspect_notebook(str(checkout()/'nbs/03_pretraining.ipynb'))
    assert float(parameters[name]['default']) == getattr(PretrainingSettings(), name)
