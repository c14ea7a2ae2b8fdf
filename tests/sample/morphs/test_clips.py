"""Morphed clips with their truth."""

import csv

import numpy as np
import pytest

from apexline.features.video import probe_video
from apexline.sample.morphs import clips as morph_clips
from apexline.sample.morphs.clips import make_morphs, plan_morphs
from apexline.sample.plan import SampleConfig


def test_people_take_turns_and_show_what_their_stills_hold(folder):
    plans = plan_morphs(folder, num_clips=3, seed=1)
    assert [plan.name for plan in plans] == ["anna_00", "berta_00", "anna_01"]
    assert [plan.actors[0].subject for plan in plans] == ["anna", "berta", "anna"]
    assert {plan.fps for plan in plans} <= {25, 30}
    for plan in plans:
        [actor] = plan.actors
        assert 3 <= len(actor.episodes) <= 8
        assert {episode.emotion for episode in actor.episodes} <= {"happy", "scared"}
        assert actor.events
    again = plan_morphs(folder, num_clips=3, seed=1)
    assert [plan.actors[0].episodes for plan in again] == [plan.actors[0].episodes for plan in plans]
    other = plan_morphs(folder, num_clips=3, seed=2)
    assert [plan.actors[0].episodes for plan in other] != [plan.actors[0].episodes for plan in plans]


@pytest.fixture
def made(folder, tmp_path, monkeypatch):
    small = SampleConfig(lifelike=True, size=(160, 120), face_px=(50.0, 50.0))
    monkeypatch.setattr(morph_clips, "_FPS", (8,))
    monkeypatch.setattr(plan_morphs, "__kwdefaults__", {"config": small})
    plans = [make_morphs(folder, tmp_path / name, num_clips=1, seed=4) for name in ("one", "two")]
    return plans[0], tmp_path


def test_clips_and_tables_are_written_and_reproducible(made):
    [plan], folder = made
    names = {"anna_00.mp4", "clips.csv", "segments.csv", "distractors.csv"}
    assert {path.name for path in (folder / "one").iterdir()} == names
    for name in names:
        assert (folder / "one" / name).read_bytes() == (folder / "two" / name).read_bytes()
    info = probe_video(folder / "one" / "anna_00.mp4")
    assert (info.num_frames, info.width, info.height) == (plan.num_frames, 160, 120)
    with (folder / "one" / "segments.csv").open(newline="") as file:
        onsets = [int(row["onset"]) for row in csv.DictReader(file)]
    assert onsets == [episode.seen[0] for episode in plan.actors[0].episodes]
    assert np.all(np.diff(onsets) > 0)
