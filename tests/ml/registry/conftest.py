"""A registry with two versions."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from apexline.ml.registry.client import ModelRegistry
from apexline.orchestration.resources import LOADER_MODULE


@dataclass(frozen=True)
class Logged:
    registry: ModelRegistry
    runs: dict
    evaluations: dict
    numbers: dict
    home: Path


@pytest.fixture(scope="session")
def logged(data, split, anchors, tmp_path_factory) -> Logged:
    """A registry with one semantic and one baseline version."""
    from matplotlib.figure import Figure

    from apexline.ml.config import TrainConfig
    from apexline.ml.deepid.training.train import train_deepid
    from apexline.ml.evaluation.recognition import evaluate

    home = tmp_path_factory.mktemp("mlflow")
    registry = ModelRegistry(
        f"sqlite:///{home}/mlflow.db", str(home / "artifacts"), loader_module=LOADER_MODULE
    )
    assert registry.list_versions() == []
    assert registry.find_version("semantic-print") is None
    assert registry.get_alias("champion") is None
    config = TrainConfig(epochs=2, texture_components=4)
    runs, evaluations, numbers = {}, {}, {}
    for version in ("semantic", "baseline"):
        run = runs[version] = train_deepid(
            *(data, split),
            **{"version": version, "config": config, "seed": 5, "pad_anchors": anchors},
            **{"feature_version": "7", "pad_space_hash": "pad-hash"},
        )
        evaluations[version] = evaluate(run.model, data, split.test)
        numbers[version] = registry.log_version(
            run,
            evaluations[version],
            data=data,
            split=split,
            parameters={"features": {"flow": {"alpha": 12.5}}},
            tags={"fingerprint": f"{version}-print", "dagster_run_id": "run-1"},
            figures={"learning_curves": Figure()},
        )
    registry.set_alias("champion", numbers["semantic"])
    return Logged(registry, runs, evaluations, numbers, home)
