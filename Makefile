# Two commands on a fresh machine: `make demo` runs the main job, `make test` runs the tests.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV ?= .venv
BIN := $(VENV)/bin
DATA := $(firstword $(wildcard $(LIMNER_TEST_DATA) ../shared/data))
export LIMNER_TEST_DATA ?= $(if $(DATA),$(abspath $(DATA)))
FOLDER ?= demo
BENCH ?=

.DEFAULT_GOAL := help
.PHONY: help demo test test-slow lint types docs bench check-python clean

help: ## Show this help
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1|\2/' | column -t -s '|'

check-python:
	@if [ -z "$(PYTHON)" ]; then \
		echo "Python 3.11 or newer is missing. Install it: 'sudo apt-get install python3 python3-venv' on Debian, 'brew install python' on macOS." >&2; exit 1; fi
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { \
		echo "Python's venv is missing. Install it: 'sudo apt-get install python3-venv' on Debian." >&2; exit 1; }

$(VENV)/.demo: pyproject.toml | check-python
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV) (once, about a minute)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --root-user-action=ignore -e '.[demo]'
	@touch $@

$(VENV)/.dev: pyproject.toml | check-python
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing the development tools into $(VENV) (once, about two minutes)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --root-user-action=ignore -e '.[dev]'
	@touch $@ $(VENV)/.demo

demo: $(VENV)/.demo ## Play the whole circle on the simulated market and write demo/report.html
	@$(BIN)/limner demo --folder $(FOLDER)

test: $(VENV)/.dev ## Run the tests (a few minutes)
	@$(BIN)/python -m pytest -m "not slow" -n auto --dist loadfile

test-slow: $(VENV)/.dev ## Run the long tests (a quarter of an hour)
	@$(BIN)/python -m pytest -m slow -n auto --dist worksteal

lint: $(VENV)/.dev ## Check style
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(VENV)/.dev ## Check types
	@$(BIN)/mypy

docs: $(VENV)/.dev ## Run the guides as tests
	@$(BIN)/python -m pytest tests/house/test_guides.py

bench: $(VENV)/.dev ## Run the benchmarks (BENCH=name for one of them)
	@for file in $(if $(BENCH),bench/$(BENCH).py,$(wildcard bench/*.py)); do $(BIN)/python $$file || exit 1; done

clean: ## Take the virtual environment and the demo away
	rm -rf $(VENV) $(FOLDER)
