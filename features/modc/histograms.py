"""Block histograms of integer codes, on any array namespace and compiled for NumPy.

Belongs here: counting codes over a grid of blocks, which all texture descriptors share. Stays out: the codes
themselves (``codes``, ``peers``).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from apexline.features.backend import Array, count_indices, is_numpy, namespace


def block_histograms(codes: Array, *, grid: tuple[int, int], bins: int) -> Array:
    """Histograms of codes over a grid of blocks.

    Parameters
    ----------
    codes : array, shape (..., M, N), unsigned or int32
        Codes 0..bins - 1.
    grid : (int, int)
        Rows and columns of blocks; borders lie at ``i * M // rows``, so sizes differ by one pixel at most.
    bins : int
        Number of codes.

    Returns
    -------
    histograms : array, shape (..., rows, cols, bins), float32
        Each histogram sums to 1.

    Raises
    ------
    ValueError
        If the grid has more blocks than pixels along an axis.
    """
    xp = namespace(codes)
    rows, cols = grid
    *lead, height, width = (int(size) for size in codes.shape)
    check_grid(grid, height, width)
    # (..., M, N) -> (S, M, N), and (S, rows, cols, bins) back
    stack = xp.reshape(codes, (-1, height, width))
    counted = _count_numpy if is_numpy(codes) else _count_arrays
    return xp.reshape(counted(stack, (rows, cols, bins)), (*lead, rows, cols, bins))


def check_grid(grid: tuple[int, int], height: int, width: int) -> None:
    """Raise ValueError if a block of the grid would hold none of height x width codes."""
    rows, cols = grid
    if not (1 <= rows <= height and 1 <= cols <= width):
        message = f"grid {grid} does not fit codes of {height} x {width}; each block needs at least one pixel"
        raise ValueError(message)


def _count_numpy(codes: NDArray[Any], shape: tuple[int, int, int]) -> NDArray[np.float32]:
    counts = np.zeros((codes.shape[0], *shape), dtype=np.float32)
    _count_blocks(np.ascontiguousarray(codes), counts)
    return counts


def _count_arrays(codes: Array, shape: tuple[int, int, int]) -> Array:
    """Array-API form of `_count_blocks`."""
    xp = namespace(codes)
    rows, cols, bins = shape
    images, height, width = (int(size) for size in codes.shape)
    blocks: list[Array] = []
    for i in range(rows):
        for j in range(cols):
            top, bottom = i * height // rows, (i + 1) * height // rows
            left, right = j * width // cols, (j + 1) * width // cols
            block = xp.astype(codes[:, top:bottom, left:right], xp.int64)
            # one run of bins for each image
            run = xp.reshape(xp.arange(images, dtype=xp.int64, device=block.device), (images, 1, 1))
            counted = count_indices(xp, block + run * bins, images * bins)
            blocks.append(xp.astype(counted, xp.float32) / ((bottom - top) * (right - left)))
    # (rows*cols, S*bins) -> (rows, cols, S, bins) -> (S, rows, cols, bins)
    return xp.permute_dims(xp.reshape(xp.stack(blocks), (rows, cols, images, bins)), (2, 0, 1, 3))


@njit(cache=True)
def _count_blocks(codes: NDArray[Any], counts: NDArray[np.float32]) -> None:
    images, height, width = codes.shape
    _, rows, cols, bins = counts.shape
    for t in range(images):
        for i in range(rows):
            for j in range(cols):
                top, bottom = i * height // rows, (i + 1) * height // rows
                left, right = j * width // cols, (j + 1) * width // cols
                histogram = counts[t, i, j]
                for y in range(top, bottom):
                    for x in range(left, right):
                        histogram[codes[t, y, x]] += np.float32(1)
                area = np.float32((bottom - top) * (right - left))
                for b in range(bins):
                    histogram[b] /= area
