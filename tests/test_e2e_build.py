"""The checkout as a project: one source of metadata, a wheel that works elsewhere, generated files that are checked, a workflow that knows who needs what."""
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from configparser import ConfigParser
from email import message_from_bytes
from pathlib import Path

import nbformat
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from clinbert_nb.core import read_profile, run_notebook
from clinbert_nb.legible import contrast
from clinbert_nb.parameters import check_parameters

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT/'scripts'))
from agreement import denser, density, digest_of, unsupported_numbers, wrong_page  # noqa: E402

NOTEBOOKS = sorted((ROOT/'nbs').glob('[0-9]*.ipynb'))


@pytest.fixture(scope='module')
def settings():
    parser = ConfigParser(delimiters=['='], interpolation=None)
    parser.read(ROOT/'settings.ini', encoding='utf-8')
    return parser['DEFAULT']


def copied(folder):
    "A copy of the checkout without environment, data and results."
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns('.*', 'results', 'data', 'build', 'dist', '*.egg-info', '__pycache__'))
    return folder


@pytest.fixture
def tree(tmp_path): return copied(tmp_path/'tree')


def python(*arguments, cwd, **environment):
    return subprocess.run([sys.executable, *map(str, arguments)], cwd=cwd, capture_output=True, text=True, env={**os.environ, **environment})


# Metadata and requirements

def test_settings_ini_is_the_only_source_of_metadata():
    assert set(tomllib.loads((ROOT/'pyproject.toml').read_text())) == {'build-system', 'tool'}


def test_the_lock_holds_one_exact_version_of_everything_asked_for(settings):
    lines = [line for line in (ROOT/'requirements.lock').read_text().splitlines() if line and not line.startswith('#')]
    assert all(re.fullmatch(r'[\w.-]+==[\w.]+', line) for line in lines), 'only name==version, no local build such as +cpu'
    locked = {canonicalize_name(name): version for name, version in (line.split('==') for line in lines)}
    assert len(locked) == len(lines)
    for line in (settings['requirements'] + '\n' + settings['dev_requirements'] + '\nsetuptools>=77').splitlines():
        wanted = Requirement(line)
        assert locked[canonicalize_name(wanted.name)] in wanted.specifier, line


# The wheel

@pytest.fixture(scope='module')
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp('wheel')
    built = python('-m', 'pip', 'wheel', '--quiet', '--no-deps', '--no-build-isolation', '--wheel-dir', folder, copied(folder/'tree'), cwd=folder)
    assert built.returncode == 0, built.stderr
    return next(folder.glob('*.whl'))


def test_the_wheel_carries_the_metadata_of_settings_ini(wheel, settings):
    with zipfile.ZipFile(wheel) as z:
        metadata = message_from_bytes(z.read(next(n for n in z.namelist() if n.endswith('METADATA'))))
        assert {n.split('/')[0] for n in z.namelist()} == {'clinbert_nb', f"clinbert_nb-{settings['version']}.dist-info"}
    assert metadata['Version'] == settings['version'] and metadata['Requires-Python'] == f">={settings['min_python']}"
    needed = {str(Requirement(r)) for r in metadata.get_all('Requires-Dist') if 'extra ==' not in r}
    assert needed == {str(Requirement(r)) for r in settings['requirements'].splitlines()}


def test_every_module_imports_from_an_installed_wheel_outside_the_checkout(wheel, tmp_path):
    installed = python('-m', 'pip', 'install', '--quiet', '--no-deps', '--target', tmp_path/'site', wheel, cwd=tmp_path)
    assert installed.returncode == 0, installed.stderr
    modules = [m[1] for p in NOTEBOOKS if (m := re.search(r'#\| *default_exp +(\w+)', p.read_text(encoding='utf-8')))]
    code = 'import importlib, pathlib, clinbert_nb.core as core\n' + \
           f'files = [importlib.import_module("clinbert_nb." + m).__file__ for m in {modules}]\n' + \
           f'assert all(pathlib.Path(f).is_relative_to({str(tmp_path/"site")!r}) for f in files), files\nassert core.checkout() is None\nprint(len(files))'
    done = python('-c', code, cwd=tmp_path, PYTHONPATH=str(tmp_path/'site'))
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) == len(modules) >= 1


# Export, clean, check

def test_clean_keeps_the_parameters_tag_and_drops_progress_bars_from_any_directory(tree, tmp_path):
    path = tree/'nbs/00_core.ipynb'
    book = nbformat.read(path, 4)
    cell = next(c for c in book.cells if c.metadata.get('tags') == ['parameters'])
    cell.metadata['scrolled'] = True
    cell.outputs = [nbformat.v4.new_output('stream', name='stderr', text='Executing: 10%|'), nbformat.v4.new_output('stream', name='stdout', text='kept')]
    nbformat.write(book, path)
    assert python(tree/'scripts/course.py', 'clean', cwd=tmp_path).returncode == 0
    cleaned = next(c for c in nbformat.read(path, 4).cells if c.id == cell.id)
    assert cleaned.metadata == {'tags': ['parameters']} and [o.text for o in cleaned.outputs] == ['kept']


def check(tree): return python(tree/'scripts/course.py', 'check', cwd=tree)


def test_check_finds_what_was_edited_by_hand_or_left_behind(tree):
    assert python(tree/'scripts/course.py', 'export', cwd=tree).returncode == 0 == python(tree/'scripts/course.py', 'clean', cwd=tree).returncode
    assert check(tree).returncode == 0, check(tree).stderr
    (tree/'clinbert_nb/core.py').open('a').write('\nchanged = True\n')
    (tree/'tests/test_core.py').open('a').write('\nchanged = True\n')
    (tree/'clinbert_nb/orphan.py').write_text('# no notebook writes this\n')
    done = check(tree)
    assert done.returncode == 1
    assert all(name in done.stderr for name in ('clinbert_nb/core.py', 'tests/test_core.py', 'clinbert_nb/orphan.py')) and 'test_e2e' not in done.stderr


# Pages that agree with themselves

def page(*cells):
    "A notebook of markdown texts, and of code with what it printed."
    book = nbformat.v4.new_notebook()
    for cell in cells:
        if isinstance(cell, str): book.cells.append(nbformat.v4.new_markdown_cell(cell))
        else: book.cells.append(nbformat.v4.new_code_cell(cell[0], outputs=[nbformat.v4.new_output('stream', text=cell[1])]))
    return book


@pytest.mark.parametrize('prose, wrong', [
    ('In the stored run it is 61.2 of 1,200.', []),
    ('In the stored run it is 62.1.', ['62.1']),
    ('In the stored\nrun p is 0.02.', []),
    ('The paper reports 99.9.', []),
    ('In the stored run of [05](05_mednli.ipynb) it is 61.2.', []),
])
def test_a_number_about_the_stored_run_stands_in_an_output(prose, wrong):
    book = page(('print(scores)', '<td>61.2</td> 1200 .02'), prose)
    assert [fault.split()[0] for fault in unsupported_numbers(book)] == wrong


def test_a_number_is_said_below_its_output():
    assert list(unsupported_numbers(page('The stored run: 61.2.', ('print(scores)', '61.2'))))


def declaring(value):
    "A notebook with one parameter whose check shows this value."
    source = 'seeds: int = 3  # runs of each model; 1 or more'
    book = page((source, ''), ('parameters = check_parameters(globals())\nparameters', ''))
    book.cells[0].metadata['tags'] = ['parameters']
    namespace = {}
    exec(source.replace('3', str(value)), namespace)
    text = repr(check_parameters(namespace | dict(_ih=[source])))
    book.cells[1].outputs = [nbformat.v4.new_output('display_data', {'text/plain': text})]
    return book


def test_outputs_of_other_parameters_are_noticed():
    assert not list(wrong_page(declaring(3), digest_of(declaring(3))))
    assert ['other parameters' in fault for fault in wrong_page(declaring(5), digest_of(declaring(5)))] == [True]


def test_outputs_of_other_code_are_noticed():
    before, after = page(('print(1)', '1')), page(('print(2)', '1'))
    assert ['other code' in fault for fault in wrong_page(after, digest_of(before))] == [True]
    assert digest_of(before) == digest_of(page(('print(1)', ''), ('#| test\ndef test_it(): pass', '')))


def test_a_notebook_may_not_become_denser():
    book = page(('a = 1', ''), ('b = "' + 'x'*120 + '"', ''))
    characters, wide = density(book)
    assert (characters, wide) == (66, 1)
    assert not list(denser(book, (66, 1)))
    assert list(denser(book, (65, 1))) and list(denser(book, (66, 0)))


# The workflow

def workflow(tree, *arguments, results, profile='demo'):
    return python('-m', 'snakemake', '--cores', 2, '--scheduler', 'greedy', '--config', f'profile={profile}', *arguments,
                  cwd=tree, PYTHONPATH=str(tree), CLINBERT_RESULTS=str(results))


def planned(done):
    "The steps that a dry run would run."
    assert done.returncode == 0, done.stdout + done.stderr
    return set(re.findall(r'^step_(\w+) ', done.stdout + done.stderr, re.M))


def profile_of(tree, **steps):
    "A profile `mine` of stand-in notebooks, one cell each, so that what depends on what is tested in seconds."
    import yaml
    for name in steps:
        book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell('profile: str = "mine"  # folder of results\nn: int = 1  # a number', metadata={'tags': ['parameters']}),
                                               nbformat.v4.new_code_cell('print(n)')])
        book.metadata['kernelspec'] = dict(name='python3', language='python', display_name='python3')
        nbformat.write(book, tree/f'nbs/{name}.ipynb')
    (tree/'configs/mine.yaml').write_text(yaml.safe_dump(dict(steps=steps), sort_keys=False))


@pytest.mark.parametrize('path', sorted((ROOT/'configs').glob('*.yaml')), ids=lambda p: p.stem)
def test_every_step_of_a_profile_names_a_notebook_and_parameters_that_it_knows(path, monkeypatch):
    for variable in set(re.findall(r'\$(CLINBERT_\w+)', path.read_text())): monkeypatch.setenv(variable, '/somewhere')
    for name, step in read_profile(path).items():
        book = nbformat.read(ROOT/'nbs'/f"{step['notebook']}.ipynb", 4)
        declared = next(c.source for c in book.cells if 'parameters' in c.metadata.get('tags', []))
        assert set(step['parameters']) <= set(re.findall(r'^(\w+):', declared, re.M)), name


def notebooks_of(profile): return {(ROOT/'nbs'/f"{step['notebook']}.ipynb").resolve() for step in profile.values()}


def test_the_demo_runs_every_notebook_with_its_defaults():
    demo = read_profile(ROOT/'configs/demo.yaml')
    assert notebooks_of(demo) == {*NOTEBOOKS, *ROOT.glob('index.ipynb')}
    assert all(step['parameters'] == {'profile': 'demo'} for step in demo.values())


def test_table_2_compares_six_models():
    steps = read_profile(ROOT/'configs/table2.yaml')
    compared = [step['parameters']['models'] for step in steps.values() if 'models' in step['parameters']]
    assert len(compared) == 5 and all(len(models) == 6 for models in compared)
    assert all(step['parameters'].keys() <= {'profile', 'models', 'seeds', 'puzzle_start'} for step in steps.values())


def test_concepts_compares_checkpoints_of_the_demo():
    steps = read_profile(ROOT/'configs/concepts.yaml')
    assert all(step['parameters'].keys() <= {'profile', 'models', 'encoder'} for step in steps.values())


def test_a_dry_run_of_the_demo_lists_every_step(tree, tmp_path):
    assert planned(workflow(tree, '--dry-run', results=tmp_path/'results')) == set(read_profile(ROOT/'configs/demo.yaml'))


def test_only_what_stands_behind_a_change_runs_again(tree, tmp_path):
    steps = dict(first={}, second=dict(needs=['first']), other={})
    profile_of(tree, **steps)
    run = lambda *a: workflow(tree, *a, results=tmp_path/'results', profile='mine')
    assert planned(run()) == {'first', 'second', 'other'}
    assert (tmp_path/'results/mine/index.html').exists() and (tmp_path/'results/mine/pages/second.html').exists()
    assert planned(again := run()) == set() and 'Nothing to be done' in again.stderr
    (tree/'configs/mine.yaml').write_text((tree/'configs/mine.yaml').read_text().replace('other: {}', 'other: {parameters: {n: 2}}'))
    assert planned(run('--dry-run')) == {'other'}
    book = nbformat.read(tree/'nbs/first.ipynb', 4)
    book.cells.append(nbformat.v4.new_markdown_cell('changed'))
    nbformat.write(book, tree/'nbs/first.ipynb')
    assert planned(run('--dry-run')) == {'first', 'second', 'other'}


def test_a_failed_step_leaves_the_others_done_and_is_the_only_one_to_run_again(tree, tmp_path):
    profile_of(tree, bad={}, good={})
    book = nbformat.read(tree/'nbs/bad.ipynb', 4)
    book.cells.append(nbformat.v4.new_code_cell('assert n == 2, "n is not 2"'))
    nbformat.write(book, tree/'nbs/bad.ipynb')
    run = lambda *a: workflow(tree, '--keep-going', *a, results=tmp_path/'results', profile='mine')
    done = run()
    assert done.returncode != 0 and re.search(r'bad.ipynb, cell \d+: AssertionError: n is not 2', done.stderr)
    assert (tmp_path/'results/mine/good/executed.ipynb').exists() and not (tmp_path/'results/mine/bad/executed.ipynb').exists()
    assert planned(run('--dry-run')) == {'bad'}


# The pages

def test_pages_need_no_network_and_lead_to_each_other(tree, tmp_path, monkeypatch):
    profile_of(tree, first={}, second=dict(needs=['first']))
    book = nbformat.read(tree/'nbs/first.ipynb', 4)
    book.cells.insert(0, nbformat.v4.new_markdown_cell('# The first\n\n> It promises & keeps.\n\n[next](second.ipynb#part), [elsewhere](https://example.org/x)'))
    nbformat.write(book, tree/'nbs/first.ipynb')
    results = tmp_path/'results/mine'
    for name in ('first', 'second'): run_notebook(tree/f'nbs/{name}.ipynb', results/name/'executed.ipynb', progress=False)
    for run, metrics in dict(one='{"accuracy": 0.81249, "steps": 40}', two='{"accuracy": 0.5, "steps": 40}', three='{"f1": 1}').items():
        (results/'first'/run).mkdir()
        (results/'first'/run/'metrics.json').write_text(metrics)
    done = python(tree/'scripts/course.py', 'html', 'mine', cwd=tmp_path, CLINBERT_RESULTS=str(tmp_path/'results'))
    assert done.returncode == 0, done.stderr
    index, page = (results/'index.html').read_text(), (results/'pages/first.html').read_text()
    assert 'href="pages/first.html">The first</a>' in index and 'It promises &amp; keeps.' in index
    assert '<td>one</td><td class="number">0.8125</td><td class="number">40</td>' in index and '<th>run</th><th class="number">f1</th>' in index
    assert 'href="second.html"' in page and 'href="https://example.org/x"' in page and 'href="../index.html"' in page
    assert not re.search(r'<(script|link)\b|src="http|@import|url\(', index + page)


def test_pages_are_light_for_everybody_and_their_colours_far_from_the_page(tree, tmp_path):
    profile_of(tree, first={})
    run_notebook(tree/'nbs/first.ipynb', tmp_path/'results/mine/first/executed.ipynb', progress=False)
    done = python(tree/'scripts/course.py', 'html', 'mine', cwd=tmp_path, CLINBERT_RESULTS=str(tmp_path/'results'))
    assert done.returncode == 0, done.stderr
    page = (tmp_path/'results/mine/pages/first.html').read_text()
    rules = [rule for rule in page.splitlines() if not rule.startswith('.highlight .w ')]  # white space has nothing to read
    colors = set(re.findall(r'(?<![-\w])(?:color|--ink|--soft|--link): (#\w+)', '\n'.join(rules)))
    assert 'color-scheme: only light;' in page and '#636c76' in colors and len(colors) > 20
    assert min(contrast(color, wash) for color in colors for wash in ('#ffffff', '#f7f8f9')) >= 4.5
