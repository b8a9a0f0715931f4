# Everything runs in .venv, which is made from requirements.lock on first use.
PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3.13 || command -v python3)
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test check lint types layers servers coverage bench lock clean

demo: $(STAMP)
	$(BIN)/strikeplate demo

test: $(STAMP)
	$(BIN)/python -m pytest -n auto --dist worksteal -m "not real_servers"

check: lint types layers test servers

lint: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(STAMP)
	$(BIN)/mypy

layers: $(STAMP)
	$(BIN)/lint-imports

# The tests of `make test`, judged by the coverage gate of each package.
coverage: $(STAMP)
	$(BIN)/python -m tools.tests.coverage_gate run

# What needs real servers, another runtime, or minutes.
servers: $(STAMP)
	$(BIN)/python -m pytest -m real_servers

bench: $(STAMP)
	$(BIN)/python benchmarks/run.py

# Names, versions, hashes and markers for every supported Python; never a host.
lock:
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-annotate --custom-compile-command "make lock" --group dev pyproject.toml \
	  -o requirements.lock

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(STAMP): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "strikeplate needs Python 3.11, 3.12 or 3.13" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
	  || { echo "strikeplate needs Python 3.11, 3.12 or 3.13; set PYTHON=" >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(STAMP)
