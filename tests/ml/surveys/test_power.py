import numpy as np
import pandas as pd
import pytest

from apexline.ml.surveys.power import survey_power
from apexline.ml.surveys.variance_components import RatingComponents

AXES = ["pleasure", "arousal", "dominance"]


@pytest.fixture
def target():
    drawn = np.random.default_rng(4).normal(size=(16, 3)) * [1.5, 1.0, 0.7]
    drawn /= np.linalg.norm(drawn, axis=1, keepdims=True)
    return pd.DataFrame(drawn, index=[f"s{i}" for i in range(16)], columns=AXES)


@pytest.fixture
def components(target):
    common = target.to_numpy() @ target.to_numpy().T
    own = np.diag(0.3 * np.diag(common))
    noise = 2 * np.diag(np.diag(common))
    return RatingComponents(tuple(target.index), common + own, noise / 4, noise, 100, 30)


@pytest.fixture
def table(components, target):
    return survey_power(components, target, images=(40, 160), raters=(3, 30), num_surveys=40)


def test_more_raters_and_more_images_find_more(table):
    cells = table.cells.set_index(["images", "raters"])
    assert (cells.loc[(40, 30)] > cells.loc[(40, 3)]).all()
    assert (cells.loc[(160, 3)] > cells.loc[(40, 3)]).all()
    assert (cells.loc[(160, 30)] > 0.97).all()


def test_an_endless_survey_finds_the_truth_and_the_ceiling(components, target):
    table = survey_power(components, target, images=(4000,), raters=(5000,), num_surveys=3)
    assert table.cells[AXES].to_numpy().min() > 0.995
    assert all(value > 0.99 for value in table.ceiling.values())


def test_an_axis_that_is_not_in_the_stimuli_has_a_low_ceiling(components, target):
    elsewhere = target.assign(dominance=np.random.default_rng(9).normal(size=16))
    table = survey_power(components, elsewhere, images=(400,), raters=(30,), num_surveys=5)
    assert table.ceiling["dominance"] < 0.85 < table.ceiling["pleasure"]


def test_needed_by_hand(table):
    table.cells[AXES] = [[0.80, 0.9, 0.9], [0.96, 0.9, 0.9], [0.97, 0.9, 0.96], [0.99, 0.9, 0.99]]
    pleasure = table.needed(0.95, ["pleasure"])
    assert pleasure.to_dict("list") == {"images": [40, 160], "raters": [30, 3], "answers": [1200, 480]}
    both = table.needed(0.95, ["pleasure", "dominance"])
    assert both["raters"].tolist() == [None, 3]
    assert table.needed(0.95, ["arousal"])["answers"].tolist() == [None, None]


def test_the_same_seed_gives_the_same_table_and_steps_are_told(components, target):
    told = []

    def run():
        return survey_power(
            components,
            target,
            images=(30,),
            raters=(2, 4),
            num_surveys=5,
            on_step=lambda *step: told.append(step),
        )

    pd.testing.assert_frame_equal(run().cells, run().cells)
    assert told[:2] == [(1, 2), (2, 2)]


@pytest.mark.parametrize(
    ("congruence", "axes", "message"),
    [(95, ["pleasure"], "such as .95"), (0.9, ["valence"], "valence"), (0.9, [], "expected some of")],
)
def test_wishes_that_cannot_be_met_are_refused(table, congruence, axes, message):
    with pytest.raises(ValueError, match=message):
        table.needed(congruence, axes)


def test_a_scale_on_which_stimuli_do_not_differ_is_left_out(components, target):
    components.stimulus[2, 2] = -0.1
    table = survey_power(components, target, images=(40,), raters=(3,), num_surveys=2)
    assert table.left_out == ("s2",)
    assert np.isfinite(table.cells.to_numpy()).all()
