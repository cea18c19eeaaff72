# `make course` and `make test` need Python 3.11 or later and make; each makes its own environment in .venv first.
# On a machine without a GPU, PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu keeps gigabytes of CUDA libraries away.
SHELL   := /bin/bash
PYTHON  ?= $(shell for p in python3.11 python3.12 python3.13 python3; do $$p -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
CORES   ?= 2
PROFILE ?= demo
BIN     := .venv/bin
export HF_HUB_DISABLE_TELEMETRY := 1
export CLINBERT_STARTED := $(or $(CLINBERT_STARTED),$(shell date +%s))  # the course tells how long it has been at work
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PYTHONDONTWRITEBYTECODE :=  # what is imported once is compiled and kept

.PHONY: help course plan rehearsal open test fuzz mutants lab export outputs wheel clean

help:  ## print this list
	@grep -hE '^[a-z0-9]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9]+):.*## (.*)/make \1\t\2/' | expand -t 14

course: .venv/ready  ## run the notebooks of a profile (PROFILE=demo, CORES=2), all or those in ONLY="15_tables …" with what they need
	@$(BIN)/python scripts/graph.py course $(PROFILE) $(ONLY) --cores $(CORES)

plan: .venv/ready  ## what `make course PROFILE=paper` would run, hours on a GPU, and what data is missing for it
	@$(BIN)/python scripts/graph.py plan $(or $(filter-out demo,$(PROFILE)),paper)

rehearsal: .venv/ready  ## the papers' whole graph on invented corpora under the real names, budgets cut
	@CLINBERT_REHEARSAL=1 $(MAKE) --no-print-directory course PROFILE=paper ONLY="$(ONLY)"

open:  ## the same on real open corpora (configs/open.yaml)
	@$(MAKE) --no-print-directory course PROFILE=open

test: .venv/ready  ## everything that must hold before a change is merged, the demo among it
	$(BIN)/python scripts/course.py check
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses $(CORES) --dist loadfile --no-loadscope-reorder
	@$(MAKE) --no-print-directory course PROFILE=demo

fuzz: .venv/ready  ## damage valid files, 10,000 for each reader: each is read or refused in one sentence (some minutes)
	$(BIN)/python scripts/fuzz.py

mutants: .venv/ready  ## put small faults into the modules that results hang on: how many do the tests notice? (an hour)
	$(BIN)/python -m pip install --quiet mutmut==3.8.1
	$(BIN)/python scripts/mutants.py --show

lab: .venv/ready  ## JupyterLab on the notebooks
	$(BIN)/jupyter lab --notebook-dir=nbs --LabApp.news_url=None

export: .venv/ready  ## write library, tests and README.md from the notebooks, and clean the notebooks
	$(BIN)/python scripts/course.py export
	$(BIN)/python scripts/course.py clean

outputs:  ## run the demo and copy its outputs into the notebooks, for people who read without running
	@$(MAKE) --no-print-directory course PROFILE=demo
	$(BIN)/python scripts/course.py outputs demo

wheel: .venv/ready  ## the library as a wheel in dist/
	$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .

clean:  ## remove the environment and what tools left behind; data/ and results/ stay
	rm -rf .venv .snakemake .pytest_cache .hypothesis build dist *.egg-info

.venv/locked: requirements.lock
	@test -n "$(PYTHON)" || { echo "Python 3.11 or later is needed and none was found: make PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is older than Python 3.11: make PYTHON=/path/to/python3.11"; exit 1; }
	@echo "Installing the environment into .venv (once, some minutes)"
	@$(PYTHON) -m venv --clear .venv
	@$(BIN)/python -m pip install --quiet --constraint requirements.lock --upgrade pip  # the one that comes with Python takes minutes to resolve the rest
	@PIP_CONSTRAINT=requirements.lock PIP_BUILD_CONSTRAINT=requirements.lock \
	  $(BIN)/python -m pip install --quiet --no-compile -r requirements.lock  # the lock holds for what builds packages, too; compiled is what is used, at its first use
	@mkdir -p .venv/etc/ipython  # a kernel on this machine talks to this machine: its warnings about that are nothing a reader can act on
	@echo 'c.IPKernelApp.log_level = 50' > .venv/etc/ipython/ipython_kernel_config.py
	@touch $@

.venv/ready: .venv/locked settings.ini setup.py pyproject.toml
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@
