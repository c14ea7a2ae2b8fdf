"""What stands between the matrix products of the network, compiled: patches, pooling and rectifying.

Belongs here: loops over the maps of one face. Stays out: the products themselves, which BLAS computes (``network``).
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float32]


@njit(cache=True, nogil=True)
def copy_patches(maps: Floats, side: int, patches: Floats) -> None:
    """Write each side x side neighbourhood of maps (M, M, C) as a row of patches (P, side * side * C)."""
    size, _, channels = maps.shape
    run = side * channels
    rows = maps.reshape((size, size * channels))
    places = size - side + 1
    for y in range(places):
        for x in range(places):
            patch = patches[y * places + x]
            for k in range(side):
                source, target = (
                    rows[y + k, x * channels : x * channels + run],
                    patch[k * run : (k + 1) * run],
                )
                for i in range(run):
                    target[i] = source[i]


@njit(cache=True, nogil=True)
def pool_maps(maps: Floats, bias: Floats, gain: Floats, shift: Floats, pooled: Floats) -> None:
    """Largest value of each 2 x 2 block of maps (M, M, C), as `rectify_maps` has it; an odd last row is left out."""
    # bias is added after the choice of the largest: rounding keeps their order
    zero = np.float32(0)
    for y in range(pooled.shape[0]):
        for x in range(pooled.shape[1]):
            a, b = maps[2 * y, 2 * x], maps[2 * y, 2 * x + 1]
            c, d = maps[2 * y + 1, 2 * x], maps[2 * y + 1, 2 * x + 1]
            target = pooled[y, x]
            for k in range(target.size):
                left, right = a[k] if a[k] > c[k] else c[k], b[k] if b[k] > d[k] else d[k]
                value = ((left if left > right else right) + bias[k]) * gain[k] + shift[k]
                target[k] = value if value > zero else zero


@njit(cache=True, nogil=True)
def rectify_maps(maps: Floats, bias: Floats, gain: Floats, shift: Floats, rectified: Floats) -> None:
    """Maps (M, M, C) plus the bias, normalised, and zero where negative."""
    zero = np.float32(0)
    for y in range(maps.shape[0]):
        for x in range(maps.shape[1]):
            source, target = maps[y, x], rectified[y, x]
            for k in range(target.size):
                value = (source[k] + bias[k]) * gain[k] + shift[k]
                target[k] = value if value > zero else zero
