"""What a run of a tagger keeps, chooses and shows, beyond the examples of its notebook."""
import json
import random
from dataclasses import replace

import pandas as pd
import pytest

from clinbert_nb.core import CourseError
from clinbert_nb.finetuning import Settings, load_model, model_of_task, open_tuned, save, tiny_model
from clinbert_nb.legible import contrast, illegible, shaded
from clinbert_nb.ner import Document, Span, exact_f1, labelled_lines
from clinbert_nb.tagging import (
    GREEN, ORANGE, RED, TABLE_2, UNDERLINED, eponym_errors, eponym_table, f1_table, highlight, plot_confusion,
    plot_types, run_metrics, run_models, show_worst, tag, tag_once, tagged, tune)
from clinbert_nb.tokens import load_tokenizer

WORDS = dict(
    problem=['asthma', 'heart failure', 'cough'],
    treatment=['aspirin', 'chest tube'],
    test=['lactate', 'INR'],
)
LINES = '''\
CC: {problem}.
Pt c/o {problem}, {problem} x3d.
Started on {treatment} 20mg b.i.d. for {problem}.
{test} is 4.1, {test} WNL
Seen, no new complaints.
Dispo: home w/ {treatment}
'''.splitlines()


def few_words(n, seed):
    "`n` notes of a few words, with their spans, two notes to a patient."
    documents = []
    for i in range(n):
        rng, text, spans = random.Random(f'{seed} {i}'), '', []
        for line in rng.choices(LINES, k=8):
            for k, part in enumerate((line + '\n').replace('{', '}').split('}')):
                word = rng.choice(WORDS[part]) if k % 2 else part
                if k % 2: spans.append(Span(len(text), len(text)+len(word), part))
                text += word
        documents.append(Document(f'{seed}-{i}', text, tuple(spans), f'{seed}-p{i//2}'))
    return documents


def toy_of(documents, folder):
    "A toy model that knows the words of these documents."
    words = sorted({w for s in labelled_lines(documents) for w in s.words})
    return str(tiny_model(folder, words))


@pytest.fixture
def once(tmp_path, monkeypatch):
    "A function that trains a toy once, with other splits or settings if they are given; and its splits."
    monkeypatch.setenv('CLINBERT_RESULTS', str(tmp_path/'results'))
    documents = few_words(60, 0)
    splits = dict(train=documents[:40], dev=documents[40:48], test=documents[48:])
    first = splits['test'][0]
    splits['test'][0] = replace(first, spans=(*first.spans, Span(0, 1, 'new')))
    toy = toy_of(documents, tmp_path/'toy')
    def run(**others):
        return tag_once('toy', toy, splits | others, Settings(3e-3, 8, 4, seed=1), 'demo', 'nb')
    run.splits = splits
    return run


def test_a_run_learns_and_leaves_spans_without_text(once):
    folder, splits = once(), once.splits
    metrics, history = run_metrics(folder), pd.read_csv(folder/'history.csv')
    assert metrics['test_f1'] > .5
    assert metrics['test_unknown_types'] == 1 and metrics['test_f1/new'] == 0
    assert metrics['dev_lost_spans'] == metrics['dev_shared_groups'] == 0
    assert abs(metrics['dev_f1'] - history.dev_metric.iloc[-1]) < 1e-12
    assert exact_f1(splits['test'], tagged(folder, splits['test']))['f1'] == metrics['test_f1']
    assert exact_f1(splits['dev'], tagged(folder, splits['dev'], 'dev'))['f1'] == metrics['dev_f1']
    assert list(pd.read_parquet(folder/'predictions.parquet')) == ['doc_id', 'start', 'end', 'type', 'split']
    assert once() == folder != once(dev=splits['dev'][1:])
    with pytest.raises(CourseError, match='are about document'): tagged(folder, splits['test'][:1])


@pytest.mark.parametrize('others, message', [
    (dict(train=[]), 'train split holds no document'),
    (dict(dev=[Document('d', ' ')]), 'dev split holds no document'),
    (dict(test=[]), 'test split holds no'),
    (dict(train=[Document('d', 'a')]), 'hold no span'),
], ids=['no training', 'a space', 'no test', 'no span'])
def test_splits_without_text_or_spans_are_refused(once, others, message):
    with pytest.raises(CourseError, match=message): once(**others)


def test_a_missing_split_is_refused():
    with pytest.raises(CourseError, match='lack test'):
        tag_once('toy', 'toy', dict(train=[], dev=[]), Settings(), 'demo', 'nb')


def test_a_saved_tagger_marks_new_documents(tmp_path):
    documents = few_words(12, 0)
    toy = toy_of(documents, tmp_path/'toy')
    tokenizer = load_tokenizer(toy)
    tuned = tune(toy, dict(train=documents, dev=documents), Settings(3e-3, 4, 2, max_seq_length=40))
    folder = save(tuned, tmp_path/'saved', {'notes': True})
    again = load_model(folder, list(tuned.model.config.label2id), 'token', say=False)
    predicted = tag(tuned.model, tokenizer, documents, 40)
    assert predicted == tag(again.eval(), tokenizer, documents, 40)
    assert any(d.spans for d in predicted)
    assert {s.type for d in predicted for s in d.spans} <= {'problem', 'test', 'treatment'}
    assert tag(again, tokenizer, [Document('blank', '\n')]) == [Document('blank', '\n')]


def test_the_cell_is_chosen_on_dev_for_each_model(tmp_path, monkeypatch):
    def fake(name, checkpoint, splits, s, profile, notebook, *rest):
        folder = tmp_path/f'{name}-{s.learning_rate}-{s.seed}'
        folder.mkdir(exist_ok=True)
        good = s.learning_rate == (1 if name == 'a' else 2)
        metrics = dict(dev_f1=.5 + .1*good + .01*s.seed, test_f1=.9 - .5*good)
        (folder/'metrics.json').write_text(json.dumps(metrics))
        return folder
    monkeypatch.setattr('clinbert_nb.tagging.tag_once', fake)
    monkeypatch.setattr('clinbert_nb.tagging.side_by_side', lambda f, calls, name: [f(*c) for c in calls])
    scores = run_models(dict(a='A', b='B'), {}, [Settings(1), Settings(2)], 2, 'demo', 'nb')
    chosen = scores[['model', 'seed', 'learning_rate']].values.tolist()
    assert chosen == [['a', 0, 1], ['a', 1, 1], ['b', 0, 2], ['b', 1, 2]]
    assert scores.dev_f1.tolist() == [.6, .61]*2
    assert f1_table(scores, TABLE_2['i2b2 2012']).loc['a'].tolist() == ['60.5 ± 0.7', '40.0 ± 0.0', '']


def test_every_task_has_all_six_models():
    assert {frozenset(column) for column in TABLE_2.values()} == {frozenset(TABLE_2['i2b2 2010'])}
    assert set(map(len, TABLE_2.values())) == {6}


GOLD = Document('<d>', 'Mr <Foo> had\ncough 7', (Span(4, 7, 'NAME'), Span(13, 18, 'p')))
GUESSES = replace(GOLD, spans=(Span(4, 7, 'NAME'), Span(9, 12, 'p')))


def test_errors_are_shown_in_place():
    shown = highlight(GOLD, GUESSES, True)
    assert f'&lt;{shaded("Foo", GREEN)}{shaded("NAME", GREEN, "sub")}&gt;' in shown
    assert f'<span style="{UNDERLINED}">cough</span>{shaded("p", RED, "sub")}' in shown
    assert 'cough' not in highlight(GOLD, GUESSES, True, 0, 12)


def test_names_of_documents_are_no_html():
    assert '&lt;d&gt;' in show_worst([GOLD], [GUESSES], True)


def test_types_are_plotted_for_every_split():
    assert plot_types(dict(a=[GOLD], b=[GUESSES])).axes


def test_errors_can_be_read_on_white_and_on_black():
    gold = Document('d', 'a cough and rash', (Span(2, 7, 'p'), Span(12, 16, 'p')))
    guesses = replace(gold, spans=(Span(2, 7, 'p'), Span(8, 14, 'p')))
    shown = show_worst([gold], [guesses], True)
    assert all(color in shown for color in (GREEN, ORANGE, RED, UNDERLINED))
    assert illegible(shown) == []


# the pages of JupyterLab's themes, and every second row of their tables
@pytest.mark.parametrize('around', ['#ffffff', '#f5f5f5', '#111111', '#212121', GREEN, ORANGE])
def test_the_line_under_a_missed_word_can_be_seen(around):
    assert contrast(UNDERLINED.split()[-1], around) >= 3


def test_counts_can_be_read_on_every_shade():
    table = pd.DataFrame([[6, 4], [3, 7]], index=list('xy'), columns=list('xy'))
    axes = plot_confusion(table).axes[0]
    colors = axes.images[0].to_rgba([.6, .4, .3, .7])
    assert all(contrast(text.get_color(), color) >= 4.5 for text, color in zip(axes.texts, colors, strict=True))


NAMES = 'Mr. Bell has Bell palsy, Crohn and Graves. By Dr. Wells of Swan\nClinic and Dr. Ray, 5/5 Foley'


def spans_of(*pairs):
    "Spans of (words, type), each where the words stand first."
    return tuple(Span(NAMES.index(words), NAMES.index(words) + len(words), kind) for words, kind in pairs)


def test_eponyms_are_counted_by_any_letter_and_names_by_all():
    true = spans_of(('Bell', 'PATIENT'), ('Wells', 'DOCTOR'), ('Swan\nClinic', 'HOSPITAL'), ('Ray', 'DOCTOR'),
                    ('5/5', 'DATE'))
    marked = spans_of(('Bell', 'DATE'), ('palsy', 'DOCTOR'), ('raves', 'DOCTOR'), ('Dr. Well', 'DOCTOR'),
                      ('Swan', 'HOSPITAL'), ('Clinic', 'HOSPITAL'), ('Ra', 'DOCTOR'))
    gold = Document('1', NAMES, true)
    eponyms = ['Bell', 'Crohn', 'Graves', 'Swan', 'Foley', 'Wells']
    table = eponym_errors([gold], [replace(gold, spans=marked)], eponyms)
    # Graves, but for a letter; not Bell palsy, Crohn and Foley
    assert table.loc['eponym, not a name'].tolist() == [4, 1, 25]
    # Bell, of another type, and Swan Clinic, in two parts; not Wells, but for a letter
    assert table.loc['name with an eponym', ['n', 'marked']].tolist() == [3, 2]
    # two of three letters of Ray
    assert table.loc['other name'].tolist() == [1, 0, 0]


RAY = Document('1', 'Dr. Ray', (Span(4, 7, 'DOCTOR'),))


def test_without_eponyms_there_is_a_zero_and_no_share():
    table = eponym_errors([RAY], [RAY], ['Bell'])
    assert table.n.tolist() == [0, 0, 1] and table.marked.tolist() == [0, 0, 1]
    assert table.share.isna().tolist() == [True, True, False] and table.share['other name'] == 100
    assert eponym_errors([], [], ['Bell']).n.tolist() == [0, 0, 0]


def test_shares_are_means_over_the_runs():
    table = eponym_table([RAY], dict(a=[[RAY], [replace(RAY, spans=())]]), ['Bell'])
    assert table.loc['other name'].tolist() == [1, 50]


def test_the_best_tagger_is_kept_and_opens(tmp_path, monkeypatch):
    monkeypatch.setenv('CLINBERT_RESULTS', str(tmp_path/'results'))
    toy = tiny_model(tmp_path/'toy', ['no', 'cough', 'and', 'Fever'])
    documents = [Document(f'{i}', 'no cough and Fever', (Span(3, 8, 'problem'),)) for i in range(12)]
    parts = dict(train=documents[:8], dev=documents[8:10], test=documents[10:])
    scores = run_models(dict(toy=toy), parts, [Settings(3e-3, 4, 2, max_seq_length=40)], 2, 'p', 'nb',
                        keep=True, may_show=False)
    kept = model_of_task('p', 'nb')
    record = json.loads((kept/'fine-tuned.json').read_text())
    best = scores.loc[scores.dev_f1.idxmax(), 'folder']
    assert record['run'] == best.name and not list((tmp_path/'results').rglob('seed*/model'))
    model, tokenizer = open_tuned(kept)
    assert tag(model, tokenizer, parts['test'], 40) == tagged(best, parts['test'])
    assert set(model.config.label2id) == {'O', 'B-problem', 'I-problem'}
    assert json.loads((kept/'corpus.json').read_text())['shareable'] is False
    again = run_models(dict(toy=toy), parts, [Settings(3e-3, 4, 2, max_seq_length=40)], 2, 'p', 'nb', keep=True)
    assert again.equals(scores)


def test_a_run_without_weights_is_trained_again_to_the_same(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv('CLINBERT_RESULTS', str(tmp_path/'results'))
    toy = tiny_model(tmp_path/'toy', ['no', 'cough', 'and', 'Fever'])
    documents = [Document(f'{i}', 'no cough and Fever', (Span(3, 8, 'problem'),)) for i in range(12)]
    parts = dict(train=documents[:8], dev=documents[8:10], test=documents[10:])
    arguments = dict(toy=toy), parts, [Settings(3e-3, 4, 2, max_seq_length=40)], 1, 'p', 'nb'
    before = run_models(*arguments)
    assert not model_of_task('p', 'nb').exists()
    assert run_models(*arguments, keep=True).equals(before)
    assert model_of_task('p', 'nb').is_dir() and 'not exactly the same' not in capsys.readouterr().out
