"""When a model had better not answer, and why.

Belongs here: the limits of an answer, stated in the parameter file or learned from data, and the reasons that they
give. Stays out: measuring faces (``features``), predicting (``ml.deepid.model``), storing.

Probabilities are given all the same: an abstention says that they are not to be relied on.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from apexline.ml.config import AbstentionConfig

# In the order in which they are told: what the picture lacks, then what the model lacks.
REASONS: tuple[str, ...] = (
    "no face found",
    "small",
    "too dark",
    "too bright",
    "low contrast",
    "blurred",
    "off-pose",
    "short track",
    "outside training range",
    "low confidence",
)

# What the light may leave of a picture; the others are told beside it, ``blurred`` in its place.
LIGHT_REASONS: tuple[str, ...] = ("too dark", "too bright", "low contrast")

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class TrainingRange:
    """Where the training faces lie among the network's embeddings (`ml.deepid.network.DeepIDOutput`).

    Parameters
    ----------
    means : ndarray, shape (C, K)
        Mean of each class that has examples.
    whitening : ndarray, shape (K, K)
        Turns deviations from a mean to unit covariance.
    max_distance : float
        Largest distance inside the range.
    """

    means: Floats
    whitening: Floats
    max_distance: float

    @classmethod
    def fit(
        cls,
        embedding: ArrayLike,
        targets: ArrayLike,
        valid_embedding: ArrayLike,
        *,
        typical: float = AbstentionConfig.typical,
    ) -> TrainingRange:
        """Fit to the training fold, and its reach to the validation fold.

        Parameters
        ----------
        embedding : array_like, shape (N, K)
            Of the training faces.
        targets : array_like, shape (N,), int
            Their classes.
        valid_embedding : array_like, shape (V, K)
            Of the validation faces.
        typical : float
            Share of the validation faces inside the range.

        Returns
        -------
        TrainingRange

        Raises
        ------
        ValueError
            If the faces of each class are all alike, or so few that they leave no covariance.
        """
        # Half a second to import, which answering can do without.
        from sklearn.covariance import LedoitWolf

        units, classes = np.asarray(embedding, np.float64), np.asarray(targets)
        present = np.unique(classes)
        means = np.stack([units[classes == each].mean(axis=0) for each in present])
        deviations = units - means[np.searchsorted(present, classes)]
        # Shrinkage: there may be fewer faces than maps, and maps that never fire.
        precision = np.asarray(LedoitWolf(assume_centered=True).fit(deviations).get_precision())
        spread, largest = float(np.abs(deviations).max()), float(np.abs(units).max())
        # Embeddings are float32: what lies below their last bit is no deviation.
        alike = spread <= np.finfo(np.float32).eps * largest
        if alike or np.linalg.matrix_rank(precision, hermitian=True) < len(precision):
            msg = (
                f"{len(units)} training faces of {len(present)} classes lie within {spread:.3g} of the means of their "
                "classes and leave no covariance to measure distances by; expected faces of a class that differ: "
                "look for blank or repeated images, or add examples"
            )
            raise ValueError(msg)
        found = cls(
            means=means.astype(np.float32),
            whitening=np.linalg.cholesky(precision).astype(np.float32),
            max_distance=math.inf,
        )
        reach = float(
            np.quantile(found.distance(np.asarray(valid_embedding, np.float32)), typical, method="higher")
        )
        return cls(found.means, found.whitening, reach)

    def distance(self, embedding: Floats) -> Floats:
        """Mahalanobis distance to the nearest class mean [1]_.

        Parameters
        ----------
        embedding : ndarray, shape (N, K)

        Returns
        -------
        distance : ndarray, shape (N,)
            In deviations of the training faces; sqrt(K) is common.

        References
        ----------
        .. [1] Lee, Lee, Lee, Shin (2018). A simple unified framework for detecting out-of-distribution samples
           and adversarial attacks. NeurIPS.
        """
        # |(s - m) W| for each mean: (N, 1, K) - (C, K) in whitened units
        whitened = (embedding @ self.whitening)[:, None, :] - (self.means @ self.whitening)
        return np.sqrt(np.square(whitened).sum(axis=2)).min(axis=1)


@dataclass(frozen=True, eq=False)
class Limits:
    """What an answer needs, as one model holds it.

    Parameters
    ----------
    config : AbstentionConfig
    min_confidence : float
        Least probability of the recognised class, learned from the validation fold; 0 before that.
    training_range : TrainingRange or None
        None before it is learned.
    """

    config: AbstentionConfig = field(default_factory=AbstentionConfig)
    min_confidence: float = 0.0
    training_range: TrainingRange | None = None

    def reasons(
        self,
        confidence: ArrayLike,
        distance: ArrayLike,
        quality: Mapping[str, ArrayLike] | None = None,
        *,
        of_changes: bool = False,
    ) -> list[list[str]]:
        """Why not to rely on each of N answers.

        Parameters
        ----------
        confidence : array_like, shape (N,)
            Probability of the recognised class.
        distance : array_like, shape (N,)
            Distance from the training faces; NaN where there is no training range.
        quality : mapping of str to array_like, shape (N,)
            Any of ``size_px`` (px), ``blur`` (grey^2), ``yaw`` (-1..1), ``roll_deg`` (degrees), ``track_s`` (s),
            ``face_found`` (bool) and ``light`` (str: one of `LIGHT_REASONS` where the light is why a picture lacks
            detail or shows no face, else empty). What is absent or NaN is not known, and no reason.
        of_changes : bool
            The answers say what a change is called: another least confidence holds.

        Returns
        -------
        list of list of str
            Members of `REASONS`, in that order; empty for an answer to rely on.

        Raises
        ------
        ValueError
            If `quality` holds another measure, or another light.
        """
        known = {"size_px", "blur", "yaw", "roll_deg", "track_s", "face_found"}
        given = dict(quality or {})
        if not given.keys() <= {*known, "light"}:
            msg = (
                f"quality holds {sorted(given.keys() - known)}; expected some of {sorted({*known, 'light'})}"
            )
            raise ValueError(msg)
        sure = np.asarray(confidence, np.float64)
        light = np.asarray(given.get("light", np.full(len(sure), "")), str)
        if not np.isin(light, ("", *LIGHT_REASONS)).all():
            msg = f"light is {sorted(set(light.tolist()))}; expected some of {LIGHT_REASONS}, or none"
            raise ValueError(msg)
        measured = {
            name: np.asarray(given.get(name, np.full(len(sure), np.nan)), np.float64) for name in known
        }
        reach = math.inf if self.training_range is None else self.training_range.max_distance
        limits = self.config
        # Comparisons with NaN are false: what is not known is no reason.
        unseen, dull = measured["face_found"] == 0, measured["blur"] < limits.min_blur
        crossed = (
            unseen,
            measured["size_px"] < limits.min_face_px,
            # A sound face answers in any light.
            *((unseen | dull) & (light == each) for each in LIGHT_REASONS),
            dull & (light == ""),
            (np.abs(measured["yaw"]) > limits.max_yaw) | (np.abs(measured["roll_deg"]) > limits.max_roll_deg),
            measured["track_s"] < limits.min_track_s,
            np.asarray(distance, np.float64) > reach,
            sure < (limits.min_change_confidence if of_changes else self.min_confidence),
        )
        return [
            [reason for reason, holds in zip(REASONS, row, strict=True) if holds]
            for row in np.stack(crossed, axis=1)
        ]

    def described(self) -> dict[str, Any]:
        """Return every limit by name, JSON values."""
        reach = None if self.training_range is None else self.training_range.max_distance
        return {**asdict(self.config), "min_confidence": self.min_confidence, "max_distance": reach}


def confidence_threshold(confidence: ArrayLike, *, coverage: float) -> float:
    """Confidence that this share of the faces reaches.

    Parameters
    ----------
    confidence : array_like, shape (N,)
        Calibrated, of the validation fold.
    coverage : float
        Share to answer, 0..1. Ties are answered together: more than that share may be.

    Returns
    -------
    float
        Faces below it are not answered.
    """
    values = np.sort(np.asarray(confidence, np.float64))
    # The threshold is one of the confidences, so that the share holds on this fold without rounding.
    return float(values[min(len(values) - 1, math.floor((1.0 - coverage) * len(values) + 1e-9))])
