import numpy as np
import pytest
from scipy.stats import ortho_group

from apexline.ml import norms
from apexline.ml.semantic_space import rotation


@pytest.fixture
def rng():
    return np.random.default_rng(11)


def test_congruence_is_the_cosine_of_each_column():
    a = np.array([[1.0, 0.0], [0.0, 2.0], [0.0, 0.0]])
    b = np.array([[3.0, 1.0], [0.0, 1.0], [4.0, 0.0]])
    np.testing.assert_allclose(rotation.tucker_congruence(a, b), [0.6, 0.5**0.5])
    np.testing.assert_allclose(rotation.tucker_congruence(-2 * a, a), [-1, -1])


def test_a_turned_target_is_turned_back_and_rows_without_target_go_along(rng):
    target = rng.normal(size=(9, 3))
    turned = target @ ortho_group.rvs(3, random_state=2)
    wanted = target.copy()
    wanted[7:] = np.nan
    rotated, congruence = rotation.rotate_to_target(turned, wanted)
    np.testing.assert_allclose(rotated, target, atol=1e-12)
    np.testing.assert_allclose(congruence, 1)


def test_all_measures_are_the_same_from_any_starting_rotation(rng):
    loadings, target = rng.normal(size=(20, 3)), rng.normal(size=(20, 3))
    turned = loadings @ ortho_group.rvs(3, random_state=5)
    for measure in (rotation.chance_congruence, rotation.held_out_congruence):
        np.testing.assert_allclose(measure(turned, target), measure(loadings, target), atol=1e-8)


def test_loadings_that_know_nothing_of_the_target_stay_within_chance(rng):
    target = rng.normal(size=(30, 3))
    unrelated = rng.normal(size=(30, 3))
    plain = rotation.rotate_to_target(unrelated, target)[1]
    chance = rotation.chance_congruence(unrelated, target)
    assert (plain > 0).all()  # fitted, so never below 0 here
    assert (plain < chance).sum() >= 2
    assert (rotation.held_out_congruence(unrelated, target) < plain).all()
    assert (rotation.chance_congruence(target, target) < 0.7).all()


def test_held_out_rows_by_a_loop(rng):
    target = rng.normal(size=(8, 2))
    loadings = target + 0.4 * rng.normal(size=(8, 2))
    turned = []
    for row in range(8):
        wanted = target.copy()
        wanted[row] = np.nan
        turned.append(rotation.rotate_to_target(loadings, wanted)[0][row])
    expected = rotation.tucker_congruence(np.array(turned), target)
    np.testing.assert_allclose(rotation.held_out_congruence(loadings, target), expected)


def test_variance_inflation_by_hand():
    # Columns at 60 degrees: R**2 = cos(60)**2 = 1/4, so 1 / (1 - 1/4).
    target = np.array([[1.0, 0.5], [0.0, 0.75**0.5], [np.nan, 1.0]])
    np.testing.assert_allclose(rotation.variance_inflation(target), [4 / 3, 4 / 3])
    np.testing.assert_allclose(rotation.variance_inflation(np.eye(3)), 1)
    assert np.isinf(rotation.variance_inflation(np.ones((4, 2)))).all()


def test_the_added_pairs_tell_dominance_from_pleasure():
    table1 = [each.pair for each in norms.load_pairs() if each.chosen_for == "table 1"]
    of_paper = rotation.variance_inflation(norms.target_of(norms.select_pairs(table1)).to_numpy())
    of_all = rotation.variance_inflation(norms.target_of(norms.load_pairs()).to_numpy())
    assert of_paper[2] > 15
    assert of_all[2] < 5


def test_an_axis_that_only_repeats_the_others_has_no_congruence_of_its_own(rng):
    target = rng.normal(size=(200, 2))
    target = np.column_stack([target, target[:, 0] + 0.3 * rng.normal(size=200)])
    borrowed = np.column_stack([target[:, 0], target[:, 1], target[:, 0] + 0.3 * rng.normal(size=200)])
    assert rotation.tucker_congruence(borrowed, target)[2] > 0.85
    assert abs(rotation.own_congruence(borrowed, target)[2]) < 0.2
    np.testing.assert_allclose(rotation.own_congruence(target, target), 1)


def test_axes_that_overlap_are_in_the_span_and_not_at_right_angles(rng):
    at_right_angles = np.linalg.qr(rng.normal(size=(40, 2)))[0]
    target = at_right_angles @ np.array([[1.0, 0.9], [0.0, 0.19**0.5]])  # congruence .9 with each other
    found = rotation.rotate_to_target(at_right_angles, target)[1]
    np.testing.assert_allclose(rotation.span_congruence(at_right_angles, target), 1)
    assert (found < 0.98).all()
    unrelated = rng.normal(size=(40, 2))
    plain = rotation.rotate_to_target(unrelated, target)[1]
    assert (rotation.span_congruence(unrelated, target) >= plain).all()


def test_too_few_rows_with_a_target_are_refused():
    with pytest.raises(ValueError, match="1 pairs with a target, expected at least 2"):
        rotation.rotate_to_target(np.ones((3, 2)), np.array([[1.0, 0.0], [np.nan, 1.0], [np.nan, 1.0]]))
