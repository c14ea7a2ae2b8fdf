"""Texture differences over time: chi-square distances of block histograms, by the scheme of [1]_.

Belongs here: distances, their curves over frames and pooling over blocks. Stays out: histograms and codes
(``histograms``, ``codes``), thresholds (``features.spotting.curves``).

.. [1] Moilanen, Zhao, Pietikainen (2014). Spotting rapid facial movements from videos using
   appearance-based feature difference analysis. ICPR.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numba import njit
from numpy.typing import NDArray

from apexline.features.backend import Array, is_cupy, is_numpy, namespace
from apexline.features.modc import cuda as modc_cuda
from apexline.features.validation import one_of, require

Curve = Literal["aff", "contrast", "first"]


Pooling = Literal["mean", "top_third"]


def chi_square_blocks(histograms: Array, reference: Array) -> Array:
    """Chi-square distance of each block's histograms to those of a reference.

    Parameters
    ----------
    histograms, reference : array, shape (..., P, rows, cols, bins), float32
        L1-normalised histograms of P planes.

    Returns
    -------
    array, shape (..., rows*cols), float32
        ``sum((h - r)**2 / (h + r))``, with 0/0 = 0, of the planes' concatenated histogram, which is the
        mean over planes.
    """
    if is_numpy(histograms, reference):
        return _chi_square_numpy(histograms, reference)
    if is_cupy(histograms, reference):
        return modc_cuda.chi_square_blocks(histograms, reference)
    xp = namespace(histograms, reference)
    difference = histograms - reference
    total = histograms + reference
    # where the sum is zero so is the difference
    distance = difference * difference / xp.where(total > 0, total, xp.ones_like(total))
    # (..., P, rows, cols, bins) -> (..., rows, cols) -> (..., rows*cols)
    blocks = xp.mean(xp.sum(distance, axis=-1), axis=-3)
    return xp.reshape(blocks, (*blocks.shape[:-2], -1))


def _chi_square_numpy(histograms: NDArray[np.float32], reference: NDArray[np.float32]) -> NDArray[np.float32]:
    shape = np.broadcast_shapes(histograms.shape, reference.shape)
    *lead, planes, rows, cols, bins = shape

    def stacked(array: NDArray[np.float32]) -> NDArray[np.float32]:
        whole = array if array.shape == shape else np.broadcast_to(array, shape)
        # (..., P, rows, cols, bins) -> (S, P, rows*cols, bins)
        return np.ascontiguousarray(whole).reshape((-1, planes, rows * cols, bins))

    distances = np.empty((*lead, rows * cols), dtype=histograms.dtype)
    _chi_square(stacked(histograms), stacked(reference), distances.reshape((-1, rows * cols)))
    return distances


# A sum may take any order, so that the compiler can take several bins at a time.
@njit(cache=True, nogil=True, fastmath={"reassoc"})
def _chi_square(
    histograms: NDArray[np.float32], reference: NDArray[np.float32], distances: NDArray[np.float32]
) -> None:
    stacks, planes, blocks, bins = histograms.shape
    for s in range(stacks):
        for block in range(blocks):
            distance = np.float32(0)
            for plane in range(planes):
                one, other = histograms[s, plane, block], reference[s, plane, block]
                for b in range(bins):
                    difference, total = one[b] - other[b], one[b] + other[b]
                    # where the sum is zero so is the difference
                    distance += difference * difference / (total if total > 0 else np.float32(1))
            distances[s, block] = distance / np.float32(planes)


def block_differences(histograms: Array, *, k: int, curve: Curve = "aff") -> Array:
    """Feature differences of a whole sequence, frame by frame and block by block [1]_.

    Parameters
    ----------
    histograms : array, shape (T, P, rows, cols, bins), float32
        Block histograms of registered crops.
    k : int
        Frames to either side; beyond the ends the first or the last frame stands in.
    curve : {"aff", "contrast", "first"}
        Reference: the average feature frame ``(h[i - k] + h[i + k]) / 2`` (``contrast`` is taken from its
        pooled curve, see `contrast`), or the first frame.

    Returns
    -------
    array, shape (T, rows*cols), float32

    Raises
    ------
    ValueError
        If k is not positive or the curve is unknown.
    """
    xp = namespace(histograms)
    require(k >= 1, f"k is {k}; expected at least one frame to either side")
    one_of("curve", curve, get_args(Curve))
    if curve == "first":
        return chi_square_blocks(histograms, histograms[:1, ...])
    last = histograms.shape[0] - 1
    index = np.arange(last + 1)
    before = xp.asarray(np.maximum(index - k, 0))
    after = xp.asarray(np.minimum(index + k, last))
    average = (xp.take(histograms, before, axis=0) + xp.take(histograms, after, axis=0)) / 2
    return chi_square_blocks(histograms, average)


def pool_blocks(differences: Array, *, pooling: Pooling = "mean") -> Array:
    """Difference Q of a frame from those of its blocks: ``(..., blocks) -> (...)``.

    Parameters
    ----------
    differences : array, shape (..., blocks)
        Chi-square distances.
    pooling : {"mean", "top_third"}
        Mean over all blocks, or over the third of the blocks that differ most (rounded up).

    Raises
    ------
    ValueError
        If the pooling is unknown.
    """
    xp = namespace(differences)
    one_of("pooling", pooling, get_args(Pooling))
    if pooling == "mean":
        return xp.mean(differences, axis=-1)
    count = -(-int(differences.shape[-1]) // 3)
    return xp.mean(xp.sort(differences, axis=-1)[..., -count:], axis=-1)
