"""Examine an installation: versions, folders, registry, devices."""

import platform
import shutil
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from apexline.assets.lake import Lake
from apexline.assets.parameters import load_parameters
from apexline.features import has_gpu
from apexline.features.faces import make_detector
from apexline.orchestration.resources import build_registry
from apexline.orchestration.settings import Settings

_PACKAGES = ("dagster", "mlflow", "duckdb", "torch", "numpy", "opencv-python", "factor_analyzer")


def examine(settings: Settings) -> list[dict[str, str]]:
    """Return findings, each with ``what``, ``state`` (``good``, ``note`` or ``wrong``) and ``detail``."""
    probes: dict[str, Callable[[], tuple[str, str]]] = {
        "python": lambda: ("good", platform.python_version()),
        "packages": lambda: ("good", ", ".join(f"{name} {version(name)}" for name in _PACKAGES)),
        "home": lambda: _home(settings),
        "parameters": lambda: ("good", f"{settings.parameter_file}: {_config_hash(settings)}"),
        "detector": lambda: _detector(settings),
        "gpu": lambda: (
            ("good", "CUDA through CuPy") if has_gpu() else ("note", "none; everything runs on the CPU")
        ),
        "champion": lambda: _champion(settings),
        "lake": lambda: ("good", f"content hash {Lake(settings.home_path).content_hash()}"),
    }
    return [_probe(name, probe) for name, probe in probes.items()]


def _probe(name: str, probe: Callable[[], tuple[str, str]]) -> dict[str, str]:
    try:
        state, detail = probe()
    except Exception as error:  # a doctor reports what is broken instead of breaking
        state, detail = "wrong", f"{type(error).__name__}: {error}"
    return {"what": name, "state": state, "detail": detail}


def _home(settings: Settings) -> tuple[str, str]:
    settings.prepare()
    probe = settings.home_path / ".doctor"
    probe.write_text("")
    probe.unlink()
    free: Any = shutil.disk_usage(settings.state_path).free / 2**30
    return ("good" if free > 2 else "wrong", f"{settings.home_path} is writable, {free:.0f} GiB free")


def _config_hash(settings: Settings) -> str:
    return load_parameters(Path(settings.parameter_file)).hash_of("features", "training")


def _detector(settings: Settings) -> tuple[str, str]:
    config = load_parameters(settings.parameter_file).features.faces
    make_detector(config)
    return "good", config.detector


def _champion(settings: Settings) -> tuple[str, str]:
    version_number = build_registry(settings).get_alias("champion")
    if version_number is None:
        return "note", "none yet; the first scoring makes the model that ships with the package champion"
    return "good", f"models:/apexline-expression@champion is version {version_number}"
