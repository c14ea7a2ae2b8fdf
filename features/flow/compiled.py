"""Horn-Schunck on NumPy arrays, compiled: resampling, the linearisation about a flow and the Jacobi sweeps.

Belongs here: what ``solver`` and ``resample`` compute with array operations, as loops that give the same bits
(fastmath stays off and every sum keeps its order). They share one file because Numba's cache on disk does not see a
change of a function that another file inlines. Stays out: checks, levels and other array namespaces.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray


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
    mean = _replicated((reference + warped) / np.float32(2), 2)
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


@njit(cache=True, nogil=True)
def _replicated(image: NDArray[np.float32], width: int) -> NDArray[np.float32]:
    """Pad an image by repeating its border, as `features.backend.replicate_pad` does."""
    rows, cols = image.shape
    padded = np.empty((rows + 2 * width, cols + 2 * width), dtype=np.float32)
    padded[width : rows + width, width : cols + width] = image
    for y in range(width, rows + width):
        padded[y, :width] = padded[y, width]
        padded[y, cols + width :] = padded[y, cols + width - 1]
    for y in range(width):
        padded[y] = padded[width]
        padded[rows + width + y] = padded[rows + width - 1]
    return padded


@njit(cache=True, nogil=True)
def warp_compiled(
    image: NDArray[np.float32], flow: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """`features.flow.resample.warp` of NumPy arrays, to the same bits."""
    height, width = image.shape
    # the first flow of a pyramid is zero, and so is that of a single level
    if not np.any(flow):
        return image.copy(), np.ones((height, width), dtype=np.bool_)
    warped = np.empty((height, width), dtype=np.float32)
    inside = np.empty((height, width), dtype=np.bool_)
    padded = _replicated(image, 2)
    corners = np.empty(width, dtype=np.int32)
    weights = np.empty((8, width), dtype=np.float32)
    # What vector instructions can do, and the taps, which they can't, in separate loops: twice as fast as one.
    for y in range(height):
        _place_row(flow[0, y], flow[1, y], y, height, corners, weights, inside[y])
        _tap_row(padded, corners, weights, warped[y])
    return warped, inside


@njit(cache=True, nogil=True, error_model="numpy")
def _place_row(
    drow: NDArray[np.float32],
    dcol: NDArray[np.float32],
    y: int,
    height: int,
    corners: NDArray[np.int32],
    weights: NDArray[np.float32],
    inside: NDArray[np.bool_],
) -> None:
    """Corner of the 4 x 4 taps in the padded image, weights of their rows and columns, for a row of pixels."""
    width = drow.size
    zero, last_row, last_col = np.float32(0), np.float32(height - 1), np.float32(width - 1)
    r0, r1, r2, r3 = weights[0], weights[1], weights[2], weights[3]
    c0, c1, c2, c3 = weights[4], weights[5], weights[6], weights[7]
    for x in range(width):
        row, col = drow[x] + np.float32(y), dcol[x] + np.float32(x)
        inside[x] = (row >= zero) & (row <= last_row) & (col >= zero) & (col <= last_col)
        row, col = min(max(row, zero), last_row), min(max(col, zero), last_col)
        # not negative, so that truncation is the floor
        top, left = np.int32(row), np.int32(col)
        r0[x], r1[x], r2[x], r3[x] = _cubic_weights(row - np.float32(top))
        c0[x], c1[x], c2[x], c3[x] = _cubic_weights(col - np.float32(left))
        corners[x] = (top + 1) * (width + 4) + left + 1


@njit(cache=True, nogil=True)
def _tap_row(
    padded: NDArray[np.float32],
    corners: NDArray[np.int32],
    weights: NDArray[np.float32],
    sampled: NDArray[np.float32],
) -> None:
    # unsigned indices spare the test for indices that count from the end
    pixels, stride = padded.ravel(), np.uint64(padded.shape[1])
    for x in range(sampled.size):
        first = np.uint64(corners[x])
        c0, c1, c2, c3 = weights[4, x], weights[5, x], weights[6, x], weights[7, x]
        total = weights[0, x] * _tap(pixels, first, c0, c1, c2, c3)
        total += weights[1, x] * _tap(pixels, first + stride, c0, c1, c2, c3)
        total += weights[2, x] * _tap(pixels, first + stride + stride, c0, c1, c2, c3)
        total += weights[3, x] * _tap(pixels, first + stride + stride + stride, c0, c1, c2, c3)
        sampled[x] = total


@njit(cache=True, nogil=True)
def _tap(
    pixels: NDArray[np.float32],
    first: np.uint64,
    c0: np.float32,
    c1: np.float32,
    c2: np.float32,
    c3: np.float32,
) -> np.float32:
    """Four pixels in a row, weighted."""
    one, two, three = np.uint64(1), np.uint64(2), np.uint64(3)
    return (
        c0 * pixels[first] + c1 * pixels[first + one] + c2 * pixels[first + two] + c3 * pixels[first + three]
    )


@njit(cache=True, nogil=True)
def _cubic_weights(part: np.float32) -> tuple[np.float32, np.float32, np.float32, np.float32]:
    square = part * part
    cube = square * part
    half = np.float32(0.5)
    return (
        -half * cube + square - half * part,
        np.float32(1.5) * cube - np.float32(2.5) * square + np.float32(1),
        np.float32(-1.5) * cube + np.float32(2) * square + half * part,
        half * cube - half * square,
    )


@njit(cache=True, nogil=True)
def halve_compiled(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """`features.flow.resample.halve` of a NumPy array, to the same bits."""
    height, width = image.shape
    padded = _replicated(image, 2)
    w0, w1, w2 = np.float32(0.0625), np.float32(0.25), np.float32(0.375)
    half = np.empty(((height + 1) // 2, (width + 1) // 2), dtype=np.float32)
    tall = np.empty(width + 4, dtype=np.float32)
    for y in range(half.shape[0]):
        a, b, c, d, e = (
            padded[2 * y],
            padded[2 * y + 1],
            padded[2 * y + 2],
            padded[2 * y + 3],
            padded[2 * y + 4],
        )
        for x in range(width + 4):
            tall[x] = a[x] * w0 + b[x] * w1 + c[x] * w2 + d[x] * w1 + e[x] * w0
        for x in range(half.shape[1]):
            left = tall[2 * x : 2 * x + 5]
            half[y, x] = left[0] * w0 + left[1] * w1 + left[2] * w2 + left[3] * w1 + left[4] * w0
    return half


@njit(cache=True, nogil=True)
def enlarge_compiled(flow: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """`features.flow.resample.enlarge` of a NumPy array, to the same bits."""
    # a position lies on a pixel or in the middle between two: weights are constant, and rows and columns separate
    enlarged = np.empty((2, height, width), dtype=np.float32)
    w0, w1, w2, w3 = _cubic_weights(np.float32(0.5))
    two = np.float32(2)
    for component in range(2):
        small = _replicated(flow[component], 2)
        last_row, last_col = small.shape[0] - 5, small.shape[1] - 5
        wide = np.empty((small.shape[0], width), dtype=np.float32)
        for y in range(small.shape[0]):
            source = small[y, 1:]
            for x in range(width):
                left = source[x // 2 : x // 2 + 4]
                between = x % 2 == 1 and x // 2 < last_col
                wide[y, x] = w0 * left[0] + w1 * left[1] + w2 * left[2] + w3 * left[3] if between else left[1]
        for y in range(height):
            first = y // 2 + 1
            a, b, c, d = wide[first], wide[first + 1], wide[first + 2], wide[first + 3]
            between = y % 2 == 1 and y // 2 < last_row
            for x in range(width):
                value = w0 * a[x] + w1 * b[x] + w2 * c[x] + w3 * d[x] if between else b[x]
                enlarged[component, y, x] = two * value
    return enlarged
