"""What the benchmark of the warehouse builds and asks, of a few camera-days."""

import pytest
from upath import UPath

from apexline.assets.lake import Lake, stored_camera_days
from apexline.assets.publishing.warehouse_read import open_warehouse, run_checks
from apexline.bench.page import law
from apexline.bench.speed.platform import warehouse
from apexline.bench.speed.platform.made_home import NUM_FRAMES, crown, make_days


def test_made_days_are_sound_built_and_asked(tmp_path):
    lake, target = Lake(UPath(tmp_path / "home")), tmp_path / "warehouse.duckdb"
    crown(lake)
    made = make_days(lake, range(3), cameras=100)
    assert made == [f"2026-01-01_gate-{camera:04d}" for camera in range(3)]
    whole, one, nothing, query = warehouse.measure(lake, target, num_days=3)
    assert 0 < whole["of it imports MB"] <= whole["peak MB"]
    assert 0 < nothing["of whole"] < one["of whole"]
    assert query["wall ms"] > 0
    assert len(stored_camera_days(lake)) == 4
    with open_warehouse(target) as connection:
        assert {name: len(rows) for name, rows in run_checks(connection).items() if len(rows)} == {}
        counted = "select count(*), count(distinct clip_id) from staging.flow_features"
        assert connection.execute(counted).fetchall() == [(4 * NUM_FRAMES * 8, 4)]


def test_what_is_stored_already_is_grown_and_measured(tmp_path):
    lake = Lake(UPath(tmp_path / "home"))
    crown(lake)
    [first] = warehouse.measure_stored(lake, tmp_path, num_days=2)
    [second] = warehouse.measure_stored(lake, tmp_path, num_days=5)
    assert len(stored_camera_days(lake)) == 6
    for row in (first, second):
        assert 0 < row["look, cpu_s"] < row["one new, cpu_s"]
    laws = law([first, second], x="stored camera-days", y="look, cpu_s")
    assert laws["c"] * 5 ** laws["p"] == pytest.approx(second["look, cpu_s"])
