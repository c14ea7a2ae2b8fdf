import ast
from pathlib import Path

import numpy as np
import pytest
import sklearn.utils
from sklearn.utils import check_array

from apexline.ml.semantic_space import factoring as factor_compat


@pytest.fixture
def scores():
    rng = np.random.default_rng(2)
    loadings = np.array([[0.8, 0], [0.7, 0.1], [0.75, 0], [0, 0.8], [0.1, 0.7], [0, 0.75]])
    return rng.normal(size=(4000, 2)) @ loadings.T + 0.6 * rng.normal(size=(4000, 6)), loadings


def _normalised(table):
    centred = table - table.mean(axis=0)
    return centred / np.linalg.norm(centred, axis=0)


@pytest.mark.parametrize("method", ["minres", "ml"])
def test_loadings_reproduce_the_correlations(scores, method):
    normalised = _normalised(scores[0])
    correlation = normalised.T @ normalised
    loadings = factor_compat.extract_loadings(normalised, correlation, n_factors=2, method=method)
    residual = correlation - loadings @ loadings.T
    np.fill_diagonal(residual, 0)
    assert np.abs(residual).max() < 0.02


def test_principal_components_carry_the_largest_eigenvalues(scores):
    normalised = _normalised(scores[0])
    correlation = normalised.T @ normalised
    loadings = factor_compat.extract_loadings(normalised, correlation, n_factors=2, method="principal")
    largest = np.linalg.eigvalsh(correlation)[::-1][:2]
    np.testing.assert_allclose(sorted((loadings**2).sum(axis=0)), sorted(largest), rtol=1e-6)


def test_varimax_finds_the_simple_structure(scores):
    normalised = _normalised(scores[0])
    loadings = factor_compat.extract_loadings(
        normalised, normalised.T @ normalised, n_factors=2, rotation="varimax"
    )
    strongest = np.abs(loadings).argmax(axis=1)
    assert len(set(strongest[:3])) == len(set(strongest[3:])) == 1
    assert strongest[0] != strongest[3]


def test_the_correlation_matrix_is_left_as_it_was(scores):
    normalised = _normalised(scores[0])
    correlation = normalised.T @ normalised
    before = correlation.copy()
    factor_compat.extract_loadings(normalised, correlation, n_factors=2)
    np.testing.assert_array_equal(correlation, before)


def test_an_unknown_method_is_refused(scores):
    with pytest.raises(ValueError, match="centroid"):
        factor_compat.extract_loadings(scores[0], np.eye(6), n_factors=2, method="centroid")


def test_scikit_learn_itself_is_not_patched():
    assert sklearn.utils.check_array is check_array
    assert factor_compat.factor_analyzer.check_array is not check_array


def test_no_other_module_imports_the_gpl_library():
    root = Path(factor_compat.__file__).resolve().parents[2]
    importers = set()
    for folder in ("features", "ml", "assets", "orchestration", "survey", "bench"):
        for path in (root / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                if isinstance(node, ast.ImportFrom):
                    names = [node.module or ""]
                if any(name.split(".")[0] == "factor_analyzer" for name in names):
                    importers.add(path.relative_to(root).as_posix())
    assert importers == {"ml/semantic_space/factoring.py"}
