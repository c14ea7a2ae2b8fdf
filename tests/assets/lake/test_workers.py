"""Clips of a day, computed side by side."""

import errno
import os
import signal
from dataclasses import dataclass, field
from pathlib import Path

import dagster as dg
import pytest
from upath import UPath

from apexline.assets.lake import camera_days
from apexline.assets.lake.camera_days import for_each_clip
from apexline.assets.lake.storage import Lake
from apexline.assets.lake.workers import ClipWorkers, Fault, is_of_the_machine, may_pass
from apexline.features.backend import DeviceUnavailable
from apexline.features.video.containers import UnreadableVideo
from apexline.features.video.limits import DecodingUnavailable

DAY, OTHER_DAY = "2026-03-02_gate-03", "2026-03-03_gate-03"


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def fail(error):
    raise error


FATES = {
    "dies": die,
    "damaged": lambda: fail(UnreadableVideo(Path("a.mp4"), "truncated", "half of it")),
    "wrong": lambda: fail(ValueError("no such face")),
    "full": lambda: fail(OSError(errno.ENOSPC, "no space left on device")),
    "greedy": lambda: fail(MemoryError("8 GB")),
}


@dataclass(frozen=True)
class Writer:
    """A computation that other processes can be given: it writes who computed what, and some clips have a fate."""

    lake: Lake
    fates: dict[str, str] = field(default_factory=dict)

    def __call__(self, day, clip_id, stamp):
        if clip_id in self.fates:
            FATES[self.fates[clip_id]]()
        row = {
            "clip_id": clip_id,
            "track_id": str(os.getpid()),
            "frame": 0,
            "time_s": 0.0,
            "crop": bytes(128 * 128),
        }
        self.lake.write("face_crops", clip_id, [row], stamp=stamp, camera_day=day)


def side_by_side(lake, clips, *, count=2, fates=None):
    return for_each_clip(
        lake,
        [DAY],
        ["face_crops"],
        clips=lambda _: clips,
        code_version="1",
        compute=Writer(lake, fates or {}),
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
@pytest.mark.parametrize(
    ("fate", "fault"),
    [
        ("damaged", Fault("UnreadableVideo", "a.mp4: truncated: half of it")),
        ("wrong", Fault("ValueError", "no such face")),
        ("greedy", Fault("MemoryError", "out of memory with no clip beside it: 8 GB")),
    ],
)
def test_a_clip_that_fails_stops_no_other(lake, count, fate, fault):
    progress = side_by_side(lake, dict.fromkeys("abcd", "1"), count=count, fates={"b": fate})
    assert progress.computed == ["a", "c", "d"] == lake.names("face_crops", camera_day=DAY)
    [failure] = progress.failed
    assert (failure.clip_id, Fault(failure.reason, failure.detail)) == ("b", fault)


class DiskThatIsCleared:
    """Full for so many attempts."""

    def __init__(self, lake, attempts):
        self.write, self.attempts = Writer(lake), attempts

    def __call__(self, day, clip_id, stamp):
        self.attempts -= 1
        if self.attempts >= 0:
            FATES["full"]()
        self.write(day, clip_id, stamp)


@pytest.mark.parametrize(("attempts", "is_well"), [(3, True), (4, False)])
def test_a_fault_that_passes_is_tried_again_within_the_run(lake, monkeypatch, attempts, is_well):
    monkeypatch.setattr(camera_days, "_WAIT_S", (0.0, 0.0))
    compute = DiskThatIsCleared(lake, attempts)

    @dg.asset
    def crops():
        for_each_clip(
            lake, [DAY], ["face_crops"], clips=lambda _: {"a": "1"}, code_version="1", compute=compute
        )

    result = dg.materialize([crops], raise_on_error=False)
    assert result.success is is_well
    assert lake.names("face_crops", camera_day=DAY) == (["a"] if is_well else [])
    if not is_well:
        [failure] = [each for each in result.all_events if each.is_step_failure]
        assert "no space left on device" in failure.step_failure_data.error.to_string()


def test_a_clip_that_kills_its_process_stops_no_other(lake):
    clips = dict.fromkeys("abcdef", "1")
    progress = side_by_side(lake, clips, fates={"b": "dies", "e": "dies"})
    assert progress.computed == ["a", "c", "d", "f"] == lake.names("face_crops", camera_day=DAY)
    assert [each.clip_id for each in progress.failed] == ["b", "e"]
    assert all("died twice" in each.detail for each in progress.failed)


@pytest.mark.parametrize("count", [1, 2])
def test_a_fault_of_the_machine_ends_the_pass_and_the_finished_clips_stay(lake, count):
    clips = {"a": "1", "b": "1"}
    with pytest.raises(dg.RetryRequested) as caught:
        side_by_side(lake, clips, count=count, fates={"b": "full"})
    cause = caught.value.__cause__
    assert isinstance(cause, OSError)
    assert cause.errno == errno.ENOSPC
    assert cause.__notes__ == [f"while computing clip b of {DAY}"]
    again = side_by_side(lake, clips, count=count)
    assert (again.computed, again.unchanged, again.failed) == (["b"], ["a"], [])


@pytest.mark.parametrize(
    ("error", "machine", "passes"),
    [
        (OSError(errno.ENOSPC, "disk"), True, True),
        (OSError(errno.EMFILE, "too many open files"), True, True),
        (PermissionError(errno.EACCES, "clip.mp4"), False, None),
        (IsADirectoryError(errno.EISDIR, "clip.parquet"), False, None),
        (OSError(errno.EIO, "a bad block"), False, None),
        (ModuleNotFoundError("cupy"), True, False),
        (DeviceUnavailable("no CUDA device"), True, False),
        (DecodingUnavailable("APEXLINE_VIDEO_MAX_FRAMES is 'lots'"), True, False),
        (FileNotFoundError(errno.ENOENT, "clip.mp4"), False, None),
        (OSError("Parquet magic bytes not found"), False, None),
        (ZeroDivisionError(), False, None),
    ],
)
def test_whose_fault_it_is(error, machine, passes):
    assert is_of_the_machine(error) is machine
    if machine:
        assert may_pass(error) is passes


@pytest.mark.parametrize(("kills", "faults"), [(1, 0), (2, 1)])
def test_a_decoder_that_was_killed_once_costs_no_clip(kills, faults):
    killed = []

    def compute(day, clip_id, stamp):
        if len(killed) < kills:
            killed.append(clip_id)
            raise UnreadableVideo(Path("a.mp4"), "decoder_crashed", "ended by signal 9 (Killed)")

    found = ClipWorkers(1).run(compute, [(DAY, "a", "s")])
    assert len(found) == faults
    assert len(killed) == kills
