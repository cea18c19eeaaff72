"""Which notebook makes which result, for any profile:  snakemake --cores 2 --config profile=demo"""
import re
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

from clinbert_nb.core import CourseError, read_profile, results_root

ROOT = Path(workflow.basedir)
PROFILE = ROOT/'configs'/f"{config.get('profile', 'demo')}.yaml"
RESULTS = results_root()/PROFILE.stem
BIN = Path(sys.executable).parent  # python and clinbert-run of the environment that runs this workflow

try: STEPS = read_profile(PROFILE)
except CourseError as e: raise WorkflowError(str(e))


def notebook(step): return (ROOT/'nbs'/f"{STEPS[step]['notebook']}.ipynb").resolve()


def place(path): return path.name if path.name[0].isdigit() else '~'  # notebooks in their order, the front door last


def library(path):
    "The modules that a notebook may import, its own and those of lower numbers, and the tables that come with them."
    found = {p: re.search(r'#\| *default_exp +(\w+)', p.read_text(encoding='utf-8')) for p in (ROOT/'nbs').glob('[0-9]*.ipynb')}
    modules = [ROOT/'clinbert_nb'/f'{m[1]}.py' for p, m in sorted(found.items()) if m and place(p) <= place(path)]
    return modules + sorted((ROOT/'clinbert_nb/words').glob('*'))


def executed(step): return RESULTS/step/'executed.ipynb'


def waiting_for(step):
    "How many steps need this one, directly or not."
    found = {step}
    while more := {name for name, spec in STEPS.items() if found & set(spec['needs'])} - found: found |= more
    return len(found) - 1


MOST_WAITING = max(waiting_for(step) for step in STEPS)


rule pages:
    input: [executed(step) for step in STEPS], ROOT/'scripts/course.py', ROOT/'scripts/page.html.j2'
    output: RESULTS/'index.html'
    message: 'pages of the executed notebooks'
    shell: '{BIN}/python {ROOT}/scripts/course.py html {PROFILE.stem}'


for step, spec in STEPS.items():
    rule:
        name: f'step_{step}'
        input: notebook(step), library(notebook(step)), [executed(need) for need in spec['needs']]
        output: executed(step)
        params:
            parameters=spec['parameters'], step=step,        # a changed parameter makes the step run again
            nice=10 if waiting_for(step) < 2 <= MOST_WAITING else 0  # what nearly nobody waits for takes what the others leave
        threads: spec.get('threads', 2)
        priority: 100*(2 - spec.get('threads', 2)) + waiting_for(step)  # what needs one core only, first, side by side; of it, what most others wait for
        message: f'{step}'
        shell: 'OMP_NUM_THREADS=${{OMP_NUM_THREADS:-{threads}}} nice -n {params.nice} {BIN}/clinbert-run {PROFILE} {params.step}'
