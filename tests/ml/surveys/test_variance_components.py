import numpy as np
import pandas as pd
import pytest

from apexline.ml.surveys import agreement, variance_components
from apexline.ml.surveys.variance_components import rating_components, score_cube


@pytest.fixture
def rng():
    return np.random.default_rng(8)


def _gaps(rng, cube, share):
    cube[rng.random(cube.shape) < share] = np.nan
    return cube


def test_cube_by_hand():
    answers = pd.DataFrame(
        [("b", "y", "p", 1), ("a", "x", "p", 5), ("a", "x", "q", 2.0)],
        columns=["rater", "segment", "pair", "level"],
    )
    pairs, cube = score_cube(answers)
    assert pairs == ("p", "q")
    nan = np.nan
    np.testing.assert_array_equal(cube, [[[-1, 0.5], [nan, nan]], [[nan, nan], [1, nan]]])


def test_one_scale_gives_the_components_of_the_icc(rng):
    cube = _gaps(rng, rng.normal(size=(14, 1, 1)) + rng.normal(size=(14, 6, 1)), 0.3)
    found = rating_components(("p",), cube)
    whole = found.stimulus + found.rater + found.residual
    single = agreement.intraclass_correlation(cube[..., 0], num_resamples=2).single
    assert (found.stimulus / whole).item() == pytest.approx(single)


def test_covariances_are_those_of_sums_of_scales(rng):
    """2 cov(x, y) = var(x + y) - var(x) - var(y), for each source, where both are answered in the same cells."""
    cube = rng.normal(size=(15, 7, 2)) + rng.normal(size=(15, 1, 2)) + rng.normal(size=(7, 2))
    cube[rng.random((15, 7)) < 0.3] = np.nan
    both = rating_components(("x", "y"), cube)
    summed = rating_components(("s",), cube.sum(axis=2, keepdims=True))
    for source in ("stimulus", "rater", "residual"):
        matrix = getattr(both, source)
        assert matrix.sum() == pytest.approx(getattr(summed, source).item())
        np.testing.assert_allclose(matrix, matrix.T, atol=1e-12)


def test_known_components_are_found_with_gaps_and_a_halo(rng):
    mixing = rng.normal(size=(3, 3))
    stimulus, rater, residual = mixing @ mixing.T, np.eye(3) * 0.3, 0.5 + np.eye(3)
    cube = (
        rng.multivariate_normal(np.zeros(3), stimulus, size=(1500, 1))
        + rng.multivariate_normal(np.zeros(3), rater, size=60)
        + rng.multivariate_normal(np.zeros(3), residual, size=(1500, 60))
    )
    found = rating_components(("a", "b", "c"), _gaps(rng, cube, 0.2))
    np.testing.assert_allclose(found.residual, residual, atol=0.03)
    np.testing.assert_allclose(found.stimulus, stimulus, atol=0.3)
    np.testing.assert_allclose(found.rater, rater, atol=0.2)


def test_raters_who_share_no_stimulus_are_refused():
    cube = np.full((4, 4, 2), np.nan)
    cube[np.arange(4), np.arange(4)] = np.arange(8).reshape(4, 2)
    with pytest.raises(ValueError, match="let several raters rate the same"):
        variance_components.rating_components(("x", "y"), cube)
