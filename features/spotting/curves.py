"""Curves over the frames of a track: smoothed, contrasted, and held against a threshold.

Belongs here: what is done alike with curves of texture and of motion, the threshold of eq. (21) of [1]_. Stays out:
where curves come from (``features.modc.differences``, ``features.flow.polar``, ``features.stored_rows``), and what
is a segment (``segments``).

.. [1] Li, Zhou, Liu, Sun, Chen, Xue (2021). Traitement du Signal 38(2), doi:10.18280/ts.380213.
.. [2] Moilanen, Zhao, Pietikainen (2014). Spotting rapid facial movements from videos using
   appearance-based feature difference analysis. ICPR.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.signal import savgol_filter

from apexline.features.validation import require


def half_window(window_s: float, fps: float) -> int:
    """Frames k on either side of the middle of a window of ``2 k + 1`` frames, at least 1."""
    return max(1, round(window_s * fps / 2))


def contrast(curve: NDArray[np.float64], *, k: int) -> NDArray[np.float64]:
    """Contrasted curve ``max(0, Q[i] - (Q[i - k] + Q[i + k]) / 2)`` of [2]_, ends repeated, shape kept."""
    padded = np.pad(curve, k, mode="edge")
    return np.maximum(curve - (padded[: curve.size] + padded[2 * k :]) / 2, 0.0)


def smooth(curve: NDArray[np.float64], *, window: int = 7, order: int = 2) -> NDArray[np.float64]:
    """Savitzky-Golay smoothing along the first axis, shape kept.

    A curve shorter than the window is smoothed by the largest odd window that it holds, and returned as it is
    where even that is not longer than the polynomial's order.
    """
    window = min(window, curve.shape[0] - 1 + curve.shape[0] % 2)
    if window <= order:
        return curve
    return np.asarray(savgol_filter(curve, window, order, axis=0, mode="interp"), dtype=np.float64)


def change_threshold(curve: NDArray[np.float64], *, delta: float) -> float:
    """Threshold ``VE = Q_A + delta (Q_M - Q_A)`` of a smoothed curve, eq. (21) of [1]_ (mean and peak).

    Raises
    ------
    ValueError
        If delta is outside 0..1.
    """
    require(0 <= delta <= 1, f"delta is {delta}; expected 0..1")
    mean = float(np.mean(curve))
    return mean + delta * (float(np.max(curve)) - mean)


def score_curve(curve: NDArray[np.float64]) -> NDArray[np.float64]:
    """Curve on the scale of ROC thresholds: ``(Q - mean) / (max - mean)``, zeros where the curve is flat."""
    mean = curve.mean()
    spread = curve.max() - mean
    return (curve - mean) / spread if spread > 0 else np.zeros_like(curve)


def true_spans(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Spans of True as (first, last) indices, both inclusive."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return [(int(first), int(last) - 1) for first, last in zip(edges[::2], edges[1::2], strict=True)]
