"""Resources: the objects that assets and sensors are given, made from the settings."""

from typing import Any

from assets.camera_day import ClipWorkers
from assets.lake import Lake
from assets.parameters import load_parameters
from ml.registry import ModelRegistry
from orchestration.settings import Settings


def build_resources(settings: Settings) -> dict[str, Any]:
    """Return lake, parameters, registry, workers and the warehouse's path for `settings`."""
    return {
        "lake": Lake(settings.home_path),
        "parameters": load_parameters(settings.parameter_file),
        "registry": ModelRegistry(settings.tracking_uri, settings.artifact_root),
        "workers": ClipWorkers(settings.num_workers),
        "warehouse_path": settings.warehouse_path,
    }
