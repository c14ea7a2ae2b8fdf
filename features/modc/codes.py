"""Multi-order double cross (MODC) texture codes and their block histograms, eq. (1)-(10) of [1]_.

Belongs here: the ring descriptor family (COD, SL, SR and their variants) and its fixed-point sampling. Stays
out: image filters (``prefilter``), counting (``histograms``), the peers it is compared with (``peers``) and
everything that happens over time (``differences``, ``stream``).

.. [1] Li, Zhou, Liu, Sun, Chen, Xue (2021). Machine learning-based emotional recognition in surveillance
   video images in the context of smart city safety. Traitement du Signal 38(2), doi:10.18280/ts.380213.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Literal, get_args

from apexline.features.backend import Array, Namespace, is_cupy, is_numpy, namespace
from apexline.features.modc import cuda as modc_cuda
from apexline.features.modc.compiled import code_stack, histogram_stack
from apexline.features.modc.histograms import block_histograms, check_grid
from apexline.features.modc.prefilter import Prefilter, as_uint8, prefilter_images
from apexline.features.modc.rings import Rings, sampling_taps
from apexline.features.validation import one_of, require

Base = Literal["paper", "base7", "split"]
Kind = Literal["cod", "sl", "sr", "mid", "mid_mirror", "outer", "outer_mirror", "spiral", "spiral_mirror"]
Planes = Literal["together", "opposite"]

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
# The kind that turns the other way.
_MIRRORS = {
    kind: next(other for other, theirs in KINDS.items() if theirs == tuple(-turn for turn in turns))
    for kind, turns in KINDS.items()
}

_NUM_BINS = {"paper": 511, "base7": 2401, "split": 512}
# Weights of psi(D, E) and psi(E, F) in the four directions of a plane. "split" packs the two into two bytes.
_POWERS_4 = (1, 4, 16, 64)
_WEIGHTS: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
    "paper": (_POWERS_4, _POWERS_4),
    "base7": ((1, 7, 49, 343), (1, 7, 49, 343)),
    "split": (_POWERS_4, (256, 1024, 4096, 16384)),
}


def num_bins(base: Base) -> int:
    """Bins of one plane's histogram: 511 (``paper``), 2401 (``base7``) or 2 x 256 (``split``)."""
    one_of("base", base, get_args(Base))
    return _NUM_BINS[base]


def modc_codes(
    image: Array,
    *,
    kind: str | Sequence[str] = "sl",
    radii: tuple[int, int, int] = (2, 4, 6),
    base: Base = "paper",
    planes: Planes = "together",
) -> Array:
    """MODC codes of one grey image, eq. (1)-(10) of [1]_.

    Parameters
    ----------
    image : array, shape (M, N), uint8
        Grey image.
    kind : str or sequence of str
        One of `KINDS`: how the rings turn against each other. Several kinds asked for together share their
        samples and most of their comparisons.
    radii : (int, int, int)
        Radii of the rings D, E, F, px, ascending.
    base : {"paper", "base7", "split"}
        How the four digits 0..6 of a plane make a code: sum of digit * 4**k as printed (codes 0..510, digit
        tuples share codes); digit * 7**k (injective); or psi(D, E) in the low and psi(E, F) in the high byte.
    planes : {"together", "opposite"}
        Whether the rings turn in the same sense in both planes, as eq. (5) and (8) have it, or in plane Y against
        the sense of plane X, as the text of Figure 1 says: SL clockwise in X and counterclockwise in Y, SR its
        mirror. (The text gives SR the senses of SL, which would make the two one.)

    Returns
    -------
    codes : array, shape (2, M - 2R, N - 2R) or (kinds, 2, M - 2R, N - 2R), uint16
        Plane X (directions 0, 2, 4, 6) and Y (1, 3, 5, 7) where the outer ring of radius R fits; with an axis
        of kinds in front where `kind` is a sequence.

    Raises
    ------
    TypeError, ValueError
        If the image is not 8-bit grey or too small for the radii, or an option is unknown.

    Examples
    --------
    >>> import numpy as np
    >>> from apexline.features.modc import modc_codes
    >>> brighter_to_the_right = np.tile(np.arange(0, 256, 8, dtype=np.uint8), (32, 1))
    >>> codes = modc_codes(brighter_to_the_right)
    >>> codes.shape  # 6 px on each side are too near to the border
    (2, 20, 20)
    >>> np.unique(codes[0]).tolist(), np.unique(codes[1]).tolist()
    ([62], [282])
    """
    require(len(image.shape) == 2, f"image has shape {tuple(image.shape)}; expected (M, N)")
    kinds = _kinds(kind)
    rings = _modc_rings(_coded(kinds, planes), tuple(radii), base)
    # (M, N) -> (1, M, N), and (kinds, 1, 2, M, N) -> (kinds, 2, M, N)
    codes = _choose_planes(ring_codes(image[None, ...], rings), kinds, planes)[:, 0, ...]
    return codes[0, ...] if isinstance(kind, str) else codes


def modc_histograms(
    images: Array,
    *,
    kind: str | Sequence[str] = "sl",
    grid: tuple[int, int] = (4, 4),
    base: Base = "paper",
    radii: tuple[int, int, int] = (2, 4, 6),
    prefilter: Prefilter = "none",
    planes: Planes = "together",
) -> Array:
    """Block histograms of the MODC codes of a stack of grey images.

    Parameters
    ----------
    images : array, shape (T, M, N), uint8
        Grey images, aligned with each other.
    kind, base, radii, planes
        As in `modc_codes`.
    grid : (int, int)
        Rows and columns of blocks over the coded area.
    prefilter : {"none", "gaussian", "tan_triggs"}
        As in `prefilter_images`.

    Returns
    -------
    histograms : array, shape (T, 2, rows, cols, bins) or (kinds, T, 2, rows, cols, bins), float32
        Each histogram of a plane and block sums to 1. With base ``split`` the 256 bins of the low byte stand
        before the 256 of the high byte and each half sums to 1/2.

    Raises
    ------
    TypeError, ValueError
        As `modc_codes`, and if a block would be empty.

    Examples
    --------
    >>> import numpy as np
    >>> from apexline.features.modc import modc_histograms
    >>> faces = np.random.default_rng(0).integers(0, 256, (3, 128, 128), dtype=np.uint8)
    >>> modc_histograms(faces, kind=("sl", "sr")).shape
    (2, 3, 2, 4, 4, 511)
    """
    require(len(images.shape) == 3, f"images have shape {tuple(images.shape)}; expected (T, M, N)")
    kinds = _kinds(kind)
    rings = _modc_rings(_coded(kinds, planes), tuple(radii), base)
    images = prefilter_images(images, method=prefilter)
    if base == "split":
        histograms = _byte_histograms(ring_codes(images, rings), grid=grid)
    else:
        histograms = ring_histograms(images, rings, grid=grid)
    histograms = _choose_planes(histograms, kinds, planes)
    return histograms[0, ...] if isinstance(kind, str) else histograms


def ring_codes(images: Array, rings: Rings) -> Array:
    """Codes of three rings with given turns and digit weights: what MODC, DCP and LBP share.

    A direction's two digits are ``psi(D, E)`` and ``psi(E, F)`` with ``psi(O, W) = 2 S(O - P) + S(W - O)``,
    eq. (2) of [1]_ (its comma is a minus), 0..3 each, and S(0) = 1. Samples are compared as Q8 integers, so
    that flat areas tie exactly.

    Parameters
    ----------
    images : array, shape (T, M, N), uint8
        Grey images.
    rings : Rings

    Returns
    -------
    codes : array, shape (kinds, T, 2, M - 2R, N - 2R), uint16

    Raises
    ------
    TypeError, ValueError
        If the images are not 8-bit grey or too small for the radii.
    """
    xp = namespace(images)
    images = as_uint8(xp, images)
    _coded_shape(images, rings)
    if is_numpy(images):
        return code_stack(images, rings)
    if is_cupy(images):
        return modc_cuda.ring_codes(images, rings)
    return _code_arrays(xp, images, rings)


def ring_histograms(images: Array, rings: Rings, *, grid: tuple[int, int]) -> Array:
    """Block histograms of `ring_codes`, where possible without making the codes' images.

    Parameters
    ----------
    images, rings
        As in `ring_codes`.
    grid : (int, int)
        As in `features.modc.histograms.block_histograms`.

    Returns
    -------
    histograms : array, shape (kinds, T, 2, rows, cols, bins), float32

    Raises
    ------
    TypeError, ValueError
        As `ring_codes`, and if a block would be empty.
    """
    xp = namespace(images)
    images = as_uint8(xp, images)
    height, width = _coded_shape(images, rings)
    check_grid(grid, height, width)
    if is_numpy(images):
        return histogram_stack(images, rings, grid)
    if is_cupy(images):
        return modc_cuda.ring_histograms(images, rings, grid)
    return block_histograms(_code_arrays(xp, images, rings), grid=grid, bins=rings.num_codes)


def _kinds(kind: str | Sequence[str]) -> tuple[str, ...]:
    return (kind,) if isinstance(kind, str) else tuple(kind)


def _coded(kinds: tuple[str, ...], planes: Planes) -> tuple[str, ...]:
    """Kinds to compute so that each of `kinds` has both its planes."""
    one_of("planes", planes, get_args(Planes))
    if planes == "together":
        return kinds
    # an unknown kind has no mirror, and is refused where the rings are made
    return tuple(dict.fromkeys([*kinds, *(_MIRRORS.get(each, each) for each in kinds)]))


def _choose_planes(coded: Array, kinds: tuple[str, ...], planes: Planes) -> Array:
    """Codes or histograms (kinds, T, 2, ...) of `kinds` out of those of `_coded`.

    A plane has directions of its own: plane Y turned the other way is plane Y of the mirror kind.
    """
    if planes == "together":
        return coded
    xp, names = namespace(coded), _coded(kinds, planes)
    chosen = [
        xp.stack([coded[names.index(each), :, 0, ...], coded[names.index(_MIRRORS[each]), :, 1, ...]], axis=1)
        for each in kinds
    ]
    return xp.stack(chosen)


@lru_cache(maxsize=64)
def _modc_rings(kinds: tuple[str, ...], radii: tuple[int, int, int], base: str) -> Rings:
    require(len(kinds) > 0, "kind is an empty sequence; name at least one, such as 'sl'")
    for each in kinds:
        one_of("kind", each, KINDS)
    one_of("base", base, get_args(Base))
    return Rings(radii, tuple(KINDS[each] for each in kinds), _WEIGHTS[base])


def _coded_shape(images: Array, rings: Rings) -> tuple[int, int]:
    """Rows and columns of pixels that have all their neighbours."""
    height, width = images.shape[-2:]
    require(
        min(height, width) > 2 * rings.reach,
        f"image of {height} x {width} has no valid area for radius {rings.reach}; "
        f"it must exceed {2 * rings.reach} px",
    )
    return height - 2 * rings.reach, width - 2 * rings.reach


def _byte_histograms(codes: Array, *, grid: tuple[int, int]) -> Array:
    """Histograms of the low bytes of codes beside those of the high bytes, each half summing to 1/2."""
    xp = namespace(codes)
    wide = xp.astype(codes, xp.int32)
    halves = [block_histograms(byte, grid=grid, bins=256) for byte in (wide % 256, wide // 256)]
    return xp.concat(halves, axis=-1) / 2


def _code_arrays(xp: Namespace, images: Array, rings: Rings) -> Array:
    """Array-API form of `features.modc.compiled.code_stack`: the same integers, one direction at a time."""
    reach = rings.reach
    height, width = _coded_shape(images, rings)
    images = xp.astype(images, xp.int32)

    def shifted(row: int, col: int) -> Array:
        return images[:, reach + row : reach + row + height, reach + col : reach + col + width]

    def sample(radius: int, direction: int) -> Array:
        pairs = zip(*sampling_taps(radius, direction), strict=True)
        return sum((int(w) * shifted(int(r), int(c)) for (r, c), w in pairs), start=0)

    def step(difference: Array) -> Array:
        return xp.astype(difference >= 0, xp.int32)

    centre = 256 * shifted(0, 0)
    codes: list[Array] = []
    for turns in rings.turns:
        planes = [xp.zeros_like(centre), xp.zeros_like(centre)]
        for j in range(8):
            d, e, f = (sample(radius, j + turn) for radius, turn in zip(rings.radii, turns, strict=True))
            inner = 2 * step(d - centre) + step(e - d)
            outer = 2 * step(e - centre) + step(f - e)
            k = j // 2
            planes[j % 2] = planes[j % 2] + rings.weights[0][k] * inner + rings.weights[1][k] * outer
        codes.append(xp.stack(planes, axis=1))
    return xp.astype(xp.stack(codes), xp.uint16)
