"""Importing this module imports torch and MLflow; `orchestration.warm_runs` has it done once for many runs."""

import torch  # noqa: F401

from apexline.ml.registry import import_mlflow_store

import_mlflow_store()
