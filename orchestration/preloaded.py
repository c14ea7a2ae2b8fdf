"""Importing this module imports what runs need; `orchestration.warm_runs` has it done once for all of them."""

import apexline.orchestration.definitions  # noqa: F401
from apexline.ml.registry import import_mlflow_store

import_mlflow_store()
