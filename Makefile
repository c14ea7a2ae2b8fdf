# Two commands do all the set-up: `make demo` and `make test`. Needs Python 3.11, pip and make.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
EXTRAS ?= dev

.PHONY: setup demo ui test lint format bench clean

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --constraint constraints.txt --editable '.[$(EXTRAS)]'
	touch $@

# CLIPS=folder runs your own clips instead of the embedded sample.
demo: setup
	# Plain MLflow commands in this folder look for ./mlflow.db: let them find the registry.
	@ln -sfn $(or $(APEXLINE_HOME),data)/mlflow.db mlflow.db
	$(BIN)/apexline demo $(if $(CLIPS),--clips '$(CLIPS)')

ui: setup
	$(BIN)/apexline ui

test: setup
	$(BIN)/python -m pytest -n 2 --dist loadfile --cov --cov-report=term --cov-fail-under=90

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
