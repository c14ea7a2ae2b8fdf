"""What the warehouse is built from is listed by camera-day, without opening a file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from upath import UPath

from apexline.assets.publishing.lake_files import REIGNS, SHARED, LakeFiles, day_of, list_files
from tests.assets.small_lake import DAY_1, DAY_2, A, C, at, promotion, put


@pytest.fixture
def listed(small_lake: Path) -> LakeFiles:
    return _list(small_lake)


def _list(lake: Path) -> LakeFiles:
    return list_files(UPath(lake), UPath(lake.parent / "quarantine"))


def test_files_stand_by_camera_day_and_table(listed: LakeFiles) -> None:
    assert listed.camera_days == [DAY_1, DAY_2]
    assert [Path(name).stem for name in listed.of("segment_scores", [DAY_1, DAY_2])] == [
        f"{A}-v1",
        f"{A}-v2",
        f"{C}-v2",
    ]
    assert [Path(name).stem for name in listed.of("promotions", [SHARED])] == ["one", "two"]
    assert [Path(name).name for name in listed.records] == ["ab-a.mp4.json"]
    assert day_of(UPath(listed.of("face_tracks", [DAY_2])[0])) == DAY_2


def test_a_change_shows_in_its_camera_day_alone(small_lake: Path, listed: LakeFiles) -> None:
    before = listed.stamps
    file = small_lake / "face_tracks" / f"camera_day={DAY_2}" / f"{C}.parquet"
    os.utime(file, (1.0, 1.0))
    assert _changed(before, _list(small_lake).stamps) == {DAY_2}
    put(small_lake, "promotions", "three", [promotion(at("14:00"), 3)])
    assert _changed(before, _list(small_lake).stamps) == {DAY_2, REIGNS}
    (small_lake.parent / "quarantine" / "b.json").write_text("{}")
    assert _changed(before, _list(small_lake).stamps) == {DAY_2, REIGNS, SHARED}
    for table in small_lake.glob(f"*/camera_day={DAY_2}"):
        for each in table.iterdir():
            each.unlink()
    assert DAY_2 not in _list(small_lake).stamps


def _changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {day for day in before | after if before.get(day) != after.get(day)}


def test_what_is_no_file_of_the_lake_is_passed_over(small_lake: Path, listed: LakeFiles) -> None:
    folder = small_lake / "face_tracks" / f"camera_day={DAY_2}"
    (folder / ".hidden.parquet").write_bytes(b"")
    (folder / "folder.parquet").mkdir()
    (small_lake / "face_tracks" / "elsewhere").mkdir()
    (small_lake / "face_tracks" / "elsewhere" / "x.parquet").write_bytes(b"")
    os.mkfifo(folder / "pipe.parquet")
    assert _list(small_lake) == listed


def test_what_is_left_out_still_counts_in_the_stamps(listed: LakeFiles) -> None:
    [damaged] = listed.of("face_tracks", [DAY_2])
    rest = listed.without({damaged})
    assert rest.of("face_tracks", [DAY_1, DAY_2]) == listed.of("face_tracks", [DAY_1])
    assert rest.stamps == listed.stamps
