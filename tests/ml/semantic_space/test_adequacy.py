"""Whether scores suit a factor analysis, and how many factors they have."""

import numpy as np
import pytest

from apexline.ml.semantic_space.adequacy import parallel_analysis, sampling_adequacy


@pytest.fixture
def rng():
    return np.random.default_rng(5)


def test_correlated_scores_suit_factor_analysis_and_noise_does_not(rng):
    common = rng.normal(size=(200, 1)) + 0.5 * rng.normal(size=(200, 8))
    good = sampling_adequacy(common)
    noise = sampling_adequacy(rng.normal(size=(200, 8)))
    assert good.kmo > 0.9
    assert good.kmo_per_pair.shape == (8,)
    assert good.bartlett_p < 1e-10
    assert noise.kmo < 0.6
    assert noise.bartlett_p > 0.01


def test_kmo_by_hand_from_partial_correlations(rng):
    scores = rng.normal(size=(50, 1)) + rng.normal(size=(50, 4))
    correlation = np.corrcoef(scores, rowvar=False)
    inverse = np.linalg.inv(correlation)
    partial = -inverse / np.sqrt(np.outer(np.diag(inverse), np.diag(inverse)))
    off = ~np.eye(4, dtype=bool)
    squares = (correlation[off] ** 2).sum()
    expected = squares / (squares + (partial[off] ** 2).sum())
    assert sampling_adequacy(100 * scores).kmo == pytest.approx(expected)


def test_adequacy_does_not_exist_with_fewer_stimuli_than_pairs(rng):
    result = sampling_adequacy(rng.normal(size=(6, 10)))
    assert np.isnan(result.kmo)
    assert np.isnan(result.bartlett_p)
    assert np.isnan(result.kmo_per_pair).all()


@pytest.mark.parametrize("num_factors", [0, 1, 3])
def test_parallel_analysis_finds_the_factors_that_are_there(rng, num_factors):
    loadings = np.kron(np.eye(3)[:, :num_factors], np.full((5, 1), 0.8))
    scores = rng.normal(size=(300, num_factors)) @ loadings.T + 0.6 * rng.normal(size=(300, 15))
    result = parallel_analysis(scores)
    assert result.num_factors == num_factors
    assert result.eigenvalues.sum() == pytest.approx(15)
    assert (np.diff(result.eigenvalues) <= 0).all()
    assert result.thresholds.shape == (15,)


def test_parallel_analysis_may_keep_every_factor(rng):
    # One column: its single eigenvalue is 1 and so is that of chance, and 1 is not above 1.
    scores = rng.normal(size=(40, 2))
    assert parallel_analysis(scores, quantile=0.0).num_factors <= 2
