"""Scores as the factor analysis takes them."""

import numpy as np

from apexline.ml.semantic_space.score_table import normalise


def test_normalised_scores_multiply_to_the_pearson_correlation_matrix():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(30, 5)) @ rng.normal(size=(5, 5)) + 4
    normalised = normalise(values)
    np.testing.assert_allclose(normalised.T @ normalised, np.corrcoef(values, rowvar=False), atol=1e-12)


def test_normalised_column_by_hand():
    # mean 2, centred (-1, 0, 1), L2 norm sqrt(2)
    np.testing.assert_allclose(normalise(np.array([[1.0], [2.0], [3.0]]))[:, 0], [-(0.5**0.5), 0, 0.5**0.5])
