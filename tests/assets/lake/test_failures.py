"""What is kept of clips that failed."""

import json
from dataclasses import replace
from functools import partial

import pytest

from apexline.assets.lake.failures import (
    Failure,
    each_readable,
    forget_failure,
    record_failure,
    recorded_failures,
    this_release,
)
from tests.assets.small_lake import row_of

FAILURE = Failure(
    stage="face_tracks",
    camera_day="2026-03-02_gate-03",
    clip_id="aaaa000011112222",
    stamp="f",
    reason="UnreadableVideo",
    detail="a.mp4: truncated: half of it",
    failed_at="2026-03-02T08:15:00+00:00",
    code_version="2",
    release=this_release(),
)


@pytest.fixture
def records(lake):
    """Two clips that failed in one stage, one of them in another stage on another day too."""
    found = [
        FAILURE,
        replace(FAILURE, clip_id="bbbb000011112222"),
        replace(FAILURE, stage="flow_features", camera_day="2026-03-03_gate-03"),
    ]
    for each in found:
        record_failure(lake, each)
    return found


def test_records_are_found_by_stage_day_and_clip(lake, records):
    assert recorded_failures(lake) == records
    assert recorded_failures(lake, stage="flow_features") == records[2:]
    assert recorded_failures(lake, camera_day=FAILURE.camera_day) == records[:2]
    assert recorded_failures(lake, clip_id=FAILURE.clip_id) == [records[0], records[2]]
    assert recorded_failures(lake, stage="face_tracks", camera_day="2026-03-04_gate-03") == []


def test_a_record_says_how_to_try_again(lake, records):
    text = (lake.home / "failures/face_tracks/2026-03-02_gate-03/aaaa000011112222.json").read_text()
    assert json.loads(text)["retry"] == "apexline retry aaaa000011112222"
    assert str(FAILURE) == (
        "aaaa000011112222 of 2026-03-02_gate-03: UnreadableVideo: a.mp4: truncated: half of it; "
        "to try it again: apexline retry aaaa000011112222"
    )


def test_a_failure_stands_for_the_same_work_of_the_same_release():
    assert FAILURE.stands("f")
    assert not FAILURE.stands("g")
    assert not replace(FAILURE, release="0.0.1").stands("f")


def test_forgetting_twice_is_no_error(lake, records):
    for _ in range(2):
        forget_failure(lake, FAILURE)
    assert recorded_failures(lake) == records[1:]


def test_a_home_without_failures(lake):
    assert recorded_failures(lake) == []
    assert recorded_failures(lake, stage="face_tracks", camera_day=FAILURE.camera_day) == []


@pytest.mark.parametrize("content", [b"", b"{", b"{}", b"\xff"])
def test_a_damaged_record_names_its_clip_and_stands_for_nothing(lake, records, content):
    (lake.home / "failures/face_tracks/2026-03-02_gate-03/aaaa000011112222.json").write_bytes(content)
    [found] = recorded_failures(lake, clip_id=FAILURE.clip_id, stage="face_tracks")
    assert (found.camera_day, found.reason) == (FAILURE.camera_day, "DamagedFile")
    assert not found.stands("f")
    assert not found.stands("")
    forget_failure(lake, found)
    assert len(recorded_failures(lake)) == 2


def test_a_folder_in_the_place_of_a_record_is_none(lake, records):
    path = lake.home / "failures/face_tracks/2026-03-02_gate-03/aaaa000011112222.json"
    path.unlink()
    path.mkdir()
    assert recorded_failures(lake) == records[1:]
    record_failure(lake, FAILURE)
    assert recorded_failures(lake) == records


def test_clips_without_sound_files_are_left_out(lake, caplog):
    garbage = lake.path("annotations", "bad", camera_day="day")
    garbage.parent.mkdir(parents=True)
    garbage.write_bytes(b"dear diary")
    lake.write("annotations", "good", [row_of("annotations", annotation_id="a")], stamp="s", camera_day="day")
    read = partial(lake.read, "annotations", camera_day="day")
    assert [table.num_rows for table in each_readable(read, ["bad", "good", "missing"])] == [1]
    assert [record.message.startswith("left out: ") for record in caplog.records] == [True, True]
