"""The kernels of ``features/kernels`` on CuPy arrays: how each is compiled, and launched over which grid.

Belongs here: one function for each thing that a kernel computes, on arrays that lie on the device and stay there.
Stays out: validation, options and every other array library (the public functions of ``modc``, ``flow``,
``resample`` and ``curves``, which come here when their arrays are CuPy's).

Every function takes stacks: with many images in one launch a launch costs next to nothing. All but
`chi_square_blocks`, whose sums have an order of their own, give the bits of the compiled CPU code.
"""

from __future__ import annotations

import importlib
from functools import lru_cache
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from features.backend import Array, Namespace, namespace
from features.modc_kernels import Rings, sampling_taps

_KERNELS = Path(__file__).with_name("kernels")
_BLOCK = (32, 8)
# Sweeps of a launch and the side of the tile that comes out of them: a region of 64 x 64 px in shared memory,
# 1.8 times the tile's arithmetic for an eighth of the launches and of the traffic to memory.
_HALO, _TILE, _ROWS = 8, 48, 4
_REGION = _TILE + 2 * _HALO
_LANES = 32


def ring_codes(images: Array, rings: Rings) -> Array:
    """Codes (kinds, T, 2, M - 2R, N - 2R) of images (T, M, N), as `features.modc_kernels.code_stack`."""
    xp = namespace(images)
    frames, height, width = images.shape
    rows, cols = height - 2 * rings.reach, width - 2 * rings.reach
    codes = xp.empty((len(rings.turns), frames, 2, rows, cols), dtype=xp.uint16)
    kernel = _kernel("modc", "ring_codes", _ring_macros(rings))
    _launch(kernel, _pixel_grid(frames, rows, cols), _BLOCK, _dense(xp, images), codes, height, width)
    return codes


def ring_histograms(images: Array, rings: Rings, grid: tuple[int, int]) -> Array:
    """Block histograms (kinds, T, 2, rows, cols, bins) of `ring_codes`, whose images are never made."""
    xp = namespace(images)
    frames, height, width = images.shape
    rows, cols = height - 2 * rings.reach, width - 2 * rings.reach
    shape = (*grid, rings.num_codes)
    counts = xp.zeros((len(rings.turns), frames, 2, *shape), dtype=xp.uint32)
    histograms = xp.empty(counts.shape, dtype=xp.float32)
    count, scale = (_kernel("modc", name, _ring_macros(rings)) for name in ("ring_counts", "frequencies"))
    pixels = _pixel_grid(frames, rows, cols)
    _launch(count, pixels, _BLOCK, _dense(xp, images), counts, height, width, *shape)
    bins = (prod(counts.shape[:-1]), -(-rings.num_codes // 256), 1)
    _launch(scale, bins, (256, 1), counts, histograms, rows, cols, *shape)
    return histograms


def refine(
    reference: Array, moving: Array, flow: Array, alpha_squared: float, num_sweeps: int, cross: bool
) -> Array:
    """Flow (..., 2, M, N) after linearising about ``flow`` and sweeping, as `features.flow_kernels.refine`."""
    xp = namespace(reference, moving, flow)
    *lead, height, width = reference.shape
    reference, flow = _floats(xp, reference), _floats(xp, flow)
    warped, inside = warp(moving, flow)
    terms = xp.empty((*lead, 3, height, width), dtype=xp.float32)
    macros = _macros(TILE=_TILE, HALO=_HALO, ROWS=_ROWS, CROSS=int(cross))
    linearise, sweep = (_kernel("horn_schunck", name, macros) for name in ("linearise", "sweep"))
    images = prod(lead)
    grid = _pixel_grid(images, height, width)
    _launch(
        linearise, grid, _BLOCK, reference, warped, inside, flow, terms, height, width, float(alpha_squared)
    )
    tiles = (images, -(-height // _TILE), -(-width // _TILE))
    for done in range(0, num_sweeps, _HALO):
        after = xp.empty(flow.shape, dtype=xp.float32)
        count = min(_HALO, num_sweeps - done)
        _launch(sweep, tiles, (_REGION, _REGION // _ROWS), terms, flow, after, height, width, count)
        flow = after
    return flow


def warp(image: Array, flow: Array) -> tuple[Array, Array]:
    """Images (..., M, N) seen through flows (..., 2, M, N), as `features.resample.warp`."""
    xp = namespace(image, flow)
    *lead, height, width = image.shape
    warped, inside = xp.empty(image.shape, dtype=xp.float32), xp.empty(image.shape, dtype=xp.bool)
    grid = _pixel_grid(prod(lead), height, width)
    kernel = _kernel("resample", "warp")
    _launch(kernel, grid, _BLOCK, _floats(xp, image), _floats(xp, flow), warped, inside, height, width)
    return warped, inside


def halve(image: Array) -> Array:
    """Every second pixel of filtered images (..., M, N), as `features.resample.halve`."""
    xp = namespace(image)
    *lead, height, width = image.shape
    half = xp.empty((*lead, -(-height // 2), -(-width // 2)), dtype=xp.float32)
    grid = _pixel_grid(prod(lead), *half.shape[-2:])
    _launch(_kernel("resample", "halve"), grid, _BLOCK, _floats(xp, image), half, height, width)
    return half


def enlarge(flow: Array, shape: tuple[int, ...]) -> Array:
    """Flows (..., 2, m, n) on the grid of the next larger level, as `features.resample.enlarge`."""
    xp = namespace(flow)
    *lead, height, width = flow.shape
    enlarged = xp.empty((*lead, *shape), dtype=xp.float32)
    grid = _pixel_grid(prod(lead), *shape)
    _launch(_kernel("resample", "enlarge"), grid, _BLOCK, _floats(xp, flow), enlarged, height, width, *shape)
    return enlarged


def chi_square_blocks(histograms: Array, reference: Array) -> Array:
    """Distances (..., rows*cols) of histograms (..., P, rows, cols, bins) to as many references, or to one.

    As `features.curves.chi_square_blocks`, to rounding: the sums over bins are taken in another order.
    """
    xp = namespace(histograms, reference)
    *lead, planes, rows, cols, bins = histograms.shape
    one = prod(reference.shape[:-4]) == 1
    if not one:
        reference = xp.broadcast_to(reference, histograms.shape)
    distances = xp.empty((*lead, rows * cols), dtype=xp.float32)
    kernel = _kernel("chi_square", "chi_square", _macros(LANES=_LANES))
    inputs = _floats(xp, histograms), _floats(xp, reference)
    grid = (prod(lead), rows * cols, 1)
    _launch(kernel, grid, (_LANES, 1), *inputs, distances, int(not one), planes, bins)
    return distances


def kernel_source(source: str) -> str:
    """CUDA code of ``kernels/<source>.cu``."""
    return (_KERNELS / f"{source}.cu").read_text(encoding="utf-8")


def compile_module(code: str, macros: tuple[str, ...]) -> Any:
    """CuPy module of CUDA code under some ``-D`` options; compiled when a kernel is first taken from it.

    Nothing is contracted into fused multiply-adds: the CPU rounds after every operation, and so do the kernels.
    """
    cupy: Any = importlib.import_module("cupy")
    return cupy.RawModule(code=code, options=("--std=c++17", "--fmad=false", *macros), backend="nvrtc")


@lru_cache(maxsize=64)
def _module(source: str, macros: tuple[str, ...]) -> Any:
    return compile_module(kernel_source(source), macros)


@lru_cache(maxsize=256)
def _kernel(source: str, name: str, macros: tuple[str, ...] = ()) -> Any:
    return _module(source, macros).get_function(name)


def _launch(
    kernel: Any, grid: tuple[int, int, int], block: tuple[int, int], *arguments: Array | float | int
) -> None:
    """Launch over a grid; Python numbers become the 32-bit types that all kernels take."""
    if 0 in grid:
        # no image, no result: CUDA refuses an empty grid
        return
    sized = [
        np.int32(each) if isinstance(each, int) else np.float32(each) if isinstance(each, float) else each
        for each in arguments
    ]
    kernel(grid, (*block, 1), tuple(sized))


def _pixel_grid(images: int, height: int, width: int) -> tuple[int, int, int]:
    """Blocks of one thread for each pixel; images come first, where a grid may be as long as one likes."""
    return images, -(-height // _BLOCK[1]), -(-width // _BLOCK[0])


def _dense(xp: Namespace, array: Array) -> Array:
    """Array whose memory runs in order, as kernels take it."""
    return xp.ascontiguousarray(array)


def _floats(xp: Namespace, array: Array) -> Array:
    return _dense(xp, xp.astype(array, xp.float32, copy=False))


@lru_cache(maxsize=64)
def _ring_macros(rings: Rings) -> tuple[str, ...]:
    """Macros of ``modc.cu``."""
    taps = [sampling_taps(radius, direction) for radius in rings.radii for direction in range(8)]
    return _macros(
        KINDS=len(rings.turns),
        REACH=rings.reach,
        OFFSETS=np.ravel([offsets for offsets, _ in taps]).tolist(),
        Q8=np.ravel([weights for _, weights in taps]).tolist(),
        TURNS=np.ravel(rings.turns).tolist(),
        INNER=rings.weights[0],
        OUTER=rings.weights[1],
    )


def _macros(**macros: Any) -> tuple[str, ...]:
    """Options that define macros; lists become initialisers without their braces."""
    return tuple(
        f"-D{name}={value if isinstance(value, int) else ','.join(map(str, value))}"
        for name, value in macros.items()
    )
