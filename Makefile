# Every target sets up what it needs. `make demo` and `make test` are the two to know.
PYTHON ?= python3
BIN := .venv/bin
RUN := $(BIN)/python -m
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
# Small dense products crawl when threaded BLAS meets a busy core; the library does not need it.
export OPENBLAS_NUM_THREADS ?= 1
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: setup ray browser demo test lint slow bench compiler compiled docs clean

.venv/created:
	$(PYTHON) -c 'import sys; sys.exit("peerrec needs Python 3.11 or newer; try: make $(MAKECMDGOALS) PYTHON=python3.12") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv .venv
	@touch $@

# What the demo needs and no more: a clone is at its first list in a minute.
.venv/demo: .venv/created pyproject.toml
	$(BIN)/pip install --quiet -e '.[node]'
	@touch $@

.venv/setup: .venv/created pyproject.toml
	$(BIN)/pip install --quiet 'pip>=25.1'
	$(BIN)/pip install --quiet -e '.[all]' --group dev
	@touch $@ .venv/demo

.venv/docs: .venv/setup
	$(BIN)/pip install --quiet --group docs
	@touch $@

# Only what runs over several machines needs it, and it is large.
.venv/ray: .venv/setup
	$(BIN)/pip install --quiet -e '.[ray]'
	@touch $@

setup: .venv/setup

# Debian's browser, which the dashboard's tests drive, and what fetches axe-core for them.
browser:
	@absent=$$(for each in chromium npm; do command -v $$each >/dev/null || echo $$each; done); \
	if [ -n "$$absent" ] && command -v apt-get >/dev/null; then \
		$(SUDO) apt-get update && $(SUDO) apt-get install -y --no-install-recommends $$absent; \
	fi

ray: .venv/ray

demo: .venv/demo
	@$(BIN)/peerrec demo $(if $(DATA),--data $(DATA),)

lint: .venv/setup
	$(RUN) ruff format --check .
	$(RUN) ruff check .
	$(RUN) mypy
	$(BIN)/lint-imports

test: .venv/setup lint
	$(RUN) pytest -n 2

slow: .venv/setup browser compiler
	$(RUN) pytest -n 2 -m slow

bench: .venv/setup
	$(BIN)/peerrec bench ranking

compiler:
	@if ! command -v cc >/dev/null && command -v apt-get >/dev/null; then \
		$(SUDO) apt-get update && $(SUDO) apt-get install -y --no-install-recommends gcc libc6-dev python3-dev; \
	fi

# The same with what every message passes through compiled: for large simulations.
compiled: compiler .venv-compiled/made

.venv-compiled/made: .venv/created pyproject.toml hatch_build.py $(shell find peerrec node simulator -name '*.py')
	$(PYTHON) -m venv .venv-compiled
	PEERREC_COMPILED=1 .venv-compiled/bin/pip install --quiet '.[all]'
	@touch $@
	@echo "Use .venv-compiled/bin/peerrec"

# Pages in build/docs; a warning is an error.
docs: .venv/docs
	$(RUN) sphinx -W --keep-going -q -b html docs build/docs
	@echo "Open build/docs/index.html"

clean:
	rm -rf .venv .venv-compiled .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist tests/browser/artefacts
