"""Images at positions between pixels: warping by a flow, halving and enlarging for a pyramid.

Belongs here: interpolation by cubic convolution on any array namespace, with a compiled form for NumPy. Stays
out: the flow itself (``solver``) and the alignment of faces (``features.faces``, ``features.registration``).
"""

from __future__ import annotations

import array_api_compat

from apexline.features.backend import Array, Namespace, is_cupy, is_numpy, namespace, replicate_pad
from apexline.features.flow import cuda as flow_cuda
from apexline.features.flow.compiled import enlarge_compiled, halve_compiled, warp_compiled


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
    if is_cupy(image):
        return flow_cuda.warp(image, flow)
    height, width = image.shape
    rows, cols = _positions(xp, flow)
    inside = (rows >= 0) & (rows <= height - 1) & (cols >= 0) & (cols <= width - 1)
    return _sample_cubic(xp, image, rows, cols), inside


def halve(xp: Namespace, image: Array) -> Array:
    """Every second pixel after the binomial filter 1 4 6 4 1: pixel i lies at 2i of the larger image."""
    if is_numpy(image):
        return halve_compiled(image)
    if is_cupy(image):
        return flow_cuda.halve(image)
    height, width = image.shape
    padded = replicate_pad(xp, image, 2)
    weights = (0.0625, 0.25, 0.375, 0.25, 0.0625)
    tall: Array = sum((padded[i : i + height, :] * w for i, w in enumerate(weights)), start=0)
    smooth: Array = sum((tall[:, i : i + width] * w for i, w in enumerate(weights)), start=0)
    return smooth[::2, ::2]


def enlarge(xp: Namespace, flow: Array, shape: tuple[int, ...]) -> Array:
    """Flow of a level on the grid of the next larger one, in its pixels."""
    if is_numpy(flow):
        return enlarge_compiled(flow, *shape)
    if is_cupy(flow):
        return flow_cuda.enlarge(flow, shape)
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
