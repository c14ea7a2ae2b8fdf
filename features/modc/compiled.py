"""Ring codes and their block histograms compiled for the CPU: one thread, sixteen pixels at a time.

Belongs here: the compiled form of `features.modc.codes.ring_codes` and `ring_histograms` for NumPy arrays. Stays out:
where rings sample (``rings``), validation, options and every other array library (``codes``).

A kernel is compiled for each `Rings`. Images are copied tile by tile into a buffer of fixed width, so that every
offset, weight and turn is a constant of the machine code; `_code_lanes` writes that code out as vectors, and what
several kinds have in common (samples, most comparisons) is computed once. Compiled kernels are kept on disk for as
long as this file and the plan that they were made from, taps included, stay as they are.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import astuple
from functools import cache, lru_cache
from typing import Any, cast

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic
from numpy.typing import NDArray

from apexline.features.modc.rings import Rings, sampling_taps

_LANES = 16
# Pixels that a tile codes; with the rings' reach around them they stay in the first-level cache.
_TILE_ROWS, _TILE_COLS = 32, 128


def code_stack(images: NDArray[np.uint8], rings: Rings) -> NDArray[np.uint16]:
    """Codes of images (T, M, N), shape (kinds, T, 2, M - 2R, N - 2R)."""
    frames, rows, cols = images.shape
    height, width = rows - 2 * rings.reach, cols - 2 * rings.reach
    if width < _LANES:
        wide = np.pad(images, ((0, 0), (0, 0), (0, _LANES - width)))
        return np.ascontiguousarray(code_stack(wide, rings)[..., :width])
    codes = np.empty((frames, len(rings.turns), 2, height, width), dtype=np.uint16)
    _code_kernel(rings)(np.ascontiguousarray(images), codes)
    return codes.swapaxes(0, 1)


def histogram_stack(images: NDArray[np.uint8], rings: Rings, grid: tuple[int, int]) -> NDArray[np.float32]:
    """Block histograms of the codes of images (T, M, N), shape (kinds, T, 2, rows, cols, bins)."""
    shape = (len(rings.turns), images.shape[0], 2, *grid, rings.num_codes)
    histograms = np.empty(shape, dtype=np.float32)
    _histogram_kernel(rings)(np.ascontiguousarray(images), histograms)
    return histograms


@lru_cache(maxsize=64)
def _code_kernel(rings: Rings) -> Callable[..., None]:
    plan, halo, stride = _plan(rings)

    @njit(cache=True, nogil=True)
    def code_images(images: NDArray[np.uint8], codes: NDArray[np.uint16]) -> None:
        frames, kinds, _, height, width = codes.shape
        flat = codes.reshape(-1)
        tile = np.empty((_TILE_ROWS + halo, stride), dtype=np.int16)
        cols = min(_TILE_COLS, width)
        for t, strip in np.ndindex(frames, -(-height // _TILE_ROWS)):
            top = strip * _TILE_ROWS
            rows = min(_TILE_ROWS, height - top)
            for start in range(0, width, _TILE_COLS):
                # the last tile, and its last lanes, overlap those before so that none is cut
                left = min(start, width - cols)
                _copy_tile(images[t, top : top + rows + halo, left : left + cols + halo], tile)
                for y in range(rows):
                    first = (t * kinds * 2 * height + top + y) * width + left
                    for lane in range(0, cols, _LANES):
                        x = min(lane, cols - _LANES)
                        _code_lanes(tile, y * stride + x, flat, first + x, height * width, plan)

    return code_images


@lru_cache(maxsize=64)
def _histogram_kernel(rings: Rings) -> Callable[..., None]:
    plan, halo, stride = _plan(rings)
    planes, bins = 2 * len(rings.turns), rings.num_codes

    @njit(cache=True, nogil=True)
    def count_images(images: NDArray[np.uint8], histograms: NDArray[np.float32]) -> None:
        _, frames, _, grid_rows, grid_cols, _ = histograms.shape
        height, width = images.shape[1] - halo, images.shape[2] - halo
        tile = np.empty((_TILE_ROWS + halo, stride), dtype=np.int16)
        codes = np.empty(planes * _LANES, dtype=np.uint16)
        counts = np.empty(planes * bins, dtype=np.uint32)
        for t, i, j in np.ndindex(frames, grid_rows, grid_cols):
            above, below = i * height // grid_rows, (i + 1) * height // grid_rows
            before, behind = j * width // grid_cols, (j + 1) * width // grid_cols
            counts[:] = 0
            for top in range(above, below, _TILE_ROWS):
                rows = min(_TILE_ROWS, below - top)
                for left in range(before, behind, _TILE_COLS):
                    cols = min(_TILE_COLS, behind - left)
                    _copy_tile(images[t, top : top + rows + halo, left : left + cols + halo], tile)
                    for y in range(rows):
                        for x in range(0, cols, _LANES):
                            _code_lanes(tile, y * stride + x, codes, 0, _LANES, plan)
                            for lane in range(min(_LANES, cols - x)):
                                for plane in range(planes):
                                    code = np.intp(codes[plane * _LANES + lane])
                                    counts[plane * bins + code] += 1
            area = np.float32((below - above) * (behind - before))
            for plane in range(planes):
                histogram = histograms[plane // 2, t, plane % 2, i, j]
                for code in range(bins):
                    histogram[code] = np.float32(counts[plane * bins + code]) / area

    return count_images


def _plan(rings: Rings) -> tuple[str, int, int]:
    """Rings, their taps and the width of a tile as text, which a compiled function can hold; the halo; that width."""
    halo = 2 * rings.reach
    stride = _TILE_COLS + halo
    # pixels and weights by radius and direction: what lies in the plan is seen by the cache on disk
    taps = {
        (radius, direction): [each.tolist() for each in sampling_taps(radius, direction)]
        for radius in rings.radii
        for direction in range(8)
    }
    return repr((*astuple(rings), stride, taps)), halo, stride


# Its types are named, so that Numba's own start falls into the import and not into the first call.
@njit(
    types.void(types.Array(types.uint8, 2, "A", readonly=True), types.int16[:, ::1]), cache=True, nogil=True
)
def _copy_tile(part: NDArray[np.uint8], tile: NDArray[np.int16]) -> None:
    """Copy a part of an image, less 128: Q8 samples then fit signed integers, which compare in one step."""
    for y in range(part.shape[0]):
        for x in range(part.shape[1]):
            tile[y, x] = np.int16(part[y, x]) - np.int16(128)


# Numba hands the typing context in by itself, which its own types do not say.
_vector_code = cast("Callable[[Callable[..., Any]], Any]", intrinsic(prefer_literal=True))


@_vector_code
def _code_lanes(
    typing_context: Any, tile: Any, start: Any, codes: Any, first: Any, pitch: Any, plan: Any
) -> tuple[Any, Callable[..., Any]]:
    """Code `_LANES` pixels in a row, whose neighbourhood begins at ``tile[start]``, in every kind and plane.

    Codes of plane p (of the first kind, then of the second) go to ``codes[first + p * pitch:]``.
    """
    radii, turns, weights, stride, taps = ast.literal_eval(plan.literal_value)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        vector = ir.VectorType(ir.IntType(16), _LANES)
        source, target = (
            context.make_array(signature.args[i])(context, builder, args[i]).data for i in (0, 2)
        )
        origin = builder.gep(source, [args[1]])

        def integers(value: int) -> ir.Constant:
            return ir.Constant(vector, [value] * _LANES)

        def as_vector(pointer: Any) -> Any:
            return builder.bitcast(pointer, vector.as_pointer())

        @cache
        def pixels(row: int, col: int) -> Any:
            offset = (radii[2] + row) * stride + radii[2] + col
            return builder.load(
                as_vector(builder.gep(origin, [ir.Constant(ir.IntType(64), offset)])), align=2
            )

        @cache
        def sample(radius: int, direction: int) -> Any:
            total = integers(0)
            for (row, col), weight in zip(*taps[radius, direction], strict=True):
                if weight:
                    tap = builder.mul(pixels(row, col), integers(weight))
                    total = builder.add(total, tap)
            return total

        @cache
        def minus_below(one: Any, other: Any) -> Any:
            """-1 where one < other: S(one - other) - 1."""
            return builder.sext(builder.icmp_signed("<", one, other), vector)

        @cache
        def psi(centre: Any, inner: Any, outer: Any) -> Any:
            """Eq. (2), less 3."""
            twice = builder.shl(minus_below(inner, centre), integers(1))
            return builder.add(twice, minus_below(outer, inner))

        centre = builder.mul(pixels(0, 0), integers(256))
        for p in range(2 * len(turns)):
            code = integers(3 * sum(weights[0] + weights[1]))
            for k in range(4):
                direction = 2 * k + p % 2
                d, e, f = (
                    sample(radius, (direction + turn) % 8)
                    for radius, turn in zip(radii, turns[p // 2], strict=True)
                )
                for digit, weight in ((psi(centre, d, e), weights[0][k]), (psi(centre, e, f), weights[1][k])):
                    code = builder.add(code, builder.mul(digit, integers(weight)))
            plane = builder.add(args[3], builder.mul(args[4], ir.Constant(ir.IntType(64), p)))
            builder.store(code, as_vector(builder.gep(target, [plane])), align=2)
        return context.get_dummy_value()

    return types.void(tile, start, codes, first, pitch, plan), generate
