"""Fixtures of the asset tests: one asset run by itself, lakes, the warehouse of a small one, decided tracks."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pytest
from upath import UPath

from apexline.assets.lake.camera_days import CAMERA_DAYS
from apexline.assets.lake.storage import Lake
from apexline.assets.lake.workers import ClipWorkers
from apexline.assets.parameters import Parameters
from apexline.assets.publishing.warehouse_build import build_warehouse
from apexline.features.config import FeatureConfig
from apexline.features.spotting.decisions import Decision
from tests.assets.decided_track import TRACK, bump, decision
from tests.assets.small_lake import row_of, write_lake

DAY, CLIP = "2026-03-02_gate-03", "aaaa000011112222"


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
def other_file(tmp_path: Path) -> Path:
    """A file that is not the one that ships: what was computed from that one has to be computed anew."""
    path = tmp_path / "other"
    path.write_bytes(b"another file")
    return path


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """Return an empty lake."""
    return Lake(UPath(tmp_path))


@pytest.fixture
def measured_lake(lake: Lake) -> Lake:
    """Return a lake with one tracked clip, and examples that are from it or from elsewhere."""
    lake.write("clip_manifest", CLIP, [row_of("clip_manifest", clip_id=CLIP)], stamp="m", camera_day=DAY)
    tracks = [
        row_of("face_tracks", clip_id=CLIP, track_id=TRACK, frame=frame, time_s=frame / 10, kept=frame != 4)
        | {"size_px": 60.0 + frame, "blur": 100.0, "yaw": -0.1, "roll_deg": 3.0}
        for frame in range(10)
    ]
    lake.write("face_tracks", CLIP, tracks, stamp="t", camera_day=DAY)
    examples = [
        row_of("training_set", example_id=name, clip_id=clip, track_id=TRACK, frame=frame)
        | {"image": bytes([grey]) * 48 * 48}
        for name, clip, frame, grey in (
            ("a", CLIP, 2, 30),
            ("b", "from elsewhere", 2, 120),
            ("c", CLIP, 4, 120),
            ("d", CLIP, 9, 220),
        )
    ]
    lake.write("training_set", "examples", examples, stamp="e")
    return lake


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


@pytest.fixture
def smile() -> Decision:
    return decision(bump(30, 40, 50, 4.0), bump(30, 40, 50, 0.2))


@pytest.fixture
def nothing() -> Decision:
    return decision(bump(30, 40, 50, 0.4))


@pytest.fixture
def crops() -> dict[tuple[str, int], np.ndarray]:
    return {(TRACK, frame): np.full((128, 128), frame, np.uint8) for frame in range(100)}
