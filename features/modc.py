"""Multi-order double cross (MODC) texture codes and their block histograms, eq. (1)-(10) of [1]_.

Belongs here: the ring descriptor family (COD, SL, SR and their variants) and its fixed-point sampling. Stays
out: image filters (``prefilter``), counting (``histograms``), the peers it is compared with (``descriptors``)
and everything that happens over time (``curves``).

.. [1] Li, Zhou, Liu, Sun, Chen, Xue (2021). Machine learning-based emotional recognition in surveillance
   video images in the context of smart city safety. Traitement du Signal 38(2), doi:10.18280/ts.380213.
.. [2] Ding, Choi, Tao, Davis (2016). Multi-directional multi-level dual-cross patterns for robust face
   recognition. IEEE TPAMI 38(3).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Literal, get_args

import numpy as np
from numba import njit
from numpy.typing import NDArray

from features.backend import Array, Namespace, is_numpy, namespace
from features.histograms import block_histograms
from features.prefilter import Prefilter, as_uint8, prefilter_images

Base = Literal["paper", "base7", "split"]

# Steps by which the rings (D, E, F) turn clockwise. Eq. (5) wraps at one direction only (j = 7), so does
# eq. (8) (j = 0): one-step turns. Which rings turn is not determined; the variants turn others, with mirrors.
KINDS: dict[str, tuple[int, int, int]] = {
    "cod": (0, 0, 0),
    "sl": (0, 1, 1),
    "sr": (0, -1, -1),
    "mid": (0, 1, 0),
    "mid_mirror": (0, -1, 0),
    "outer": (0, 0, 1),
    "outer_mirror": (0, 0, -1),
    "spiral": (0, 1, 2),
    "spiral_mirror": (0, -1, -2),
}
BASES: tuple[str, ...] = get_args(Base)

_PLANES = 2
_NUM_BINS = {"paper": 511, "base7": 2401, "split": 512}
# Weights of psi(D, E) and psi(E, F) in the four directions of a plane. "split" packs the two into two bytes.
_POWERS_4 = (1, 4, 16, 64)
_WEIGHTS: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
    "paper": (_POWERS_4, _POWERS_4),
    "base7": ((1, 7, 49, 343), (1, 7, 49, 343)),
    "split": (_POWERS_4, (256, 1024, 4096, 16384)),
}
# Unit steps (row, col) of the eight directions: up, then clockwise.
_STEPS = ((-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1))


def num_bins(base: Base) -> int:
    """Bins of one plane's histogram: 511 (``paper``), 2401 (``base7``) or 2 x 256 (``split``)."""
    _require(base in BASES, f"base is {base!r}; expected one of {', '.join(BASES)}")
    return _NUM_BINS[base]


def sampling_taps(radius: int, direction: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pixels and weights that sample a circle at one of eight directions.

    Parameters
    ----------
    radius : int
        Radius of the circle, px.
    direction : int
        0 is up, then clockwise in steps of 45 degrees; taken modulo 8.

    Returns
    -------
    offsets : ndarray, shape (4, 2)
        (row, col) steps from the centre, px.
    weights : ndarray, shape (4,)
        Bilinear weights in Q8: integers that sum to 256, by the largest remainder. They are found on one
        quadrant and reflected, so that mirrored directions carry mirrored weights exactly.
    """
    row_step, col_step = _STEPS[direction % 8]
    if direction % 2 == 0:
        offsets = np.array([[row_step * radius, col_step * radius]] * 4, dtype=np.int64)
        return offsets, np.array([256, 0, 0, 0], dtype=np.int64)
    whole, part = divmod(radius * float(np.sqrt(0.5)), 1.0)
    exact = 256.0 * np.array([(1 - part) ** 2, (1 - part) * part, part * (1 - part), part**2])
    weights = np.floor(exact).astype(np.int64)
    largest = np.argsort(-(exact - weights), kind="stable")
    weights[largest[: 256 - int(weights.sum())]] += 1
    corners = ((0, 0), (0, 1), (1, 0), (1, 1))
    offsets = [(row_step * (int(whole) + r), col_step * (int(whole) + c)) for r, c in corners]
    return np.array(offsets, dtype=np.int64), weights


def modc_codes(
    image: Array, *, kind: str = "sl", radii: tuple[int, int, int] = (2, 4, 6), base: Base = "paper"
) -> Array:
    """MODC codes of one grey image, eq. (1)-(10) of [1]_.

    Parameters
    ----------
    image : array, shape (M, N), uint8
        Grey image.
    kind : str
        One of `KINDS`: how the rings turn against each other.
    radii : (int, int, int)
        Radii of the rings D, E, F, px, ascending.
    base : {"paper", "base7", "split"}
        How the four digits 0..6 of a plane make a code: sum of digit * 4**k as printed (codes 0..510, digit
        tuples share codes); digit * 7**k (injective); or psi(D, E) in the low and psi(E, F) in the high byte.

    Returns
    -------
    codes : array, shape (2, M - 2R, N - 2R), uint16
        Plane X (directions 0, 2, 4, 6) and Y (1, 3, 5, 7) where the outer ring of radius R fits.

    Raises
    ------
    TypeError, ValueError
        If the image is not 8-bit grey or too small for the radii, or an option is unknown.
    """
    xp = namespace(image)
    _require(len(image.shape) == 2, f"image has shape {tuple(image.shape)}; expected (M, N)")
    _check_options(kind, base)
    return ring_codes(xp.expand_dims(image, axis=0), radii=radii, shifts=KINDS[kind], weights=_WEIGHTS[base])[
        0, ...
    ]


def modc_histograms(
    images: Array,
    *,
    kind: str = "sl",
    grid: tuple[int, int] = (4, 4),
    base: Base = "paper",
    radii: tuple[int, int, int] = (2, 4, 6),
    prefilter: Prefilter = "none",
) -> Array:
    """Block histograms of the MODC codes of a stack of grey images.

    Parameters
    ----------
    images : array, shape (T, M, N), uint8
        Grey images, aligned with each other.
    kind, base, radii
        As in `modc_codes`.
    grid : (int, int)
        Rows and columns of blocks over the coded area.
    prefilter : {"none", "gaussian", "tan_triggs"}
        As in `prefilter_images`.

    Returns
    -------
    histograms : array, shape (T, 2, rows, cols, bins), float32
        Each histogram of a plane and block sums to 1. With base ``split`` the 256 bins of the low byte stand
        before the 256 of the high byte and each half sums to 1/2.

    Raises
    ------
    TypeError, ValueError
        As `modc_codes`, and if a block would be empty.
    """
    xp = namespace(images)
    _require(len(images.shape) == 3, f"images have shape {tuple(images.shape)}; expected (T, M, N)")
    _check_options(kind, base)
    images = prefilter_images(images, method=prefilter)
    codes = ring_codes(images, radii=radii, shifts=KINDS[kind], weights=_WEIGHTS[base])
    if base != "split":
        return block_histograms(codes, grid=grid, bins=_NUM_BINS[base])
    wide = xp.astype(codes, xp.int32)
    halves = [block_histograms(byte, grid=grid, bins=256) for byte in (wide % 256, wide // 256)]
    return xp.concat(halves, axis=-1) / 2


def ring_codes(
    images: Array,
    *,
    radii: Sequence[int],
    shifts: Sequence[int],
    weights: tuple[tuple[int, ...], tuple[int, ...]],
) -> Array:
    """Codes of three rings with given turns and digit weights: what MODC and DCP share.

    A direction's two digits are ``psi(D, E)`` and ``psi(E, F)`` with ``psi(O, W) = 2 S(O - P) + S(W - O)``,
    eq. (2) of [1]_ (its comma is a minus), 0..3 each, and S(0) = 1. Samples are compared as Q8 integers, so
    that flat areas tie exactly.

    Parameters
    ----------
    images : array, shape (T, M, N), uint8
        Grey images.
    radii : sequence of 3 int
        Radii of the rings, px; not descending.
    shifts : sequence of 3 int
        Directions by which each ring turns clockwise.
    weights : two tuples of 4 int
        Weights of the two digits of the four directions of a plane.

    Returns
    -------
    codes : array, shape (T, 2, M - 2R, N - 2R), uint16
    """
    xp = namespace(images)
    images = as_uint8(xp, images)
    reach = _check_reach(images, radii)
    offsets, q8 = _ring_taps(tuple(radii), tuple(shifts))
    if is_numpy(images):
        shape = (images.shape[0], _PLANES, images.shape[1] - 2 * reach, images.shape[2] - 2 * reach)
        codes = np.empty(shape, dtype=np.uint16)
        _code_stack(
            np.ascontiguousarray(images), offsets, q8, np.array(weights, dtype=np.uint16), reach, codes
        )
        return codes
    return _code_arrays(xp, xp.astype(images, xp.int32), offsets, q8, weights, reach)


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(message)


def _check_options(kind: str, base: str) -> None:
    _require(kind in KINDS, f"kind is {kind!r}; expected one of {', '.join(KINDS)}")
    _require(base in BASES, f"base is {base!r}; expected one of {', '.join(BASES)}")


def _check_reach(images: Array, radii: Sequence[int]) -> int:
    ascending = len(radii) == 3 and 0 < radii[0] <= radii[1] <= radii[2]
    _require(ascending, f"radii are {tuple(radii)}; expected three positive integers that do not descend")
    reach = radii[2]
    height, width = images.shape[-2:]
    _require(
        min(height, width) > 2 * reach,
        f"image of {height} x {width} has no valid area for radius {reach}; it must exceed {2 * reach} px",
    )
    return reach


@lru_cache(maxsize=64)
def _ring_taps(
    radii: tuple[int, ...], shifts: tuple[int, ...]
) -> tuple[NDArray[np.int64], NDArray[np.uint16]]:
    """Offsets (3, 8, 4, 2) and Q8 weights (3, 8, 4) of every ring and direction after its turn."""
    taps = [[sampling_taps(r, j + s) for j in range(8)] for r, s in zip(radii, shifts, strict=True)]
    offsets = np.array([[tap[0] for tap in ring] for ring in taps], dtype=np.int64)
    return offsets, np.array([[tap[1] for tap in ring] for ring in taps], dtype=np.uint16)


def _code_arrays(
    xp: Namespace,
    images: Array,
    offsets: NDArray[np.int64],
    q8: NDArray[np.uint16],
    weights: tuple[tuple[int, ...], tuple[int, ...]],
    reach: int,
) -> Array:
    """Array-API form of `_code_stack`: the same integers, one direction at a time."""
    height, width = images.shape[-2] - 2 * reach, images.shape[-1] - 2 * reach

    def shifted(row: int, col: int) -> Array:
        return images[:, reach + row : reach + row + height, reach + col : reach + col + width]

    def sample(ring: int, direction: int) -> Array:
        pairs = zip(offsets[ring, direction], q8[ring, direction], strict=True)
        return sum((int(w) * shifted(int(r), int(c)) for (r, c), w in pairs), start=0)

    centre = 256 * shifted(0, 0)
    planes: list[Array] = []
    for plane in range(_PLANES):
        code = xp.zeros_like(centre)
        for k in range(4):
            first, second, third = (sample(ring, 2 * k + plane) for ring in range(3))
            inner = 2 * xp.astype(first >= centre, xp.int32) + xp.astype(second >= first, xp.int32)
            outer = 2 * xp.astype(second >= centre, xp.int32) + xp.astype(third >= second, xp.int32)
            code = code + weights[0][k] * inner + weights[1][k] * outer
        planes.append(code)
    return xp.astype(xp.stack(planes, axis=1), xp.uint16)


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
