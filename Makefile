# `make` alone lists what there is to do. Every target sets up by itself what it needs.

PORT ?= 8000
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
LOCKS := requirements/uv.txt requirements/dev.txt requirements/data.txt
WORKSPACE := core sdk $(patsubst %/pyproject.toml,%,$(sort $(wildcard plugins/*/pyproject.toml)))

# The first of these that is new enough and can make a virtual environment.
PYTHON ?= $(shell for python in python3.11 python3 python3.12 python3.13 python3.14; do \
	$$python -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& { echo $$python; break; }; done)
NO_PYTHON = Python 3.11 or newer with its venv module is missing. \
	On Debian: apt-get install python3.11 python3.11-venv. Or name one: make PYTHON=/path/to/python3

# Where it is set, every start would compile hundreds of modules again: 3 s for each test worker.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test slow audits attacks faults fuzz mutants check bench docs format lock clean
.DEFAULT_GOAL := help

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-7s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(STAMP) ## run the demo shop; PORT=8000
	@KOI_TYPED="make demo" $(BIN)/koi dev --settings examples/demo/koi.toml --port $(PORT)

test: $(STAMP) ## run the quick tests; ARGS="-k cart" for some, KOI_PG_WHEEL=1 for the newer PostgreSQL
	$(BIN)/python -m pytest $(ARGS)

# One by one, as below: what is slow is not in files of one length.
slow: $(STAMP) ## run what takes long: processes, crowds, naive builds; ARGS="-k wheel" for some
	$(BIN)/python -m pytest -m slow --dist=worksteal $(ARGS)

# Needs Node 20 or newer. Its packages stay in tests/http/.
audits: $(STAMP) ## let the npm package graphql-http judge GraphQL over HTTP
	@$(BIN)/python -m tests.http.judging

# One by one, each to whichever worker is free: some take minutes.
faults: $(STAMP) ## run the long races and faults, half an hour; ARGS="-k sqlite" for some
	KOI_RACE_SECONDS=4 KOI_RACE_SEEDS=10 KOI_RACE_DEATHS=10 $(BIN)/python -m pytest -m faults --dist=worksteal $(ARGS)

attacks: $(STAMP) ## try what attackers try, row by row of tests/attacks/README.md
	KOI_ATTACK_EXAMPLES=20 $(BIN)/python -m pytest -m attack --dist=worksteal $(ARGS)

# The examples that fail are kept in .hypothesis, and are the first that the next run tries.
fuzz: $(STAMP) ## run the property tests with twenty times the examples, other ones each time
	KOI_FUZZ_CASES=20000 $(BIN)/python -m pytest -m 'hypothesis or fuzz' --hypothesis-profile=long --timeout=1800 --dist=worksteal $(ARGS)

mutants: $(STAMP) ## break the rules of money and quota on purpose; ARGS="'koipond.quota*'" for some
	$(BIN)/python tests/mutants/run.py $(ARGS)

check: $(STAMP) ## formatting, lint, types, import contracts
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports

# Of the same working state, on a machine that does nothing else: rates move by a quarter.
bench: $(STAMP) ## measure; ONLY=orders for one of tests/bench/, ARGS="--rounds 1" for a quick look
	@for name in $(or $(ONLY),$(patsubst tests/bench/%.py,%,$(wildcard tests/bench/*.py))); do \
		$(BIN)/python -m tests.bench.$$name $(ARGS) || exit 1; done

docs: $(STAMP) ## write docs/reference/ and llms.txt from the code
	$(BIN)/python docs/generate.py

format: $(STAMP) ## format, and mend what ruff can mend
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format

# One after the other: dev.txt is held to the versions of run.txt and uv.txt.
lock: $(STAMP) ## compile requirements/*.in again; UPGRADE=--upgrade for newer versions
	cd requirements && for name in uv run dev data; do \
		../$(BIN)/uv pip compile -q --generate-hashes --universal --python-version 3.11 $(UPGRADE) \
			$$(test $$name = data && echo --no-deps) $$name.in -o $$name.txt || exit 1; done

clean: ## remove what was built here, the environment too
	rm -rf $(VENV) dist .mutants .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Two installs, because hash checking and editable installs cannot be one command.
$(STAMP): $(LOCKS) $(addsuffix /pyproject.toml,$(WORKSPACE))
	@test -n "$(PYTHON)" || { echo "$(strip $(NO_PYTHON))" >&2; exit 1; }
	@$(BIN)/python -c 'import pip' 2>/dev/null || "$(PYTHON)" -m venv --clear $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/uv.txt
	$(BIN)/uv pip sync -q --python $(BIN)/python --require-hashes requirements/dev.txt requirements/data.txt
	$(BIN)/uv pip install -q --python $(BIN)/python --no-deps --no-build-isolation --no-index $(addprefix -e ,$(WORKSPACE))
	@touch $@
