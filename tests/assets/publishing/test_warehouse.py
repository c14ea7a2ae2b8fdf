"""The asset ``warehouse``: as little is built as has changed, and files that can't be read are left out."""

from dataclasses import replace
from pathlib import Path

import duckdb
import pytest
from upath import UPath

from apexline.assets.lake.storage import Lake
from apexline.assets.publishing.relations import MARTS, STAGING
from apexline.assets.publishing.warehouse import Record, publish_warehouse, warehouse
from apexline.assets.publishing.warehouse_build import build_warehouse
from tests.assets.lake.damage import FOOTER, INSIDE
from tests.assets.small_lake import (
    DAY_1,
    DAY_2,
    T1,
    T4,
    A,
    B,
    ask,
    at,
    clip,
    face,
    promotion,
    put,
    review,
    score,
    segment,
)

DAY_3, NEW = "2026-03-04_gate-01", "d" * 16

# A file of other columns carries no fingerprint, and is made anew by the next run of its camera-day.
WAYS = {**FOOTER, "overwritten inside": INSIDE["overwritten inside"]}


def _publish(lake: Lake, target: Path) -> Record:
    return publish_warehouse(lake, target, memory_mb=256)


@pytest.mark.parametrize("way", WAYS)
def test_a_damaged_file_is_left_out_and_named(small_lake: Path, tmp_path: Path, way: str) -> None:
    lake, target = Lake(UPath(small_lake.parent)), tmp_path / "w.duckdb"
    damaged = Path(str(lake.path("face_tracks", A, camera_day=DAY_1)))
    WAYS[way](damaged)
    record = _publish(lake, target)
    [left_out] = record.left_out.values() or [[]]
    assert record.rows["staging.face_tracks"] == 100
    if damaged.is_file():
        assert [damaged.name in each for each in left_out] == [True]
    assert ask(target, "select count(*) from staging.clip_manifest") == [(3,)]


def test_a_damaged_record_of_the_quarantine_is_left_out(small_lake: Path, tmp_path: Path) -> None:
    (small_lake.parent / "quarantine" / "bad.json").write_text("{")
    record = _publish(Lake(UPath(small_lake.parent)), tmp_path / "w.duckdb")
    assert (record.rows["quarantine"], record.left_out) == (1, {})


def test_another_error_is_not_taken_for_damage(small_lake: Path, tmp_path: Path, monkeypatch) -> None:
    def fail(*_: object, **__: object) -> None:
        message = "out of memory"
        raise duckdb.OutOfMemoryException(message)

    monkeypatch.setattr("apexline.assets.publishing.warehouse.write_warehouse", fail)
    with pytest.raises(duckdb.OutOfMemoryException):
        _publish(Lake(UPath(small_lake.parent)), tmp_path / "w.duckdb")


def _relations(built: Path) -> dict[str, list[str]]:
    """Return the rows of every relation, in no particular order."""
    return {
        name: sorted(str(row) for row in ask(built, f"select * from {name}")) for name in (*MARTS, *STAGING)
    }


def _add_a_day(lake: Path) -> None:
    put(lake, "clip_manifest", NEW, [clip(NEW, "gate-01", at("23:59", 4))], DAY_3)
    put(lake, "face_tracks", NEW, [face(NEW, T4, frame) for frame in range(50)], DAY_3)
    put(lake, "expression_segments", NEW, [segment(NEW, T4, 5, 9, 40)], DAY_3)
    put(lake, "segment_scores", f"{NEW}-v2", [score(NEW, T4, 5, 2, at("12:45"))], DAY_3)


def test_days_that_came_changed_or_went_give_what_a_whole_build_gives(
    small_lake: Path, tmp_path: Path
) -> None:
    lake, grown = Lake(UPath(small_lake.parent)), tmp_path / "grown.duckdb"
    _publish(lake, grown)
    _add_a_day(small_lake)
    put(small_lake, "expression_segments", B, [segment(B, T4, 1, 2, 30)], DAY_1)
    put(small_lake, "reviews", "r", [review(A, T1, "calm", "otter", at("10:05"))], DAY_1)
    (small_lake.parent / "quarantine" / "ab-a.mp4.json").unlink()
    assert _publish(lake, grown).built == [DAY_1, DAY_3]
    for file in small_lake.glob(f"*/camera_day={DAY_2}/*"):
        file.unlink()
    record = _publish(lake, grown)
    assert record.built == [DAY_2]
    build_warehouse(small_lake, tmp_path / "whole.duckdb")
    whole = _relations(tmp_path / "whole.duckdb")
    assert _relations(grown) == whole
    assert record.rows == {name: len(rows) for name, rows in whole.items()}
    assert {name for name, rows in whole.items() if rows} >= {"reviews", "spotting_truth", "emotion_by_hour"}


def test_another_champion_says_something_of_every_day(small_lake: Path, tmp_path: Path) -> None:
    lake, grown = Lake(UPath(small_lake.parent)), tmp_path / "grown.duckdb"
    _publish(lake, grown)
    put(
        small_lake,
        "promotions",
        "three",
        [promotion(at("14:00"), 1, incumbent_version=2, difference_low=0.1)],
    )
    assert _publish(lake, grown).built == [DAY_1, DAY_2]
    build_warehouse(small_lake, tmp_path / "whole.duckdb")
    assert _relations(grown) == _relations(tmp_path / "whole.duckdb")


def test_nothing_new_leaves_the_file_as_it_is(small_lake: Path, tmp_path: Path) -> None:
    lake, grown = Lake(UPath(small_lake.parent)), tmp_path / "grown.duckdb"
    first = _publish(lake, grown)
    before = grown.stat()
    assert _publish(lake, grown) == first
    assert (grown.stat().st_ino, grown.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_the_warehouse_of_an_earlier_release_is_built_anew(small_lake: Path, tmp_path: Path) -> None:
    lake, grown = Lake(UPath(small_lake.parent)), tmp_path / "grown.duckdb"
    record = _publish(lake, grown)
    replace(record, code_version="3").write(grown)
    _add_a_day(small_lake)
    assert _publish(lake, grown).built == [DAY_1, DAY_2, DAY_3]


def test_a_damaged_file_stays_named_until_it_is_mended(small_lake: Path, tmp_path: Path) -> None:
    lake, grown = Lake(UPath(small_lake.parent)), tmp_path / "grown.duckdb"
    file = Path(str(lake.path("face_tracks", A, camera_day=DAY_1)))
    sound = file.read_bytes()
    file.write_bytes(sound[: len(sound) // 2])
    assert list(_publish(lake, grown).left_out) == [DAY_1]
    _add_a_day(small_lake)
    record = _publish(lake, grown)
    assert (record.built, list(record.left_out)) == ([DAY_3], [DAY_1])
    file.write_bytes(sound)
    record = _publish(lake, grown)
    assert (record.built, record.left_out, record.rows["staging.face_tracks"]) == ([DAY_1], {}, 250)


def test_the_asset_says_how_much_it_built(small_lake: Path, tmp_path: Path, materialise) -> None:
    resources = {
        "lake": Lake(UPath(small_lake.parent)),
        "warehouse_path": tmp_path / "w.duckdb",
        "warehouse_mb": 256,
    }
    said = [materialise(warehouse, **resources).metadata for _ in range(2)]
    assert [(each["computed"].value, each["camera_days_built"].value) for each in said] == [(1, 2), (0, 0)]
