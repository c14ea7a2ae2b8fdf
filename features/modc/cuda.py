"""MODC on CuPy arrays: codes, block histograms and the distances between them.

Belongs here: one function for each thing that the kernels of ``modc.cu`` and ``chi_square.cu`` compute, on arrays
that lie on the device and stay there. Stays out: validation, options and every other array library (``codes`` and
``differences``, which come here when their arrays are CuPy's).

Every function takes stacks: with many images in one launch a launch costs next to nothing. All but
`chi_square_blocks`, whose sums have an order of their own, give the bits of the compiled CPU code.
"""

from __future__ import annotations

from functools import lru_cache
from math import prod
from pathlib import Path

import numpy as np

from apexline.features.backend import Array, namespace
from apexline.features.cuda import BLOCK, define_macros, dense, floats, launch, load_kernel, pixel_grid
from apexline.features.modc.rings import Rings, sampling_taps

_HERE = Path(__file__).parent
_MODC, _CHI_SQUARE = _HERE / "modc.cu", _HERE / "chi_square.cu"
_LANES = 32


def ring_codes(images: Array, rings: Rings) -> Array:
    """Codes (kinds, T, 2, M - 2R, N - 2R) of images (T, M, N), as `features.modc.compiled.code_stack`."""
    xp = namespace(images)
    frames, height, width = images.shape
    rows, cols = height - 2 * rings.reach, width - 2 * rings.reach
    codes = xp.empty((len(rings.turns), frames, 2, rows, cols), dtype=xp.uint16)
    kernel = load_kernel(_MODC, "ring_codes", _ring_macros(rings))
    launch(kernel, pixel_grid(frames, rows, cols), BLOCK, dense(xp, images), codes, height, width)
    return codes


def ring_histograms(images: Array, rings: Rings, grid: tuple[int, int]) -> Array:
    """Block histograms (kinds, T, 2, rows, cols, bins) of `ring_codes`, whose images are never made."""
    xp = namespace(images)
    frames, height, width = images.shape
    rows, cols = height - 2 * rings.reach, width - 2 * rings.reach
    shape = (*grid, rings.num_codes)
    counts = xp.zeros((len(rings.turns), frames, 2, *shape), dtype=xp.uint32)
    histograms = xp.empty(counts.shape, dtype=xp.float32)
    count, scale = (load_kernel(_MODC, name, _ring_macros(rings)) for name in ("ring_counts", "frequencies"))
    pixels = pixel_grid(frames, rows, cols)
    launch(count, pixels, BLOCK, dense(xp, images), counts, height, width, *shape)
    bins = (prod(counts.shape[:-1]), -(-rings.num_codes // 256), 1)
    launch(scale, bins, (256, 1), counts, histograms, rows, cols, *shape)
    return histograms


def chi_square_blocks(histograms: Array, reference: Array) -> Array:
    """Distances (..., rows*cols) of histograms (..., P, rows, cols, bins) to as many references, or to one.

    As `features.modc.differences.chi_square_blocks`, to rounding: the sums over bins are taken in another order.
    """
    xp = namespace(histograms, reference)
    *lead, planes, rows, cols, bins = histograms.shape
    one = prod(reference.shape[:-4]) == 1
    if not one:
        reference = xp.broadcast_to(reference, histograms.shape)
    distances = xp.empty((*lead, rows * cols), dtype=xp.float32)
    kernel = load_kernel(_CHI_SQUARE, "chi_square", define_macros(LANES=_LANES))
    inputs = floats(xp, histograms), floats(xp, reference)
    grid = (prod(lead), rows * cols, 1)
    launch(kernel, grid, (_LANES, 1), *inputs, distances, int(not one), planes, bins)
    return distances


@lru_cache(maxsize=64)
def _ring_macros(rings: Rings) -> tuple[str, ...]:
    """Macros of ``modc.cu``."""
    taps = [sampling_taps(radius, direction) for radius in rings.radii for direction in range(8)]
    return define_macros(
        KINDS=len(rings.turns),
        REACH=rings.reach,
        OFFSETS=np.ravel([offsets for offsets, _ in taps]).tolist(),
        Q8=np.ravel([weights for _, weights in taps]).tolist(),
        TURNS=np.ravel(rings.turns).tolist(),
        INNER=rings.weights[0],
        OUTER=rings.weights[1],
    )
