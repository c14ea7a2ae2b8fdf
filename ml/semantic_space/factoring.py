"""The one door to factor_analyzer (GPL-2): extraction, KMO and Bartlett's test.

Belongs here: calls into factor_analyzer and what makes its version 0.5.1 run beside scikit-learn >= 1.8.
Stays out: everything else of the semantic space. No other module imports factor_analyzer, and where it is not
installed the project's own code (``own_factoring``) does the same: whoever passes an image on that holds it passes a
combination under the GPL on.
"""

from __future__ import annotations

import warnings
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_array

from apexline.ml.semantic_space import own_factoring

HAS_FACTOR_ANALYZER = find_spec("factor_analyzer") is not None
if TYPE_CHECKING or HAS_FACTOR_ANALYZER:
    from factor_analyzer import FactorAnalyzer, calculate_bartlett_sphericity, calculate_kmo, factor_analyzer

Extraction = Literal["minres", "ml", "principal"]
EXTRACTIONS: tuple[Extraction, ...] = ("minres", "ml", "principal")


def _check_array(array: Any, *, force_all_finite: Any = True, **options: Any) -> NDArray[np.float64]:
    return check_array(array, ensure_all_finite=force_all_finite, **options)


# factor_analyzer 0.5.1 passes force_all_finite, which scikit-learn renamed and then dropped. Only the name
# inside factor_analyzer's own module is replaced; scikit-learn is left as it is.
if HAS_FACTOR_ANALYZER:
    factor_analyzer.check_array = _check_array


def extract_loadings(
    normalised: NDArray[np.float64],
    correlation: NDArray[np.float64],
    *,
    n_factors: int,
    method: Extraction = "minres",
    rotation: Literal["varimax"] | None = None,
) -> NDArray[np.float64]:
    """Extract a factor loading matrix.

    Parameters
    ----------
    normalised : ndarray, shape (N, L)
        Scores with zero mean and equal spread in every column; ``principal`` works on them.
    correlation : ndarray, shape (L, L)
        Positive definite correlation matrix; ``minres`` and ``ml`` work on it.
    n_factors : int
        Factors to extract.
    method : {"minres", "ml", "principal"}
        Minimum residuals, maximum likelihood or principal components.
    rotation : {"varimax"}, optional
        Rotation of the result; none by default.

    Returns
    -------
    ndarray, shape (L, n_factors)
        Loadings, correlations of pairs with factors.

    Raises
    ------
    ValueError
        If `method` is unknown, or is ``ml`` where factor_analyzer is not installed.
    """
    if method not in EXTRACTIONS:
        msg = f"saw extraction method {method!r}, expected one of {EXTRACTIONS}"
        raise ValueError(msg)
    on_scores = method == "principal"
    if not HAS_FACTOR_ANALYZER:
        return _extract_by_own_code(
            normalised if on_scores else correlation, n_factors=n_factors, method=method, rotation=rotation
        )
    settings: dict[str, Any] = {"method": method, "rotation": rotation, "is_corr_matrix": not on_scores}
    analyzer = FactorAnalyzer(n_factors=n_factors, **settings)
    analyzer.fit(normalised if on_scores else correlation)
    return np.asarray(analyzer.loadings_, np.float64)


def _extract_by_own_code(
    given: NDArray[np.float64], *, n_factors: int, method: Extraction, rotation: str | None
) -> NDArray[np.float64]:
    if method == "ml":
        msg = (
            "saw the extraction method 'ml', expected 'minres' or 'principal': install factor_analyzer for it"
        )
        raise ValueError(msg)
    extract = own_factoring.extract_minres if method == "minres" else own_factoring.extract_principal
    loadings = extract(given, n_factors=n_factors)
    return loadings if rotation is None else own_factoring.rotate_varimax(loadings)


def kmo(scores: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
    """Kaiser-Meyer-Olkin measure of sampling adequacy.

    Parameters
    ----------
    scores : ndarray, shape (N, L)
        Scores of N > L stimuli, of full column rank.

    Returns
    -------
    overall : float
        0..1; below .5 the correlations are no fit subject for factor analysis.
    per_pair : ndarray, shape (L,)
        The measure of each column.
    """
    if not HAS_FACTOR_ANALYZER:
        return own_factoring.kmo(scores)
    standardised = (scores - scores.mean(axis=0)) / scores.std(axis=0)
    with warnings.catch_warnings():
        # Fifty correlated columns have a tiny determinant (1e-40 is usual) and yet a sound inverse; the
        # pseudo-inverse that this warning announces equals the inverse then.
        warnings.filterwarnings("ignore", message="The inverse of the variance-covariance matrix")
        per_pair, overall = calculate_kmo(standardised)
    return float(overall), np.asarray(per_pair, np.float64)


def bartlett_p(scores: NDArray[np.float64]) -> float:
    """P value of Bartlett's test that the columns are uncorrelated.

    Parameters
    ----------
    scores : ndarray, shape (N, L)
        Scores of N > L stimuli, of full column rank.

    Returns
    -------
    float
        Small when the correlation matrix differs from the identity.
    """
    if not HAS_FACTOR_ANALYZER:
        return own_factoring.bartlett_p(scores)
    _, p_value = calculate_bartlett_sphericity(scores)
    return float(p_value)
