"""Which faults put in by a program does a module's test file notice?

usage: python scripts/mutants.py [MODULE ...] [--sample 100] [--seed 0] [--show]

mutmut writes every small change of the module's functions that it knows, a sample of them is tried one by one, and the
table says how many made a test fail. Changes of a docstring have no effect and are not drawn. Needs `pip install mutmut`.
"""
import argparse
import ast
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MODULES = ('sentences readings cleaning instances ner normalization softmax finetuning '
           'mednli i2b2_2006 i2b2_2010 i2b2_2012 i2b2_2014 made ncbi_disease cdr tables').split()
CONFIG = '''
[tool.mutmut]
source_paths = ["clinbert_nb"]
only_mutate = ["clinbert_nb/{module}.py"]
also_copy = ["settings.ini", "nbs", "scripts", "configs"]
pytest_add_cli_args_test_selection = {tests}
pytest_add_cli_args = {left_out}
timeout_constant = 20
'''


def copy_of_the_checkout(folder):
    "The project in `folder`, without what was made or downloaded."
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns('.*', 'results', 'data', 'build', 'dist', '*.egg-info', '__pycache__'))


def tests_of(module):
    "The test files of a module: those of its notebook, and those about its input and rules."
    return sorted(str(p.relative_to(ROOT)) for p in [*ROOT.glob(f'tests/test_{module}.py'), *ROOT.glob(f'tests/test_{module}_*.py')])


def configure(folder, module, left_out=()):
    "Write mutmut's settings for one module; `left_out` are tests."
    arguments = [part for test in left_out for part in ('--deselect', test)]
    settings = CONFIG.format(module=module, tests=json.dumps(tests_of(module)), left_out=json.dumps(arguments))
    text = (ROOT/'pyproject.toml').read_text() + settings
    (folder/'pyproject.toml').write_text(text)


def run(folder, *command, **variables):
    "What a command of this Python prints."
    place = dict(CLINBERT_OPEN_DATA=str(ROOT.parent/'shared/data'), OMP_NUM_THREADS='1') | os.environ | dict(PYTHONPATH='') | variables
    return subprocess.run([sys.executable, '-m', *command], cwd=folder, env=place, capture_output=True, text=True).stdout


def mutmut(folder, *arguments): return run(folder, 'mutmut', *arguments)


def tests_that_look_inside(folder, module):
    "Tests that fail without any change: they reach into functions that mutmut has wrapped, for instance by `__globals__`."
    printed = run(folder/'mutants', 'pytest', '-q', '-p', 'no:cacheprovider', *tests_of(module), MUTANT_UNDER_TEST='none')
    return [line.split()[1] for line in printed.splitlines() if line.startswith('FAILED ')]


def verdicts(folder, module):
    "Name of each mutant → exit status of its tests: 0 not noticed, None not tried."
    return json.loads((folder/f'mutants/clinbert_nb/{module}.py.meta').read_text())['exit_code_by_key']


def documentation(source):
    "The docstrings of a module's functions, whole lines."
    functions = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)]
    return {line.strip() for f in functions if ast.get_docstring(f, clean=False) for line in ast.get_source_segment(source, f.body[0]).splitlines()}


def change(folder, mutant):
    "The lines that a mutant takes out and puts in."
    shown = mutmut(folder, 'show', mutant).splitlines()
    return [line for line in shown if line[:1] in ('-', '+') and line[:3] not in ('---', '+++')]


def try_module(module, size, seed):
    "Tried mutants of a module and the changes among them that no test noticed."
    with tempfile.TemporaryDirectory() as d:
        folder = Path(d)/'project'
        copy_of_the_checkout(folder)
        configure(folder, module)
        mutmut(folder, 'run', 'none of them, only written')
        configure(folder, module, left_out := tests_that_look_inside(folder, module))
        names = [*verdicts(folder, module)]
        random.Random(seed).shuffle(names)
        words = documentation((folder/f'clinbert_nb/{module}.py').read_text())
        drawn = []
        for name in names:
            if len(drawn) == size: break
            if change(folder, name)[0][1:].strip() not in words: drawn.append(name)
        said = mutmut(folder, 'run', '--max-children', '1', *drawn)
        found = verdicts(folder, module)
        drawn = [name for name in drawn if found[name] is not None]   # mutmut may stop early
        if not drawn: raise RuntimeError(f'mutmut tried nothing:\n{said[-2000:]}')
        return {name: found[name] for name in drawn}, [change(folder, n) for n in drawn if found[n] == 0], left_out


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('modules', nargs='*', default=MODULES)
    parser.add_argument('--sample', type=int, default=100, help='mutants of each module that are tried')
    parser.add_argument('--seed', type=int, default=0, help='of the sample')
    parser.add_argument('--show', action='store_true', help='print the changes that no test noticed')
    arguments = parser.parse_args()
    for module in arguments.modules:
        try: tried, left, left_out = try_module(module, arguments.sample, arguments.seed)
        except RuntimeError as e: print(f'{module}: {e}', flush=True); continue
        print(f'{module}: {len(tried) - len(left)} of {len(tried)} noticed ({1 - len(left)/max(1, len(tried)):.0%})',
              f'without {len(left_out)} tests that look inside' * bool(left_out), flush=True)
        if arguments.show: print(*('\n'.join(lines) for lines in left), sep='\n\n', flush=True)


if __name__ == '__main__': main()
