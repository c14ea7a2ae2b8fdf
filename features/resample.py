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
    if is_numpy(image):
        return _sample_cubic_compiled(np.ascontiguousarray(image), rows, cols)
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
    inside = np.ones((height, width), dtype=np.bool_)
    # the first flow of a pyramid is zero, and so is that of a single level
    if not np.any(flow):
        return image.copy(), inside
    padded = replicated(image, 2)
    warped = np.empty((height, width), dtype=np.float32)
    last_row, last_col = np.float32(height - 1), np.float32(width - 1)
    for y in range(height):
        for x in range(width):
            row, col = flow[0, y, x] + np.float32(y), flow[1, y, x] + np.float32(x)
            inside[y, x] = 0 <= row <= last_row and 0 <= col <= last_col
            warped[y, x] = _cubic_at(padded, row, col)
    return warped, inside


@njit(cache=True, nogil=True)
def _sample_cubic_compiled(
    image: NDArray[np.float32], rows: NDArray[np.float32], cols: NDArray[np.float32]
) -> NDArray[np.float32]:
    padded = replicated(image, 2)
    sampled = np.empty(rows.shape, dtype=np.float32)
    for y in range(rows.shape[0]):
        for x in range(rows.shape[1]):
            sampled[y, x] = _cubic_at(padded, rows[y, x], cols[y, x])
    return sampled


@njit(cache=True, nogil=True)
def _cubic_at(padded: NDArray[np.float32], row: np.float32, col: np.float32) -> np.float32:
    """Image at a position clamped to it; ``padded`` has two border pixels on each side."""
    row = min(max(row, np.float32(0)), np.float32(padded.shape[0] - 5))
    col = min(max(col, np.float32(0)), np.float32(padded.shape[1] - 5))
    # not negative, so that truncation is the floor
    top, left = int(row), int(col)
    r0, r1, r2, r3 = _cubic_weights_compiled(row - np.float32(top))
    c0, c1, c2, c3 = _cubic_weights_compiled(col - np.float32(left))
    a = padded[top + 1, left + 1 : left + 5]
    total = r0 * (c0 * a[0] + c1 * a[1] + c2 * a[2] + c3 * a[3])
    a = padded[top + 2, left + 1 : left + 5]
    total += r1 * (c0 * a[0] + c1 * a[1] + c2 * a[2] + c3 * a[3])
    a = padded[top + 3, left + 1 : left + 5]
    total += r2 * (c0 * a[0] + c1 * a[1] + c2 * a[2] + c3 * a[3])
    a = padded[top + 4, left + 1 : left + 5]
    total += r3 * (c0 * a[0] + c1 * a[1] + c2 * a[2] + c3 * a[3])
    return total


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
