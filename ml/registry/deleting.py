"""Deleting a registered version for good: the version, its logged model, its run, and the files of both.

Belongs here: what ``mlflow gc`` does, for one version. Stays out: which one (``orchestration.governing``).
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from upath import UPath

from apexline.ml.registry.client import MODEL_NAME

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient


def delete_version(client: MlflowClient, number: int) -> None:
    """Delete a version with everything that MLflow keeps of it.

    Raises
    ------
    NotImplementedError
        Where the backend keeps what is deleted: MLflow's own servers do, and have ``mlflow gc``.
    """
    store: Any = client._tracking_client.store  # pyright: ignore[reportPrivateUsage] - ``mlflow gc`` has it too
    if not hasattr(store, "_hard_delete_run"):
        msg = f"{type(store).__name__} keeps what is deleted; run `mlflow gc` beside the server"
        raise NotImplementedError(msg)
    version = client.get_model_version(MODEL_NAME, str(number))
    run = client.get_run(str(version.run_id))
    models = [each.model_id for each in run.outputs.model_outputs] if run.outputs else []
    folders = [client.get_logged_model(each).artifact_location for each in models]
    client.delete_model_version(MODEL_NAME, str(number))
    for each in models:
        client.delete_logged_model(each)
        store._hard_delete_logged_model(each)
    client.delete_run(run.info.run_id)
    store._hard_delete_run(run.info.run_id)
    for location in (*folders, run.info.artifact_uri):
        _delete_folder(str(location))


def _delete_folder(location: str) -> None:
    """Delete the artifacts of a run or a model; those of an object store go through its own file system."""
    if "://" in location and not location.startswith("file:"):
        UPath(location).rmdir(recursive=True)
        return
    path = Path(unquote(urlsplit(location).path)) if location.startswith("file:") else Path(location)
    if path.is_dir():
        shutil.rmtree(path)
