# Works on a fresh machine with Python 3.11 or newer: the first target that needs it makes .venv and installs.
PYTHON ?= python3
BIN := .venv/bin
RUN ?= runs/demo
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: demo test slow lint docs clean help

help:  ## what there is
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):[^#]*## /  make \1\t/'

# A stamp, not the folder: an install that was cut off is done again.
.venv/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "$(PYTHON) is older than 3.11. Name a newer one: make PYTHON=python3.11 …" >&2; exit 2; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev]'
	@touch $@

demo: .venv/installed  ## train on the pictures that travel in the package, sample, judge: about five minutes
	$(BIN)/reverie fit demo-fashion --time 3m --out $(RUN)
	$(BIN)/reverie sample $(RUN) -n 64
	$(BIN)/reverie evaluate $(RUN) --samples 1000
	@echo
	@echo "run folder:   $(RUN)"
	@echo "sample grid:  $(RUN)/samples/seed-0-grid.png"
	@echo "report:       $(RUN)/report/report.html"
	@echo "next:         $(BIN)/reverie fit YOUR-FOLDER --time 10m"

test: .venv/installed  ## lint, types, and all tests but the slow ones
	$(MAKE) lint
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal

slow: .venv/installed  ## the tests that take minutes
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 -m slow

lint: .venv/installed  ## style and types
	$(BIN)/ruff check src tests docs $(wildcard benchmarks)
	$(BIN)/mypy

docs: .venv/installed  ## the site, into site/
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[docs]'
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

clean:  ## forget the environment and what was built; runs stay
	rm -rf .venv site build .ruff_cache .mypy_cache
