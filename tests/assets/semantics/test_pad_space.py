"""From ratings to the space, and which ratings count."""

import pytest

from apexline.assets.parameters import Parameters, SurveyConfig
from apexline.assets.semantics.pad_space import load_space, pad_space, rated_pad, usable_ratings
from apexline.assets.semantics.rating_surveys import import_csv, rating_surveys
from apexline.features.config import FeatureConfig
from apexline.ml.norms import pair_ids
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


def test_without_ratings_or_space_the_remedy_is_named(lake):
    with pytest.raises(LookupError, match="apexline survey import"):
        usable_ratings(lake, pair_ids())
    with pytest.raises(LookupError, match="materialise pad_space"):
        load_space(lake)
