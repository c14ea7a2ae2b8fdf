"""The loop that all clip-level assets share: what it computes, leaves and removes."""

import pytest
from upath import UPath

from apexline.assets.lake import failures
from apexline.assets.lake.camera_days import fingerprints, for_each_clip
from apexline.assets.lake.failures import forget_failure, recorded_failures
from apexline.assets.lake.storage import DamagedFile

DAY, OTHER_DAY = "2026-03-02_gate-03", "2026-03-03_gate-03"
# Any two tables serve; the second vouches for the first.
TABLES = ["annotations", "face_crops"]


@pytest.fixture
def run(lake):
    """Run the loop over clips with their upstream fingerprints; ``run.calls`` are the clips computed."""

    def go(clips, *, version="1", days=(DAY,), fail_at=None, errors=None):
        def compute(day, clip_id, stamp):
            go.calls.append(clip_id)
            if clip_id in (errors or {}):
                raise errors[clip_id]
            for table in TABLES:
                lake.write(table, clip_id, [], stamp=stamp, camera_day=day)
                if clip_id == fail_at:
                    raise KeyboardInterrupt

        go.calls = []
        by_day = clips if set(clips) <= {DAY, OTHER_DAY} else {DAY: clips}
        return for_each_clip(
            lake, days, TABLES, clips=lambda day: by_day.get(day, {}), code_version=version, compute=compute
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


BAD = {"b": ValueError("no such face")}


def test_a_failure_is_on_record_and_in_the_metadata(run, lake):
    before = lake.content_hash()
    progress = run({"a": "1", "b": "1"}, errors=BAD)
    assert progress.computed == ["a"]
    assert set(progress.stamps) == {f"{DAY}/a"}
    [failure] = recorded_failures(lake)
    assert progress.failed == [failure]
    assert (failure.stage, failure.camera_day, failure.clip_id) == ("face_crops", DAY, "b")
    assert (failure.reason, failure.detail, failure.code_version) == ("ValueError", "no such face", "1")
    metadata = progress.metadata()
    assert metadata["clips_failed"].value == 1
    [shown] = metadata["failed"].value
    assert shown == {"clip": "b", "reason": "ValueError: no such face", "retry": "apexline retry b"}
    lake.remove("face_crops", "a", camera_day=DAY)
    lake.remove("annotations", "a", camera_day=DAY)
    assert lake.content_hash() == before


def test_a_failed_clip_is_left_alone_until_something_changes_or_it_is_forgotten(run, lake, monkeypatch):
    clips = {"a": "1", "b": "1"}
    first = run(clips, errors=BAD)
    again = run(clips)
    assert (run.calls, again.failed, again.unchanged) == ([], first.failed, ["a"])
    assert again.data_version == first.data_version
    run({"a": "1", "b": "2"}, errors=BAD)
    assert run.calls == ["b"]
    run(clips, version="2", errors=BAD)
    assert run.calls == ["a", "b"]
    with monkeypatch.context() as patch:
        patch.setattr(failures, "version", lambda _: "99")
        assert run(clips, version="2", errors=BAD).failed
    assert run.calls == ["b"]
    [failure] = recorded_failures(lake)
    forget_failure(lake, failure)
    assert run(clips, version="2").computed == ["b"]


def test_the_record_goes_when_the_clip_succeeds_or_is_gone(run, lake):
    run({"a": "1", "b": "1"}, errors=BAD)
    assert run({"a": "1", "b": "2"}).computed == ["b"]
    assert recorded_failures(lake) == []
    run({"a": "1", "b": "3"}, errors=BAD)
    run({"a": "1"})
    assert recorded_failures(lake) == []


def test_what_a_clip_had_before_it_failed_stays(run, lake):
    run({"a": "1", "b": "1"})
    progress = run({"a": "1", "b": "2"}, errors=BAD)
    assert [each.clip_id for each in progress.failed] == ["b"]
    assert lake.names("face_crops", camera_day=DAY) == ["a", "b"]


def test_a_clip_that_fails_by_itself_ends_no_run(run, lake):
    assert [each.clip_id for each in run({"b": "1"}, errors=BAD).failed] == ["b"]


def test_where_all_fail_alike_the_run_fails_once(run, lake):
    """No clip can be to blame for a missing model: a green run would hide it."""
    clips = {"a": "1", "b": "1", "c": "1"}
    with pytest.raises(
        RuntimeError, match="none of 3 clips could be computed, the first for KeyError: 'model'"
    ):
        run(clips, errors=dict.fromkeys("abc", KeyError("model")))
    assert [each.clip_id for each in recorded_failures(lake)] == ["a", "b", "c"]
    assert len(run(clips).failed) == 3
    assert run.calls == []


@pytest.mark.parametrize("table", TABLES)
def test_a_damaged_file_is_made_anew(run, lake, table):
    run({"a": "1", "b": "1"})
    lake.path(table, "a", camera_day=DAY).write_bytes(b"")
    progress = run({"a": "1", "b": "1"})
    assert (progress.computed, progress.unchanged, progress.failed) == (["a"], ["b"], [])
    assert lake.damaged_files() == []


def test_any_number_of_damaged_files_ends_no_run(run):
    errors = {clip: DamagedFile(UPath(f"{clip}.json"), "it is empty") for clip in "ab"}
    assert len(run({"a": "1", "b": "1"}, errors=errors).failed) == 2
