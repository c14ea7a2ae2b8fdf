"""Flow pooled over the regions of a face: mean displacement and histogram of oriented flow.

Belongs here: pooling a flow field. Stays out: solving for it, and where regions lie (``features.registration``).

.. [1] Chaudhry, Ravichandran, Hager, Vidal (2009). Histograms of oriented optical flow. CVPR.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from array_api_compat import device
from numba import njit
from numpy.typing import NDArray

from apexline.features.backend import Array, is_numpy, namespace
from apexline.features.faces import Window

# Of a whole turn: as near to a border between bins, a direction is computed in full.
_DOUBTFUL_TURN = 1e-4


def hoof(flow: Array, *, num_bins: int = 8) -> Array:
    """Histogram of oriented flow [1]_, magnitude-weighted.

    Parameters
    ----------
    flow : array, shape (..., 2, M, N), float32
        (row, col) displacement, px.
    num_bins : int
        Orientations; bin 0 begins at the direction right, and they turn as rows grow (clockwise on screen).

    Returns
    -------
    histogram : array, shape (..., num_bins), float32
        Mean over pixels of the displacement in each orientation, px: its sum is the mean module.
    """
    xp = namespace(flow)
    if is_numpy(flow) and flow.ndim == 3:
        return _hoof_compiled(flow, np.float32(0), np.float32(0), num_bins)
    # (..., 2, M, N) -> (..., 1, M, N)
    drow, dcol = flow[..., :1, :, :], flow[..., 1:, :, :]
    turns = xp.atan2(drow, dcol) * (num_bins / (2 * np.pi))
    # floor of the smallest negative angles would be bin -1: modulo brings it to the last
    bins = xp.astype(xp.floor(turns), xp.int32) % num_bins
    # (bins, 1, 1) against (M, N)
    each = xp.reshape(xp.arange(num_bins, dtype=xp.int32, device=device(flow)), (num_bins, 1, 1))
    module = xp.hypot(drow, dcol)
    return xp.mean(xp.where(bins == each, module, xp.zeros_like(module)), axis=(-2, -1))


def region_motion(
    flow: Array, regions: Sequence[Window], *, head: Window | None = None, num_bins: int = 8
) -> tuple[Array, Array]:
    """Mean displacement and HOOF of parts of flow fields, as they move against the head.

    Parameters
    ----------
    flow : array, shape (N, 2, M, N), float32
        (row, col) displacement of each frame, px.
    regions : sequence of R Window
        Each part.
    head : Window, optional
        Part whose mean displacement is the head's and is taken away.
    num_bins : int
        As in `hoof`.

    Returns
    -------
    displacement : array, shape (N, R, 2), float32
        Mean (row, col) displacement, px.
    histograms : array, shape (N, R, num_bins), float32
        As `hoof` of each part, px.
    """
    xp = namespace(flow)
    if is_numpy(flow):
        # an empty part stands for none: nothing is taken away
        own = Window(0, 0, 0, 0) if head is None else head
        windows = np.array((own, *regions))
        means = np.empty((len(flow), len(regions), 2), np.float32)
        histograms = np.empty((len(flow), len(regions), num_bins), np.float32)
        for k, each in enumerate(flow):
            means[k], histograms[k] = _region_motion_compiled(each, windows, num_bins)
        return means, histograms
    if head is not None:
        flow = flow - xp.mean(flow[..., *head.slices], axis=(-2, -1), keepdims=True)
    parts = [flow[..., *region.slices] for region in regions]
    means = xp.stack([xp.mean(part, axis=(-2, -1)) for part in parts], axis=1)
    return means, xp.stack([hoof(part, num_bins=num_bins) for part in parts], axis=1)


@njit(cache=True, nogil=True)
def _region_motion_compiled(
    flow: NDArray[np.float32], windows: NDArray[np.int64], num_bins: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Displacement and HOOF of all windows but the first one, whose mean is taken away."""
    means = np.zeros((windows.shape[0], 2))
    for i in range(windows.shape[0]):
        top, bottom, left, right = windows[i]
        part = flow[:, top:bottom, left:right]
        if part.size:
            means[i, 0], means[i, 1] = part[0].mean(), part[1].mean()
    histograms = np.empty((windows.shape[0] - 1, num_bins), dtype=np.float32)
    head_row, head_col = np.float32(means[0, 0]), np.float32(means[0, 1])
    for i in range(histograms.shape[0]):
        top, bottom, left, right = windows[i + 1]
        histograms[i] = _hoof_compiled(flow[:, top:bottom, left:right], head_row, head_col, num_bins)
    return (means[1:] - means[0]).astype(np.float32), histograms


@njit(cache=True, nogil=True)
def _hoof_compiled(
    flow: NDArray[np.float32], head_row: np.float32, head_col: np.float32, num_bins: int
) -> NDArray[np.float32]:
    _, height, width = flow.shape
    sums = np.zeros(num_bins)
    bins_per_radian = np.float32(num_bins / (2 * np.pi))
    doubtful = np.float32(_DOUBTFUL_TURN * num_bins)
    turns, modules = np.empty(width, dtype=np.float32), np.empty(width, dtype=np.float32)
    for y in range(height):
        _turns_and_modules(flow[0, y], flow[1, y], head_row, head_col, bins_per_radian, turns, modules)
        for x in range(width):
            turn = turns[x]
            if abs(turn - np.rint(turn)) >= doubtful:
                place = int(np.floor(turn))
                place = place if place >= 0 else place + num_bins
            else:  # also where it is no number, since nothing moves
                turn = np.arctan2(flow[0, y, x] - head_row, flow[1, y, x] - head_col) * bins_per_radian
                place = int(np.floor(turn)) % num_bins
            sums[place] += modules[x]
    return (sums / (height * width)).astype(np.float32)


# In vector instructions, to 1e-5 rad: an arc tangent in full takes half of the time that pooling takes, and only
# decides where a direction lies on the border of two bins.
@njit(cache=True, nogil=True, error_model="numpy")
def _turns_and_modules(
    rows: NDArray[np.float32],
    cols: NDArray[np.float32],
    head_row: np.float32,
    head_col: np.float32,
    bins_per_radian: np.float32,
    turns: NDArray[np.float32],
    modules: NDArray[np.float32],
) -> None:
    """Directions, in bins, nearly, and modules of a row of pixels."""
    a, b, c = np.float32(0.99997726), np.float32(-0.33262347), np.float32(0.19354346)
    d, e, f = np.float32(-0.11643287), np.float32(0.05265332), np.float32(-0.0117212)
    quarter, half, zero = np.float32(np.pi / 2), np.float32(np.pi), np.float32(0)
    for x in range(rows.size):
        drow, dcol = rows[x] - head_row, cols[x] - head_col
        modules[x] = np.sqrt(drow * drow + dcol * dcol)
        down, right = abs(drow), abs(dcol)
        ratio = min(down, right) / max(down, right)
        square = ratio * ratio
        # polynomial for the arc tangent of 0..1
        angle = ratio * (a + square * (b + square * (c + square * (d + square * (e + square * f)))))
        angle = quarter - angle if down > right else angle
        angle = half - angle if dcol < zero else angle
        turns[x] = (-angle if drow < zero else angle) * bins_per_radian
