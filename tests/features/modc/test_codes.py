"""MODC codes: hand-worked arrays, the mirror identity, and slow loops on every backend."""

from typing import get_args

import numpy as np
import pytest
import torch

from apexline.features.backend import to_numpy
from apexline.features.modc import codes as modc
from apexline.features.modc.codes import KINDS, modc_codes, modc_histograms, num_bins
from apexline.features.modc.prefilter import prefilter_images
from tests.reference import texture as slow

SMALL = (1, 2, 3)


@pytest.mark.parametrize("kind", KINDS)
def test_flat_image_codes_to_510(kind):
    codes = modc_codes(np.full((15, 16), 77, np.uint8), kind=kind)
    assert codes.shape == (2, 3, 4)
    assert codes.dtype == np.uint16
    assert set(codes.ravel().tolist()) == {510}


def test_bright_centre_leaves_only_the_ties_outside():
    """7 x 7, radii 1, 2, 3: P = 9 above a flat 4, so D < P, E = D, E < P, F = E: each digit is 0 + 1 + 0 + 1."""
    image = np.full((7, 7), 4, np.uint8)
    image[3, 3] = 9
    codes = modc_codes(image, kind="cod", radii=SMALL)
    assert codes.shape == (2, 1, 1)
    # Bilinear diagonals at radius 1 touch the centre (weight 22 of 256): D > E there, one tie is lost.
    assert codes[0, 0, 0] == 2 * (1 + 4 + 16 + 64)
    assert codes[1, 0, 0] == 1 * (1 + 4 + 16 + 64)


def test_ramp_codes_by_hand():
    """7 x 7, grey = 10 * column: rising to the right.

    Directions 1, 2, 3 (right): D > P, E > D, E > P, F > E: 2 + 1 + 2 + 1 = 6. Directions 5, 6, 7 (left): all
    fall: 0. Directions 0 and 4 (up, down): all tie: 6. X = 6 + 6*4 + 6*16 + 0*64, Y = 6 + 6*4 + 0 + 0.
    """
    image = np.tile((10 * np.arange(7)).astype(np.uint8), (7, 1))
    codes = modc_codes(image, kind="cod", radii=SMALL)
    assert codes[:, 0, 0].tolist() == [6 + 24 + 96, 6 + 24]


def test_one_turned_ring_by_hand():
    """The ramp under SL: D[j], E[j + 1], F[j + 1] with columns D = s_j, E = 2 s_(j+1), F = 3 s_(j+1).

    s = sin(j 45deg) = (0, .7, 1, .7, 0, -.7, -1, -.7). j = 0: D = P, E = 1.4 > D, E > P, F > E: 6. j = 2: D = 1,
    E = 1.4: 6. j = 4: D = 0 = P: 2, E = -1.4 < D: 0, E < P: 0, F < E: 0 -> 2. j = 6: D = -1, E = -1.4: 0.
    j = 1: E = 2 > .7: 6. j = 3: D = .7 > P: 2, E = 0 < D: 0, E = P: 2, F = E: 1 -> 5. j = 5: D = -.7,
    E = -2: 0. j = 7: D = -.7 < P: 0, E = 0 > D: 1, E = P: 2, F = E: 1 -> 4.
    """
    image = np.tile((30 * np.arange(7)).astype(np.uint8), (7, 1))
    codes = modc_codes(image, kind="sl", radii=SMALL)
    assert codes[:, 0, 0].tolist() == [6 + 6 * 4 + 2 * 16 + 0, 6 + 5 * 4 + 0 + 4 * 64]


@pytest.mark.parametrize("base", get_args(modc.Base))
def test_codes_equal_slow_loops_on_every_backend(backend, noise, base):
    codes = modc_codes(backend.array(noise[0]), kind=tuple(KINDS), base=base)
    assert codes.dtype == backend.xp.uint16
    for found, turns in zip(backend.host(codes), KINDS.values(), strict=True):
        np.testing.assert_array_equal(found, slow.modc_codes(noise[0], turns, (2, 4, 6), base))


@pytest.mark.parametrize(
    ("kind", "mirrored"),
    [
        ("cod", "cod"),
        ("sl", "sr"),
        ("mid", "mid_mirror"),
        ("outer", "outer_mirror"),
        ("spiral", "spiral_mirror"),
    ],
)
@pytest.mark.parametrize("planes", get_args(modc.Planes))
def test_mirrored_image_swaps_left_and_right(noise, kind, mirrored, planes):
    """SL of an image is SR of its mirror, digits X: k -> -k mod 4, Y: k -> 3 - k."""
    flipped = noise[0][:, ::-1].copy()
    codes = modc_codes(noise[0], kind=kind, base="base7", planes=planes).astype(int)
    mirror = modc_codes(flipped, kind=mirrored, base="base7", planes=planes).astype(int)[..., ::-1]
    digits, of_mirror = (
        [[codes[plane] // 7**k % 7 for k in range(4)] for plane in range(2)] for codes in (codes, mirror)
    )
    for k in range(4):
        np.testing.assert_array_equal(digits[0][k], of_mirror[0][-k % 4])
        np.testing.assert_array_equal(digits[1][k], of_mirror[1][3 - k])


def test_opposite_planes_by_hand():
    """The ramp of the test above under SL, plane Y counterclockwise: D[j], E[j - 1], F[j - 1] for odd j.

    Columns D = s_j, E = 2 s_(j-1), F = 3 s_(j-1). j = 1: D = .7 > P: 2, E = 0 < D: 0, E = P: 2, F = E: 1 -> 5.
    j = 3: E = 2 > .7, F = 3: 6. j = 5: D = -.7: 0, E = 0 > D: 1, E = P: 2, F = E: 1 -> 4. j = 7: E = -2: 0.
    """
    image = np.tile((30 * np.arange(7)).astype(np.uint8), (7, 1))
    codes = modc_codes(image, kind="sl", radii=SMALL, planes="opposite")
    assert codes[:, 0, 0].tolist() == [6 + 6 * 4 + 2 * 16 + 0, 5 + 6 * 4 + 4 * 16 + 0]


@pytest.mark.parametrize("base", get_args(modc.Base))
def test_opposite_planes_equal_slow_loops_on_every_backend(backend, noise, base):
    kinds = ("spiral", "sl")
    images = backend.array(noise)
    codes = backend.host(modc_codes(images[0, ...], kind=kinds, base=base, planes="opposite"))
    assert codes.dtype == np.uint16
    found = backend.host(modc_histograms(images, kind=kinds, grid=(2, 3), base=base, planes="opposite"))
    for i, kind in enumerate(kinds):
        against = tuple(-turn for turn in KINDS[kind])
        for plane, turns in enumerate((KINDS[kind], against)):
            slowly = slow.modc_codes(noise[0], turns, (2, 4, 6), base)[plane]
            np.testing.assert_array_equal(codes[i, plane], slowly)
            whole = backend.host(modc_histograms(images, kind=_named(turns), grid=(2, 3), base=base))
            np.testing.assert_array_equal(found[i, :, plane], whole[:, plane])


def _named(turns):
    return next(kind for kind, theirs in KINDS.items() if theirs == turns)


def test_kinds_differ(noise):
    coded = {kind: modc_codes(noise[0], kind=kind).tobytes() for kind in KINDS}
    assert len(set(coded.values())) == len(KINDS)


def test_light_does_not_change_codes(noise):
    np.testing.assert_array_equal(modc_codes(noise[0]), modc_codes(2 * noise[0] + 30))


@pytest.mark.parametrize("base", get_args(modc.Base))
def test_histograms_equal_slow_counts_on_every_backend(backend, noise, base):
    found = backend.host(modc_histograms(backend.array(noise), grid=(2, 3), base=base))
    assert found.shape == (2, 2, 2, 3, num_bins(base))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found.sum(axis=-1), 1, rtol=1e-6)
    for t in range(2):
        codes = slow.modc_codes(noise[t], KINDS["sl"], (2, 4, 6), base)
        if base == "split":
            halves = [slow.block_histograms(byte, (2, 3), 256) for byte in (codes % 256, codes // 256)]
            expected = np.concatenate(halves, axis=-1) / 2
        else:
            expected = slow.block_histograms(codes, (2, 3), num_bins(base))
        np.testing.assert_allclose(found[t], expected, rtol=1e-6)


def test_histograms_are_bit_equal_across_backends(backend, rng):
    images = rng.integers(0, 256, (2, 40, 37)).astype(np.uint8)
    found = backend.host(modc_histograms(backend.array(images), kind="sr", prefilter="gaussian"))
    np.testing.assert_array_equal(found, modc_histograms(images, kind="sr", prefilter="gaussian"))


def test_integer_images_within_range_are_taken(backend, noise):
    wide = backend.array(noise[0].astype(np.int64))
    np.testing.assert_array_equal(backend.host(modc_codes(wide)), modc_codes(noise[0]))


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: modc_codes(np.zeros((20, 20))), TypeError, "expected uint8 grey levels"),
        (lambda: modc_codes(np.full((20, 20), 300)), ValueError, "span 300..300; expected 0..255"),
        (lambda: modc_codes(np.zeros((2, 20, 20), np.uint8)), ValueError, r"expected \(M, N\)"),
        (lambda: modc_codes(np.zeros((12, 20), np.uint8)), ValueError, "no valid area for radius 6"),
        (lambda: modc_codes(np.zeros((20, 20), np.uint8), kind="left"), ValueError, "kind is 'left'"),
        (lambda: modc_codes(np.zeros((20, 20), np.uint8), kind=[]), ValueError, "kind is an empty sequence"),
        (lambda: modc_codes(np.zeros((20, 20), np.uint8), kind=["sl", "left"]), ValueError, "kind is 'left'"),
        (lambda: modc_codes(np.zeros((20, 20), np.uint8), base="base5"), ValueError, "base is 'base5'"),
        (lambda: modc_codes(np.zeros((20, 20), np.uint8), radii=(4, 2, 6)), ValueError, "do not descend"),
        (lambda: modc_codes(np.zeros((20, 20), np.uint8), planes="both"), ValueError, "planes is 'both'"),
        (lambda: modc_histograms(np.zeros((20, 20), np.uint8)), ValueError, r"expected \(T, M, N\)"),
        (lambda: modc_histograms(np.zeros((1, 14, 14), np.uint8)), ValueError, "does not fit codes of 2 x 2"),
        (lambda: num_bins("base5"), ValueError, "base is 'base5'"),
        (lambda: prefilter_images(np.zeros((5, 5), np.uint8), method="median"), ValueError, "is 'median'"),
    ],
)
def test_errors_say_what_was_expected(call, error, match):
    with pytest.raises(error, match=match):
        call()


@pytest.mark.parametrize("shape", [(15, 27), (16, 28), (45, 29), (44, 140), (13, 141), (77, 300)])
def test_tiles_and_vectors_of_every_size_join(rng, shape):
    """The compiled kernels run over tiles of 32 x 128 and vectors of 16; arrays know neither."""
    images = rng.integers(100, 108, (2, *shape)).astype(np.uint8)
    kinds = ("cod", "sl")
    np.testing.assert_array_equal(
        modc_codes(images[0], kind=kinds), to_numpy(modc_codes(torch.asarray(images[0]), kind=kinds))
    )
    found = modc_histograms(images, kind=kinds, grid=(1, 3))
    np.testing.assert_array_equal(
        found, to_numpy(modc_histograms(torch.asarray(images), kind=kinds, grid=(1, 3)))
    )


@pytest.mark.parametrize("base", get_args(modc.Base))
def test_kinds_asked_together_are_those_asked_alone(backend, noise, base):
    kinds = ["cod", "sl", "sr"]
    images = backend.array(noise)
    codes = backend.host(modc_codes(images[0, ...], kind=kinds, base=base))
    found = backend.host(modc_histograms(images, kind=kinds, grid=(2, 1), base=base))
    assert codes.shape == (3, 2, 9, 12)
    assert found.shape == (3, 2, 2, 2, 1, num_bins(base))
    for i, kind in enumerate(kinds):
        np.testing.assert_array_equal(codes[i], modc_codes(noise[0], kind=kind, base=base))
        np.testing.assert_array_equal(
            found[i], modc_histograms(noise, kind=kind, grid=(2, 1), base=base), strict=True
        )


def test_read_only_and_strided_images_are_coded(noise):
    wide = np.repeat(noise[0], 2, axis=1)[:, ::2]
    wide.flags.writeable = False
    np.testing.assert_array_equal(modc_codes(wide), modc_codes(noise[0]))
