"""How evenly a model does: its test scores in groups of faces.

Belongs here: groups that can be told from a face or a number, scores by group, the worst of them.
Stays out: who belongs to which source or performer (the data say it), plots.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binomtest

from apexline.ml.evaluation.calibration import expected_calibration_error

if TYPE_CHECKING:
    from apexline.ml.evaluation.recognition import Evaluation

LIGHT_EDGES = (80.0, 170.0)  # mean grey of the face, 0..255
SIZE_EDGES_PX = (64.0, 128.0)  # geometric mean of the box sides

YAW_EDGES = (0.15, 0.3)  # nose offset over eye distance, to either side

# A group of fewer faces says little, and one of them is always worst.
MIN_COUNT = 20

COLUMNS = ("dimension", "slice", "count", "accuracy", "low", "high", "calibration_error", "coverage")


def light_groups(images: NDArray[np.uint8]) -> NDArray[np.str_]:
    """Dark, middle or bright, by the mean grey of each face.

    Parameters
    ----------
    images : ndarray, shape (N, M, M), uint8

    Returns
    -------
    ndarray, shape (N,), str
    """
    low, high = LIGHT_EDGES
    names = np.array([f"dark (< {low:.0f})", "middle", f"bright (> {high:.0f})"])
    return names[np.digitize(images.mean(axis=(1, 2)), LIGHT_EDGES)]


def size_groups(size_px: ArrayLike) -> NDArray[np.str_]:
    """Small, middle or large, by the side of the face box, px; ``unknown`` for NaN.

    Parameters
    ----------
    size_px : array_like, shape (N,)

    Returns
    -------
    ndarray, shape (N,), str
    """
    low, high = SIZE_EDGES_PX
    names = np.array([f"small (< {low:.0f} px)", "middle", f"large (> {high:.0f} px)", "unknown"])
    sides = np.asarray(size_px, np.float64)
    return names[np.where(np.isnan(sides), 3, np.digitize(sides, SIZE_EDGES_PX))]


def pose_groups(yaw: ArrayLike) -> NDArray[np.str_]:
    """Frontal, turned or far turned, by how far the nose is off the middle of the eyes; ``unknown`` for NaN.

    Parameters
    ----------
    yaw : array_like, shape (N,)
        Nose offset over eye distance.

    Returns
    -------
    ndarray, shape (N,), str
    """
    near, far = YAW_EDGES
    names = np.array([f"frontal (< {near:g})", "turned", f"far turned (> {far:g})", "unknown"])
    turned = np.abs(np.asarray(yaw, np.float64))
    return names[np.where(np.isnan(turned), 3, np.digitize(turned, YAW_EDGES))]


def slice_scores(evaluation: Evaluation) -> pd.DataFrame:
    """Recognition in each group of each dimension; performers are one.

    Parameters
    ----------
    evaluation : Evaluation
        With the groups that it was given.

    Returns
    -------
    table : DataFrame
        dimension, slice, count, accuracy with its 95 % Wilson interval (low, high), calibration_error (ECE) and
        coverage (share answered); worst first within a dimension. Groups of one face say nothing and are left out:
        some sets do not tell who is in which picture. The interval takes faces as independent, which
        several faces of one clip are not: it is too narrow there.
    """
    dimensions: Mapping[str, NDArray[np.str_]] = {"performer": evaluation.subjects, **evaluation.groups}
    right, sure, answered = evaluation.recognition_correct, evaluation.confidence, evaluation.answered
    rows: list[dict[str, Any]] = []
    for dimension, groups in dimensions.items():
        names, counts = np.unique(groups, return_counts=True)
        for name, count in zip(names[counts > 1], counts[counts > 1].tolist(), strict=True):
            rows_in = groups == name
            found = int(right[rows_in].sum())
            interval = binomtest(found, count).proportion_ci(method="wilson")
            rows.append(
                {
                    "dimension": dimension,
                    "slice": str(name),
                    "count": count,
                    "accuracy": found / count,
                    "low": float(interval.low),
                    "high": float(interval.high),
                    "calibration_error": expected_calibration_error(sure[rows_in], right[rows_in]),
                    "coverage": float(answered[rows_in].mean()),
                }
            )
    places = {name: k for k, name in enumerate(dimensions)}
    rows.sort(key=lambda row: (places[str(row["dimension"])], row["accuracy"], row["slice"]))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def worst_slice(table: pd.DataFrame, *, min_count: int = MIN_COUNT) -> dict[str, Any] | None:
    """Return the row of lowest accuracy among the groups of at least `min_count` faces; None where there is none."""
    large = [row for row in table.to_dict("records") if row["count"] >= min_count]
    return min(large, key=lambda row: row["accuracy"], default=None)
