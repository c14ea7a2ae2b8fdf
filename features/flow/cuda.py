"""Horn-Schunck flow on CuPy arrays: sweeps at one level, and the images and flows between levels.

Belongs here: one function for each thing that the kernels of ``horn_schunck.cu`` and ``resample.cu`` compute, on
arrays that lie on the device and stay there. Stays out: validation, options and every other array library (``solver``
and ``resample``, which come here when their arrays are CuPy's).

Every function takes stacks: with many images in one launch a launch costs next to nothing. All give the bits of the
compiled CPU code.
"""

from __future__ import annotations

from math import prod
from pathlib import Path

from apexline.features.backend import Array, namespace
from apexline.features.cuda import BLOCK, define_macros, floats, launch, load_kernel, pixel_grid

_HERE = Path(__file__).parent
_HORN_SCHUNCK, _RESAMPLE = _HERE / "horn_schunck.cu", _HERE / "resample.cu"
# Sweeps of a launch and the side of the tile that comes out of them: a region of 64 x 64 px in shared memory,
# 1.8 times the tile's arithmetic for an eighth of the launches and of the traffic to memory.
_HALO, _TILE, _ROWS = 8, 48, 4
_REGION = _TILE + 2 * _HALO


def refine(
    reference: Array, moving: Array, flow: Array, alpha_squared: float, num_sweeps: int, cross: bool
) -> Array:
    """Flow (..., 2, M, N) after linearising about ``flow`` and sweeping, as `features.flow.compiled.refine`."""
    xp = namespace(reference, moving, flow)
    *lead, height, width = reference.shape
    reference, flow = floats(xp, reference), floats(xp, flow)
    warped, inside = warp(moving, flow)
    terms = xp.empty((*lead, 3, height, width), dtype=xp.float32)
    macros = define_macros(TILE=_TILE, HALO=_HALO, ROWS=_ROWS, CROSS=int(cross))
    linearise, sweep = (load_kernel(_HORN_SCHUNCK, name, macros) for name in ("linearise", "sweep"))
    images = prod(lead)
    grid = pixel_grid(images, height, width)
    launch(
        linearise, grid, BLOCK, reference, warped, inside, flow, terms, height, width, float(alpha_squared)
    )
    tiles = (images, -(-height // _TILE), -(-width // _TILE))
    for done in range(0, num_sweeps, _HALO):
        after = xp.empty(flow.shape, dtype=xp.float32)
        count = min(_HALO, num_sweeps - done)
        launch(sweep, tiles, (_REGION, _REGION // _ROWS), terms, flow, after, height, width, count)
        flow = after
    return flow


def warp(image: Array, flow: Array) -> tuple[Array, Array]:
    """Images (..., M, N) seen through flows (..., 2, M, N), as `features.flow.resample.warp`."""
    xp = namespace(image, flow)
    *lead, height, width = image.shape
    warped, inside = xp.empty(image.shape, dtype=xp.float32), xp.empty(image.shape, dtype=xp.bool)
    grid = pixel_grid(prod(lead), height, width)
    kernel = load_kernel(_RESAMPLE, "warp")
    launch(kernel, grid, BLOCK, floats(xp, image), floats(xp, flow), warped, inside, height, width)
    return warped, inside


def halve(image: Array) -> Array:
    """Every second pixel of filtered images (..., M, N), as `features.flow.resample.halve`."""
    xp = namespace(image)
    *lead, height, width = image.shape
    half = xp.empty((*lead, -(-height // 2), -(-width // 2)), dtype=xp.float32)
    grid = pixel_grid(prod(lead), *half.shape[-2:])
    launch(load_kernel(_RESAMPLE, "halve"), grid, BLOCK, floats(xp, image), half, height, width)
    return half


def enlarge(flow: Array, shape: tuple[int, ...]) -> Array:
    """Flows (..., 2, m, n) on the grid of the next larger level, as `features.flow.resample.enlarge`."""
    xp = namespace(flow)
    *lead, height, width = flow.shape
    enlarged = xp.empty((*lead, *shape), dtype=xp.float32)
    grid = pixel_grid(prod(lead), *shape)
    launch(load_kernel(_RESAMPLE, "enlarge"), grid, BLOCK, floats(xp, flow), enlarged, height, width, *shape)
    return enlarged
