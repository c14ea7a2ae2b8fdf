"""Clips of a day, computed side by side."""

import os
from dataclasses import dataclass

import pytest
from upath import UPath

from apexline.assets.lake.camera_days import for_each_clip
from apexline.assets.lake.storage import Lake
from apexline.assets.lake.workers import ClipWorkers

DAY, OTHER_DAY = "2026-03-02_gate-03", "2026-03-03_gate-03"


@dataclass(frozen=True)
class Writer:
    """A computation that other processes can be given: it writes who computed what."""

    lake: Lake
    fail_at: str = ""

    def __call__(self, day, clip_id, stamp):
        if clip_id == self.fail_at:
            msg = "no such face"
            raise ValueError(msg)
        row = {
            "clip_id": clip_id,
            "track_id": str(os.getpid()),
            "frame": 0,
            "time_s": 0.0,
            "crop": bytes(128 * 128),
        }
        self.lake.write("face_crops", clip_id, [row], stamp=stamp, camera_day=day)


def side_by_side(lake, clips, *, count=2, fail_at=""):
    return for_each_clip(
        lake,
        [DAY],
        ["face_crops"],
        clips=lambda _: clips,
        depends_on=[],
        compute=Writer(lake, fail_at),
        workers=ClipWorkers(count),
    )


def processes_of(lake, clips):
    return {lake.read("face_crops", clip, camera_day=DAY)["track_id"][0].as_py() for clip in clips}


def test_workers_give_what_one_process_gives(tmp_path):
    clips = {name: "1" for name in "abcd"}
    alone, together = (Lake(UPath(tmp_path / name)) for name in ("alone", "together"))
    one, two = side_by_side(alone, clips, count=1), side_by_side(together, clips, count=2)
    assert one == two
    assert processes_of(alone, clips) == {str(os.getpid())}
    others = processes_of(together, clips)
    assert str(os.getpid()) not in others
    assert 1 <= len(others) <= 2


def test_one_clip_needs_no_process(lake):
    side_by_side(lake, {"a": "1"})
    assert processes_of(lake, "a") == {str(os.getpid())}


@pytest.mark.parametrize("count", [1, 2])
def test_a_failing_clip_is_named_and_the_finished_ones_stay(lake, count):
    with pytest.raises(ValueError, match="no such face") as caught:
        side_by_side(lake, {"a": "1", "b": "1"}, count=count, fail_at="b")
    assert caught.value.__notes__ == [f"while computing clip b of {DAY}"]
    assert side_by_side(lake, {"a": "1", "b": "1"}).computed == ["b"]
