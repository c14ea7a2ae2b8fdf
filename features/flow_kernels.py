"""Horn-Schunck on NumPy arrays, compiled: the linearisation about a flow and the Jacobi sweeps.

Belongs here: what `flow` computes with array operations, as loops that give the same bits (fastmath stays off and
every sum keeps its order). Stays out: checks, levels and other array namespaces (``flow``).
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from features.resample import replicated, warp_compiled


@njit(cache=True, nogil=True)
def refine(
    reference: NDArray[np.float32],
    moving: NDArray[np.float32],
    flow: NDArray[np.float32],
    alpha_squared: np.float32,
    num_sweeps: int,
    cross: bool,
) -> NDArray[np.float32]:
    """Flow (2, M, N) after linearising the data term about ``flow`` and sweeping from there."""
    terms = _linearise(reference, moving, flow, alpha_squared)
    return _sweep(terms, flow, num_sweeps, cross)


@njit(cache=True, nogil=True, error_model="numpy")
def _linearise(
    reference: NDArray[np.float32],
    moving: NDArray[np.float32],
    flow: NDArray[np.float32],
    alpha_squared: np.float32,
) -> NDArray[np.float32]:
    """Data terms (3, M, N + 2) of the sweeps, zero in a border pixel on either side of a row."""
    height, width = reference.shape
    warped, inside = warp_compiled(moving, flow)
    mean = replicated((reference + warped) / np.float32(2), 2)
    eight, twelve = np.float32(8), np.float32(12)
    terms = np.zeros((3, height, width + 2), dtype=np.float32)
    for y in range(height):
        a, b, level, c, d = mean[y], mean[y + 1], mean[y + 2], mean[y + 3], mean[y + 4]
        drow, dcol, before, after, counts = flow[0, y], flow[1, y], reference[y], warped[y], inside[y]
        downs, rights, changes = terms[0, y, 1:-1], terms[1, y, 1:-1], terms[2, y, 1:-1]
        for x in range(width):
            down = ((a[x + 2] - d[x + 2]) + eight * (c[x + 2] - b[x + 2])) / twelve
            right = ((level[x] - level[x + 4]) + eight * (level[x + 3] - level[x + 1])) / twelve
            change = after[x] - before[x] - down * drow[x] - right * dcol[x]
            scale = np.sqrt(alpha_squared + down * down + right * right)
            weight = np.float32(counts[x])
            downs[x] = down / scale * weight
            rights[x] = right / scale * weight
            changes[x] = change / scale * weight
    return terms


# Rows lie one after another with a border pixel on either side, so that a whole sweep is one long run of vector
# instructions; what it writes into border pixels is replaced before the next. Several sweeps in flight over a
# window of rows give the same bits and gain nothing: the run is bound by arithmetic, not by the cache.
@njit(cache=True, nogil=True)
def _sweep(
    terms: NDArray[np.float32], start: NDArray[np.float32], num_sweeps: int, cross: bool
) -> NDArray[np.float32]:
    _, height, width = start.shape
    stride = width + 2
    size = (height + 2) * stride
    data = terms.reshape((3, height * stride))
    now = np.zeros((2, height + 2, stride), dtype=np.float32)
    now[:, 1:-1, 1:-1] = start
    after = np.zeros_like(now)
    for _ in range(num_sweeps):
        _replicate_border(now)
        _sweep_run(now.reshape((2, size)), data, stride, cross, after.reshape((2, size)))
        now, after = after, now
    return now[:, 1:-1, 1:-1].copy()


@njit(cache=True, nogil=True)
def _replicate_border(flow: NDArray[np.float32]) -> None:
    for c in range(2):
        for y in range(1, flow.shape[1] - 1):
            flow[c, y, 0] = flow[c, y, 1]
            flow[c, y, -1] = flow[c, y, -2]
        flow[c, 0] = flow[c, 1]
        flow[c, -1] = flow[c, -2]


@njit(cache=True, nogil=True)
def _sweep_run(
    flow: NDArray[np.float32],
    terms: NDArray[np.float32],
    stride: int,
    cross: bool,
    after: NDArray[np.float32],
) -> None:
    # the first and the last pixel of the run are border pixels: they need no value
    count = terms.shape[1] - 2
    # one slice for each row of neighbours: the compiler sees contiguous loads
    above_drow, above_dcol = flow[0, : count + 2], flow[1, : count + 2]
    level_drow, level_dcol = flow[0, stride : stride + count + 2], flow[1, stride : stride + count + 2]
    last = 2 * stride + count + 2
    below_drow, below_dcol = flow[0, 2 * stride : last], flow[1, 2 * stride : last]
    down, right, change = terms[0, 1 : count + 1], terms[1, 1 : count + 1], terms[2, 1 : count + 1]
    new_drow, new_dcol = after[0, stride + 1 : stride + count + 1], after[1, stride + 1 : stride + count + 1]
    if cross:
        for x in range(count):
            mean_drow = _mean_of_four(above_drow, level_drow, below_drow, x)
            mean_dcol = _mean_of_four(above_dcol, level_dcol, below_dcol, x)
            residual = down[x] * mean_drow + right[x] * mean_dcol + change[x]
            new_drow[x] = mean_drow - down[x] * residual
            new_dcol[x] = mean_dcol - right[x] * residual
        return
    for x in range(count):
        mean_drow = _mean_of_eight(above_drow, level_drow, below_drow, x)
        mean_dcol = _mean_of_eight(above_dcol, level_dcol, below_dcol, x)
        residual = down[x] * mean_drow + right[x] * mean_dcol + change[x]
        new_drow[x] = mean_drow - down[x] * residual
        new_dcol[x] = mean_dcol - right[x] * residual


@njit(cache=True, nogil=True)
def _mean_of_four(
    above: NDArray[np.float32], level: NDArray[np.float32], below: NDArray[np.float32], x: int
) -> np.float32:
    return ((above[x + 1] + below[x + 1]) + (level[x] + level[x + 2])) * np.float32(0.25)


@njit(cache=True, nogil=True)
def _mean_of_eight(
    above: NDArray[np.float32], level: NDArray[np.float32], below: NDArray[np.float32], x: int
) -> np.float32:
    sides = (above[x + 1] + below[x + 1]) + (level[x] + level[x + 2])
    corners = (above[x] + above[x + 2]) + (below[x] + below[x + 2])
    return (sides + sides + corners) / np.float32(12)
