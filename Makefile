# The commands of this house. `make help` lists them.

PORT ?= 8501
HOST ?= 127.0.0.1
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install
# One line per package, so that a first install shows that it moves without filling the screen.
PROGRESS := awk '/^Collecting / {print "  " $$2} /^  Downloading .* MB\)/ {print "    " $$(NF-1), $$NF} {fflush()}'

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help run stop test check format bench pictures browser clean

help:  ## list the commands
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 12

# Sample data that no package carries comes in the background: the start neither waits for it nor fails without a network.
run: $(VENV)/.installed  ## start the dashboard (PORT=8501 HOST=127.0.0.1)
	@$(BIN)/python -m scripts.sample_data >/dev/null 2>&1 & exec $(BIN)/python -m scripts.dashboard --host $(HOST) --port $(PORT)

stop:  ## end the runs gently (their checkpoints are saved), the supervisor and the dashboard
	@if [ -x $(BIN)/python ]; then $(BIN)/python -m scripts.dashboard --stop; else echo "Nothing is installed here, so nothing runs."; fi

test: $(VENV)/.installed-dev browser  ## install what tests need and run them all
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $${TEST_PROCESSES:-2} --dist loadgroup $(PYTEST)

check: $(VENV)/.installed-dev  ## style, format, types and import rules
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/python -m pytest -q tests/test_architecture.py -m "not slow"

format: $(VENV)/.installed-dev  ## put the style right where that can be done by a program
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: $(VENV)/.installed-dev browser  ## measure the promises; a table, and bench-results/all.json
	@$(BIN)/python -m scripts.bench --json bench-results/all.json

pictures: $(VENV)/.installed-dev browser  ## photograph the pages for the README
	@$(BIN)/python -m scripts.pictures docs/pictures

browser: $(VENV)/.installed-dev
	@$(BIN)/python -m scripts.chromium --install

clean:  ## remove what was installed and cached; data and runs stay
	@rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis bench-results
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/pyvenv.cfg:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Bancada needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) --version 2>&1 || echo missing)."; \
	  echo "Install one and name it, such as: make run PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	  echo "Python's venv module is not complete here; on Debian and Ubuntu: apt-get install python3-venv"; exit 1; }

# torch goes first and alone: the packages after it then accept the build that is there.
$(VENV)/.installed: requirements.txt | $(VENV)/pyvenv.cfg
	@echo "Installing the packages of requirements.txt; the first time this takes a few minutes."
	@$(PIP) "$$(grep -i '^torch==' requirements.txt)" | $(PROGRESS)
	@$(PIP) -r requirements.txt | $(PROGRESS)
	@touch $@

$(VENV)/.installed-dev: requirements-dev.txt $(VENV)/.installed
	@echo "Installing what tests and checks need."
	@$(PIP) -r requirements-dev.txt | $(PROGRESS)
	@touch $@
