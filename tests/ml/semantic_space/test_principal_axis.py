import numpy as np
import pytest

from apexline.ml.semantic_space.factoring import extract_loadings
from apexline.ml.semantic_space.principal_axis import principal_axes


@pytest.fixture
def loadings():
    drawn = np.random.default_rng(2).normal(size=(12, 3))
    return 0.8 * drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


def _with_unit_diagonal(products):
    matrix = products.copy()
    np.fill_diagonal(matrix, 1)
    return matrix


def test_exact_factors_are_found_up_to_rotation(loadings):
    exact = loadings @ loadings.T
    found = principal_axes(_with_unit_diagonal(exact), tolerance=1e-9)
    np.testing.assert_allclose(found @ found.T, exact, atol=1e-6)


def test_the_fixed_point_is_the_minimum_residual_solution(loadings):
    rng = np.random.default_rng(3)
    scores = rng.normal(size=(150, 3)) @ loadings.T + 0.6 * rng.normal(size=(150, 12))
    correlation = np.corrcoef(scores, rowvar=False)
    found = principal_axes(correlation, tolerance=1e-6)
    peer = extract_loadings(scores, correlation, n_factors=3)
    np.testing.assert_allclose(found @ found.T, peer @ peer.T, atol=2e-3)


def test_a_stack_is_factored_as_each_matrix_alone(loadings):
    stack = np.stack([_with_unit_diagonal(s * loadings @ loadings.T) for s in (1.0, 0.6)])
    together = principal_axes(stack, n_factors=2, tolerance=1e-9)
    for found, matrix in zip(together, stack, strict=True):
        alone = principal_axes(matrix, n_factors=2, tolerance=1e-9)
        np.testing.assert_allclose(found @ found.T, alone @ alone.T, atol=1e-6)


def test_a_repeated_scale_stays_finite():
    found = principal_axes(np.ones((4, 4)), n_factors=1)
    np.testing.assert_allclose(np.abs(found), 1, atol=0.01)
