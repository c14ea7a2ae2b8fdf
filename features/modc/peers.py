"""Peers of MODC for comparison (DCP, LBP, HOG), and what a part of a flow field shows: its mean and HOOF.

Belongs here: other descriptors by the interface of `features.modc.codes.modc_histograms`, without its plane axis:
``images (T, M, N) -> (T, rows, cols, bins)``. Stays out: MODC itself and curves over time.

.. [1] Ding, Choi, Tao, Davis (2016). Multi-directional multi-level dual-cross patterns for robust face
   recognition. IEEE TPAMI 38(3).
.. [2] Ojala, Pietikainen, Maenpaa (2002). Multiresolution gray-scale and rotation invariant texture
   classification with local binary patterns. IEEE TPAMI 24(7).
.. [3] Dalal, Triggs (2005). Histograms of oriented gradients for human detection. CVPR.
.. [4] Chaudhry, Ravichandran, Hager, Vidal (2009). Histograms of oriented optical flow. CVPR.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from array_api_compat import device
from numba import njit
from numpy.typing import NDArray

from features.backend import Array, is_numpy, namespace, to_numpy
from features.faces.boxes import Window
from features.modc.codes import ring_codes
from features.modc.compiled import Rings
from features.modc.histograms import block_histograms

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


def hoof(flow: Array, *, num_bins: int = 8) -> Array:
    """Histogram of oriented flow [4]_, magnitude-weighted.

    Parameters
    ----------
    flow : array, shape (2, M, N), float32
        (row, col) displacement, px.
    num_bins : int
        Orientations; bin 0 begins at the direction right, and they turn as rows grow (clockwise on screen).

    Returns
    -------
    histogram : array, shape (num_bins,), float32
        Mean over pixels of the displacement in each orientation, px: its sum is the mean module.
    """
    xp = namespace(flow)
    if is_numpy(flow):
        return _hoof_compiled(flow, np.float32(0), np.float32(0), num_bins)
    drow, dcol = flow[0, ...], flow[1, ...]
    turns = xp.atan2(drow, dcol) * (num_bins / (2 * np.pi))
    # floor of the smallest negative angles would be bin -1: modulo brings it to the last
    bins = xp.astype(xp.floor(turns), xp.int32) % num_bins
    # (bins, 1, 1) against (M, N)
    each = xp.reshape(xp.arange(num_bins, dtype=xp.int32, device=device(flow)), (num_bins, 1, 1))
    module = xp.hypot(drow, dcol)
    return xp.mean(xp.where(bins == each, module, xp.zeros_like(module)), axis=(1, 2))


def region_motion(
    flow: Array, regions: Sequence[Window], *, head: Window | None = None, num_bins: int = 8
) -> tuple[Array, Array]:
    """Mean displacement and HOOF of parts of a flow field, as they move against the head.

    Parameters
    ----------
    flow : array, shape (2, M, N), float32
        (row, col) displacement, px.
    regions : sequence of R Window
        Each part.
    head : Window, optional
        Part whose mean displacement is the head's and is taken away.
    num_bins : int
        As in `hoof`.

    Returns
    -------
    displacement : array, shape (R, 2), float32
        Mean (row, col) displacement, px.
    histograms : array, shape (R, num_bins), float32
        As `hoof` of each part, px.
    """
    xp = namespace(flow)
    if is_numpy(flow):
        # an empty part stands for none: nothing is taken away
        own = Window(0, 0, 0, 0) if head is None else head
        return _region_motion_compiled(flow, np.array((own, *regions)), num_bins)
    if head is not None:
        flow = flow - xp.mean(flow[:, *head.slices], axis=(1, 2), keepdims=True)
    parts = [flow[:, *region.slices] for region in regions]
    means = xp.stack([xp.mean(part, axis=(1, 2)) for part in parts])
    return means, xp.stack([hoof(part, num_bins=num_bins) for part in parts])


@njit(cache=True, nogil=True)
def _region_motion_compiled(
    flow: NDArray[np.float32], windows: NDArray[np.int64], num_bins: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Displacement and HOOF of all windows but the first one, whose mean is taken away."""
    means = np.zeros((windows.shape[0], 2))
    for i in range(windows.shape[0]):
        top, bottom, left, right = windows[i]
        part = flow[:, top:bottom, left:right]
        if part.size:
            means[i, 0], means[i, 1] = part[0].mean(), part[1].mean()
    histograms = np.empty((windows.shape[0] - 1, num_bins), dtype=np.float32)
    head_row, head_col = np.float32(means[0, 0]), np.float32(means[0, 1])
    for i in range(histograms.shape[0]):
        top, bottom, left, right = windows[i + 1]
        histograms[i] = _hoof_compiled(flow[:, top:bottom, left:right], head_row, head_col, num_bins)
    return (means[1:] - means[0]).astype(np.float32), histograms


@njit(cache=True, nogil=True)
def _hoof_compiled(
    flow: NDArray[np.float32], head_row: np.float32, head_col: np.float32, num_bins: int
) -> NDArray[np.float32]:
    _, height, width = flow.shape
    sums = np.zeros(num_bins)
    bins_per_radian = np.float32(num_bins / (2 * np.pi))
    for y in range(height):
        for x in range(width):
            drow, dcol = flow[0, y, x] - head_row, flow[1, y, x] - head_col
            turns = np.arctan2(drow, dcol) * bins_per_radian
            sums[int(np.floor(turns)) % num_bins] += np.sqrt(drow * drow + dcol * dcol)
    return (sums / (height * width)).astype(np.float32)
