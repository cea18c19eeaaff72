"""The thread from notes to a fine-tuned model through papermill, with a checkpoint of seconds: results repeat, bad input is said and leaves nothing."""
import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from clinbert_nb.core import run_notebook
from clinbert_nb.hospital import write_mednli
from clinbert_nb.pretraining import tiny_bert
from clinbert_nb.files import read_json
from clinbert_nb.tokens import train_vocabulary

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope='module')
def small(tmp_path_factory):
    "A folder with a tiny checkpoint and a tiny MedNLI."
    folder = tmp_path_factory.mktemp('small')
    write_mednli(folder/'mednli', 40, 0, 2)
    lines = [json.loads(line)[k] for line in (folder/'mednli/mli_train_v1.jsonl').open() for k in ('sentence1', 'sentence2')]
    tokenizer = train_vocabulary(lines, 400)
    tiny_bert(tokenizer, 32).save_pretrained(folder/'tiny')
    tokenizer.save_pretrained(folder/'tiny')
    return folder


def run(notebook, out, results, monkeypatch, **parameters):
    monkeypatch.setenv('CLINBERT_RESULTS', str(results))
    return run_notebook(ROOT/f'nbs/{notebook}.ipynb', out, parameters, progress=False)


def test_same_seed_same_metrics_to_the_last_digit(small, tmp_path, monkeypatch):
    for name in 'ab':
        run('05_mednli', tmp_path/f'{name}.ipynb', tmp_path/name, monkeypatch, models=[str(small/'tiny')], data=str(small/'mednli'), seeds=2, epochs=[1], profile='t')
    first, second = (read_json(tmp_path/name/'t/05_mednli/summary/metrics.json') for name in 'ab')
    assert first == second and 'tiny/dev_accuracy' in first and 'tiny/test_accuracy' in first
    scores = pd.read_csv(tmp_path/'a/t/05_mednli/summary/scores.csv')
    assert sorted(scores.seed) == [0, 1], 'seeds=2 reached the result'
    predictions = pd.read_parquet(next((tmp_path/'a/t/05_mednli').glob('tiny-seed0-*'))/'predictions.parquet')
    assert not {'premise', 'hypothesis', 'text'} & set(predictions)


def papermill(notebook, results, *arguments):
    return subprocess.run([sys.executable, '-m', 'papermill', str(ROOT/f'nbs/{notebook}.ipynb'), str(results/'out.ipynb'), '--no-progress-bar', *map(str, arguments)],
                          cwd=results, stdin=subprocess.DEVNULL, capture_output=True, text=True, env={**os.environ, 'CLINBERT_RESULTS': str(results), 'CLINBERT_DATA': str(results/'data')})


def noteevents(folder, text):
    (folder/'NOTEEVENTS.csv').write_text(text)
    return folder/'NOTEEVENTS.csv'


CASES = {
    'no TEXT': ('02_notes', lambda d: ['-p', 'notes', noteevents(d, 'ROW_ID,CATEGORY\n1,ECG\n')], 'TEXT'),
    'unterminated quote': ('02_notes', lambda d: ['-p', 'notes', noteevents(d, 'ROW_ID,TEXT\n1,"never closed\n')], 'a quote is never closed'),
    'missing folder': ('05_mednli', lambda d: ['-p', 'data', d/'nowhere'], 'does not exist'),
    'no tokenizer': ('05_mednli', lambda d: ['-y', f'models: ["{d}/bare"]'], 'has no tokenizer'),
}


@pytest.mark.parametrize('case', CASES)
def test_bad_input_is_one_sentence_and_leaves_nothing(case, small, tmp_path):
    notebook, arguments, sentence = CASES[case]
    (tmp_path/'bare').mkdir()
    (tmp_path/'bare/config.json').write_text((small/'tiny/config.json').read_text())
    extra = ['-p', 'data', small/'mednli'] if case == 'no tokenizer' else []
    done = papermill(notebook, tmp_path, *arguments(tmp_path), *extra)
    last = [line for line in done.stderr.splitlines() if 'CourseError:' in line]
    assert done.returncode != 0 and last and sentence in last[-1], done.stderr[-500:]
    assert not (tmp_path/'demo'/notebook/'summary').exists() and not list((tmp_path/'data').glob('sentences/*/*'))
