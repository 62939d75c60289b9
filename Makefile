# `make demo` and `make test` are all that a newcomer needs; `make` alone lists the rest.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
AIRFLOW := .venv-airflow
BIN := $(VENV)/bin
NPM := frontend/npm
CONSOLE := frontend/dist/index.html
CONSOLE_SOURCES := $(shell find frontend \( -name node_modules -o -name dist -o -name generated \) -prune -o -type f -print)
STAMP := $(VENV)/.stamp

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup demo browser test test-unit test-faults test-airflow lint format openapi lock bench clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; name one with: make PYTHON=..."; exit 1; }
	$(PYTHON) -m venv $(VENV)

# uv installs in parallel, and compiles once what every process would compile at its start; where it cannot reach the index that pip is configured for, pip installs the same hashes.
$(STAMP).packages: requirements/bootstrap.txt requirements/dev.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements/dev.txt \
		|| $(BIN)/python -m pip install --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

$(STAMP).project: pyproject.toml $(STAMP).packages
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

# The file that `npm ci` writes last.
frontend/node_modules/.package-lock.json: frontend/package-lock.json frontend/.npmrc | $(STAMP).packages
	$(NPM) ci --no-audit --no-fund --loglevel=error
	@touch $@

$(CONSOLE): $(CONSOLE_SOURCES) frontend/node_modules/.package-lock.json
	$(NPM) run --silent build
	$(BIN)/python -m whitenoise.compress --quiet frontend/dist

setup: $(STAMP).project $(CONSOLE) ## virtual environment, packages, jars, console
	@$(BIN)/penstock jars

demo: setup ## the whole stack with a simulator at 100 readings/s and the live view
	$(BIN)/penstock up --simulator --rate 100 --watch

# The console's tests drive a real one: of PATH, or else Playwright's own, whose host is not reached everywhere.
browser: $(STAMP).project
	@command -v chromium >/dev/null || $(BIN)/playwright install --only-shell chromium \
		|| { echo "The console's tests need a browser, for example: apt-get install chromium"; exit 1; }

test: setup browser lint ## lint, then every test
	$(NPM) run --silent test
	$(BIN)/python -m pytest

test-unit: $(STAMP).project ## the tests that need no service, in seconds
	$(BIN)/python -m pytest -m "not integration" -q

# Airflow's packages contradict ours: a virtual environment of its own, with nothing of Penstock in it.
$(AIRFLOW)/.stamp: requirements/airflow.txt | $(STAMP).packages
	$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(AIRFLOW)
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(AIRFLOW)/bin/python --require-hashes -r requirements/airflow.txt
	@touch $@

test-airflow: $(AIRFLOW)/.stamp ## the example DAGs in a real Airflow, which is installed for it; not part of `make test`
	cd deploy/airflow && ../../$(AIRFLOW)/bin/python -m pytest -q -c /dev/null --rootdir . -p no:cacheprovider test_dags.py

test-faults: $(STAMP).project ## what is killed, restarted and deleted, and what held; PENSTOCK_FAULT_SECONDS=120 is as long as the goals say
	$(BIN)/python -m pytest -m fault

lint: $(STAMP).project $(CONSOLE) ## ruff, mypy, import-linter; eslint, prettier, tsc
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(NPM) run --silent lint

format: $(STAMP).project $(CONSOLE) ## what ruff, eslint and prettier can mend by themselves
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(NPM) run --silent format

openapi: $(STAMP).project ## the API's schema, which the console's client is generated from
	DJANGO_SETTINGS_MODULE=controlplane.config.settings.test $(BIN)/python manage.py spectacular \
		--format openapi-json --validate --fail-on-warn --file frontend/openapi.json

UV_COMPILE = ../$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-header --no-annotate
lock: $(STAMP).project ## the locks: of packages from requirements/*.in, of jars from their coordinates
	cd requirements && $(UV_COMPILE) runtime.in -o runtime.txt
	cd requirements && $(UV_COMPILE) -c runtime.txt dev.in -o dev.txt
	cd requirements && $(UV_COMPILE) -c dev.txt bootstrap.in -o bootstrap.txt
	cd requirements && $(UV_COMPILE) airflow.in -o airflow.txt
	$(BIN)/python -m cli.embedded.jar_lock

bench: setup ## every benchmark, JSON into benchmarks/results
	$(BIN)/python -m benchmarks

clean: ## what make and the tools leave behind; never .penstock
	rm -rf $(VENV) $(AIRFLOW) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis spark-warehouse \
		frontend/dist frontend/node_modules frontend/src/api/generated
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
