"""What the benchmark of the warehouse builds and asks, of a few camera-days."""

from upath import UPath

from apexline.assets.lake import Lake, stored_camera_days
from apexline.assets.publishing.warehouse_read import open_warehouse, run_checks
from apexline.bench.speed import warehouse
from apexline.bench.speed.made_home import NUM_FRAMES, make_days, promote


def test_made_days_are_sound_and_their_champion_is_asked(tmp_path):
    lake, target = Lake(UPath(tmp_path / "home")), tmp_path / "warehouse.duckdb"
    promote(lake, 1)
    made = make_days(lake, range(3), cameras=2)
    assert made == ["2026-01-01_gate-0000", "2026-01-01_gate-0001", "2026-01-02_gate-0000"]
    assert stored_camera_days(lake) == sorted(made)
    took = warehouse._build(tmp_path / "home", target)
    assert 0 < took["of it imports MB"] <= took["peak MB"]
    assert warehouse._ask(target, made[1])["ms"] > 0
    with open_warehouse(target) as connection:
        assert {name: len(rows) for name, rows in run_checks(connection).items() if len(rows)} == {}
        counted = "select count(*), count(distinct clip_id) from staging.flow_features"
        assert connection.execute(counted).fetchall() == [(3 * NUM_FRAMES * 8, 3)]
