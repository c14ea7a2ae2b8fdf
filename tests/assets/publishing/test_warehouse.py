"""The asset ``warehouse``: what it does about files that can't be read."""

from pathlib import Path

import duckdb
import pytest
from upath import UPath

from apexline.assets.lake.storage import Lake
from apexline.assets.publishing.warehouse import _build
from tests.assets.lake.damage import FOOTER, INSIDE
from tests.assets.small_lake import DAY_1, A, ask

# A file of other columns carries no fingerprint, and is made anew by the next run of its camera-day.
WAYS = {**FOOTER, "overwritten inside": INSIDE["overwritten inside"]}


@pytest.mark.parametrize("way", WAYS)
def test_a_damaged_file_is_left_out_and_named(small_lake: Path, tmp_path: Path, way: str) -> None:
    lake, target = Lake(UPath(small_lake.parent)), tmp_path / "w.duckdb"
    damaged = Path(str(lake.path("face_tracks", A, camera_day=DAY_1)))
    WAYS[way](damaged)
    counts, left_out = _build(lake, target)
    assert counts["staging.face_tracks"] == 100
    if damaged.is_file():
        assert [damaged.name in each for each in left_out] == [True]
    assert ask(target, "select count(*) from staging.clip_manifest") == [(3,)]


def test_a_damaged_record_of_the_quarantine_is_left_out(small_lake: Path, tmp_path: Path) -> None:
    (small_lake.parent / "quarantine" / "bad.json").write_text("{")
    counts, left_out = _build(Lake(UPath(small_lake.parent)), tmp_path / "w.duckdb")
    assert (counts["quarantine"], left_out) == (1, [])


def test_another_error_is_not_taken_for_damage(small_lake: Path, tmp_path: Path, monkeypatch) -> None:
    def fail(*_: object, **__: object) -> None:
        message = "out of memory"
        raise duckdb.OutOfMemoryException(message)

    monkeypatch.setattr("apexline.assets.publishing.warehouse.build_warehouse", fail)
    with pytest.raises(duckdb.OutOfMemoryException):
        _build(Lake(UPath(small_lake.parent)), tmp_path / "w.duckdb")
