"""Tables of the truth."""

import csv
from dataclasses import replace

import pytest

from apexline.sample.life import Event
from apexline.sample.plan import SampleConfig, plan_clip
from apexline.sample.schedule import Episode
from apexline.sample.truth import write_truth


@pytest.fixture
def tables(tmp_path):
    plan = plan_clip([(1, ("happy", "angry"))], config=SampleConfig(fps=10))
    episodes = (Episode("happy", -6, 4, 10, 4, 0.8), Episode("angry", 20, 1, 1, 2, 0.5))
    events = (Event("talk", 4, (0.1, 0.2)), Event("nod", 1, (0.1,)))
    lights = (Event("shadow", 8, (0.0, 0.5, 1.0)),)
    [actor] = plan.actors
    actor = replace(actor, episodes=episodes, events=events, blinks=(12, 38))
    write_truth(tmp_path / "new", [replace(plan, actors=(actor,), lights=lights, num_frames=40)])
    found = {}
    for name in ("clips", "segments", "distractors"):
        with (tmp_path / "new" / f"{name}.csv").open(newline="") as file:
            found[name] = list(csv.DictReader(file))
    return found


def test_clips_are_listed(tables):
    [clip] = tables["clips"]
    assert (clip["performer"], clip["fps"], clip["frames"], clip["segments"]) == ("v01", "10", "40", "2")
    assert 40 < int(clip["face_width_px"]) < 130


def test_an_expression_that_began_before_the_clip_is_truncated(tables):
    smile, frown = tables["segments"]
    # peak at -2, relaxing until 8, nothing left at 12
    assert [smile[name] for name in ("onset", "apex", "apex_end", "offset")] == ["0", "0", "8", "11"]
    assert (smile["emotion"], smile["kind"], smile["truncated"], smile["intensity"]) == (
        "happy",
        "macro",
        "start",
        "0.8",
    )
    assert [frown[name] for name in ("onset", "apex", "apex_end", "offset")] == ["21", "21", "22", "23"]
    assert (frown["kind"], frown["truncated"]) == ("micro", "")


def test_what_is_no_expression_has_a_kind(tables):
    spans = [(row["type"], int(row["from"]), int(row["to"])) for row in tables["distractors"]]
    assert spans == [
        ("headturn", 1, 1),
        ("talk", 4, 5),
        ("light", 8, 10),
        ("blink", 12, 16),
        ("blink", 38, 39),
    ]
    assert {row["performer"] for row in tables["distractors"]} == {"v01"}
