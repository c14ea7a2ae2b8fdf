"""Horn-Schunck optical flow, eq. (11)-(20) of [1]_: one level for face crops, a pyramid for general video.

Belongs here: the flow between two grey images. Stays out: the loops compiled for NumPy (``compiled``),
interpolation (``resample``), histograms of flow (``region_motion``), regions and head motion
(``features.registration``), polar form (``polar``) and time (``stream``).

.. [1] Li, Zhou, Liu, Sun, Chen, Xue (2021). Traitement du Signal 38(2), doi:10.18280/ts.380213.
.. [2] Horn, Schunck (1981). Determining optical flow. Artificial Intelligence 17.
.. [3] Sun, Roth, Black (2010). Secrets of optical flow estimation and their principles. CVPR.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import array_api_compat
import cv2
import numpy as np

from apexline.features.backend import Array, Namespace, is_cupy, is_numpy, namespace, replicate_pad
from apexline.features.flow import cuda as flow_cuda
from apexline.features.flow.compiled import refine
from apexline.features.flow.resample import enlarge, halve, warp
from apexline.features.validation import one_of, require

Stencil = Literal["cross", "horn_schunck"]

# kappa of the discrete Laplacian kappa * (mean of the neighbours - centre)
_KAPPA = {"cross": 4.0, "horn_schunck": 3.0}
_SMALLEST_LEVEL = 16


def alpha_from_mu(mu: float, *, stencil: Stencil = "cross") -> float:
    """Smoothness weight A of `horn_schunck` for the paper's mu, eq. (15) and (18) of [1]_: A**2 = kappa / mu.

    Raises
    ------
    ValueError
        If mu is not positive, or the stencil is unknown.
    """
    require(mu > 0, f"mu is {mu}; expected a positive number (small is smoother)")
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
    reference : array, shape (M, N)
        Grey image, grey levels 0..255; any real type.
    moving : array, shape (M, N) or (T, M, N)
        Grey image of that shape, or several.
    alpha : float
        Smoothness weight A in grey levels per px; ``alpha**2 = kappa / mu``, see `alpha_from_mu`.
    num_sweeps : int
        Jacobi sweeps from zero flow.
    stencil : {"cross", "horn_schunck"}
        Neighbours of the local mean: the four nearest (kappa = 4), or eight with weights 1/6 and 1/12 [2]_
        (kappa = 3).

    Returns
    -------
    flow : array, shape (2, M, N) or (T, 2, M, N), float32
        (row, col) displacement, px: ``reference[p]`` is found at ``moving[p + flow]``. Of several images each flow
        has the bits that it has alone.

    Raises
    ------
    ValueError
        If the images' shapes differ or are none of images, or an option is out of its range.

    Examples
    --------
    >>> import numpy as np
    >>> from apexline.features.flow import horn_schunck
    >>> rows, cols = np.mgrid[:64, :64]
    >>> def shifted(px):
    ...     return 128 + 60 * np.sin((cols - px) / 5) + 60 * np.sin(rows / 5)
    >>> flow = horn_schunck(shifted(0), shifted(0.5), alpha=5.0)
    >>> print(f"{np.median(flow[1]):.1f} px to the right")
    0.5 px to the right
    """
    xp, reference, moving = _images(reference, moving)
    _check_tunables(alpha, num_sweeps, stencil)

    def solve(fixed: Array, target: Array) -> Array:
        return _refine(xp, fixed, target, _zero_flow(xp, target), alpha, num_sweeps, stencil)

    return _each(xp, solve, reference, moving)


def horn_schunck_pyramid(
    reference: Array,
    moving: Array,
    *,
    alpha: float = 15.0,
    num_levels: int | None = None,
    num_warps: int = 5,
    num_sweeps: int = 50,
    median: int = 5,
    stencil: Stencil = "cross",
) -> Array:
    """Horn-Schunck flow, coarse to fine with warping [3]_, for motion beyond a pixel.

    Parameters
    ----------
    reference, moving
        As in `horn_schunck`.
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
    flow : array, shape (2, M, N) or (T, 2, M, N), float32
        (row, col) displacement, px, as of `horn_schunck`.

    Raises
    ------
    ValueError
        As `horn_schunck`.

    Examples
    --------
    >>> import numpy as np
    >>> from apexline.features.flow import horn_schunck_pyramid
    >>> rows, cols = np.mgrid[:64, :64]
    >>> def shifted(px):
    ...     return 128 + 60 * np.sin((cols - px) / 5) + 60 * np.sin(rows / 5)
    >>> flow = horn_schunck_pyramid(shifted(0), shifted(4))
    >>> print(f"{np.median(flow[1]):.1f} px to the right")
    4.0 px to the right
    """
    xp, reference, moving = _images(reference, moving)
    _check_tunables(alpha, num_sweeps, stencil)
    require(median in (0, 3, 5), f"median is {median}; expected 0, 3 or 5")
    require(num_warps >= 1, f"num_warps is {num_warps}; expected at least 1")
    levels = _num_levels(reference.shape) if num_levels is None else num_levels
    require(levels >= 1, f"num_levels is {levels}; expected at least 1")
    fixed_levels = _pyramid(xp, reference, levels)

    def solve(fixed_levels: list[Array], moving: Array) -> Array:
        targets = _pyramid(xp, moving, levels)
        flow = _zero_flow(xp, targets[-1])
        for fixed, target in zip(reversed(fixed_levels), reversed(targets), strict=True):
            if flow.shape[-2:] != fixed.shape[-2:]:
                flow = enlarge(xp, flow, fixed.shape[-2:])
            for _ in range(num_warps):
                flow = _refine(xp, fixed, target, flow, alpha, num_sweeps, stencil)
                if median:
                    flow = _median(xp, flow, median)
        return flow

    return _each(xp, solve, fixed_levels, moving)


def _each(xp: Namespace, solve: Callable[[Any, Array], Array], fixed: Any, moving: Array) -> Array:
    """Flow to each of several images: all at once on a device, one by one where caches are small."""
    if moving.ndim == 2 or is_cupy(moving):
        return solve(fixed, moving)
    flows = [solve(fixed, moving[k, ...]) for k in range(moving.shape[0])]
    return xp.stack(flows) if flows else xp.empty((0, 2, *moving.shape[1:]), dtype=xp.float32)


def _pyramid(xp: Namespace, image: Array, levels: int) -> list[Array]:
    pyramid = [image]
    for _ in range(levels - 1):
        pyramid.append(halve(xp, pyramid[-1]))
    return pyramid


def _check_stencil(stencil: str) -> None:
    one_of("stencil", stencil, _KAPPA)


def _check_tunables(alpha: float, num_sweeps: int, stencil: str) -> None:
    require(alpha > 0, f"alpha is {alpha}; expected a positive number of grey levels per px")
    require(num_sweeps >= 1, f"num_sweeps is {num_sweeps}; expected at least 1")
    _check_stencil(stencil)


def _images(reference: Array, moving: Array) -> tuple[Namespace, Array, Array]:
    xp = namespace(reference, moving)
    require(
        reference.ndim == 2 and moving.ndim in (2, 3) and reference.shape == moving.shape[-2:],
        f"images have shapes {tuple(reference.shape)} and {tuple(moving.shape)}; "
        "expected the same (M, N), of the second one or several",
    )
    return xp, xp.astype(reference, xp.float32), xp.astype(moving, xp.float32)


def _zero_flow(xp: Namespace, image: Array) -> Array:
    *lead, height, width = image.shape
    shape = (*lead, 2, height, width)
    return xp.zeros(shape, dtype=xp.float32, device=array_api_compat.device(image))


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


def _refine(
    xp: Namespace,
    reference: Array,
    moving: Array,
    flow: Array,
    alpha: float,
    num_sweeps: int,
    stencil: Stencil,
) -> Array:
    """Linearise the data term about a flow and sweep from there; outside only smoothness acts."""
    if is_numpy(reference):
        return refine(reference, moving, flow, np.float32(alpha * alpha), num_sweeps, stencil == "cross")
    if is_cupy(reference):
        reference = xp.broadcast_to(reference, moving.shape)
        return flow_cuda.refine(reference, moving, flow, alpha * alpha, num_sweeps, stencil == "cross")
    warped, inside = warp(moving, flow)
    terms = _linearise(xp, reference, warped, flow, alpha) * xp.astype(inside, xp.float32)
    for _ in range(num_sweeps):
        mean = _neighbour_mean(xp, flow, stencil)
        residual = terms[0, ...] * mean[0, ...] + terms[1, ...] * mean[1, ...] + terms[2, ...]
        flow = mean - terms[:2, ...] * residual
    return flow


def _linearise(xp: Namespace, reference: Array, warped: Array, flow: Array, alpha: float) -> Array:
    """Data terms of the sweeps, shape (3, M, N)."""
    # With the root of A^2 + J_a^2 + J_b^2 divided out, a sweep is s = mean - J_a (J_a mean_s + J_b mean_e
    # + J_h), and the same with J_b for e.
    down, right = _derivatives(xp, (reference + warped) / 2)
    change = warped - reference - down * flow[0, ...] - right * flow[1, ...]
    scale = xp.sqrt(alpha * alpha + down * down + right * right)
    return xp.stack([down / scale, right / scale, change / scale])


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
    height, width = flow.shape[-2:]
    padded = replicate_pad(xp, flow, side // 2)
    window = [padded[..., i : i + height, j : j + width] for i in range(side) for j in range(side)]
    return xp.sort(xp.stack(window), axis=0)[side * side // 2, ...]
