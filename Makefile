# Needs Python 3.11 or newer, git and make. Everything else is installed into .venv by the first target that needs it.
# To run a part of the pipeline: make repro SCALE=smoke METHOD=warm_up. SCALE is one of conf/scale, METHOD a prefix of stage
# names, JOBS how many stages run at once.
SCALE ?=
METHOD ?=
JOBS ?=
PYTEST ?=
SEEDS ?= 101 102 103
TASKS ?= word_problems word_problems_text
BENCHMARKS ?= programs generation scoring sft rl_step rationale_filter
PYTHON3 ?= python3

export PATH := $(CURDIR)/.venv/bin:$(PATH)
export TOKENIZERS_PARALLELISM := false
unexport VIRTUAL_ENV PYTHONPATH

.DEFAULT_GOAL := help
.PHONY: help install repro test test-all bench check-results lint types data params lock experiments seeds studies ui clean

help: ## this list
	@sed -nE 's/^([a-z-]+):.*## (.*)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

install: ## create .venv from the locks (the other targets do this themselves)
	@$(PYTHON3) requirements/install.py

repro: install ## run the pipeline and print the report (SCALE=smoke|default|gpu|paper, METHOD=..., JOBS=...)
	@python -m stepwise.pipeline.repro --scale "$(SCALE)" --method "$(METHOD)" $(if $(JOBS),--jobs "$(JOBS)")

PARALLEL := -n logical --maxprocesses 4 --no-loadscope-reorder

test: install ## run every test that this machine can run, and list the others with what they need (PYTEST="-n 0 tests/rl")
	@python -m pytest $(PARALLEL) $(PYTEST)

test-all: install ## install what tests may need, then fail on every skipped test except those for a GPU
	@python requirements/extras.py
	@python -m pytest $(PARALLEL) --no-skips $(PYTEST)

bench: install ## speed and memory as ratios against a named baseline (BENCHMARKS="programs sft")
	@for each in $(BENCHMARKS); do echo "== $$each"; python -m benchmarks.$$each || exit 1; done

check-results: install ## rerun the pipeline and compare with the committed metrics within their intervals
	@python -m stepwise.pipeline.check_results

studies: install ## bring the ablations of studies/dvc.yaml up to date
	@python -m stepwise.pipeline.repro --file studies/dvc.yaml $(if $(JOBS),--jobs "$(JOBS)")

seeds: install ## repeat the comparison for several seeds and pool the results (SEEDS="101 102 103" TASKS="word_problems word_problems_text")
	@python -m studies.seeds --seeds $(SEEDS) --tasks $(TASKS)

lint: install ## ruff: style and format
	@ruff check . && ruff format --check .

types: install ## mypy
	@mypy

READ_DATA := gsm8k svamp mathqa commonsenseqa ecqa hellaswag proofwriter arc_challenge

data: install ## fetch the real data sets that data/raw points to
	@cd data/raw && dvc update --quiet $(addsuffix /*.dvc,$(READ_DATA)) && git diff --stat -- .

params: install ## compose params.yaml from conf/ (SCALE=...)
	@python -m stepwise.params.compose $(if $(SCALE),scale=$(SCALE))

lock: install ## resolve requirements/*.in into the locks
	@python requirements/lock.py

# Files, and the hundreds of numbers of metrics files that are not accuracies.
NOT_COMPARED := ^(src|stages|studies|data|models|evaluations|samples|plots|checkpoints)($$|/)|^metrics($$|/[^:]*$$|/.*:(?!accuracy$$))

experiments: install ## accuracies and parameters that differ between experiments (dvc exp show)
	@dvc exp show --no-pager --only-changed --drop '$(NOT_COMPARED)'

ui: install ## open MLflow's pages on this machine
	@mlflow ui --host 127.0.0.1 --backend-store-uri sqlite:///mlflow.db

clean: ## remove the environment and work in progress; results and the journals of runs stay
	rm -rf .venv
	find .work -mindepth 1 -maxdepth 1 ! -name tracking -exec rm -rf {} +
