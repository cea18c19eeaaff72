"""Pretraining from the command line: killed and continued, and in two processes."""
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from clinbert_nb.core import file_hash

BIN = Path(sys.executable).parent
PLAIN, TWO = [sys.executable], [BIN/'torchrun', '--standalone', '--nproc_per_node', '2']


@pytest.fixture
def profile(tmp_path):
    text = '\n\n'.join(f'The pt has pain {i} in the chest.\nHe denies fever {i}.\nPlan is rest {i % 7}, and a visit.\nAlert.' for i in range(150))
    (tmp_path/'a.txt').write_text(text)
    parameters = dict(corpora={'a': str(tmp_path/'a.txt')}, options={'a': dict(shareable=True)}, family={'A': ['', 'a']}, steps=60, batch_size=8, max_seq_length=32, evaluations=3, further=dict(save_minutes=1e-9))
    (tmp_path/'small.yaml').write_text(yaml.safe_dump(dict(steps={'03_pretraining': dict(parameters=parameters)})))
    return tmp_path/'small.yaml'


def start(profile, results, command=PLAIN):
    environment = os.environ | dict(CLINBERT_DATA=str(profile.parent/'data'), CLINBERT_RESULTS=str(results), OMP_NUM_THREADS='1')
    return subprocess.Popen([*command, '-m', 'clinbert_nb.pretraining', profile, 'A'], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finished(process):
    out, err = process.communicate()
    assert process.returncode == 0, err[-3000:]
    return out


def test_killed_and_continued_it_is_the_same_checkpoint(profile, tmp_path):
    assert finished(start(profile, tmp_path/'peace')).startswith('A: ')
    process, models = start(profile, tmp_path/'war'), tmp_path/'war/small/models'
    while not list(models.glob('.A.*.training/step-000000[2-4]*')):
        assert process.poll() is None, process.stderr.read()[-3000:]
        time.sleep(.02)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL and not (models/'A').exists()
    finished(start(profile, tmp_path/'war'))
    assert [p.name for p in models.iterdir() if not p.name.endswith('.lock')] == ['A']
    for file in ('model.safetensors', 'curve.csv', 'tokenizer.json'):
        assert file_hash(models/'A'/file) == file_hash(tmp_path/'peace/small/models/A'/file), file


def test_two_processes_train_like_one(profile, tmp_path):
    curves = []
    for command, name in ((PLAIN, 'one'), (TWO, 'two')):
        finished(start(profile, tmp_path/name, command))
        curves.append(pd.read_csv(tmp_path/name/'small/models/A/curve.csv'))
    one, two = (c.select_dtypes('number').to_numpy() for c in curves)
    assert one.shape == (4, 6) and np.allclose(one, two, atol=2e-3, equal_nan=True)


def test_a_stopped_run_says_how_far_it_came(profile, tmp_path):
    process = start(profile, tmp_path/'r')
    while not list((tmp_path/'r/small/models').glob('.A.*.training/step-0000000*')) and process.poll() is None: time.sleep(.02)
    process.terminate()
    assert process.wait() == 1 and 'pretraining: A: asked to stop, and stopped after step' in process.stderr.read()
    assert not read_errors(profile, 'B').count('Traceback')


def read_errors(profile, name):
    done = subprocess.run([sys.executable, '-m', 'clinbert_nb.pretraining', profile, name], capture_output=True, text=True)
    assert done.returncode == 1 and f"'{name}' is no checkpoint of" in done.stderr
    return done.stderr
