"""Curves over the frames of a track: texture differences, their threshold, and the polar form of motion.

Belongs here: block distances between histograms, pooling, smoothing, thresholds (eq. 20-22 of [1]_), angles.
Stays out: where histograms and flow come from, and what is a segment (``segments``).

.. [1] Li, Zhou, Liu, Sun, Chen, Xue (2021). Traitement du Signal 38(2), doi:10.18280/ts.380213.
.. [2] Moilanen, Zhao, Pietikainen (2014). Spotting rapid facial movements from videos using
   appearance-based feature difference analysis. ICPR.
.. [3] Li et al. (2017). Towards reading hidden emotions. IEEE Transactions on Affective Computing 9(4).
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.signal import savgol_filter

from features.backend import Array, is_cupy, is_numpy, namespace
from features.modc import cuda as modc_cuda
from features.validation import one_of, require

AngleMode = Literal["atan2", "paper"]
Curve = Literal["aff", "contrast", "first"]
Pooling = Literal["mean", "top_third"]

_TURN = 2 * np.pi


def half_window(window_s: float, fps: float) -> int:
    """Frames k on either side of the middle of a window of ``2 k + 1`` frames, at least 1."""
    return max(1, round(window_s * fps / 2))


def chi_square_blocks(histograms: Array, reference: Array) -> Array:
    """Chi-square distance of each block's histograms to those of a reference.

    Parameters
    ----------
    histograms, reference : array, shape (..., P, rows, cols, bins), float32
        L1-normalised histograms of P planes.

    Returns
    -------
    array, shape (..., rows*cols), float32
        ``sum((h - r)**2 / (h + r))``, with 0/0 = 0, of the planes' concatenated histogram, which is the
        mean over planes.
    """
    if is_numpy(histograms, reference):
        return _chi_square_numpy(histograms, reference)
    if is_cupy(histograms, reference):
        return modc_cuda.chi_square_blocks(histograms, reference)
    xp = namespace(histograms, reference)
    difference = histograms - reference
    total = histograms + reference
    # where the sum is zero so is the difference
    distance = difference * difference / xp.where(total > 0, total, xp.ones_like(total))
    # (..., P, rows, cols, bins) -> (..., rows, cols) -> (..., rows*cols)
    blocks = xp.mean(xp.sum(distance, axis=-1), axis=-3)
    return xp.reshape(blocks, (*blocks.shape[:-2], -1))


def _chi_square_numpy(histograms: NDArray[np.float32], reference: NDArray[np.float32]) -> NDArray[np.float32]:
    shape = np.broadcast_shapes(histograms.shape, reference.shape)
    *lead, planes, rows, cols, bins = shape

    def stacked(array: NDArray[np.float32]) -> NDArray[np.float32]:
        whole = array if array.shape == shape else np.broadcast_to(array, shape)
        # (..., P, rows, cols, bins) -> (S, P, rows*cols, bins)
        return np.ascontiguousarray(whole).reshape((-1, planes, rows * cols, bins))

    distances = np.empty((*lead, rows * cols), dtype=histograms.dtype)
    _chi_square(stacked(histograms), stacked(reference), distances.reshape((-1, rows * cols)))
    return distances


# A sum may take any order, so that the compiler can take several bins at a time.
@njit(cache=True, nogil=True, fastmath={"reassoc"})
def _chi_square(
    histograms: NDArray[np.float32], reference: NDArray[np.float32], distances: NDArray[np.float32]
) -> None:
    stacks, planes, blocks, bins = histograms.shape
    for s in range(stacks):
        for block in range(blocks):
            distance = np.float32(0)
            for plane in range(planes):
                one, other = histograms[s, plane, block], reference[s, plane, block]
                for b in range(bins):
                    difference, total = one[b] - other[b], one[b] + other[b]
                    # where the sum is zero so is the difference
                    distance += difference * difference / (total if total > 0 else np.float32(1))
            distances[s, block] = distance / np.float32(planes)


def block_differences(histograms: Array, *, k: int, curve: Curve = "aff") -> Array:
    """Feature differences of a whole sequence, frame by frame and block by block [2]_.

    Parameters
    ----------
    histograms : array, shape (T, P, rows, cols, bins), float32
        Block histograms of registered crops.
    k : int
        Frames to either side; beyond the ends the first or the last frame stands in.
    curve : {"aff", "contrast", "first"}
        Reference: the average feature frame ``(h[i - k] + h[i + k]) / 2`` (``contrast`` is taken from its
        pooled curve, see `contrast`), or the first frame.

    Returns
    -------
    array, shape (T, rows*cols), float32

    Raises
    ------
    ValueError
        If k is not positive or the curve is unknown.
    """
    xp = namespace(histograms)
    require(k >= 1, f"k is {k}; expected at least one frame to either side")
    one_of("curve", curve, get_args(Curve))
    if curve == "first":
        return chi_square_blocks(histograms, histograms[:1, ...])
    last = histograms.shape[0] - 1
    index = np.arange(last + 1)
    before = xp.asarray(np.maximum(index - k, 0))
    after = xp.asarray(np.minimum(index + k, last))
    average = (xp.take(histograms, before, axis=0) + xp.take(histograms, after, axis=0)) / 2
    return chi_square_blocks(histograms, average)


def pool_blocks(differences: Array, *, pooling: Pooling = "mean") -> Array:
    """Difference Q of a frame from those of its blocks: ``(..., blocks) -> (...)``.

    Parameters
    ----------
    differences : array, shape (..., blocks)
        Chi-square distances.
    pooling : {"mean", "top_third"}
        Mean over all blocks, or over the third of the blocks that differ most (rounded up).

    Raises
    ------
    ValueError
        If the pooling is unknown.
    """
    xp = namespace(differences)
    one_of("pooling", pooling, get_args(Pooling))
    if pooling == "mean":
        return xp.mean(differences, axis=-1)
    count = -(-int(differences.shape[-1]) // 3)
    return xp.mean(xp.sort(differences, axis=-1)[..., -count:], axis=-1)


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


def flow_angle(drow: Array, dcol: Array, *, mode: AngleMode = "atan2") -> Array:
    """Polar angle of displacements, eq. (20) of [1]_, with a = column (right) and b = row (down).

    Parameters
    ----------
    drow, dcol : array
        Displacements, px, of equal shape.
    mode : {"atan2", "paper"}
        ``atan2`` is the polar angle. ``paper`` prints arctan|b/a| plus the quadrant's start in all four
        quadrants, which mirrors the angle within quadrants 2 and 4.

    Returns
    -------
    array
        Angle, rad, 0 <= angle < 2 pi; zero where there is no displacement.
    """
    xp = namespace(drow, dcol)
    one_of("angle mode", mode, get_args(AngleMode))
    if mode == "atan2":
        angle = xp.atan2(drow, dcol)
        angle = xp.where(angle < 0, angle + _TURN, angle)
        # the smallest negative angles round up to a full turn
        return xp.where(angle >= _TURN, xp.zeros_like(angle), angle)
    within = xp.atan2(xp.abs(drow), xp.abs(dcol))
    zeros = xp.zeros_like(within)
    start = xp.where((dcol < 0) & (drow >= 0), zeros + np.pi / 2, zeros)
    start = xp.where((dcol < 0) & (drow < 0), zeros + np.pi, start)
    start = xp.where((dcol >= 0) & (drow < 0), zeros + 3 * np.pi / 2, start)
    angle = start + within
    return xp.where(angle >= _TURN, zeros, angle)


def wrap_angle(difference: Array) -> Array:
    """Angle differences brought to (-pi, pi], rad."""
    xp = namespace(difference)
    return difference - _TURN * xp.ceil((difference - np.pi) / _TURN)
