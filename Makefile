# callctl's own commands. `make help` lists them.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
# Tests wait for telephones more than they compute: three at a time, those of one file together (they share a house).
PARALLEL ?= -n 3 --dist loadfile

.PHONY: help demo test test-long faults bench check format diagrams schema clean
.DEFAULT_GOAL := help

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/.ready: pyproject.toml
	@if ! $(PYTHON) -m venv $(VENV) >/dev/null 2>&1; then \
		echo "The Python here has no venv module: installing Debian's python3-venv."; \
		apt-get update -qq && apt-get install -y -qq python3-venv && rm -rf $(VENV) && $(PYTHON) -m venv $(VENV); \
	fi
	@echo "Installing callctl and its libraries into $(VENV) ..."
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-cache-dir --editable '.[dev]'
	@touch $@

.PHONY: parts
parts: $(VENV)/.ready
	@$(BIN)/python -m callctl.lab.install

demo: parts  ## real Asterisk, Postgres, callers, agents and a campaign; ARGS="--for 60s", ARGS="--no-people"
	@$(BIN)/python -m callctl.lab.demo $(ARGS)

test: parts  ## every test, those on real Asterisk and Postgres included
	$(BIN)/python -m pytest $(PARALLEL) $(ARGS)

test-long: parts  ## the tests with many more examples
	HYPOTHESIS_PROFILE=long SIMULATION=20000 $(BIN)/python -m pytest $(PARALLEL) --timeout 3600 $(ARGS)

faults: parts  ## kill, freeze and cut off real parts under load, and count what is lost; ARGS="--help"
	@$(BIN)/python -m tests.faults $(ARGS)

bench: parts  ## app_queue and callctl under the same load; ARGS="--help", ARGS="--long", ARGS=step for the core alone
	@$(BIN)/python -m tests.bench $(ARGS)

check: $(VENV)/.ready  ## ruff, mypy --strict, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.ready  ## let ruff put the code in shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

diagrams: $(VENV)/.ready  ## draw the transition tables into callctl/README.md
	$(BIN)/python -m tests.tools.diagrams

schema: $(VENV)/.ready  ## write the JSON Schema of the configuration for editors
	$(BIN)/python -m callctl.settings.schema

clean:  ## remove what the commands above made here (the Asterisk of the cache folder stays)
	rm -rf $(VENV) .demo .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
