"""Resources: the objects that assets and sensors are given, made from the settings."""

import os
from pathlib import Path
from typing import Any

from apexline.assets.lake import ClipWorkers, Lake
from apexline.assets.parameters import load_parameters
from apexline.ml.registry import ModelRegistry, follow_artifacts
from apexline.orchestration.settings import Settings

# MLflow imports it by name where a registered model is served: it reads pictures and clips by `features`.
LOADER_MODULE = "apexline.assets.serving"


def build_resources(settings: Settings) -> dict[str, Any]:
    """Return lake, parameters, registry, workers, and the warehouse's path and memory for `settings`."""
    _share_gpu(settings)
    return {
        "lake": Lake(settings.home_path, settings.scratch_path),
        "parameters": load_parameters(settings.parameter_file),
        "registry": build_registry(settings),
        "workers": ClipWorkers(settings.num_workers),
        "warehouse_path": settings.warehouse_path,
        "warehouse_mb": settings.warehouse_mb,
    }


def _share_gpu(settings: Settings) -> None:
    """Part a GPU's memory among the processes that may compute at once; CuPy reads the share when it is imported."""
    share = 90 // (settings.num_runs * settings.num_workers)
    os.environ.setdefault("CUPY_GPU_MEMORY_LIMIT", f"{max(share, 1)}%")


def build_registry(settings: Settings) -> ModelRegistry:
    """Return the registry of an installation, whose models are served by `LOADER_MODULE`.

    One that lies in the home is made to follow a home that was copied or moved.
    """
    if settings.has_own_mlflow:
        follow_artifacts(settings.mlflow_file, Path(settings.artifact_root))
    return ModelRegistry(settings.tracking_uri, settings.artifact_root, loader_module=LOADER_MODULE)
