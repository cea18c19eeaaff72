"""Notebooks as papermill runs them: parameters that reach the result, errors that are said and seen, from any working directory."""
import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from papermill.translators import PythonTranslator

from clinbert_nb.core import CourseError, run_notebook
from clinbert_nb.files import read_json
from clinbert_nb.parameters import allowed, check_parameters

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted((ROOT/'nbs').glob('[0-9]*.ipynb')) + list(ROOT.glob('index.ipynb'))
QUICK = ROOT/'nbs/00_core.ipynb'


def papermill(*arguments, cwd, results):
    "papermill's command line as a user calls it."
    return subprocess.run([sys.executable, '-m', 'papermill', *map(str, arguments), '--no-progress-bar'], cwd=cwd, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, env={**os.environ, 'CLINBERT_RESULTS': str(results)})


NUMBERS = ["<class 'int'>", "<class 'float'>", 'list[int]', 'list[float]', 'dict[str, int]', 'dict[str, float]']


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


def after_the_check(path, **given):
    "What `check_parameters` makes of a notebook's parameters cell and of values given to papermill, without a kernel."
    book, namespace = nbformat.read(path, 4), {}
    namespace['_ih'] = ['', book.cells[tagged(book)[0]].source, PythonTranslator.codify(given)]
    for cell in namespace['_ih']: exec(cell, namespace)
    return check_parameters(namespace), namespace['__annotations__']


def below(words):
    "Values outside of a range: under its lower end, beyond its upper one, not a number, infinite."
    if words.startswith('one of'): return ['none of them']
    if words in ('a plain name', 'plain names'): return ['../../evil']
    ends = [float(n) for n in re.findall(r'[\d.]+', words)]
    return [-1, *[end + 1 for end in ends[1:]], *([ends[0]] if words.startswith('above') else [0] if words == '1 or more' else []), float('nan'), float('inf')]


@pytest.mark.parametrize('path', NOTEBOOKS, ids=lambda p: p.stem)
def test_every_number_has_a_range_and_every_default_is_in_it(path):
    table, kinds = after_the_check(path)
    for name, kind in kinds.items():
        if str(kind) in NUMBERS: assert allowed(table.meaning[name]), f'{name}: the meaning ends with no range'
        elif table.meaning[name].rpartition(';')[2].strip().startswith('one of '): assert allowed(table.meaning[name]), f'{name}: the choice is not understood'
    assert allowed(table.meaning['profile'])[0] == 'a plain name'


@pytest.mark.parametrize('path', NOTEBOOKS, ids=lambda p: p.stem)
def test_values_out_of_range_stop_at_the_check(path):
    table, kinds = after_the_check(path)
    ranges = {name: allowed(meaning)[0] for name, meaning in table.meaning.items() if allowed(meaning)}
    for name, words in ranges.items():
        kind, integer = str(kinds[name]), 'int' in str(kinds[name])
        for value in below(words):
            if integer and isinstance(value, float): value = int(value) if value < 10**9 else 2**32 if value == value else -1
            wrapped = [value] if kind.startswith('list') else {value: table.value[name]} if words == 'plain names' else dict(a=value) if kind.startswith('dict') else value
            with pytest.raises(CourseError, match=f"^Parameter '{name}' must be (?!.*\\n)"): after_the_check(path, **{name: wrapped})


@pytest.mark.parametrize('path', NOTEBOOKS, ids=lambda p: p.stem)
def test_a_list_may_be_empty_only_if_that_means_something(path):
    table, kinds = after_the_check(path)
    for name in (n for n, kind in kinds.items() if str(kind).startswith('list')):
        may = table.value[name] == [] or '[]' in table.meaning[name]
        if may: after_the_check(path, **{name: []})
        else:
            with pytest.raises(CourseError, match=f"^Parameter '{name}' must be something that is not empty"): after_the_check(path, **{name: []})


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
                                                 ('seed', 'seven', "Parameter 'seed' must be int, not 'seven'"),
                                                 ('seed', '-1', "Parameter 'seed' must be 0 or more, not -1"),
                                                 ('profile', '../../evil', "Parameter 'profile' must be a plain name, not '../../evil'")])
def test_a_wrong_parameter_stops_the_run_with_one_sentence(tmp_path, name, value, sentence):
    done = papermill(QUICK, tmp_path/'out.ipynb', '-p', name, value, cwd=tmp_path, results=tmp_path/'results')
    shown = done.stderr.partition('Exception encountered at')[2].strip().splitlines()
    assert done.returncode != 0 and len(shown) == 2 and shown[1].startswith(f'CourseError: {sentence}')
    assert not list(tmp_path.glob('results/*'))


def test_without_an_output_path_the_notebook_goes_to_stdout_and_the_results_to_their_folder(tmp_path):
    done = papermill(QUICK, cwd=tmp_path, results=tmp_path/'results')
    assert done.returncode == 0, done.stderr
    assert any(c['cell_type'] == 'code' and c['outputs'] for c in json.loads(done.stdout)['cells'])
    assert (tmp_path/'results/demo/00_core/example/metrics.json').exists() and [p.name for p in tmp_path.iterdir()] == ['results']


@pytest.mark.parametrize('given, models, epochs', [(['-p', 'models', '["BERT"]', '-p', 'epochs', '[3]'], ['BERT'], [3]), (['-p', 'models', 'BERT', '-p', 'epochs', '3'], ['BERT'], [3])])
def test_lists_on_the_command_line(tmp_path, given, models, epochs):
    book = nbformat.read(ROOT/'nbs/05_mednli.ipynb', 4)
    code = ['from clinbert_nb.parameters import check_parameters', 'check_parameters(globals())', 'print(models, epochs)']
    cells = [nbformat.v4.new_code_cell(c) for c in code]
    book.cells = [cells[0], book.cells[tagged(book)[0]], *cells[1:]]
    nbformat.write(book, tmp_path/'05.ipynb')
    done = papermill(tmp_path/'05.ipynb', tmp_path/'out.ipynb', *given, cwd=tmp_path, results=tmp_path/'results')
    assert done.returncode == 0, done.stderr
    assert nbformat.read(tmp_path/'out.ipynb', 4).cells[-1].outputs[0].text == f'{models} {epochs}\n'


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
