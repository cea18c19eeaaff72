"""The graph of a world: who needs whom, what runs again, what the pages show, and what happens when something is lost, stopped or wrong."""
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
import yaml

from clinbert_nb.core import Run, read_profile, run_notebook, write_json
from clinbert_nb.legible import contrast

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT/'scripts'))
from graph import damage, left_behind  # noqa: E402

NOTEBOOKS = sorted((ROOT/'nbs').glob('[0-9]*.ipynb'))
PROFILES = sorted((ROOT/'configs').glob('*.yaml'))
LEAVES_A_RUN = '''from clinbert_nb.core import Run
with Run(name, 'one', dict(n=n), profile=profile) as run:
    run.metrics['n'] = n
    (run.folder/'table.csv').write_text('1,2,3')'''


@pytest.fixture
def tree(tmp_path):
    "A copy of the checkout without environment, data and results."
    ignored = shutil.ignore_patterns('.*', 'results', 'data', 'build', 'dist', '*.egg-info', '__pycache__')
    shutil.copytree(ROOT, tmp_path/'tree', ignore=ignored)
    (tmp_path/'tree/data').mkdir()
    shutil.copy(ROOT/'data/README.md', tmp_path/'tree/data')   # which says where each corpus is from
    return tmp_path/'tree'


def environment(tree, results): return {**os.environ, 'PYTHONPATH': str(tree), 'CLINBERT_RESULTS': str(results)}


def snakemake(tree, results, *arguments, profile='mine'):
    command = [sys.executable, '-m', 'snakemake', '--cores', '2', '--scheduler', 'greedy', '--config', f'profile={profile}', *arguments]
    return subprocess.run(command, cwd=tree, env=environment(tree, results), capture_output=True, text=True)


def course(tree, results, *arguments, profile='mine', **options):
    command = [sys.executable, tree/'scripts/graph.py', 'course', profile, *arguments]
    return subprocess.run(command, cwd=tree, env=environment(tree, results), capture_output=True, text=True, **options)


def planned(done):
    "The steps that a dry run would run."
    assert done.returncode == 0, done.stdout + done.stderr
    return set(re.findall(r'^step_(\w+) ', done.stdout + done.stderr, re.M))


def ran(done):
    "The steps that a course has run, in their order."
    assert done.returncode == 0, done.stdout + done.stderr
    return re.findall(r'^\[[\d:]+\] (\w+), ', done.stdout, re.M)


def write_notebook(path, *cells):
    parameters = f'profile: str = "mine"  # folder of results\nn: int = 1  # a number\nname: str = "{path.stem}"  # of the runs'
    sources = nbformat.v4.new_code_cell(parameters, metadata={'tags': ['parameters']}), *map(nbformat.v4.new_code_cell, cells)
    book = nbformat.v4.new_notebook(cells=list(sources))
    book.metadata['kernelspec'] = dict(name='python3', language='python', display_name='python3')
    nbformat.write(book, path)


def profile_of(tree, cells=('print(n)',), **steps):
    "A profile `mine` of stand-in notebooks, so that what depends on what is tested in seconds."
    for name, step in steps.items(): write_notebook(tree/f"nbs/{step.get('notebook', name)}.ipynb", *cells)
    (tree/'configs/mine.yaml').write_text(yaml.safe_dump(dict(steps=steps), sort_keys=False))


# The profiles of the course

@pytest.mark.parametrize('path', PROFILES, ids=lambda p: p.stem)
def test_every_step_of_a_profile_names_a_notebook_and_parameters_that_it_knows(path, monkeypatch):
    for variable in set(re.findall(r'\$(CLINBERT_\w+)', path.read_text())): monkeypatch.setenv(variable, '/somewhere')
    for name, step in read_profile(path).items():
        book = nbformat.read(ROOT/'nbs'/f"{step['notebook']}.ipynb", 4)
        declared = next(c.source for c in book.cells if 'parameters' in c.metadata.get('tags', []))
        assert set(step['parameters']) <= set(re.findall(r'^(\w+):', declared, re.M)), name


@pytest.mark.parametrize('path', PROFILES, ids=lambda p: p.stem)
def test_every_world_holds_every_notebook_from_01_to_21(path, monkeypatch):
    for variable in set(re.findall(r'\$(CLINBERT_\w+)', path.read_text())): monkeypatch.setenv(variable, '/somewhere')
    held = {step['notebook'] for step in read_profile(path).values()}
    assert {nb.stem for nb in NOTEBOOKS if nb.stem >= '01'} <= held


def test_there_are_three_worlds_and_none_names_the_folders_of_another():
    assert [path.stem for path in PROFILES] == ['demo', 'open', 'paper']
    for path in PROFILES:
        others = [p.stem for p in PROFILES if p != path]
        assert not re.search(rf'CLINBERT_RESULTS/({"|".join(others)})\b', path.read_text())


def test_the_demo_runs_every_notebook_with_its_defaults():
    demo = read_profile(ROOT/'configs/demo.yaml')
    notebooks = {(ROOT/'nbs'/f"{step['notebook']}.ipynb").resolve() for step in demo.values()}
    assert notebooks == {*NOTEBOOKS, *ROOT.glob('index.ipynb')}
    assert all(step['parameters'] == {'profile': 'demo'} for step in demo.values())


def test_a_dry_run_of_the_demo_lists_every_step(tree, tmp_path):
    dry = snakemake(tree, tmp_path/'results', '--dry-run', profile='demo')
    assert planned(dry) == set(read_profile(ROOT/'configs/demo.yaml'))


def test_a_dry_run_of_the_papers_lists_every_run_with_hours_and_what_is_missing(tree, tmp_path, monkeypatch):
    monkeypatch.setenv('CLINBERT_DATA', str(tmp_path/'data'))
    for variable in ('CLINBERT_BERT', 'CLINBERT_BIOBERT'): monkeypatch.delenv(variable, raising=False)
    said = snakemake(tree, tmp_path/'results', '--dry-run', profile='paper').stdout
    assert re.search(r'03_ehrbert +EhrBERT-1M .* \d+\.\d+$', said, re.M) and re.search(r'^together .* \d+\.\d+$', said, re.M)
    assert 'missing; data/README.md' in said and 'mimic/NOTEEVENTS.csv.gz' in said


def test_a_step_depends_on_the_modules_that_its_notebook_needs_and_no_others(tree, tmp_path):
    run = lambda: planned(snakemake(tree, tmp_path/'results', '--dry-run'))
    profile_of(tree, patients={}, tagger={}, alone={})
    write_notebook(tree/'nbs/patients.ipynb', 'from clinbert_nb.patients import Patient')
    write_notebook(tree/'nbs/tagger.ipynb', 'from clinbert_nb.tagging import TABLE_2')
    for name in run():
        run_notebook(tree/'nbs/alone.ipynb', tmp_path/f'results/mine/{name}/executed.ipynb', progress=False)
    assert run() == set()
    os.utime(tree/'clinbert_nb/finetuning.py')
    assert run() == {'tagger'}   # which imports it by way of others


# What runs, and what runs again

def test_only_what_stands_behind_a_change_runs_again(tree, tmp_path):
    profile_of(tree, first={}, second=dict(needs=['first']), other={})
    run = lambda *a: course(tree, tmp_path/'results', *a)
    assert set(ran(run())) == {'first', 'second', 'other'}
    assert ran(again := run()) == [] and 'index.html' in again.stdout
    profile = tree/'configs/mine.yaml'
    profile.write_text(profile.read_text().replace('other: {}', 'other: {parameters: {n: 2}}'))
    assert ran(run()) == ['other']
    book = nbformat.read(tree/'nbs/first.ipynb', 4)
    book.cells.append(nbformat.v4.new_markdown_cell('changed'))
    nbformat.write(book, tree/'nbs/first.ipynb')
    assert ran(run()) == ['first', 'second']


def test_a_part_of_the_graph_is_a_target(tree, tmp_path):
    profile_of(tree, **{'07_first': {}, '08_second': dict(needs=['07_first']), '09_other': {}})
    assert ran(course(tree, tmp_path/'results', '08')) == ['07_first', '08_second']
    overview = (tmp_path/'results/mine/index.html').read_text()
    assert '09_other has not been run: <code>make course PROFILE=mine ONLY=09_other</code>' in overview
    assert '2 of 3 notebooks' in overview


def test_a_variable_that_is_not_set_stops_only_the_steps_that_need_it(tree, tmp_path):
    profile_of(tree, **{'07_first': {}, '08_second': dict(parameters=dict(name='$CLINBERT_NOWHERE'))})
    assert ran(course(tree, tmp_path/'results', '07')) == ['07_first']
    done = course(tree, tmp_path/'results', '08')
    assert done.returncode == 1 and '1 missing' in done.stderr and '$CLINBERT_NOWHERE' in done.stderr


def test_the_thread_comes_first_and_it_is_said_when_it_can_be_read(tree, tmp_path):
    profile_of(tree, **{'07_a': dict(threads=1), '04_b': dict(threads=2), '05_c': dict(threads=2, needs=['04_b'])})
    done = course(tree, tmp_path/'results', '--cores', '1')
    assert ran(done) == ['04_b', '05_c', '07_a']
    assert re.search(r'05_c, .*\n\[[\d:]+\] The thread is done and can be read.*mine/index.html\n.*07_a', done.stdout)


def test_a_failed_step_leaves_the_others_done_and_is_the_only_one_to_run_again(tree, tmp_path):
    profile_of(tree, bad={}, good={})
    write_notebook(tree/'nbs/bad.ipynb', 'assert n == 2, "n is not 2"')
    done = course(tree, tmp_path/'results')
    assert done.returncode == 1 and re.search(r'^bad: bad.ipynb, cell \d+: AssertionError: n is not 2', done.stderr, re.M)
    assert done.stderr.strip().endswith('mine: 1 of 2 steps are not done: bad. What is done is kept; run it again.')
    results = tmp_path/'results/mine'
    assert (results/'good/executed.ipynb').exists() and not (results/'bad/executed.ipynb').exists()
    assert planned(snakemake(tree, tmp_path/'results', '--dry-run')) == {'bad'}


@pytest.fixture
def left(tmp_path, monkeypatch):
    "What a step called `made` left in a folder of results."
    monkeypatch.setenv('CLINBERT_RESULTS', str(tmp_path))
    with Run('made', 'one', {}, profile='mine') as run: (run.folder/'table.csv').write_text('1,2,3')
    write_json(tmp_path/'mine/made/step.json', dict(title='Made', files=left_behind([run.path], tmp_path)))
    return tmp_path/'mine'


def test_a_whole_result_is_no_damage(left): assert damage(left, 'made') == ''


@pytest.mark.parametrize('lost', ['table.csv', 'metrics.json', 'manifest.json'])
def test_any_file_that_is_missing_is_noticed(lost, left):
    (left/'made/one'/lost).unlink()
    assert damage(left, 'made') == f'mine/made/one/{lost} is missing'


def test_a_file_that_is_cut_off_is_noticed(left):
    (left/'made/one/table.csv').write_text('1,')
    assert damage(left, 'made') == 'mine/made/one/table.csv has 2 bytes instead of 5'


@pytest.mark.parametrize('record', ['', '{"title": ', '{"title": "Made"}'])   # the last is what pages alone leave
def test_a_record_that_is_cut_off_is_noticed(record, left):
    (left/'made/step.json').write_text(record)
    assert damage(left, 'made') == 'its record is missing'


def test_what_is_deleted_is_back_after_the_next_run_and_pages_without_one(tree, tmp_path):
    profile_of(tree, cells=[LEAVES_A_RUN], made={}, other={})
    made = tmp_path/'results/mine'
    course(tree, tmp_path/'results')
    shutil.rmtree(made/'made/one')
    assert ran(course(tree, tmp_path/'results')) == ['made'] and (made/'made/one/table.csv').read_text() == '1,2,3'
    for page in ('index.html', 'pages/other.html'): (made/page).unlink()
    assert ran(course(tree, tmp_path/'results')) == [] and (made/'index.html').exists() and (made/'pages/other.html').exists()


def test_results_of_an_older_version_are_made_again_and_what_is_no_step_stays_out(tree, tmp_path):
    profile_of(tree, made={})
    old = tmp_path/'results/mine'
    for name in ('made', 'gone'): run_notebook(tree/'nbs/made.ipynb', old/name/'executed.ipynb', progress=False)
    done = course(tree, tmp_path/'results')
    assert 'made runs again: its record is missing' in done.stdout and ran(done) == ['made']
    assert 'gone' not in (old/'index.html').read_text() and (old/'gone/executed.ipynb').exists()


def killed(tree, results, seconds):
    "Start a course and kill all of it after some seconds."
    command = [sys.executable, tree/'scripts/graph.py', 'course', 'mine']
    process = subprocess.Popen(command, cwd=tree, env=environment(tree, results), start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(seconds)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def contents(folder):
    "What the runs of a profile say, without times."
    return {p.relative_to(folder): p.read_text() for p in sorted(folder.glob('*/one/*')) if p.name != 'manifest.json'}


def test_killed_again_and_again_the_last_run_completes_it(tree, tmp_path):
    profile_of(tree, cells=['import time\ntime.sleep(.5)', LEAVES_A_RUN], first={}, second=dict(needs=['first']))
    course(tree, tmp_path/'whole')
    for seconds in (4, 7): killed(tree, tmp_path/'results', seconds)
    done = course(tree, tmp_path/'results')
    assert done.returncode == 0, done.stdout + done.stderr
    assert contents(tmp_path/'results/mine') == contents(tmp_path/'whole/mine')
    assert len(contents(tmp_path/'whole/mine')) == 4


# Bad input: one sentence, before anything starts

def test_two_courses_at_once_do_not_meet(tree, tmp_path):
    profile_of(tree, cells=['import time\ntime.sleep(3)'], slow={})
    command = [sys.executable, tree/'scripts/graph.py', 'course', 'mine']
    first = subprocess.Popen(command, cwd=tree, env=environment(tree, tmp_path/'results'), stdout=subprocess.DEVNULL)
    while not (tmp_path/'results/mine/.course.lock').exists(): time.sleep(.05)
    time.sleep(.5)
    second = course(tree, tmp_path/'results')
    assert first.wait() == 0 and second.returncode == 1
    assert re.fullmatch('mine: Another `make course` is at work on .*results/mine; wait until it is done, or stop it first.', second.stderr.strip())


PROFILES_THAT_ARE_NONE = {
    'a step twice': ('steps:\n  a: {}\n  b: {}\n  a: {}\n', r"mine.yaml, line 4: 'a' stands there twice; expected each name once"),
    'a parameter twice': ('steps:\n  a: {parameters: {n: 1, n: 2}}\n', r"mine.yaml, line 2: 'n' stands there twice"),
    'a circle': ('steps:\n  a: {needs: [b]}\n  b: {needs: [a]}\n', r"step 'a' needs 'b', which does not stand above it"),
    'no YAML': ('steps:\n  a: {needs: [b\n  b: {}\n', r'mine.yaml, line \d: .*; expected YAML'),
}


@pytest.mark.parametrize('case', PROFILES_THAT_ARE_NONE)
def test_a_profile_that_is_none_is_one_sentence(case, tree, tmp_path):
    text, message = PROFILES_THAT_ARE_NONE[case]
    (tree/'configs/mine.yaml').write_text(text)
    done = course(tree, tmp_path/'results')
    assert done.returncode == 1 and re.search(message, done.stderr)
    assert len(done.stderr.strip().splitlines()) == 1 and not (tmp_path/'results/mine').exists()


def test_a_part_that_is_no_step_is_one_sentence(tree, tmp_path):
    profile_of(tree, **{'07_first': {}, '08_second': {}})
    done = course(tree, tmp_path/'results', '99')
    assert done.returncode == 1 and done.stderr.strip() == 'mine: ONLY=99 is no step; there are 07_first, 08_second.'


def test_a_workflow_that_is_broken_says_how(tree, tmp_path):
    profile_of(tree, first={})
    (tree/'Snakefile').write_text('raise ValueError("no such thing")')
    done = course(tree, tmp_path/'results')
    assert done.returncode == 1 and 'no such thing' in done.stderr


# The pages

def test_pages_need_no_network_and_lead_to_each_other(tree, tmp_path):
    profile_of(tree, first={}, second=dict(needs=['first']))
    book = nbformat.read(tree/'nbs/first.ipynb', 4)
    book.cells.insert(0, nbformat.v4.new_markdown_cell('# The first\n\n> It promises & keeps.\n\n[next](second.ipynb#part), [elsewhere](https://example.org/x)'))
    nbformat.write(book, tree/'nbs/first.ipynb')
    results = tmp_path/'results/mine'
    for run, metrics in dict(one='{"accuracy": 0.81249, "steps": 40}', two='{"accuracy": 0.5, "steps": 40}', three='{"f1": 1}').items():
        (results/'first'/run).mkdir(parents=True)
        (results/'first'/run/'metrics.json').write_text(metrics)
    course(tree, tmp_path/'results')
    index, page = (results/'index.html').read_text(), (results/'pages/first.html').read_text()
    assert 'href="pages/first.html">The first</a>' in index and 'It promises &amp; keeps.' in index
    assert '<td>one</td><td class="number">0.8125</td><td class="number">40</td>' in index and '<th>run</th><th class="number">f1</th>' in index
    assert 'href="second.html"' in page and 'href="https://example.org/x"' in page and 'href="../index.html"' in page
    assert not re.search(r'<(script|link)\b|src="http|@import|url\(', index + page)


def test_pages_are_light_for_everybody_and_their_colours_far_from_the_page(tree, tmp_path):
    profile_of(tree, first={})
    course(tree, tmp_path/'results')
    page = (tmp_path/'results/mine/pages/first.html').read_text()
    rules = [rule for rule in page.splitlines() if not rule.startswith('.highlight .w ')]  # white space has nothing to read
    colors = set(re.findall(r'(?<![-\w])(?:color|--ink|--soft|--link): (#\w+)', '\n'.join(rules)))
    assert 'color-scheme: only light;' in page and '#636c76' in colors and len(colors) > 20
    assert min(contrast(color, wash) for color in colors for wash in ('#ffffff', '#f7f8f9')) >= 4.5
