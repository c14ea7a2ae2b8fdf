"""Movements of lids, irises and lips on a still, told from five landmarks.

Belongs here: maps from each pixel of the canvas to the one that it shows. Stays out: expressions (``puppet``). All
lengths are shares of the distance between the eyes, which lie on one level.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from apexline.sample.warp import Floats, slide_back

_LID_WIDTH, _LID_GAP, _LID_REACH = (
    0.25,
    0.17,
    0.2,
)  # half the width of an eye, its height, skin above it that slides
_IRIS_REACH, _IRIS_SPREAD = 0.045, (0.14, 0.08)
_OPENING, _LIFT = 0.15, 0.015  # of the mouth, down and up
_JAW_REACH, _LIP_REACH = 0.75, 0.2  # skin below and above that slides along
_SEAM_SEARCH = 0.12  # up and down from the line between the corners


def close_lids(points: Floats, landmarks: NDArray[np.float64], closing: float) -> Floats:
    """Slide the upper lids down over the eyes, 0 (as they are) .. 1 (closed)."""
    x, y = points[..., 0], points[..., 1].copy()
    unit = _between_eyes(landmarks)
    for eye_x, eye_y in landmarks[:2]:
        arch = np.clip(1 - ((x - eye_x) / (_LID_WIDTH * unit)) ** 2, 0, 1)
        upper = eye_y - _LID_GAP / 2 * unit * arch
        drop = closing * _LID_GAP * unit * arch
        skin = upper - slide_back(upper - y, -drop, _LID_REACH * unit)
        y = np.where((y < upper + drop) & (arch > 0), skin, y)
    return np.stack([x, y], axis=-1)


def shift_gaze(points: Floats, landmarks: NDArray[np.float64], gaze: float) -> Floats:
    """Move the irises aside, -1 (left) .. 1 (right)."""
    x, y = points[..., 0].copy(), points[..., 1]
    unit = _between_eyes(landmarks)
    width, height = (share * unit for share in _IRIS_SPREAD)
    moved = np.zeros_like(x)
    for eye_x, eye_y in landmarks[:2]:
        moved += np.exp(-(((x - eye_x) / width) ** 2) - ((y - eye_y) / height) ** 2)
    return np.stack([x - gaze * _IRIS_REACH * unit * moved, y], axis=-1)


def part_lips(
    points: Floats, landmarks: NDArray[np.float64], opening: float, seam_drop: float
) -> tuple[Floats, Floats]:
    """Part the lips along the line between the corners of the mouth, 0 .. 1.

    Parameters
    ----------
    points : ndarray, shape (rows, cols, 2)
    landmarks : ndarray, shape (5, 2)
    opening : float
    seam_drop : float
        How far below that line the lips meet, px; see `find_seam`.

    Returns
    -------
    skin : ndarray, shape (rows, cols, 2)
        Source of the lips and the skin around them.
    inside : ndarray, shape (rows, cols)
        Share of a pixel that shows the inside of the mouth, 0..1.
    """
    x, y = points[..., 0], points[..., 1]
    unit = _between_eyes(landmarks)
    (left_x, left_y), (right_x, right_y) = landmarks[3:]
    across = 2 * (x - left_x) / (right_x - left_x) - 1
    arch = np.clip(1 - across**2, 0, 1)
    seam = left_y + (across + 1) / 2 * (right_y - left_y) + seam_drop * arch
    down, up = opening * _OPENING * unit * arch, opening * _LIFT * unit * arch
    above, below = seam - y, y - seam
    over = seam - np.maximum(slide_back(above, up, _LIP_REACH * unit), 0)
    under = seam + np.maximum(slide_back(below, down, _JAW_REACH * unit), 0)
    skin = np.where(arch > 0, np.where(above >= 0, over, under), y)
    inside = np.clip(np.minimum(up - above, down - below) + 0.5, 0, 1) * (up + down > 0.5)
    return np.stack([x, skin], axis=-1), inside


def find_seam(image: NDArray[Any], landmarks: NDArray[np.float64]) -> float:
    """How far below the line between its corners a closed mouth is darkest, px."""
    unit = _between_eyes(landmarks)
    (left_x, left_y), (right_x, right_y) = landmarks[3:]
    share = np.linspace(0.25, 0.75, 17)
    cols = np.rint(left_x + share * (right_x - left_x)).astype(int)
    drops = np.arange(-round(_SEAM_SEARCH * unit), round(_SEAM_SEARCH * unit) + 1)
    rows = np.rint(left_y + share * (right_y - left_y)).astype(int) + drops[:, None]
    rows, cols = np.clip(rows, 0, image.shape[0] - 1), np.clip(cols, 0, image.shape[1] - 1)
    return float(drops[np.argmin(image[rows, cols].mean(axis=(1, 2)))])


def _between_eyes(landmarks: NDArray[np.float64]) -> float:
    return float(np.linalg.norm(landmarks[1] - landmarks[0]))
