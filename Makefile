# Everything runs in .venv, which is made from requirements.lock on first use.
# A name on PATH may be a version manager's that leads nowhere, so each is tried.
PYTHON ?= $(shell for name in python3.11 python3.12 python3.13 python3; do \
  $$name -c 'import sys; print(sys.executable)' 2>/dev/null && break; done)
# `make check` runs the tests on the newest supported Python too, where there is one.
NEWEST ?= $(shell python3.13 -c 'import sys; print(sys.executable)' 2>/dev/null)
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

# Where this is set, every program that a test starts would compile all sources again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test check lint types layers servers newest explore coverage bench lock clean

demo: $(STAMP)
	$(BIN)/strikeplate demo

test: $(STAMP)
	$(BIN)/python -m pytest -n auto --dist worksteal -m "not real_servers"

# Every test of `make test` runs in one of coverage and servers, properties in both.
check: lint types layers coverage servers newest explore

lint: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(STAMP)
	$(BIN)/mypy

layers: $(STAMP)
	$(BIN)/lint-imports

# The packages' own tests, judged by the coverage gate of each package.
coverage: $(STAMP)
	$(BIN)/python -m tools.tests.coverage_gate run

# What needs real servers, another runtime, or minutes; suites and sweeps; and properties, at length.
servers: $(STAMP)
	$(BIN)/python -m pytest -n auto --dist worksteal -m "real_servers or suite or sweep or hypothesis" \
	  --hypothesis-profile=long

# What users run, as they run it.
newest:
	@if [ -n "$(NEWEST)" ]; then $(MAKE) test PYTHON="$(NEWEST)" VENV=.venv-3.13; \
	else echo "no python3.13 here: the tests ran on one Python only"; fi

# Random weeks on benches under random faults, judged by oracles; no run begins after five minutes.
explore: $(STAMP)
	rm -rf build/explore
	$(BIN)/strikeplate explore --seeds 0:200 --suite grants --suite device --jobs 0 --minutes 5 \
	  --campaign build/explore/campaign.jsonl

bench: $(STAMP)
	$(BIN)/python benchmarks/run.py

# Names, versions, hashes and markers for every supported Python; never a host.
lock:
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-annotate --custom-compile-command "make lock" --group dev pyproject.toml \
	  -o requirements.lock

clean:
	rm -rf $(VENV) .venv-3.13 build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(STAMP): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "strikeplate needs Python 3.11, 3.12 or 3.13" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
	  || { echo "strikeplate needs Python 3.11, 3.12 or 3.13; set PYTHON=" >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(STAMP)
