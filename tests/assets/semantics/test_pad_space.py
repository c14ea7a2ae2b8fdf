"""From ratings to the space, and which ratings count."""

import dagster as dg
import pandas as pd
import pytest

from apexline.assets.parameters import Parameters, SurveyConfig
from apexline.assets.semantics.pad_space import load_space, pad_space, rated_pad, read_record, usable_ratings
from apexline.assets.semantics.rating_surveys import import_csv, rating_surveys, survey_files
from apexline.features.config import FeatureConfig
from apexline.ml.emotions import EMOTIONS
from apexline.ml.norms import pair_ids
from apexline.ml.surveys import sufficiency
from apexline.ml.surveys.panel import simulate_panel
from tests.assets.semantics.surveyed import PANEL_OF_TWO, annotate


def test_a_survey_with_scales_of_its_own_makes_the_space_where_the_parameters_say_so(
    lake, voices, answers, materialise
):
    assert (voices["accepted"], voices["rejected"], voices["form"]) == (40 * 6 * 12, 0, "voices")
    import_csv(lake, answers("page.csv", "r1,s1,angry_calm,1"))
    chosen = Parameters(features=FeatureConfig(), survey=SurveyConfig(form="voices"))
    rated = materialise(rating_surveys, lake=lake, parameters=chosen)
    assert rated.metadata["ratings"].value == 40 * 6 * 12 + 1
    fitted = materialise(pad_space, lake=lake, parameters=chosen)
    space = load_space(lake)
    assert set(space.pairs) == {f"voices/v{i}_w{i}" for i in range(12)}
    assert space.unsupported == ()
    assert len(space.segments) == 40
    assert set(fitted.metadata["variance_inflation"].value) == {"pleasure", "arousal", "dominance"}
    assert set(rated_pad(lake, space)) == set(space.segments)


def test_real_ratings_take_the_place_of_simulated_ones(lake, answers, materialise):
    annotate(lake, "aaaa", "happy")
    materialise(rating_surveys, lake=lake, parameters=PANEL_OF_TWO)
    assert usable_ratings(lake, pair_ids())["synthetic"].all()
    import_csv(lake, answers("page.csv", "r1,s1,angry_calm,1"))
    materialise(rating_surveys, lake=lake, parameters=PANEL_OF_TWO)
    assert usable_ratings(lake, pair_ids())["segment"].tolist() == ["s1"]
    with pytest.raises(LookupError, match="nobody has rated"):
        usable_ratings(lake, ["old_young"])


def survey(name, raters, *, level, segments=12):
    """Answers to the project's pairs by raters; `level` takes the number of segment and pair."""
    rows = [
        f"{rater},s{segment:02d},{pair},{level(segment, number)}"
        for rater in raters
        for segment in range(segments)
        for number, pair in enumerate(pair_ids())
    ]
    return name, *rows


def counted(lake):
    return usable_ratings(lake, pair_ids()).reset_index(drop=True)


def panel_survey(name, *, raters, seed=0, segments=40):
    """Answers of a simulated panel, given as those of people."""
    stimuli = [f"s{k:02d}" for k in range(segments)]
    table = pd.DataFrame({"segment": stimuli, "emotion": [EMOTIONS[k % 4] for k in range(segments)]})
    panel = simulate_panel(table, raters=raters, seed=seed)
    return name, *(f"{name}{a.rater},{a.segment},{a.pair},{a.level:g}" for a in panel.itertuples())


@pytest.mark.parametrize(
    "level", [lambda s, p: 3, lambda s, p: 1 + 4 * ((s + p) % 2), lambda s, p: 1 + p % 5]
)
def test_one_rater_of_patterned_answers_takes_no_place_and_breaks_nothing(lake, answers, materialise, level):
    annotate(lake, "aaaa", *("happy", "calm", "angry", "scared") * 4)
    materialise(rating_surveys, lake=lake, parameters=PANEL_OF_TWO)
    before = materialise(pad_space, lake=lake, parameters=PANEL_OF_TWO)
    space, ratings = load_space(lake), counted(lake)
    import_csv(lake, answers(*survey("page.csv", ["robot"], level=level)))
    materialise(rating_surveys, lake=lake, parameters=PANEL_OF_TWO)
    for _ in range(2):
        after = materialise(pad_space, lake=lake, parameters=PANEL_OF_TWO)
        assert after.metadata["computed"].value == 0
        assert "saw 1 rater" in str(after.metadata["problems"].value)
        assert after.metadata["sources"].value[0].startswith("page-")
        assert after.tags["dagster/data_version"] == before.tags["dagster/data_version"]
        assert load_space(lake).hash == space.hash
        assert counted(lake).equals(ratings)  # and with it what is learned from


def test_a_better_survey_is_not_replaced_by_a_worse_until_that_is_gone(
    lake, answers, materialise, parameters
):
    import_csv(lake, answers(*panel_survey("good.csv", raters=6)))
    materialise(rating_surveys, lake=lake, parameters=parameters)
    materialise(pad_space, lake=lake, parameters=parameters)
    record, ratings = read_record(lake), counted(lake)
    # More people, all of whom press 1 and 5 by turns: together with the good ones they change the axes.
    import_csv(
        lake, answers(*survey("bad.csv", "abcdefghijklmnopqrst", level=lambda s, p: 1 + 4 * ((s + p) % 2)))
    )
    materialise(rating_surveys, lake=lake, parameters=parameters)
    after = materialise(pad_space, lake=lake, parameters=parameters)
    assert "the space that stands has" in str(after.metadata["problems"].value)
    assert read_record(lake)["space"] == record["space"]
    assert counted(lake).equals(ratings)
    [bad] = (path for path in survey_files(lake) if path.name.startswith("bad"))
    bad.unlink()
    materialise(rating_surveys, lake=lake, parameters=parameters)
    materialise(pad_space, lake=lake, parameters=parameters)
    assert read_record(lake) == record


def test_more_of_a_good_survey_takes_the_place_of_less(lake, answers, materialise, parameters):
    for name, raters in (("a.csv", 3), ("b.csv", 4)):
        import_csv(lake, answers(*panel_survey(name, raters=raters)))
        materialise(rating_surveys, lake=lake, parameters=parameters)
        fitted = materialise(pad_space, lake=lake, parameters=parameters)
        assert fitted.metadata["computed"].value == 1
        assert "problems" not in fitted.metadata
    assert fitted.metadata["num_raters"].value == 7


def test_a_space_that_a_weak_survey_made_before_stays(lake, answers, materialise, parameters):
    import_csv(lake, answers(*panel_survey("one.csv", raters=3)))
    materialise(rating_surveys, lake=lake, parameters=parameters)
    materialise(pad_space, lake=lake, parameters=parameters)
    record = read_record(lake)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sufficiency, "MIN_RATERS", 9)  # as a survey of fewer raters was good enough before
        again = materialise(pad_space, lake=lake, parameters=parameters)
    assert (again.metadata["computed"].value, "problems" in again.metadata) == (0, False)
    assert read_record(lake) == record


def test_where_no_space_stands_a_weak_survey_makes_none_and_says_why(lake, answers, materialise, parameters):
    import_csv(lake, answers(*survey("page.csv", ["r1"], level=lambda s, p: 3)))
    materialise(rating_surveys, lake=lake, parameters=parameters)
    with pytest.raises(dg.Failure, match="none stands: saw 1 rater, expected at least 2; ask more people"):
        materialise(pad_space, lake=lake, parameters=parameters)
    assert read_record(lake) == {}


def test_without_ratings_or_space_the_remedy_is_named(lake):
    with pytest.raises(LookupError, match="apexline survey import"):
        usable_ratings(lake, pair_ids())
    with pytest.raises(LookupError, match="materialise pad_space"):
        load_space(lake)
