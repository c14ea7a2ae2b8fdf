"""The loop that all clip-level assets share: what it computes, leaves and removes."""

import os
from dataclasses import dataclass

import pytest
from pydantic import ValidationError
from upath import UPath

from apexline.assets.lake.camera_days import fingerprints, for_each_clip
from apexline.assets.lake.storage import Lake
from apexline.assets.lake.workers import ClipWorkers
from apexline.orchestration.settings import Settings

DAY, OTHER_DAY = "2026-03-02_gate-03", "2026-03-03_gate-03"
# Any two tables serve; the second vouches for the first.
TABLES = ["annotations", "face_crops"]


@pytest.fixture
def lake(tmp_path):
    return Lake(UPath(tmp_path))


@pytest.fixture
def run(lake):
    """Run the loop over clips with their upstream fingerprints; ``run.calls`` are the clips computed."""

    def go(clips, *, version="1", days=(DAY,), fail_at=None):
        def compute(day, clip_id, stamp):
            go.calls.append(clip_id)
            for table in TABLES:
                lake.write(table, clip_id, [], stamp=stamp, camera_day=day)
                if clip_id == fail_at:
                    raise KeyboardInterrupt

        go.calls = []
        by_day = clips if set(clips) <= {DAY, OTHER_DAY} else {DAY: clips}
        return for_each_clip(
            lake, days, TABLES, clips=lambda day: by_day.get(day, {}), depends_on=[version], compute=compute
        )

    return go


def test_every_clip_is_computed_once(run, lake):
    first = run({"a": "1", "b": "1"})
    assert (first.computed, first.unchanged, first.removed) == (["a", "b"], [], [])
    again = run({"a": "1", "b": "1"})
    assert (again.computed, again.unchanged) == ([], ["a", "b"])
    assert run.calls == []
    assert again.data_version == first.data_version
    assert {key: value.value for key, value in again.metadata().items()} == {
        "clips_computed": 0,
        "clips_unchanged": 2,
        "clips_removed": 0,
    }


def test_only_the_clip_whose_input_changed_is_computed_again(run):
    first = run({"a": "1", "b": "1"})
    second = run({"a": "1", "b": "2"})
    assert run.calls == ["b"]
    assert second.data_version != first.data_version


def test_other_code_or_parameters_compute_all_again(run):
    run({"a": "1", "b": "1"})
    run({"a": "1", "b": "1"}, version="2")
    assert run.calls == ["a", "b"]


def test_going_back_to_the_old_version_gives_the_old_data_version(run):
    first = run({"a": "1"})
    assert run({"a": "1"}, version="2").data_version != first.data_version
    assert run({"a": "1"}).data_version == first.data_version


def test_files_of_a_clip_that_is_gone_are_removed(run, lake):
    run({"a": "1", "b": "1"})
    progress = run({"b": "1"})
    assert (progress.removed, progress.unchanged) == (["a"], ["b"])
    assert [lake.names(table, camera_day=DAY) for table in TABLES] == [["b"], ["b"]]


def test_a_clip_interrupted_between_its_files_is_computed_again(run, lake):
    with pytest.raises(KeyboardInterrupt):
        run({"a": "1", "b": "1", "c": "1"}, fail_at="b")
    assert lake.names("annotations", camera_day=DAY) == ["a", "b"]
    assert lake.names("face_crops", camera_day=DAY) == ["a"]
    progress = run({"a": "1", "b": "1", "c": "1"})
    assert (progress.computed, progress.unchanged) == (["b", "c"], ["a"])


def test_days_do_not_touch_each_other(run, lake):
    clips = {DAY: {"a": "1"}, OTHER_DAY: {"b": "1"}}
    assert run(clips, days=(DAY, OTHER_DAY)).computed == ["a", "b"]
    progress = run({DAY: {"a": "1"}}, days=(DAY,))
    assert (progress.unchanged, progress.removed) == (["a"], [])
    assert lake.names("face_crops", camera_day=OTHER_DAY) == ["b"]


def test_a_day_without_clips_is_no_error(run):
    progress = run({})
    assert progress.computed == progress.unchanged == progress.removed == []


def test_fingerprints_cover_the_clips_that_all_tables_have(lake):
    for table, clips in (("texture_features", "ab"), ("flow_features", "bc")):
        for clip in clips:
            lake.write(table, clip, [], stamp=f"{table}-{clip}", camera_day=DAY)
    both = fingerprints(lake, DAY, "texture_features", "flow_features")
    assert list(both) == ["b"]
    assert list(fingerprints(lake, DAY, "texture_features")) == ["a", "b"]
    lake.write("flow_features", "b", [], stamp="other", camera_day=DAY)
    assert fingerprints(lake, DAY, "texture_features", "flow_features") != both
    assert fingerprints(lake, OTHER_DAY, "texture_features") == {}


# ---- several clips at once


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


def test_a_setting_of_no_worker_is_refused(monkeypatch):
    monkeypatch.setenv("APEXLINE_NUM_WORKERS", "0")
    with pytest.raises(ValidationError, match="greater than or equal to 1"):
        Settings()
