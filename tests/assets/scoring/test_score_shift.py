"""What a challenger would answer otherwise, by camera, on the latest segments."""

import pytest

from apexline.assets.parameters import Parameters
from apexline.assets.scoring import score_shift as module
from apexline.assets.scoring.score_shift import Answered, score_shift, shift_of_challenger, shift_table
from apexline.assets.training.decisions import store_decision, undisputed
from apexline.features.config import FeatureConfig
from tests.assets.small_lake import row_of

PARAMETERS = Parameters(features=FeatureConfig())


class Registry:
    def __init__(self, challenger):
        self.challenger = challenger

    def get_alias(self, alias):
        assert alias == "challenger"
        return self.challenger


class StubScorer:
    """The champion, version 1, says happy; any other says angry, and abstains at gate-02."""

    def __init__(self, registry, number, parameters):
        self.number = number

    def score(self, clip):
        answer = {"emotion": "happy" if self.number == 1 else "angry"}
        abstained = self.number != 1 and clip.camera_day.endswith("gate-02")
        rows = clip.lake.read("expression_segments", clip.clip_id, camera_day=clip.camera_day).to_pylist()
        return [(row, {**answer, "abstained": abstained}) for row in rows]


@pytest.fixture
def scored(lake, monkeypatch):
    """Two segments a day of gate-01, the later day's also of gate-02; version 1 is champion."""
    for day in ("2026-03-01_gate-01", "2026-03-02_gate-01", "2026-03-02_gate-02"):
        lake.write("clip_manifest", "a", [row_of("clip_manifest", clip_id="a")], stamp="s", camera_day=day)
        rows = [row_of("expression_segments", clip_id="a", segment_id=f"t-{k}") for k in range(2)]
        lake.write("expression_segments", "a", rows, stamp="s", camera_day=day)
    store_decision(lake, undisputed(1, "of a test"), "s")
    monkeypatch.setattr(module, "Scorer", StubScorer)
    return lake


def test_shares_are_counted_for_all_cameras_and_for_each():
    rows = shift_table(
        [
            Answered("b", "happy", "angry"),
            Answered("b", "happy", "abstained"),
            Answered("a", "other", "other"),
            Answered("b", "calm", "calm"),
        ]
    )
    assert [(row["camera"], row["segments"], row["changed"]) for row in rows] == [
        ("all cameras", 4, 0.5),
        ("a", 1, 0.0),
        ("b", 3, pytest.approx(2 / 3)),
    ]
    assert (rows[0]["happy_before"], rows[0]["happy_after"], rows[0]["abstained_after"]) == (0.5, 0.0, 0.25)
    for row in rows:
        for when in ("before", "after"):
            assert sum(value for name, value in row.items() if name.endswith(when)) == pytest.approx(1)
    assert shift_table([]) == []


def test_a_challenger_is_compared_where_cameras_saw_something(scored):
    rows = shift_of_challenger(scored, PARAMETERS, Registry(2))
    assert [row["camera"] for row in rows] == ["all cameras", "gate-01", "gate-02"]
    assert (rows[0]["segments"], rows[0]["changed"]) == (6, 1.0)
    assert (rows[1]["angry_after"], rows[2]["abstained_after"]) == (1.0, 1.0)


def test_the_latest_are_enough(scored, monkeypatch):
    monkeypatch.setattr(module, "_SEGMENTS", 3)
    rows = shift_of_challenger(scored, PARAMETERS, Registry(2))
    assert [(row["camera"], row["segments"]) for row in rows[1:]] == [("gate-01", 2), ("gate-02", 2)]


@pytest.mark.parametrize("challenger", [None, 1])
def test_without_a_challenger_there_is_nothing_to_compare(scored, materialise, challenger):
    shown = materialise(score_shift, lake=scored, registry=Registry(challenger)).metadata
    assert shown["segments"].value == 0
    assert shown["champion"].value == 1


def test_the_asset_shows_the_table(scored, materialise):
    shown = materialise(score_shift, lake=scored, registry=Registry(2)).metadata
    assert (shown["challenger"].value, shown["segments"].value, shown["changed_share"].value) == (2, 6, 1.0)
    assert len(shown["shift"].records) == 3
