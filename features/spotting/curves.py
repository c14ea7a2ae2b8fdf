"""Curves over the frames of a track: smoothed, contrasted, and held against a threshold.

Belongs here: what is done alike with curves of texture and of motion, the threshold of eq. (21) of [1]_. Stays out:
where curves come from (``features.modc.differences``, ``features.flow.polar``, ``features.stored_rows``), and what
is a segment (``segments``).

.. [1] Li, Zhou, Liu, Sun, Chen, Xue (2021). Traitement du Signal 38(2), doi:10.18280/ts.380213.
.. [2] Moilanen, Zhao, Pietikainen (2014). Spotting rapid facial movements from videos using
   appearance-based feature difference analysis. ICPR.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from apexline.features.validation import require


@dataclass(frozen=True)
class TrackCurves:
    """Curves of one unbroken stretch of a track at even steps of time, as many as the stretch has frames.

    Attributes
    ----------
    frames : ndarray, shape (T,), int64
        Frame nearest to each step.
    times : ndarray, shape (T,), float64
        Times, s.
    displacement : ndarray, shape (T, R, 2), float64
        (row, col) displacement of the searched regions from rest, smoothed, px of the crop.
    texture : ndarray, shape (T,), float64
        Texture difference, mean over kinds, smoothed, its 20th percentile taken away.
    words : ndarray, shape (T, W), float64, or None
        Logits as in `features.expression.ExpressionRow`; None where nobody asked the network.
    """

    frames: NDArray[np.int64]
    times: NDArray[np.float64]
    displacement: NDArray[np.float64]
    texture: NDArray[np.float64]
    words: NDArray[np.float64] | None = None

    @property
    def modules(self) -> NDArray[np.float64]:
        """Module OV of each region, shape (T, R), px of the crop."""
        return np.hypot(self.displacement[..., 0], self.displacement[..., 1])

    @property
    def motion(self) -> NDArray[np.float64]:
        """Largest module of any region, shape (T,), px of the crop."""
        return self.modules.max(axis=1)

    @property
    def fps(self) -> float:
        """Frames per second."""
        return (self.times.size - 1) / float(self.times[-1] - self.times[0])


def half_window(window_s: float, fps: float) -> int:
    """Frames k on either side of the middle of a window of ``2 k + 1`` frames, at least 1."""
    return max(1, round(window_s * fps / 2))


def contrast(curve: NDArray[np.float64], *, k: int) -> NDArray[np.float64]:
    """Contrasted curve ``max(0, Q[i] - (Q[i - k] + Q[i + k]) / 2)`` of [2]_, ends repeated, shape kept."""
    padded = np.pad(curve, k, mode="edge")
    return np.maximum(curve - (padded[: curve.size] + padded[2 * k :]) / 2, 0.0)


def smooth(curve: NDArray[np.float64], *, window: int = 7, order: int = 2) -> NDArray[np.float64]:
    """Savitzky-Golay smoothing along the first axis, shape kept, with the bits of ``scipy.signal.savgol_filter``.

    Importing that would take more than a second of every start: SciPy 1.17 parses its docstrings.

    A curve shorter than the window is smoothed by the largest odd window that it holds, and returned as it is
    where even that is not longer than the polynomial's order.
    """
    window = min(window, curve.shape[0] - 1 + curve.shape[0] % 2)
    if window <= order:
        return curve
    half, num = window // 2, len(curve)
    powers = np.arange(half, -half - 1.0, -1.0) ** np.arange(order + 1)[:, None]
    # of each frame of a window in what the polynomial through it gives in the middle; symmetric
    weights = np.linalg.lstsq(powers, np.eye(order + 1)[0], rcond=None)[0]
    smoothed = np.empty_like(curve, np.float64)
    middle = smoothed[half : num - half]
    middle[:] = curve[half : num - half] * weights[half]
    for k in range(half, 0, -1):
        middle += (curve[half - k : num - half - k] + curve[half + k : num - half + k]) * weights[half + k]
    # at the ends the polynomial through the outermost window is read off
    at = np.arange(window, dtype=np.float64)
    for ends, outermost, read in (
        (slice(half), slice(window), at[:half]),
        (slice(-half, None), slice(-window, None), at[-half:]),
    ):
        fitted = np.polyfit(at, curve[outermost].reshape(window, -1), order)
        smoothed[ends] = np.polyval(fitted[:, None], read[:, None]).reshape(half, *curve.shape[1:])
    return smoothed


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
