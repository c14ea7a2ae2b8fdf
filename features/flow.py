"""Horn-Schunck optical flow, eq. (11)-(20) of [1]_: one level for face crops, a pyramid for general video.

Belongs here: the flow between two grey images. Stays out: interpolation (``resample``), histograms of flow
(``descriptors``), regions and head motion (``registration``), polar form and time (``curves``).

.. [1] Li, Zhou, Liu, Sun, Chen, Xue (2021). Traitement du Signal 38(2), doi:10.18280/ts.380213.
.. [2] Horn, Schunck (1981). Determining optical flow. Artificial Intelligence 17.
.. [3] Sun, Roth, Black (2010). Secrets of optical flow estimation and their principles. CVPR.
"""

from __future__ import annotations

from typing import Literal

import array_api_compat
import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray

from features.backend import Array, Namespace, is_numpy, namespace, replicate_pad
from features.resample import enlarge, halve, warp

Stencil = Literal["cross", "horn_schunck"]

# kappa of the discrete Laplacian kappa * (mean of the neighbours - centre)
_KAPPA = {"cross": 4.0, "horn_schunck": 3.0}
_SMALLEST_LEVEL = 16
# rows that the compiled sweep handles at a time: their means stay in the first-level cache
_BLOCK_ROWS = 8


def alpha_from_mu(mu: float, *, stencil: Stencil = "cross") -> float:
    """Smoothness weight A of `horn_schunck` for the paper's mu, eq. (15) and (18) of [1]_: A**2 = kappa / mu.

    Raises
    ------
    ValueError
        If mu is not positive, or the stencil is unknown.
    """
    _require(mu > 0, f"mu is {mu}; expected a positive number (small is smoother)")
    _check_stencil(stencil)
    return (_KAPPA[stencil] / mu) ** 0.5


def horn_schunck(
    reference: Array,
    moving: Array,
    *,
    alpha: float = 15.0,
    num_sweeps: int = 100,
    stencil: Stencil = "cross",
) -> Array:
    """Displacement field between two grey images by Jacobi sweeps at a single level, eq. (15)-(18) of [1]_.

    Parameters
    ----------
    reference, moving : array, shape (M, N)
        Grey images, grey levels 0..255, of equal shape; any real type.
    alpha : float
        Smoothness weight A in grey levels per px; ``alpha**2 = kappa / mu``, see `alpha_from_mu`.
    num_sweeps : int
        Jacobi sweeps from zero flow.
    stencil : {"cross", "horn_schunck"}
        Neighbours of the local mean: the four nearest (kappa = 4), or eight with weights 1/6 and 1/12 [2]_
        (kappa = 3).

    Returns
    -------
    flow : array, shape (2, M, N), float32
        (row, col) displacement, px: ``reference[p]`` is found at ``moving[p + flow]``.

    Raises
    ------
    ValueError
        If the shapes differ or are not two-dimensional, or an option is out of its range.
    """
    xp, reference, moving = _images(reference, moving)
    _check_tunables(alpha, num_sweeps, stencil)
    zeros = xp.zeros_like(reference)
    return _solve(xp, reference, moving, xp.stack([zeros, zeros]), None, alpha, num_sweeps, stencil)


def horn_schunck_pyramid(
    reference: Array,
    moving: Array,
    *,
    alpha: float = 15.0,
    num_levels: int | None = None,
    num_warps: int = 5,
    num_sweeps: int = 30,
    median: int = 5,
    stencil: Stencil = "cross",
) -> Array:
    """Horn-Schunck flow, coarse to fine with warping [3]_, for motion beyond a pixel.

    Parameters
    ----------
    reference, moving : array, shape (M, N)
        Grey images, grey levels 0..255, of equal shape; any real type.
    alpha, stencil
        As in `horn_schunck`.
    num_levels : int, optional
        Levels, each half the size of the one below; by default as many as keep 16 px on the shorter side.
    num_warps : int
        Linearisations at each level.
    num_sweeps : int
        Jacobi sweeps for each linearisation.
    median : {0, 3, 5}
        Side of the median filter over the flow after each warp, px; 0 for none.

    Returns
    -------
    flow : array, shape (2, M, N), float32
        (row, col) displacement, px.

    Raises
    ------
    ValueError
        As `horn_schunck`.
    """
    xp, reference, moving = _images(reference, moving)
    _check_tunables(alpha, num_sweeps, stencil)
    _require(median in (0, 3, 5), f"median is {median}; expected 0, 3 or 5")
    _require(num_warps >= 1, f"num_warps is {num_warps}; expected at least 1")
    levels = _num_levels(reference.shape) if num_levels is None else num_levels
    _require(levels >= 1, f"num_levels is {levels}; expected at least 1")
    pyramid = [(reference, moving)]
    for _ in range(levels - 1):
        pyramid.append((halve(xp, pyramid[-1][0]), halve(xp, pyramid[-1][1])))
    flow = xp.zeros((2, *pyramid[-1][0].shape), dtype=xp.float32, device=array_api_compat.device(reference))
    for fixed, target in reversed(pyramid):
        if flow.shape[1:] != fixed.shape:
            flow = enlarge(xp, flow, fixed.shape)
        for number in range(num_warps):
            # the first flow is zero: nothing to warp by
            first = number == 0 and fixed is pyramid[-1][0]
            warped, inside = (target, None) if first else warp(target, flow)
            flow = _solve(xp, fixed, warped, flow, inside, alpha, num_sweeps, stencil)
            if median:
                flow = _median(xp, flow, median)
    return flow


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(message)


def _check_stencil(stencil: str) -> None:
    _require(stencil in _KAPPA, f"stencil is {stencil!r}; expected 'cross' or 'horn_schunck'")


def _check_tunables(alpha: float, num_sweeps: int, stencil: str) -> None:
    _require(alpha > 0, f"alpha is {alpha}; expected a positive number of grey levels per px")
    _require(num_sweeps >= 1, f"num_sweeps is {num_sweeps}; expected at least 1")
    _check_stencil(stencil)


def _images(reference: Array, moving: Array) -> tuple[Namespace, Array, Array]:
    xp = namespace(reference, moving)
    _require(
        len(reference.shape) == 2 and reference.shape == moving.shape,
        f"images have shapes {tuple(reference.shape)} and {tuple(moving.shape)}; expected the same (M, N)",
    )
    return xp, xp.astype(reference, xp.float32), xp.astype(moving, xp.float32)


def _num_levels(shape: tuple[int, ...]) -> int:
    levels, side = 1, min(shape)
    while side >= 2 * _SMALLEST_LEVEL:
        levels, side = levels + 1, (side + 1) // 2
    return levels


def _derivatives(xp: Namespace, image: Array) -> tuple[Array, Array]:
    """Fourth-order central differences along rows and columns, replicated borders."""
    height, width = image.shape
    padded = replicate_pad(xp, image, 2)

    def shifted(row: int, col: int) -> Array:
        return padded[2 + row : 2 + row + height, 2 + col : 2 + col + width]

    down = ((shifted(-2, 0) - shifted(2, 0)) + 8 * (shifted(1, 0) - shifted(-1, 0))) / 12
    right = ((shifted(0, -2) - shifted(0, 2)) + 8 * (shifted(0, 1) - shifted(0, -1))) / 12
    return down, right


def _solve(
    xp: Namespace,
    reference: Array,
    warped: Array,
    start: Array,
    inside: Array | None,
    alpha: float,
    num_sweeps: int,
    stencil: Stencil,
) -> Array:
    """Sweep from ``start``, with the data term linearised there; outside only smoothness acts."""
    down, right = _derivatives(xp, (reference + warped) / 2)
    change = warped - reference - down * start[0, ...] - right * start[1, ...]
    # With the root of A^2 + J_a^2 + J_b^2 divided out, a sweep is s = mean - J_a (J_a mean_s + J_b mean_e
    # + J_h), and the same with J_b for e.
    scale = xp.sqrt(alpha * alpha + down * down + right * right)
    terms = xp.stack([down / scale, right / scale, change / scale])
    if inside is not None:
        terms = terms * xp.astype(inside, xp.float32)
    if is_numpy(terms):
        return _sweep(np.ascontiguousarray(terms), start, num_sweeps, stencil == "cross")
    flow = start
    for _ in range(num_sweeps):
        mean = _neighbour_mean(xp, flow, stencil)
        residual = terms[0, ...] * mean[0, ...] + terms[1, ...] * mean[1, ...] + terms[2, ...]
        flow = mean - terms[:2, ...] * residual
    return flow


def _neighbour_mean(xp: Namespace, flow: Array, stencil: Stencil) -> Array:
    padded = replicate_pad(xp, flow, 1)
    above, level, below = padded[:, :-2, :], padded[:, 1:-1, :], padded[:, 2:, :]
    sides = (above[:, :, 1:-1] + below[:, :, 1:-1]) + (level[:, :, :-2] + level[:, :, 2:])
    if stencil == "cross":
        return sides * 0.25
    corners = (above[:, :, :-2] + above[:, :, 2:]) + (below[:, :, :-2] + below[:, :, 2:])
    return (sides + sides + corners) / 12


def _median(xp: Namespace, flow: Array, side: int) -> Array:
    if is_numpy(flow):
        return np.stack([cv2.medianBlur(np.ascontiguousarray(part), side) for part in flow])
    _, height, width = flow.shape
    padded = replicate_pad(xp, flow, side // 2)
    window = [padded[:, i : i + height, j : j + width] for i in range(side) for j in range(side)]
    return xp.sort(xp.stack(window), axis=0)[side * side // 2, ...]


# Rows lie one after another with a border pixel on either side, so that a block of rows is one long run;
# what a run writes into border pixels is replaced before the next sweep. Means are kept apart from the
# update: each inner loop then touches few enough arrays for the compiler to prove them distinct and to use
# vector instructions. fastmath stays off: the sums keep their order.
@njit(cache=True)
def _sweep(
    terms: NDArray[np.float32], start: NDArray[np.float32], num_sweeps: int, cross: bool
) -> NDArray[np.float32]:
    _, height, width = terms.shape
    stride = width + 2
    padded_terms = np.zeros((3, height, stride), dtype=np.float32)
    padded_terms[:, :, 1:-1] = terms
    data = padded_terms.reshape((3, height * stride))
    now = np.zeros((2, height + 2, stride), dtype=np.float32)
    now[:, 1:-1, 1:-1] = start
    after = np.zeros_like(now)
    mean = np.empty((2, _BLOCK_ROWS * stride), dtype=np.float32)
    for _ in range(num_sweeps):
        _replicate_border(now)
        source = now.reshape((2, (height + 2) * stride))
        target = after.reshape((2, (height + 2) * stride))
        for top in range(0, height, _BLOCK_ROWS):
            # the first and the last pixel of a block are border pixels: they need no mean
            first = top * stride + 1
            last = min(top + _BLOCK_ROWS, height) * stride - 1
            for c in range(2):
                _mean_run(source[c], first + stride, stride, cross, mean[c, : last - first])
            _update_run(
                data[0, first:last],
                data[1, first:last],
                data[2, first:last],
                mean,
                target[0, first + stride : last + stride],
                target[1, first + stride : last + stride],
            )
        now, after = after, now
    return now[:, 1:-1, 1:-1].copy()


@njit(cache=True)
def _replicate_border(flow: NDArray[np.float32]) -> None:
    for c in range(2):
        for y in range(1, flow.shape[1] - 1):
            flow[c, y, 0] = flow[c, y, 1]
            flow[c, y, -1] = flow[c, y, -2]
        for x in range(flow.shape[2]):
            flow[c, 0, x] = flow[c, 1, x]
            flow[c, -1, x] = flow[c, -2, x]


@njit(cache=True)
def _mean_run(
    flow: NDArray[np.float32], first: int, stride: int, cross: bool, mean: NDArray[np.float32]
) -> None:
    count = mean.size
    above = flow[first - stride - 1 : first - stride + count + 1]
    level = flow[first - 1 : first + count + 1]
    below = flow[first + stride - 1 : first + stride + count + 1]
    if cross:
        for x in range(count):
            sides = (above[x + 1] + below[x + 1]) + (level[x] + level[x + 2])
            mean[x] = sides * np.float32(0.25)
        return
    for x in range(count):
        sides = (above[x + 1] + below[x + 1]) + (level[x] + level[x + 2])
        corners = (above[x] + above[x + 2]) + (below[x] + below[x + 2])
        mean[x] = (sides + sides + corners) / np.float32(12)


@njit(cache=True)
def _update_run(
    down: NDArray[np.float32],
    right: NDArray[np.float32],
    change: NDArray[np.float32],
    mean: NDArray[np.float32],
    drow: NDArray[np.float32],
    dcol: NDArray[np.float32],
) -> None:
    mean_row, mean_col = mean[0], mean[1]
    for x in range(down.size):
        residual = down[x] * mean_row[x] + right[x] * mean_col[x] + change[x]
        drow[x] = mean_row[x] - down[x] * residual
        dcol[x] = mean_col[x] - right[x] * residual
