"""Which notebook makes which result, for any profile. `make course` calls it (scripts/graph.py); alone:  snakemake --cores 2 --config profile=demo"""
import re
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

from clinbert_nb.core import CourseError

ROOT = Path(workflow.basedir)
sys.path.insert(0, str(ROOT/'scripts'))
from graph import folder_of, in_thread, show_plan, steps_of

PROFILE = config.get('profile', 'demo')
RESULTS = folder_of(PROFILE)
try: STEPS = steps_of(PROFILE)
except CourseError as e: raise WorkflowError(str(e))


def notebook(step): return (ROOT/'nbs'/f"{STEPS[step]['notebook']}.ipynb").resolve()


def imported(text):
    "The modules of the library that a source imports."
    return {m for m in re.findall(r'(?:from|import) (?:clinbert_nb)?\.(\w+)', text) if (ROOT/'clinbert_nb'/f'{m}.py').exists()}


def library(path):
    "The modules that a notebook imports, those that they import, and the tables that come with them."
    found, new = set(), imported(path.read_text(encoding='utf-8'))
    while new:
        found |= new
        new = set().union(*(imported((ROOT/'clinbert_nb'/f'{m}.py').read_text(encoding='utf-8')) for m in new)) - found
    return [ROOT/'clinbert_nb'/f'{m}.py' for m in sorted(found)] + sorted((ROOT/'clinbert_nb/words').glob('*'))


def executed(step): return RESULTS/step/'executed.ipynb'


def waiting_for(step):
    "How many steps need this one, directly or not."
    found = {step}
    while more := {name for name, spec in STEPS.items() if found & set(spec['needs'])} - found: found |= more
    return len(found) - 1


def priority_of(step):
    "The thread first; then what needs one core only, side by side; of it, what most others wait for."
    return 10_000*in_thread(STEPS[step]) + 100*(STEPS[step].get('threads') == 1) + waiting_for(step)


MOST_WAITING = max(map(waiting_for, STEPS))
if PROFILE == 'paper' and {'-n', '--dry-run', '--dryrun'} & set(sys.argv): show_plan(PROFILE)  # before `workflow` knows it itself


rule all:
    input: [executed(step) for step in STEPS]


for step, spec in STEPS.items():
    rule:
        name: f'step_{step}'
        input: notebook(step), library(notebook(step)), [executed(need) for need in spec['needs']]
        output: executed(step)
        params:
            parameters=spec['parameters'], step=step,        # a changed parameter makes the step run again
            nice=10 if waiting_for(step) < 2 <= MOST_WAITING and not in_thread(spec) else 0  # what nearly nobody waits for takes what the others leave
        threads: spec.get('threads', workflow.cores or 2)  # all, if it does not say that it can do with less
        priority: priority_of(step)
        message: f'{step}'
        shell: 'OMP_NUM_THREADS=${{OMP_NUM_THREADS:-{threads}}} LOKY_MAX_CPU_COUNT={threads} nice -n {params.nice} '
               '{sys.executable} {ROOT}/scripts/graph.py step {PROFILE} {params.step}'
