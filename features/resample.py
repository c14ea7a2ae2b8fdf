"""Images at positions between pixels: warping by a flow, halving and enlarging for a pyramid.

Belongs here: interpolation by cubic convolution on any array namespace, with a compiled form for NumPy. Stays
out: the flow itself (``flow``) and the alignment of faces (``faces``, ``registration``).
"""

from __future__ import annotations

import array_api_compat
import numpy as np
from numba import njit
from numpy.typing import NDArray

from features.backend import Array, Namespace, is_numpy, namespace, replicate_pad


def warp(image: Array, flow: Array) -> tuple[Array, Array]:
    """Image seen through a displacement field, by cubic convolution (a = -1/2).

    Parameters
    ----------
    image : array, shape (M, N), float32
        Grey image.
    flow : array, shape (2, M, N), float32
        (row, col) displacement, px.

    Returns
    -------
    warped : array, shape (M, N), float32
        ``image[p + flow]``; positions outside take the nearest pixel inside.
    inside : array, shape (M, N), bool
        Whether the position lay inside the image.
    """
    xp = namespace(image, flow)
    if is_numpy(image):
        return warp_compiled(image, flow)
    height, width = image.shape
    rows, cols = _positions(xp, flow)
    inside = (rows >= 0) & (rows <= height - 1) & (cols >= 0) & (cols <= width - 1)
    return _sample_cubic(xp, image, rows, cols), inside


def halve(xp: Namespace, image: Array) -> Array:
    """Every second pixel after the binomial filter 1 4 6 4 1: pixel i lies at 2i of the larger image."""
    if is_numpy(image):
        return _halve_compiled(image)
    height, width = image.shape
    padded = replicate_pad(xp, image, 2)
    weights = (0.0625, 0.25, 0.375, 0.25, 0.0625)
    tall: Array = sum((padded[i : i + height, :] * w for i, w in enumerate(weights)), start=0)
    smooth: Array = sum((tall[:, i : i + width] * w for i, w in enumerate(weights)), start=0)
    return smooth[::2, ::2]


def enlarge(xp: Namespace, flow: Array, shape: tuple[int, ...]) -> Array:
    """Flow of a level on the grid of the next larger one, in its pixels."""
    if is_numpy(flow):
        return _enlarge_compiled(flow, *shape)
    rows = xp.arange(shape[0], dtype=xp.float32, device=array_api_compat.device(flow)) / 2
    cols = xp.arange(shape[1], dtype=xp.float32, device=array_api_compat.device(flow)) / 2
    rows, cols = xp.meshgrid(rows, cols, indexing="ij")
    return 2 * xp.stack([_sample_cubic(xp, flow[i, ...], rows, cols) for i in range(2)])


def _positions(xp: Namespace, flow: Array) -> tuple[Array, Array]:
    _, height, width = flow.shape
    where = array_api_compat.device(flow)
    rows = xp.expand_dims(xp.arange(height, dtype=xp.float32, device=where), axis=1)
    cols = xp.expand_dims(xp.arange(width, dtype=xp.float32, device=where), axis=0)
    return flow[0, ...] + rows, flow[1, ...] + cols


def _cubic_weights(part: Array) -> tuple[Array, Array, Array, Array]:
    """Weights of the pixels at -1, 0, 1, 2 for a position ``part`` behind pixel 0."""
    square = part * part
    cube = square * part
    return (
        -0.5 * cube + square - 0.5 * part,
        1.5 * cube - 2.5 * square + 1.0,
        -1.5 * cube + 2.0 * square + 0.5 * part,
        0.5 * cube - 0.5 * square,
    )


def _sample_cubic(xp: Namespace, image: Array, rows: Array, cols: Array) -> Array:
    """Image at real positions, clamped to the image, by cubic convolution."""
    height, width = image.shape
    rows, cols = xp.clip(rows, 0, height - 1), xp.clip(cols, 0, width - 1)
    tops, lefts = xp.floor(rows), xp.floor(cols)
    row_weights, col_weights = _cubic_weights(rows - tops), _cubic_weights(cols - lefts)
    tops, lefts = xp.astype(tops, xp.int64), xp.astype(lefts, xp.int64)
    flat = xp.reshape(image, (-1,))
    total = xp.zeros_like(rows)
    for i, row_weight in enumerate(row_weights):
        line = xp.zeros_like(rows)
        base = xp.clip(tops + (i - 1), 0, height - 1) * width
        for j, col_weight in enumerate(col_weights):
            index = base + xp.clip(lefts + (j - 1), 0, width - 1)
            line = line + col_weight * xp.reshape(xp.take(flat, xp.reshape(index, (-1,))), rows.shape)
        total = total + row_weight * line
    return total


@njit(cache=True, nogil=True)
def replicated(image: NDArray[np.float32], width: int) -> NDArray[np.float32]:
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
    """`warp` of NumPy arrays, to the same bits."""
    height, width = image.shape
    # the first flow of a pyramid is zero, and so is that of a single level
    if not np.any(flow):
        return image.copy(), np.ones((height, width), dtype=np.bool_)
    warped = np.empty((height, width), dtype=np.float32)
    inside = np.empty((height, width), dtype=np.bool_)
    padded = replicated(image, 2)
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
        r0[x], r1[x], r2[x], r3[x] = _cubic_weights_compiled(row - np.float32(top))
        c0[x], c1[x], c2[x], c3[x] = _cubic_weights_compiled(col - np.float32(left))
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
def _cubic_weights_compiled(part: np.float32) -> tuple[np.float32, np.float32, np.float32, np.float32]:
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
def _halve_compiled(image: NDArray[np.float32]) -> NDArray[np.float32]:
    height, width = image.shape
    padded = replicated(image, 2)
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
def _enlarge_compiled(flow: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """Between pixels the weights are those of the middle: along rows first, then along columns."""
    enlarged = np.empty((2, height, width), dtype=np.float32)
    w0, w1, w2, w3 = _cubic_weights_compiled(np.float32(0.5))
    two = np.float32(2)
    for component in range(2):
        small = replicated(flow[component], 2)
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
