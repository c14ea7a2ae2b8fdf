"""Warping pictures by maps of points: grids, thin-plate maps, pixels looked up at points, and moves undone.

Belongs here: geometry in (x, y) portrait pixels that knows no face. Stays out: what is moved (``face``) and
painted (``neutral``, ``shapes``).
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.transform import ThinPlateSplineTransform

Floats = NDArray[np.floating[Any]]
Bytes = NDArray[np.uint8]

CANVAS_SCALE = 2  # canvas pixels per portrait pixel
ROI = (164, 70, 282, 192)  # x0, y0, x1, y1: the only part that moves with the expression


def point_grid(box: tuple[int, int, int, int], *, step: float) -> Floats:
    """Portrait coordinates of the pixels of a box, shape (rows, cols, 2); any step keeps pixel centres."""
    x0, y0, x1, y1 = box
    shift = (step - 1) / 2
    xs, ys = np.arange(x0, x1, step) + shift, np.arange(y0, y1, step) + shift
    return np.stack(np.meshgrid(xs, ys), axis=-1).astype(np.float32)


def still_border() -> NDArray[np.float64]:
    """Points around the ROI that never move."""
    x0, y0, x1, y1 = ROI
    xs, ys = np.linspace(x0, x1, 6), np.linspace(y0, y1, 6)
    rims = [[(x, y) for x in xs for y in (y0, y1)], [(x, y) for y in ys[1:-1] for x in (x0, x1)]]
    return np.array([point for rim in rims for point in rim])


def fading_window(shape: tuple[int, ...], *, margin: int) -> Floats:
    """Weight 1 inside, falling smoothly to 0 over the margin at the rim."""
    ramps = []
    for size in shape:
        distance = np.minimum(np.arange(size), np.arange(size)[::-1])
        ramps.append(np.sin(np.clip(distance / margin, 0, 1) * np.pi / 2) ** 2)
    return np.outer(ramps[0], ramps[1]).astype(np.float32)


def thin_plate_map(source: Any, target: Any, grid: Floats) -> Floats:
    """Thin-plate map that takes source points to target points, evaluated on a grid."""
    spline: Any = ThinPlateSplineTransform.from_estimate(source, target)
    return spline(grid.reshape(-1, 2)).reshape(grid.shape).astype(np.float32)


def crop_box(canvas: NDArray[Any], box: tuple[int, int, int, int]) -> NDArray[Any]:
    """View of the canvas inside a box of portrait pixels."""
    x0, y0, x1, y1 = (CANVAS_SCALE * v for v in box)
    return canvas[y0:y1, x0:x1]


def turn_map(
    size: tuple[int, int], pivot: tuple[float, float], face_px: float, head: tuple[float, float]
) -> Floats:
    """For every pixel of a canvas, the pixel that it shows once the head has turned.

    The face is taken for a dome that shoulders and background do not share: what stands out most moves most.

    Parameters
    ----------
    size : (int, int)
        Rows and columns of the canvas.
    pivot : (float, float)
        Middle of the face, (x, y) px.
    face_px : float
        Size of the face, px.
    head : (float, float)
        Yaw (to the right of the picture) and pitch (down), rad; below half a radian the map folds nowhere.

    Returns
    -------
    ndarray, shape (rows, cols, 2), float32
        (x, y) px, for ``cv2.remap``.
    """
    rows, cols = size
    # Smooth: an eighth of the points is enough.
    grid = np.stack(np.meshgrid(np.arange(0, cols, 8), np.arange(0, rows, 8)), axis=-1) + 3.5
    radius = 0.75 * face_px
    before = grid.astype(np.float64)
    for _ in range(6):
        away = before - pivot
        dome = np.exp(-((away[..., 0] / radius) ** 2) - (away[..., 1] / (1.25 * radius)) ** 2)[..., None]
        # the fixed point of p = q - moved(p), as in `undo_field`
        before = grid - dome * (radius * np.sin(head) + away * (np.cos(head) - 1))
    return np.asarray(cv2.resize(before.astype(np.float32), (cols, rows), interpolation=cv2.INTER_LINEAR))


def sample_texture(
    texture: NDArray[Any], points: Floats, *, origin: tuple[int, ...] = (0, 0), scale: int = CANVAS_SCALE
) -> NDArray[Any]:
    """Texture at portrait coordinates; ``origin`` is the portrait point of the texture's corner."""
    at = (points - np.array(origin[:2], np.float32) + np.float32(0.5)) * np.float32(scale) - np.float32(0.5)
    return cv2.remap(texture, at[..., 0], at[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def undo_field(field: Floats, points: Floats) -> Floats:
    """Where the points were before ``field`` moved them: the fixed point of p = q - field(p)."""
    # Fields are smooth: a quarter of the points is enough.
    half = points.shape[1] // 2, points.shape[0] // 2
    after = np.asarray(cv2.resize(points, half, interpolation=cv2.INTER_AREA), np.float32)
    moved: Floats = np.zeros_like(after)
    for _ in range(8):
        moved = sample_texture(field, after - moved, origin=ROI, scale=1)
    return points - np.asarray(cv2.resize(moved, points.shape[1::-1], interpolation=cv2.INTER_LINEAR))


def slide_back(distance: Floats, shift: Floats, reach: float) -> Floats:
    """Distance from an edge before it slid outward by ``shift`` and took the skin within ``reach`` along."""
    slid = (distance - shift) / (1 - shift / reach)
    return np.where(distance < reach, slid, distance)
