"""Cameras as Dagster sees them: an asset for each, late when nothing has come from it for too long.

Belongs here: these assets and what is reported of them. Stays out: taking clips in (``assets.ingest``), and when it is
asked for (``orchestration.sensors``).
"""

from collections.abc import Iterable
from datetime import timedelta

import dagster as dg

from apexline.assets.ingest import IntakeResult
from apexline.assets.lake import Lake, stored_camera_days

_GROUP = "cameras"


def camera_assets(lake: Lake, *, silent_s: int) -> list[dg.AssetSpec]:
    """Return an asset for each camera that clips are stored of, late when nothing came from it for longer.

    Dagster asks again when its code server starts or is reloaded: only then a camera is waited for that was new before.
    """
    policy = dg.FreshnessPolicy.time_window(fail_window=timedelta(seconds=silent_s))
    cameras = sorted({camera_day.partition("_")[2] for camera_day in stored_camera_days(lake)})
    return [
        dg.AssetSpec(
            _key(camera),
            group_name=_GROUP,
            freshness_policy=policy,
            description=f"Clips of the camera {camera} that were taken in. Late after {silent_s} s without one.",
        )
        for camera in cameras
    ]


def heard(results: Iterable[IntakeResult]) -> list[dg.AssetMaterialization]:
    """Say of which cameras clips were taken in, known ones included, and of how many."""
    cameras = [each.camera_day.partition("_")[2] for each in results if each.camera_day]
    return [
        dg.AssetMaterialization(_key(camera), metadata={"clips": cameras.count(camera)})
        for camera in sorted(set(cameras))
    ]


def _key(camera: str) -> dg.AssetKey:
    return dg.AssetKey([_GROUP, camera])
