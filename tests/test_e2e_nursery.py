"""Copies of one process instead of processes that import: they are given what a process is given, they differ where processes differ, and none is left over."""
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest

from clinbert_nb.core import run_notebook

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT/'scripts'))
import nursery  # noqa: E402

pytestmark = pytest.mark.skipif(sys.platform != 'linux', reason='copies are made on Linux only')
COMMAND = [sys.executable, ROOT/'scripts/nursery.py']


@pytest.fixture(scope='module')
def variables(tmp_path_factory):
    "What leads a process to a nursery of few modules."
    with nursery.opened(tmp_path_factory.mktemp('nursery'), ['pandas', 'matplotlib.pyplot', 'no_such_module'], wait=True) as found: yield found


def script(folder, text):
    (folder/'script.py').write_text(text)
    return folder/'script.py'


def asked(variables, *arguments, **options):
    return subprocess.run([*COMMAND, *map(str, arguments)], env=os.environ | variables, capture_output=True, text=True, **options)


TELLS = '''import json, os, sys
print(json.dumps(dict(argv=sys.argv[1:], folder=os.getcwd(), name=__name__, first=sys.path[0], said=os.environ.get('SAID'), read=sys.stdin.read(),
                      copied='numpy' in sys.modules, nice=os.nice(0), threads=len(os.listdir('/proc/self/task')))))
print('to the other stream', file=sys.stderr)'''


@pytest.mark.parametrize('is_copy', [True, False])
def test_a_copy_is_given_what_a_process_is_given(is_copy, variables, tmp_path):
    path = script(tmp_path, TELLS)
    done = subprocess.run(['nice', '-n', '3', *COMMAND, path, 'a b', '-c'], cwd=tmp_path, input='something', capture_output=True, text=True,
                          env=os.environ | (variables if is_copy else {}) | dict(SAID='yes'))
    told = json.loads(done.stdout)
    assert told.pop('copied') == is_copy
    assert told == dict(argv=['a b', '-c'], folder=str(tmp_path), name='__main__', first=str(tmp_path), said='yes', read='something', nice=os.nice(0) + 3, threads=1)
    assert done.stderr == 'to the other stream\n' and done.returncode == 0


@pytest.mark.parametrize('text, status, said', [('raise SystemExit(7)', 7, ''), ('import sys; sys.exit("It is so.")', 1, 'It is so.\n'), ('raise SystemExit', 0, ''),
                                                ('import os; os.kill(os.getpid(), 9)', 137, '')])
def test_it_ends_as_its_copy_ends(text, status, said, variables, tmp_path):
    done = asked(variables, script(tmp_path, text))
    assert (done.returncode, done.stderr) == (status, said)


def test_an_error_is_a_traceback(variables, tmp_path):
    done = asked(variables, script(tmp_path, 'def f(): raise KeyError(3)\nf()'))
    assert done.returncode == 1 and done.stderr.strip().endswith('KeyError: 3')


def test_what_is_registered_for_the_end_is_done(variables, tmp_path):
    assert asked(variables, script(tmp_path, 'import atexit\natexit.register(print, "at the end")')).stdout == 'at the end\n'


def test_copies_draw_different_numbers(variables, tmp_path):
    path = script(tmp_path, 'import random, numpy\nprint(random.random(), numpy.random.rand())')
    first, second = (asked(variables, path).stdout.split() for _ in range(2))
    assert first[0] != second[0] and first[1] != second[1]


def test_without_a_nursery_it_is_a_plain_python(tmp_path):
    path = script(tmp_path, 'import sys\nprint(sys.argv[1], "numpy" in sys.modules)')
    assert asked({}, path, 'x').stdout == asked({nursery.VARIABLE: str(tmp_path/'nobody')}, path, 'x').stdout == 'x False\n'


def test_a_notebook_in_a_copy_shows_what_it_shows_in_a_process(variables, tmp_path, monkeypatch):
    cells = ['import matplotlib.pyplot as plt\n_ = plt.plot([1, 2])', 'import pandas as pd\npd.DataFrame([["word"]*16])', 'print("said")']
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell('n: int = 1  # a number', metadata=dict(tags=['parameters'])), *map(nbformat.v4.new_code_cell, cells)])
    book.metadata['kernelspec'] = dict(name='python3', language='python', display_name='Python 3')
    nbformat.write(book, tmp_path/'book.ipynb')
    outputs = {}
    for how, given in dict(process={}, copy=variables).items():
        with monkeypatch.context() as patch:
            for name, value in given.items(): patch.setenv(name, value)
            run_notebook(tmp_path/'book.ipynb', tmp_path/f'{how}.ipynb', progress=False)
        outputs[how] = [[{k: v for k, v in o.items() if k != 'metadata'} for o in c.outputs] for c in nbformat.read(tmp_path/f'{how}.ipynb', 4).cells]
    assert outputs['copy'] == outputs['process'] and any('image/png' in o.get('data', {}) for cell in outputs['copy'] for o in cell)


def is_alive(process):
    "Whether a process is there and no zombie."
    try: return Path(f'/proc/{process}/stat').read_text().rpartition(')')[2].split()[0] != 'Z'
    except OSError: return False


def gone(process):
    for _ in range(200):
        if not is_alive(process): return True
        time.sleep(.05)
    return False


SLEEPS = 'import os, time\nprint(os.getpid(), flush=True)\ntime.sleep(600)'


@pytest.mark.parametrize('number', [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_copy_goes_with_the_one_who_asked(number, variables, tmp_path):
    process = subprocess.Popen([*COMMAND, script(tmp_path, SLEEPS)], env=os.environ | variables, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    copy = int(process.stdout.readline())
    assert copy != process.pid and is_alive(copy)
    process.send_signal(number)
    assert gone(copy) and process.wait() != 0


def test_copies_go_with_the_nursery(tmp_path):
    with nursery.opened(tmp_path/'nursery', [], wait=True) as variables:
        process = subprocess.Popen([*COMMAND, script(tmp_path, SLEEPS)], env=os.environ | variables, stdout=subprocess.PIPE, text=True)
        copy = int(process.stdout.readline())
    assert gone(copy) and process.wait() == 1


def test_a_nursery_goes_with_the_one_who_opened_it(tmp_path):
    code = f'import sys, time; sys.path.insert(0, {str(ROOT/"scripts")!r}); import nursery\n' \
           f'place = nursery.opened({str(tmp_path)!r}, [], wait=True); place.__enter__(); print(place.process.pid, flush=True); time.sleep(600)'
    process = subprocess.Popen([sys.executable, '-c', code], stdout=subprocess.PIPE, text=True)
    opened = int(process.stdout.readline())
    process.kill(), process.wait()
    assert gone(opened)
