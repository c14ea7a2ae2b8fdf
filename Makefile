# Two commands do all the set-up: `make demo` and `make test`. Needs Python 3.11, pip and make.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
EXTRAS ?= dev
export APEXLINE_HOME ?= data
export DAGSTER_HOME = $(abspath $(APEXLINE_HOME))/dagster
export MLFLOW_DISABLE_TELEMETRY = true

.PHONY: setup demo ui test lint format bench clean

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --constraint constraints.txt --editable '.[$(EXTRAS)]'
	touch $@

# CLIPS=folder runs your own clips instead of the embedded sample.
demo: setup
	@ln -sfn $(APEXLINE_HOME)/mlflow.db mlflow.db  # plain mlflow commands and load_model in this folder find the registry
	$(BIN)/apexline demo $(if $(CLIPS),--clips '$(CLIPS)')

ui: setup
	$(BIN)/apexline ui

test: setup
	$(BIN)/python -m pytest -n 2 --cov --cov-report=term --cov-fail-under=90

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/basedpyright

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: setup
	$(BIN)/apexline bench features

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache .coverage
