"""The loop that all clip-level assets share: what it computes, leaves and removes."""

import pytest

from apexline.assets.lake.camera_days import fingerprints, for_each_clip

DAY, OTHER_DAY = "2026-03-02_gate-03", "2026-03-03_gate-03"
# Any two tables serve; the second vouches for the first.
TABLES = ["annotations", "face_crops"]


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
