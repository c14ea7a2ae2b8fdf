"""A home without labels is told so, and not red every Monday."""

import pytest

from apexline.assets.parameters import Parameters, SurveyConfig
from apexline.assets.training.readiness import nothing_to_learn
from apexline.features import FeatureConfig
from tests.assets.small_lake import row_of

DAY, CLIP = "2026-03-02_gate-03", "aaaa000011112222"


def parameters(raters=0):
    return Parameters(features=FeatureConfig(), survey=SurveyConfig(simulated_raters=raters))


def label(lake, people, *, synthetic=False, emotions=("happy", "angry", "calm", "scared")):
    rows = [
        row_of(
            "annotations", annotation_id=f"{person}-{each}", subject=person, emotion=each, synthetic=synthetic
        )
        for person in people
        for each in emotions
    ]
    lake.write("annotations", CLIP, rows, stamp="a", camera_day=DAY)


def survey(lake, *segments):
    folder = lake.home / "surveys"
    folder.mkdir(parents=True)
    (folder / "one.csv").write_text("rater,segment,pair,level\n")
    if segments:
        rows = [row_of("ratings", rater="r", segment=each, pair="p", synthetic=False) for each in segments]
        lake.write("ratings", "one", rows, stamp="r")


def test_without_ratings_there_is_nothing(lake):
    assert "nobody has rated a segment" in nothing_to_learn(lake, parameters())
    label(lake, "abc")
    assert "`apexline survey serve`" in nothing_to_learn(lake, parameters())
    assert "nobody has rated" in nothing_to_learn(
        lake, parameters(raters=8)
    )  # the panel rates drawn faces alone


def test_the_simulated_panel_rates_the_sample(lake):
    label(lake, "abc", synthetic=True)
    assert nothing_to_learn(lake, parameters(raters=8)) is None


def test_a_survey_that_no_run_has_read_may_be_enough(lake):
    survey(lake)
    assert nothing_to_learn(lake, parameters()) is None


@pytest.mark.parametrize(
    ("people", "rated", "missing"), [("ab", (), True), ("abc", (), False), ("ab", ("s1",), False)]
)
def test_each_emotion_needs_people_for_three_folds(lake, people, rated, missing):
    label(lake, people)
    survey(lake, "a-happy", *rated)
    found = nothing_to_learn(lake, parameters())
    assert (found is not None) == missing
    if missing:
        assert "(happy 2, angry 2, calm 2, scared 2)" in found
