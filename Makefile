# Every target makes what it needs: `make demo` and `make test` start from python3, make and PyPI.

PYTHON ?= python3
GROUP ?=
BIN := .venv/bin
# Two more than there are cores: more than half of the time a test waits for another process.
WORKERS ?= $(shell $(PYTHON) -c "import os; print((os.cpu_count() or 1) + 2)")

.DEFAULT_GOAL := help
.PHONY: help demo test drill dev dbt lint typecheck bench bench-full clean

help: ## print the targets
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 18

demo: .venv/.installed ## run the demo job on a real model and show its completion report
	$(BIN)/batch-ai demo

test: .venv/.installed-dev ## run the fast tests and the crash tests of the engine (under 15 minutes)
	$(BIN)/pytest -n $(WORKERS) --dist worksteal --session-timeout=900

drill: .venv/.installed-dev ## run the daemon, browser and host tests (under 45 minutes); GROUP=name runs one group
	scripts/drill $(GROUP)

dev: .venv/.installed ## open the Dagster UI on 127.0.0.1, on the home that the command line uses
	$(BIN)/batch-ai ui

dbt: .venv/.installed ## run the dbt tests over one batch; JOB=name BATCH=key
	$(BIN)/batch-ai dbt "$(JOB)" "$(BATCH)"

lint: .venv/.installed-dev ## check style
	$(BIN)/ruff check .

typecheck: .venv/.installed-dev ## check types
	$(BIN)/mypy

bench: .venv/.installed-dev ## measure speed, limits, memory, crashes beside their bars (under 30 minutes)
	scripts/bench

bench-full: .venv/.installed-dev ## the same with a million items
	BENCH_FULL=1 scripts/bench

clean: ## remove what was built; the home .batch-ai with your data stays
	rm -rf .venv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis screenshots
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.installed: requirements.lock pyproject.toml setup.cfg scripts/install
	PYTHON="$(PYTHON)" scripts/install requirements.lock
	@touch $@

.venv/.installed-dev: requirements-dev.lock pyproject.toml setup.cfg scripts/install
	PYTHON="$(PYTHON)" scripts/install requirements-dev.lock
	@touch .venv/.installed $@
