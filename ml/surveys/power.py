"""How many raters and images a rating survey needs, by simulation.

Belongs here: surveys drawn from the variance components of a real one, and how well their loadings agree with
those of an endless survey. Stays out: the components (``ml.surveys.variance_components``) and the fit of a space
(``ml.semantic_space.space``).

What is assumed
---------------
* Stimuli, raters and answers are normal draws with the covariances between scales that were estimated from the
  given survey: the new survey has the same scales, stimuli as varied and raters as careful. What is wrong in these
  estimates is wrong in the answer.
* Every image is rated by so many raters of a larger panel, each image by other ones, on all scales: the shift of
  each rater counts as noise. Where the same raters rate all images fewer will do.
* Rounding and the ends of the scale are in the estimated noise and are not drawn again.
* The truth is the factor solution of the stimulus covariance alone, turned to the same target. Congruence with
  it says how well a survey finds what there is to find. Whether that is what the norms mean is another matter: the
  congruence of the truth with the target is a ceiling that no number of raters lifts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from apexline.ml.semantic_space import principal_axes, rotate_to_target, tucker_congruence
from apexline.ml.surveys.variance_components import RatingComponents

Floats = NDArray[np.float64]

IMAGES = (30, 60, 120, 240, 480)
RATERS = (3, 5, 10, 20, 40, 80)
# A plan is good enough when nine of ten surveys reach the wanted congruence.
ASSURANCE = 0.9


@dataclass(frozen=True, eq=False)
class PowerTable:
    """What surveys of several sizes would find.

    Parameters
    ----------
    cells : DataFrame, columns images, raters and one for each axis
        The congruence with the truth that nine of ten simulated surveys reach.
    ceiling : dict of str to float
        Congruence of the truth itself with the target.
    left_out : tuple of str
        Scales on which the stimuli do not differ beyond the noise.
    """

    cells: pd.DataFrame
    ceiling: dict[str, float]
    left_out: tuple[str, ...]

    def needed(self, congruence: float, axes: Iterable[str]) -> pd.DataFrame:
        """Raters an image needs, for each number of images.

        Parameters
        ----------
        congruence : float
            Wanted congruence with the truth, 0..1.
        axes : iterable of str
            Axes that must reach it, all in the same plan.

        Returns
        -------
        DataFrame, columns images, raters, answers
            Fewest raters of the table that suffice, and images times raters; None where none does.

        Raises
        ------
        ValueError
            If an axis is unknown or the congruence is not within 0..1.
        """
        chosen = list(axes)
        unknown = [axis for axis in chosen if axis not in self.ceiling]
        if unknown or not chosen:
            msg = f"saw the axes {chosen}, expected some of {list(self.ceiling)}"
            raise ValueError(msg)
        if not 0 < congruence < 1:
            msg = f"saw a congruence of {congruence:g}, expected a number between 0 and 1, such as .95"
            raise ValueError(msg)
        rows: list[dict[str, Any]] = []
        for images in sorted(set(self.cells["images"].tolist())):
            plans = self.cells.loc[self.cells["images"] == images]
            enough = plans.loc[(plans[chosen] >= congruence).all(axis=1), "raters"].tolist()
            raters = int(min(enough)) if enough else None
            rows.append({"images": images, "raters": raters, "answers": raters and raters * images})
        return pd.DataFrame(rows, dtype=object)


# Threads cost several times what they save on matrices of this size.
@threadpool_limits.wrap(limits=1, user_api="blas")
def survey_power(
    components: RatingComponents,
    target: pd.DataFrame,
    *,
    images: Sequence[int] = IMAGES,
    raters: Sequence[int] = RATERS,
    num_surveys: int = 100,
    seed: int = 0,
    on_step: Callable[[int, int], None] | None = None,
) -> PowerTable:
    """Simulate surveys of several sizes; see the module's docstring for what is assumed.

    Parameters
    ----------
    components : RatingComponents
        Of a survey on the same scales.
    target : DataFrame (pairs x axes)
        Direction of each scale in the wanted axes; NaN where it has none.
    images, raters : sequence of int
        Sizes to try: stimuli, and raters of each.
    num_surveys : int
        Surveys simulated for each size.
    seed : int
        Seed; the same stimuli and noise serve every number of raters.
    on_step : callable, optional
        Told how many of how many sizes are done.

    Returns
    -------
    PowerTable
        Congruences of all sizes, and the ceiling.
    """
    varies = np.diag(components.stimulus) > 0
    names = [pair for pair, kept in zip(components.pairs, varies, strict=True) if kept]
    wanted = target.loc[names].to_numpy(np.float64)
    stimulus = _nearest_covariance(components.stimulus[np.ix_(varies, varies)])
    noise = _nearest_covariance((components.rater + components.residual)[np.ix_(varies, varies)])
    unrotated = principal_axes(_correlation(stimulus), n_factors=wanted.shape[1])
    truth, ceiling = rotate_to_target(unrotated, wanted)
    start = (truth**2).sum(axis=1)
    rng = np.random.default_rng(seed)
    rows: list[dict[str, float]] = []
    for number in images:
        draws = rng.normal(size=(2, num_surveys, number, len(start)))
        signal, error = draws[0] @ _root(stimulus), draws[1] @ _root(noise)
        for count in raters:
            loadings = principal_axes(
                _sample_correlation(signal + error / np.sqrt(count)), n_factors=wanted.shape[1], start=start
            )
            found = [tucker_congruence(rotate_to_target(each, wanted)[0], truth) for each in loadings]
            reached = np.quantile(found, 1 - ASSURANCE, axis=0)
            rows.append({"images": number, "raters": count, **_by_axis(target, reached)})
            if on_step is not None:
                on_step(len(rows), len(images) * len(raters))
    left_out = tuple(pair for pair in components.pairs if pair not in names)
    return PowerTable(pd.DataFrame(rows), _by_axis(target, ceiling), left_out)


def _by_axis(target: pd.DataFrame, values: Floats) -> dict[str, float]:
    return dict(zip(map(str, target.columns), values.tolist(), strict=True))


def _nearest_covariance(matrix: Floats) -> Floats:
    """Drop negative eigenvalues, which estimates of components may have; variances stay."""
    values, vectors = np.linalg.eigh(matrix)
    clipped = (vectors * np.maximum(values, 0)) @ vectors.T
    scale = np.sqrt(np.diag(matrix) / np.diag(clipped))
    return clipped * np.outer(scale, scale)


def _correlation(covariance: Floats) -> Floats:
    spread = np.sqrt(np.diag(covariance))
    return covariance / np.outer(spread, spread)


def _root(covariance: Floats) -> Floats:
    values, vectors = np.linalg.eigh(covariance)
    return (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T


def _sample_correlation(scores: Floats) -> Floats:
    """Correlations of each survey: (B, N, L) -> (B, L, L)."""
    centred = scores - scores.mean(axis=1, keepdims=True)
    normalised = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    return normalised.swapaxes(1, 2) @ normalised
