"""Turning loadings to a target, and how much the agreement that results is worth.

Belongs here: orthogonal Procrustes rotation, Tucker's congruence, and what tells evidence from fitting: the level
that chance reaches, congruence of scales that did not steer, and whether the target's axes can be told apart.
Stays out: extraction (``ml.semantic_space.factoring``) and the norms that make up the target (``ml.norms``).

A rotation is fitted to the target, so congruence is above 0 for any loadings whatever. Four numbers stand
beside it:

* `chance_congruence`: what loadings reach whose scales have lost their names;
* `held_out_congruence`: every scale is turned by the rotation that the other scales ask for;
* `variance_inflation` of the target: how nearly an axis is a mixture of the others. Where it is high, loadings
  of the others alone give congruence with it; `own_congruence` looks at the rest, which only it can explain;
* `span_congruence`: the best direction for each axis, at any angle to the others. Where it and `own_congruence` are
  high and congruence is not, the axis is in the factors, and it is the right angles that do not fit a target whose
  axes overlap.

References
----------
.. [1] Lorenzo-Seva, ten Berge 2006, "Tucker's congruence coefficient as a meaningful index of factor
   similarity", Methodology 2.
.. [2] Korth, Tucker 1975, "The distribution of chance congruence coefficients from simulated data",
   Psychometrika 40.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import orthogonal_procrustes

Floats = NDArray[np.float64]


def tucker_congruence(loadings: Floats, target: Floats) -> Floats:
    """Congruence of each column of loadings with the same column of a target.

    Parameters
    ----------
    loadings, target : ndarray, shape (L, k)
        Matched matrices without gaps.

    Returns
    -------
    ndarray, shape (k,)
        Cosines, -1..1: .85 is fair, .95 good [1]_.
    """
    products = (loadings * target).sum(axis=0)
    return products / (np.linalg.norm(loadings, axis=0) * np.linalg.norm(target, axis=0))


def rotate_to_target(loadings: Floats, target: Floats) -> tuple[Floats, Floats]:
    """Rotate loadings to a target by orthogonal Procrustes.

    Parameters
    ----------
    loadings : ndarray, shape (L, k)
        Unrotated loadings.
    target : ndarray, shape (L, k)
        Wanted direction of each scale; rows with NaN do not steer.

    Returns
    -------
    rotated : ndarray, shape (L, k)
        Loadings on the target's axes.
    congruence : ndarray, shape (k,)
        Congruence of each axis over the rows that steer.

    Raises
    ------
    ValueError
        If fewer than k rows steer.
    """
    steering = ~np.isnan(target).any(axis=1)
    if steering.sum() < target.shape[1]:
        msg = f"saw {steering.sum()} pairs with a target, expected at least {target.shape[1]}; use 'varimax'"
        raise ValueError(msg)
    wanted = target[steering]
    rotation, _ = orthogonal_procrustes(loadings[steering], wanted)
    rotated = loadings @ rotation
    return rotated, tucker_congruence(rotated[steering], wanted)


def chance_congruence(
    loadings: Floats, target: Floats, *, num_repeats: int = 500, quantile: float = 0.95, seed: int = 0
) -> Floats:
    """Congruence that rotation reaches by chance: the target's rows go to scales at random [2]_.

    Parameters
    ----------
    loadings, target : ndarray, shape (L, k)
        As in `rotate_to_target`.
    num_repeats : int
        Permutations.
    quantile : float
        Quantile of the congruences that is returned, 0..1.
    seed : int
        Seed of the permutations.

    Returns
    -------
    ndarray, shape (k,)
        A congruence that does not exceed this is no evidence for its axis.
    """
    own, wanted = _target_rows(loadings, target)
    rng = np.random.default_rng(seed)
    drawn = [rotate_to_target(own, rng.permutation(wanted))[1] for _ in range(num_repeats)]
    return np.quantile(drawn, quantile, axis=0)


def held_out_congruence(loadings: Floats, target: Floats) -> Floats:
    """Congruence of loadings each of which was turned by the rotation fitted without it.

    Parameters
    ----------
    loadings, target : ndarray, shape (L, k)
        As in `rotate_to_target`; one more row than k must steer.

    Returns
    -------
    ndarray, shape (k,)
        As `tucker_congruence`, free of the rotation's fit to the row itself.
    """
    own, wanted = _target_rows(loadings, target)
    turned = np.empty_like(own)
    for row in range(len(own)):
        others = np.arange(len(own)) != row
        rotation, _ = orthogonal_procrustes(own[others], wanted[others])
        turned[row] = own[row] @ rotation
    return tucker_congruence(turned, wanted)


def span_congruence(loadings: Floats, target: Floats) -> Floats:
    """Congruence of each axis of a target with the best direction in the factors' space.

    Parameters
    ----------
    loadings, target : ndarray, shape (L, k)
        As in `rotate_to_target`.

    Returns
    -------
    ndarray, shape (k,)
        Congruence of the target with its projection on the columns of `loadings`: what no rotation exceeds,
        orthogonal or oblique.
    """
    own, wanted = _target_rows(loadings, target)
    return tucker_congruence(own @ np.linalg.lstsq(own, wanted)[0], wanted)


def variance_inflation(target: Floats) -> Floats:
    """How badly each axis of a target can be told from the others.

    Parameters
    ----------
    target : ndarray, shape (L, k)
        Rows with NaN do not count.

    Returns
    -------
    ndarray, shape (k,)
        ``1 / (1 - R**2)`` of the regression of a column on the other columns, through the origin as congruence
        is: 1 where the axes are at right angles; infinite where one is a mixture of the others.
    """
    known = target[~np.isnan(target).any(axis=1)]
    rest = np.linalg.norm(_residuals(known), axis=0) ** 2
    whole = np.linalg.norm(known, axis=0) ** 2
    return np.divide(whole, rest, out=np.full_like(whole, np.inf), where=rest > 1e-12 * whole)


def own_congruence(rotated: Floats, target: Floats) -> Floats:
    """Congruence of each axis with what of its target no mixture of the other axes explains.

    Parameters
    ----------
    rotated, target : ndarray, shape (L, k)
        Loadings on the target's axes, and the target; rows with NaN do not count.

    Returns
    -------
    ndarray, shape (k,)
        Cosine between the two residuals of the regression on the target's other columns. Low while the plain
        congruence is high: the data shows the other axes, and not this one.
    """
    own, wanted = _target_rows(rotated, target)
    return tucker_congruence(_residuals(own, wanted), _residuals(wanted))


def _target_rows(loadings: Floats, target: Floats) -> tuple[Floats, Floats]:
    known = ~np.isnan(target).any(axis=1)
    return loadings[known], target[known]


def _residuals(columns: Floats, target: Floats | None = None) -> Floats:
    """Residual of each column after regression, through the origin, on the target's columns but its own."""
    target = columns if target is None else target
    rest = np.empty_like(columns)
    for axis in range(columns.shape[1]):
        others = np.delete(target, axis, axis=1)
        rest[:, axis] = columns[:, axis] - others @ np.linalg.lstsq(others, columns[:, axis])[0]
    return rest
