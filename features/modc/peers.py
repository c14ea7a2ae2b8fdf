"""Peers of MODC for comparison: DCP, LBP, HOG.

Belongs here: other descriptors by the interface of `features.modc.codes.modc_histograms`, without its plane axis:
``images (T, M, N) -> (T, rows, cols, bins)``. Stays out: MODC itself and curves over time.

.. [1] Ding, Choi, Tao, Davis (2016). Multi-directional multi-level dual-cross patterns for robust face
   recognition. IEEE TPAMI 38(3).
.. [2] Ojala, Pietikainen, Maenpaa (2002). Multiresolution gray-scale and rotation invariant texture
   classification with local binary patterns. IEEE TPAMI 24(7).
.. [3] Dalal, Triggs (2005). Histograms of oriented gradients for human detection. CVPR.
"""

from __future__ import annotations

import cv2
import numpy as np

from apexline.features.backend import Array, namespace, to_numpy
from apexline.features.modc.codes import ring_codes
from apexline.features.modc.histograms import block_histograms
from apexline.features.modc.rings import Rings

_UNTURNED = ((0, 0, 0),)
_DCP_WEIGHTS = ((1, 4, 16, 64), (0, 0, 0, 0))


def dcp_histograms(
    images: Array, *, grid: tuple[int, int] = (4, 4), radii: tuple[int, int] = (4, 6)
) -> Array:
    """Dual-cross patterns [1]_: two rings, two planes of 256 codes side by side.

    Parameters
    ----------
    images : array, shape (T, M, N), uint8
        Grey images.
    grid : (int, int)
        Rows and columns of blocks over the coded area.
    radii : (int, int)
        Radii of the inner and the outer ring, px.

    Returns
    -------
    histograms : array, shape (T, rows, cols, 512), float32
        Each block sums to 1.
    """
    xp = namespace(images)
    codes = ring_codes(images, Rings((*radii, radii[1]), _UNTURNED, _DCP_WEIGHTS))[0, ...]
    planes = block_histograms(codes, grid=grid, bins=256)
    return xp.concat([planes[:, 0, ...], planes[:, 1, ...]], axis=-1) / 2


def lbp_histograms(images: Array, *, grid: tuple[int, int] = (4, 4)) -> Array:
    """Local binary patterns LBP(8, 1) [2]_: 256 codes, neighbours clockwise from above as bits 0..7.

    Parameters
    ----------
    images : array, shape (T, M, N), uint8
        Grey images.
    grid : (int, int)
        Rows and columns of blocks over the coded area.

    Returns
    -------
    histograms : array, shape (T, rows, cols, 256), float32
        Each block sums to 1.
    """
    xp = namespace(images)
    # With one ring three times over, a digit is 2 S(neighbour - centre) + 1: take the ones (1 + 4 + 16 + 64)
    # away and the bits of even and odd neighbours remain.
    codes = ring_codes(images, Rings((1, 1, 1), _UNTURNED, _DCP_WEIGHTS))[0, ...]
    bits = xp.astype(codes, xp.int32) - 85
    patterns = bits[:, :1, ...] // 2 + bits[:, 1:, ...]
    return block_histograms(patterns, grid=grid, bins=256)[:, 0, ...]


def hog_histograms(images: Array, *, grid: tuple[int, int] = (4, 4), num_bins: int = 9) -> Array:
    """Histograms of oriented gradients [3]_, one cell per block, by OpenCV on the host.

    Parameters
    ----------
    images : array, shape (T, M, N), uint8
        Grey images; what is left over when their sides are divided by the grid is cut off below and right.
    grid : (int, int)
        Rows and columns of blocks.
    num_bins : int
        Unsigned orientations.

    Returns
    -------
    histograms : array, shape (T, rows, cols, num_bins), float32
        Each block has L2 norm 1 (zeros where it is flat).

    Raises
    ------
    ValueError
        If a block would be smaller than 4 px.
    """
    xp = namespace(images)
    rows, cols = grid
    stack = to_numpy(images)
    height, width = stack.shape[1] // rows, stack.shape[2] // cols
    if min(height, width) < 4:
        message = f"grid {grid} cuts images of {stack.shape[1:]} into blocks below 4 px; use fewer blocks"
        raise ValueError(message)
    cell, size = (width, height), (width * cols, height * rows)
    hog = cv2.HOGDescriptor(size, cell, cell, cell, num_bins)
    # OpenCV runs down the columns of blocks: (cols*rows*bins,) -> (cols, rows, bins) -> (rows, cols, bins)
    found = [
        np.asarray(hog.compute(np.ascontiguousarray(image[: size[1], : size[0]])))
        .reshape((cols, rows, num_bins))
        .transpose((1, 0, 2))
        for image in stack
    ]
    return xp.asarray(np.stack(found).astype(np.float32))
