"""Which track a label belongs to."""

import pyarrow as pa
import pytest
from upath import UPath

from apexline.assets.lake.annotations import listed_camera_days, track_of
from apexline.assets.lake.storage import Lake

DAY = "2026-03-02_gate-03"


def tracks(*boxes):
    """Boxes (track, frame, x, y, w, h) as a table."""
    names = ("track_id", "frame", "x", "y", "w", "h")
    return pa.Table.from_pylist([dict(zip(names, box, strict=True)) for box in boxes])


LABEL = {"apex": 5, "x": 100.0, "y": 50.0, "w": 40.0, "h": 40.0}


@pytest.mark.parametrize(
    ("boxes", "expected"),
    [
        ([("near", 5, 110, 50, 40, 40), ("far", 5, 300, 50, 40, 40)], "near"),
        ([("more", 5, 105, 50, 40, 40), ("less", 5, 115, 50, 40, 40)], "more"),
        ([("other frame", 4, 100, 50, 40, 40)], None),
        ([("apart", 5, 140, 50, 40, 40)], None),
        ([("corner", 5, 125, 75, 40, 40)], None),  # 15 x 15 of 2975 px: .08, an overlap of chance
        ([("inside", 5, 105, 55, 30, 30)], "inside"),
    ],
)
def test_a_label_belongs_to_the_track_that_its_box_covers(boxes, expected):
    assert track_of(tracks(*boxes), LABEL) == expected


def test_camera_days_are_those_with_a_manifest(measured_lake, tmp_path):
    (measured_lake.home / "lake/clip_manifest/notes.txt").touch()
    (measured_lake.home / "lake/clip_manifest/lost+found").mkdir()
    assert listed_camera_days(measured_lake) == [DAY]
    assert listed_camera_days(Lake(UPath(tmp_path / "none"))) == []
