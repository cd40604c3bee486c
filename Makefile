# Everything from nothing but Python 3.11+, make and package registries.
#   make demo    database, web, worker and a project to label; Ctrl-C ends it all
#   make test    everything the tests need, then the tests (PYTEST_ARGS="tests/core -k pid")
#   make check   format, lint, types, imports, tests
#   make clean   remove the environment and caches; your data is not here

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PYTEST_ARGS ?= -n auto --maxprocesses 4 --dist loadfile

.PHONY: demo test check lint browser clean help
.DELETE_ON_ERROR:

help:
	@sed -n 's/^#   //p' Makefile

demo: $(VENV)/ready-train
	@$(BIN)/stepmark demo

test: $(VENV)/ready-dev browser
	$(BIN)/python -m pytest $(PYTEST_ARGS)

check: lint test

lint: $(VENV)/ready-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/djlint templates --check --quiet
	$(BIN)/djlint templates --lint --quiet
	$(BIN)/biome check --error-on-warnings

browser: $(VENV)/ready-dev
	@sh tests/browser/install.sh $(BIN)

$(VENV)/made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Stepmark needs Python 3.11 or newer; $(PYTHON) is older or missing. Name another: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { \
	  echo "$(PYTHON) cannot make virtual environments. On Debian or Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/ready-train: pyproject.toml constraints.txt | $(VENV)/made
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[train]'
	@touch $@

$(VENV)/ready-dev: pyproject.toml constraints.txt | $(VENV)/made
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[train,smollm2,dev]'
	@touch $@ $(VENV)/ready-train

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find app tests bench migrations -name __pycache__ -type d -prune -exec rm -rf {} +
