"""One graph for each world: run it, a part of it, or one step of it.

usage: python scripts/graph.py course PROFILE [STEP ...] [--cores N] [-- OPTIONS OF SNAKEMAKE]
       python scripts/graph.py plan PROFILE             what it would run, hours on a GPU, and what data is missing
       python scripts/graph.py step PROFILE STEP        one step, as the workflow calls it
       python scripts/graph.py pages PROFILE            the pages of all that was run, anew
"""
import argparse
import fcntl
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from clinbert_nb.core import CourseError, is_rehearsal, profile_name, read_profile, results_root, run_notebook, shown, write_json

ROOT = Path(__file__).resolve().parent.parent
LAST_OF_THREAD = '05'  # the thread of the course are the notebooks up to this one


def steps_of(profile):
    "The steps of a profile by its name. A `$VARIABLE` that is not set stays: `check_data` says so, if a step that is asked for needs it."
    return read_profile(ROOT/'configs'/f'{profile}.yaml', strict=False)


def folder_of(profile): return results_root()/profile_name(ROOT/'configs'/f'{profile}.yaml')


def number(spec): return Path(spec['notebook']).name.split('_')[0]


def in_thread(spec): return number(spec)[:1].isdigit() and number(spec) <= LAST_OF_THREAD


def asked_for(steps, names):
    "The steps that `names` mean, by their own name, their notebook or its number. Raises `CourseError` for another."
    found = []
    for name in names:
        means = [step for step, spec in steps.items() if name in (step, spec['notebook'], number(spec))]
        if not means: raise CourseError(f"ONLY={name} is no step; there are {', '.join(steps)}.")
        found += means
    return found


def with_needs(steps, names):
    "Steps and all that they need."
    found = set(names)
    while more := {need for name in found for need in steps[name]['needs']} - found: found |= more
    return {name: spec for name, spec in steps.items() if name in found}


def left_behind(folders, root):
    "Path below `root` → bytes of every file in some folders, as far as they are below `root`."
    inside = [Path(f) for f in folders if Path(f).is_relative_to(root) and Path(f).is_dir()]
    files = {p for folder in inside for p in folder.rglob('*') if p.is_file() and p.name[0] != '.'}
    return {str(p.relative_to(root)): p.stat().st_size for p in sorted(files)}


def damage(folder, step):
    "What a step has lost since it was run: '' if nothing, else a few words."
    try: files = json.loads((folder/step/'step.json').read_text(encoding='utf-8'))['files']
    except (OSError, ValueError, KeyError): return 'its record is missing'
    for name, size in files.items():
        path = results_root()/name
        if not path.is_file(): return f'{name} is missing'
        if path.stat().st_size != size: return f'{name} has {path.stat().st_size} bytes instead of {size}'
    return ''


def forget_damaged(folder, steps):
    "Take away the executed notebooks of steps that lost something, so that they run again."
    for step in steps:
        executed = folder/step/'executed.ipynb'
        if executed.exists() and (lost := damage(folder, step)):
            print(f'{step} runs again: {lost}', flush=True)
            executed.unlink()


def run_step(profile, step):
    "Run a step: its executed notebook, its page, its record, and the overview."
    import pages
    steps, folder = steps_of(profile), folder_of(profile)
    with tempfile.TemporaryDirectory() as scratch:
        used = Path(scratch)/'folders'
        os.environ['CLINBERT_FOLDERS'] = str(used)
        run_notebook(pages.source_of(steps[step]), folder/step/'executed.ipynb', steps[step]['parameters'], progress=sys.stderr.isatty())
        folders = set(used.read_text(encoding='utf-8').splitlines()) if used.exists() else set()
    record = pages.write_page(folder, steps, step)
    write_json(folder/step/'step.json', record | dict(files=left_behind(folders, results_root())))
    pages.write_overview(folder, steps)
    report(profile, steps, step, record['seconds'])


def report(profile, steps, step, seconds):
    "Say that a step is done, and when the thread is."
    from pages import clock
    folder, since = folder_of(profile), float(os.environ.get('CLINBERT_STARTED', time.time()))
    is_done = lambda name: (folder/name/'step.json').exists() and (folder/name/'executed.ipynb').exists()
    passed, done = clock(time.time() - since), sum(map(is_done, steps))
    print(f'[{passed}] {step}, {clock(seconds)} ({done} of {len(steps)}): {shown(folder/"pages"/f"{step}.html")}', flush=True)
    thread = [name for name, spec in steps.items() if in_thread(spec)]
    if step in thread and all(map(is_done, thread)):
        print(f'[{passed}] The thread is done and can be read, the rest follows: {shown(folder/"index.html")}', flush=True)


def write_pages(profile):
    "All pages of a profile, and its overview."
    import pages
    steps, folder = steps_of(profile), folder_of(profile)
    for step in steps:
        if (folder/step/'executed.ipynb').exists():
            record = pages.write_page(folder, steps, step)
            old = folder/step/'step.json'
            write_json(old, (json.loads(old.read_text(encoding='utf-8')) if old.exists() else {}) | record)
    pages.write_overview(folder, steps)


def locked(folder):
    "An open file whose lock only one workflow can have; it ends with the process. Raises `CourseError` if another has it."
    folder.mkdir(parents=True, exist_ok=True)
    stream = open(folder/'.course.lock', 'w')
    try: fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise CourseError(f'Another `make course` is at work on {shown(folder)}; wait until it is done, or stop it first.') from None
    return stream


def check_data(profile, only):
    "Make what a rehearsal needs. Raise `CourseError`, one table, if the steps asked for name data that is not there."
    from clinbert_nb.plan import missing_data, missing_text
    if is_rehearsal():
        from clinbert_nb.rehearsal import ensure_rehearsal
        ensure_rehearsal()
    steps = steps_of(profile)
    if text := missing_text(missing_data(with_needs(steps, asked_for(steps, only) or steps))): raise CourseError(text)


def show_plan(profile):
    "Print what is missing for a profile, and every run it makes with hours on a GPU."
    from clinbert_nb.plan import missing_data, missing_text, plan_text
    steps = steps_of(profile)
    print(plan_text(steps), end='\n\n')
    print(missing_text(missing_data(steps)) or 'All data is there.')


def say_if_broken(command):
    "Show what Snakemake, which is kept silent, has against the workflow itself."
    loud = ['host' if word == 'all' else word for word in command]
    tried = subprocess.run([*loud, '--dry-run'], capture_output=True, text=True)
    if tried.returncode: print(tried.stderr, file=sys.stderr)


def course(profile, only, cores, options):
    "Run the graph of a profile, or the steps asked for and what they need; the exit status."
    check_data(profile, only)
    steps, folder = steps_of(profile), folder_of(profile)
    targets = [f'step_{step}' for step in asked_for(steps, only)]
    lock = locked(folder)
    forget_damaged(folder, steps)
    command = [sys.executable, '-m', 'snakemake', '--snakefile', ROOT/'Snakefile', '--directory', ROOT, '--cores', cores, '--scheduler', 'greedy',
               '--rerun-incomplete', '--keep-going', '--nolock', '--quiet', 'all', '--config', f'profile={profile}']
    environment = os.environ | dict(CLINBERT_STARTED=os.environ.get('CLINBERT_STARTED', str(time.time())))
    done = subprocess.run([*map(str, command), *options, '--', *targets], env=environment, pass_fds=[lock.fileno()])
    if done.returncode:
        say_if_broken(list(map(str, command)))
        wanted = with_needs(steps, asked_for(steps, only) or steps)
        undone = [step for step in wanted if not (folder/step/'executed.ipynb').exists()]
        raise CourseError(f'{len(undone)} of {len(wanted)} steps are not done: {", ".join(undone)}. What is done is kept; run it again.')
    if any(not (folder/'pages'/f'{step}.html').exists() for step in steps if (folder/step/'executed.ipynb').exists()): write_pages(profile)
    if not (folder/'index.html').exists(): write_pages(profile)
    print(f'The executed notebooks, their results and an overview: {shown(folder/"index.html")}')
    return 0


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument('command', choices=['course', 'plan', 'step', 'pages'])
    parser.add_argument('profile')
    parser.add_argument('steps', nargs='*')
    parser.add_argument('--cores', default='2')
    own, _, options = (lambda a: (a[:a.index('--')], '--', a[a.index('--')+1:]) if '--' in a else (a, '', []))(sys.argv[1:])
    given = parser.parse_args(own)
    try:
        if given.command == 'course': sys.exit(course(given.profile, given.steps, given.cores, options))
        if given.command == 'plan': show_plan(given.profile)
        if given.command == 'pages': write_pages(given.profile)
        if given.command == 'step': run_step(given.profile, *given.steps)
    except CourseError as e: sys.exit(f'{given.steps[0] if given.command == "step" else given.profile}: {e}')


if __name__ == '__main__': main()
