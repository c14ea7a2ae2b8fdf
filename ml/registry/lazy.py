"""MLflow, imported where it is first needed: that takes seconds.

Belongs here: what has to be settled before MLflow is imported, and the import. Stays out: what is done with it
(``ml.registry.client``, ``ml.registry.pyfunc``).

Importing this module turns MLflow's telemetry and its pickle loading off for the process.
"""

from __future__ import annotations

import importlib
import logging
import os
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from types import ModuleType

# MLflow reads these when it is imported, which is later than this.
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] = "false"
os.environ["MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"] = "false"
os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")


def import_mlflow() -> ModuleType:
    """Import MLflow with its pyfunc flavor."""
    with mlflow_warnings_ignored():
        importlib.import_module("mlflow.pyfunc")
    return importlib.import_module("mlflow")


def import_mlflow_store() -> None:
    """Import all that finds, loads and registers a model in a database, for a process that others are forked from."""
    import_mlflow()
    importlib.import_module("mlflow.store.tracking.sqlalchemy_store")
    importlib.import_module("mlflow.store.model_registry.sqlalchemy_store")


@contextmanager
def mlflow_warnings_ignored() -> Generator[None]:
    """Hide what MLflow 3.17 itself is warned for: type hints of its own classes, pandas 3, a part of Starlette.

    And that a model which is logged gave no answer to its example: a home that registers no recordings of its own
    serves nothing, which is no fault of the model.
    """
    logger = logging.getLogger("mlflow.models.model")
    logger.addFilter(_is_no_failed_example)
    try:
        with _python_warnings_ignored():
            yield
    finally:
        logger.removeFilter(_is_no_failed_example)


def _is_no_failed_example(said: logging.LogRecord) -> bool:
    return not said.getMessage().startswith("Failed to validate serving input example")


@contextmanager
def _python_warnings_ignored() -> Generator[None]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*Any type hint is inferred as AnyType", UserWarning)
        warnings.filterwarnings("ignore", "Operation with range is deprecated", DeprecationWarning)
        warnings.filterwarnings("ignore", "starlette.middleware.wsgi is deprecated")
        yield
