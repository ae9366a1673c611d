# The course's commands. `make help` lists them; a second call does no needless work.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
LESSON ?= 05
# Test processes side by side: a lesson keeps little more than one core busy, and holds up to 2 GB.
WORKERS ?= 2
.DEFAULT_GOAL := help
.PHONY: help lab test test-jax venv run build check lint results constraints

help:  ## list these commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "make %-12s %s\n", $$1, $$2}'

lab: $(VENV)/.installed  ## open JupyterLab on the course
	$(BIN)/jupyter lab notebooks

test: $(VENV)/.installed-dev  ## run all tests, and the solutions under nbval
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --nbval tests solutions

test-jax: $(VENV)/.installed-dev  ## run the lessons, their checks and grading on JAX
	KERAS_BACKEND=jax $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m jax tests/lessons tests/coursetools

venv: $(VENV)/.installed-dev  ## make .venv with all that authors and graders need

run: $(VENV)/.installed-dev  ## run a lesson headless and print its measured claims (LESSON=05)
	$(BIN)/coursetools run $(LESSON)

build: $(VENV)/.installed-dev  ## build notebooks/ and solutions/ from lessons/
	$(BIN)/coursetools build

check: $(VENV)/.installed-dev  ## prove that the notebooks are in step with lessons/, leak nothing and can be graded
	$(BIN)/coursetools check

lint: $(VENV)/.installed-dev  ## ruff, lint and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

results: $(VENV)/.installed-dev  ## write the tables of README.md and docs/results.md from benchmarks/results/
	$(BIN)/coursetools results

constraints: $(VENV)/.installed-dev  ## freeze this environment's versions into constraints.txt
	(head -2 constraints.txt; $(BIN)/python -m pip freeze --exclude-editable) > constraints.new
	mv constraints.new constraints.txt

$(VENV)/.installed: requirements.txt constraints.txt pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if (3, 11) <= v[:2] <= (3, 13) else f"The course needs Python 3.11 to 3.13, and $(PYTHON) is {v[0]}.{v[1]}: name another one, for instance make lab PYTHON=python3.12")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV) (a minute or two, about 3 GB) ..."
	@$(PIP) install --upgrade pip
	@$(PIP) install -r requirements.txt -c constraints.txt
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@$(PIP) install -e '.[dev]' -c constraints.txt
	@touch $@
