"""Ring codes compiled for the CPU: one thread, rows of samples in the first-level cache.

Belongs here: the compiled form of `features.modc.ring_codes` for NumPy arrays. Stays out: validation, options and
every other array library (``modc``).
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray


def code_stack(
    images: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    q8: NDArray[np.int64],
    turns: tuple[tuple[int, int, int], ...],
    weights: tuple[tuple[int, ...], tuple[int, ...]],
) -> NDArray[np.uint16]:
    """Codes (kinds, T, 2, M - 2R, N - 2R) of images (T, M, N)."""
    reach = int(-offsets.min())
    shape = (images.shape[0], 2, images.shape[1] - 2 * reach, images.shape[2] - 2 * reach)
    codes = np.empty((len(turns), *shape), dtype=np.uint16)
    for kind, turn in enumerate(turns):
        index = (np.arange(8) + np.array(turn)[:, None]) % 8
        rings = np.arange(3)[:, None]
        _code_stack(
            np.ascontiguousarray(images),
            offsets[rings, index],
            q8[rings, index].astype(np.uint16),
            np.array(weights, dtype=np.uint16),
            reach,
            codes[kind],
        )
    return codes


# Rows of samples stay in the first-level cache, and every inner loop runs over columns of one small integer
# type, which the compiler turns into vector instructions.
@njit(cache=True)
def _code_stack(
    images: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    q8: NDArray[np.uint16],
    weights: NDArray[np.uint16],
    reach: int,
    codes: NDArray[np.uint16],
) -> None:
    frames, planes, height, width = codes.shape
    samples = np.empty((3, 8, width), dtype=np.uint16)
    centre = np.empty(width, dtype=np.uint16)
    for t in range(frames):
        for y in range(height):
            middle = images[t, y + reach, reach : reach + width]
            for x in range(width):
                centre[x] = np.uint16(middle[x]) << 8
            for ring in range(3):
                for j in range(8):
                    _sample_row(images[t], offsets[ring, j], q8[ring, j], y + reach, reach, samples[ring, j])
            for plane in range(planes):
                _code_row(samples, centre, plane, weights, codes[t, plane, y])


@njit(cache=True)
def _sample_row(
    image: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    q8: NDArray[np.uint16],
    row: int,
    left: int,
    samples: NDArray[np.uint16],
) -> None:
    width = samples.size
    a = image[row + offsets[0, 0], left + offsets[0, 1] : left + offsets[0, 1] + width]
    if q8[0] == 256:
        for x in range(width):
            samples[x] = np.uint16(a[x]) << 8
        return
    b = image[row + offsets[1, 0], left + offsets[1, 1] : left + offsets[1, 1] + width]
    c = image[row + offsets[2, 0], left + offsets[2, 1] : left + offsets[2, 1] + width]
    d = image[row + offsets[3, 0], left + offsets[3, 1] : left + offsets[3, 1] + width]
    wa, wb, wc, wd = q8[0], q8[1], q8[2], q8[3]
    for x in range(width):
        samples[x] = np.uint16(wa * a[x] + wb * b[x] + wc * c[x] + wd * d[x])


@njit(cache=True)
def _code_row(
    samples: NDArray[np.uint16],
    centre: NDArray[np.uint16],
    plane: int,
    weights: NDArray[np.uint16],
    codes: NDArray[np.uint16],
) -> None:
    width = centre.size
    for x in range(width):
        codes[x] = 0
    for k in range(4):
        first, second, third = samples[0, 2 * k + plane], samples[1, 2 * k + plane], samples[2, 2 * k + plane]
        inner_weight, outer_weight = weights[0, k], weights[1, k]
        for x in range(width):
            inner = np.uint16(2) * np.uint16(first[x] >= centre[x]) + np.uint16(second[x] >= first[x])
            outer = np.uint16(2) * np.uint16(second[x] >= centre[x]) + np.uint16(third[x] >= second[x])
            codes[x] = np.uint16(codes[x] + inner_weight * inner + outer_weight * outer)
