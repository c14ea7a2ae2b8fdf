"""A camera that is silent for longer than the setting is late; one that is heard is fresh."""

from datetime import timedelta

import dagster as dg
from upath import UPath

from apexline.assets.ingest import IntakeResult
from apexline.assets.lake import Lake
from apexline.orchestration.watching.cameras import camera_assets, heard


def _home(tmp_path, *camera_days):
    for camera_day in camera_days:
        (tmp_path / "clips" / camera_day).mkdir(parents=True)
    return Lake(UPath(tmp_path))


def test_each_camera_has_its_policy(tmp_path):
    lake = _home(tmp_path, "2026-03-02_gate-01", "2026-03-03_gate-01", "2026-03-02_gate.07")
    specs = camera_assets(lake, silent_s=7200)
    assert [spec.key.path for spec in specs] == [["cameras", "gate-01"], ["cameras", "gate.07"]]
    assert all(spec.freshness_policy.fail_window.to_timedelta() == timedelta(hours=2) for spec in specs)
    dg.Definitions(assets=specs).resolve_asset_graph()


def test_clips_that_came_are_heard_and_refused_ones_are_not():
    results = [
        IntakeResult("a", "accepted", "1", "2026-03-02_gate-01"),
        IntakeResult("b", "accepted", "2", "2026-03-03_gate-01"),
        IntakeResult("c", "duplicate", "3", "2026-03-02_gate-07"),
        IntakeResult("d", "quarantined", reason="truncated"),
    ]
    said = {each.asset_key.path[-1]: each.metadata["clips"].value for each in heard(results)}
    assert said == {"gate-01": 2, "gate-07": 1}
