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


def test_check_finds_what_was_edited_by_hand_or_left_behind_and_export_mends_it(tree):
    edited = ['clinbert_nb/core.py', 'tests/test_core.py']
    for name in edited:
        with (tree/name).open('a') as stream: stream.write('\nchanged = True\n')
    (tree/'clinbert_nb/orphan.py').write_text('# no notebook writes this\n')
    done = check(tree)
    assert done.returncode == 1
    assert all(name in done.stderr for name in [*edited, 'clinbert_nb/orphan.py']) and 'test_e2e' not in done.stderr
    assert python(tree/'scripts/course.py', 'export', cwd=tree).returncode == 0
    assert all((tree/name).read_text() == (ROOT/name).read_text() for name in edited)


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
