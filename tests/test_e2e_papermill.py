"""Notebooks as papermill runs them: parameters that reach the result, errors that are said and seen, from any working directory."""
import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from clinbert_nb.core import CourseError, read_json, run_notebook

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted((ROOT/'nbs').glob('[0-9]*.ipynb')) + list(ROOT.glob('index.ipynb'))
QUICK = ROOT/'nbs/00_core.ipynb'


def papermill(*arguments, cwd, results):
    "papermill's command line as a user calls it."
    return subprocess.run([sys.executable, '-m', 'papermill', *map(str, arguments), '--no-progress-bar'], cwd=cwd, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, env={**os.environ, 'CLINBERT_RESULTS': str(results)})


def tagged(book): return [i for i, c in enumerate(book.cells) if 'parameters' in c.metadata.get('tags', [])]


def names_in(source, kind):
    "The names that a cell reads (ast.Load) or binds (ast.Store); magics are left out."
    code = '\n'.join(line for line in source.splitlines() if not line.lstrip().startswith(('%', '!')))
    return {n.id for n in ast.walk(ast.parse(code)) if isinstance(n, ast.Name) and isinstance(n.ctx, kind)}


def without_tag(folder):
    book = nbformat.read(QUICK, 4)
    del book.cells[tagged(book)[0]].metadata['tags']
    nbformat.write(book, folder/'00_core.ipynb')
    return folder/'00_core.ipynb'


@pytest.mark.parametrize('path', NOTEBOOKS, ids=lambda p: p.stem)
def test_one_tagged_cell_of_described_literals_before_any_use(path):
    book = nbformat.read(path, 4)
    assert len(tagged(book)) == 1
    at = tagged(book)[0]
    declared = ast.parse(book.cells[at].source).body
    assert all(isinstance(n, ast.AnnAssign) for n in declared), 'only `name: type = default` belongs into the parameters cell'
    for n in declared: ast.literal_eval(n.value)
    parameters = {n.target.id for n in declared}
    for line, n in ((book.cells[at].source.splitlines()[n.end_lineno-1], n) for n in declared):
        assert '#' in line and line.split('#', 1)[1].strip(), f'no meaning beside {n.target.id}'
    before = [c.source for c in book.cells[:at] if c.cell_type == 'code']
    assert not parameters & set().union(*(names_in(s, ast.Load) | names_in(s, ast.Store) for s in before))


def test_a_value_given_to_papermill_reaches_the_result(tmp_path):
    elsewhere = tmp_path/'elsewhere'
    elsewhere.mkdir()
    done = papermill(QUICK, tmp_path/'out.ipynb', '-p', 'seed', 7, '-p', 'profile', 'mine', cwd=elsewhere, results=tmp_path/'results')
    assert done.returncode == 0, done.stderr
    assert read_json(tmp_path/'results/mine/00_core/example/manifest.json')['parameters'] == {'seed': 7}
    assert not list(elsewhere.iterdir()), 'nothing is written to the working directory'


def test_another_seed_gives_another_number_and_the_same_seed_the_same(tmp_path):
    def coin(seed, name):
        run_notebook(QUICK, tmp_path/f'{name}.ipynb', dict(seed=seed, profile=name), progress=False)
        return read_json(Path(os.environ['CLINBERT_RESULTS'])/name/'00_core/example/metrics.json')['coin']
    assert coin(1, 'a') == coin(1, 'b') != coin(2, 'c')


def test_a_lost_tag_is_an_error_and_not_a_silent_default(tmp_path):
    done = papermill(without_tag(tmp_path), tmp_path/'out.ipynb', '-p', 'seed', 7, cwd=tmp_path, results=tmp_path/'results')
    assert done.returncode != 0 and "has lost its tag 'parameters'" in done.stderr
    assert not (tmp_path/'results/demo/00_core').exists()
    with pytest.raises(CourseError, match='0 cells tagged'): run_notebook(tmp_path/'00_core.ipynb', tmp_path/'out2.ipynb', progress=False)


@pytest.mark.parametrize('name,value,sentence', [('sede', '7', "Unknown parameter 'sede': this notebook knows profile, seed"),
                                                 ('seed', 'seven', "Parameter 'seed' must be int, not 'seven'")])
def test_a_wrong_parameter_stops_the_run(tmp_path, name, value, sentence):
    done = papermill(QUICK, tmp_path/'out.ipynb', '-p', name, value, cwd=tmp_path, results=tmp_path/'results')
    assert done.returncode != 0 and sentence in done.stderr
    assert not list(tmp_path.glob('results/*'))


def test_without_an_output_path_the_notebook_goes_to_stdout_and_the_results_to_their_folder(tmp_path):
    done = papermill(QUICK, cwd=tmp_path, results=tmp_path/'results')
    assert done.returncode == 0, done.stderr
    assert any(c['cell_type'] == 'code' and c['outputs'] for c in json.loads(done.stdout)['cells'])
    assert (tmp_path/'results/demo/00_core/example/metrics.json').exists() and [p.name for p in tmp_path.iterdir()] == ['results']


def test_a_notebook_that_fails_leaves_no_executed_notebook_and_says_its_last_sentence(tmp_path):
    book = nbformat.read(QUICK, 4)
    book.cells.append(nbformat.v4.new_code_cell('raise CourseError("The folder of notes is empty.")'))
    nbformat.write(book, tmp_path/'broken.ipynb')
    with pytest.raises(CourseError, match=r'broken.ipynb, cell \d+: CourseError: The folder of notes is empty'):
        run_notebook(tmp_path/'broken.ipynb', tmp_path/'out/executed.ipynb', progress=False)
    assert [p.name for p in (tmp_path/'out').iterdir()] == ['failed-executed.ipynb']


def test_the_command_line_says_one_sentence(tmp_path):
    command = lambda *a: subprocess.run([Path(sys.executable).parent/'clinbert-run', *a], cwd=tmp_path, capture_output=True, text=True)
    none, wrong = command(ROOT/'configs/demo.yaml', '99_nothing'), command('nowhere.yaml', '00_core')
    assert none.returncode == wrong.returncode == 1
    assert "has no step '99_nothing'; it has 00_core" in none.stderr and none.stderr.count('\n') == 1
    assert 'nowhere.yaml does not exist; expected a profile' in wrong.stderr and wrong.stderr.count('\n') == 1
