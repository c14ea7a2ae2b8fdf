"""Fixtures of the asset tests: one asset run by itself, the warehouse of a small lake made by hand."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from apexline.assets.lake.camera_days import CAMERA_DAYS
from apexline.assets.lake.workers import ClipWorkers
from apexline.assets.parameters import Parameters
from apexline.assets.publishing.warehouse_build import build_warehouse
from apexline.features.config import FeatureConfig
from tests.assets.small_lake import write_lake


@pytest.fixture(scope="session")
def parameters() -> Parameters:
    return Parameters(features=FeatureConfig())


@pytest.fixture
def materialise(parameters: Parameters) -> Iterator[Callable[..., Any]]:
    """Run one asset: ``materialise(asset, camera_day=..., lake=..., **resources)`` gives its materialisation."""
    with dg.DagsterInstance.ephemeral() as instance:

        def run(
            asset: dg.AssetsDefinition,
            *,
            camera_day: str | None = None,
            config: dict[str, Any] | None = None,
            **resources: Any,
        ) -> dg.AssetMaterialization:
            if camera_day is not None:
                instance.add_dynamic_partitions(str(CAMERA_DAYS.name), [camera_day])
            name = asset.key.to_user_string()
            result = dg.materialize(
                [asset],
                instance=instance,
                partition_key=camera_day,
                resources={"parameters": parameters, "workers": ClipWorkers(), **resources},
                run_config={"ops": {name: {"config": config}}} if config else None,
            )
            [event] = result.get_asset_materialization_events()
            return event.materialization

        yield run


@pytest.fixture
def small_lake(tmp_path: Path) -> Path:
    """Return a lake that the test may change."""
    return write_lake(tmp_path)


@pytest.fixture(scope="session")
def small_warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the warehouse of the unchanged small lake, for reading."""
    home = tmp_path_factory.mktemp("small")
    build_warehouse(write_lake(home), home / "warehouse.duckdb")
    return home / "warehouse.duckdb"
