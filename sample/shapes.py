"""What tells the variants of the portrait apart: proportions, brows and light.

Belongs here: `FaceShape` and how a shape changes map and texture. Stays out: which variant has which shape
(``plan``) and the expressions (``face``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from apexline.sample import marks as marks
from apexline.sample.neutral import brush_strokes, darken
from apexline.sample.warp import (
    CANVAS_SCALE,
    ROI,
    Bytes,
    Floats,
    crop_box,
    fading_window,
    point_grid,
    thin_plate_map,
)


@dataclass(frozen=True)
class FaceShape:
    """How one variant differs from the portrait: proportions, brows, light. Offsets are portrait pixels.

    Attributes
    ----------
    mirrored : bool
        Left and right exchanged.
    face_width, eye_distance, mouth_width, jaw_width : float
        Outward shift of each side, px.
    chin_length, brow_height, nose_length : float
        Downward shift, px.
    brow_ink : float
        How much the (thin, fair) brows are darkened, 0..1.
    gain, gamma, side_light : float
        Exposure factor, tone exponent and left-to-right light gradient, the last in -1..1.
    tint : tuple of float
        Factors of blue, green and red.
    strength : float
        How strongly this variant moves its face; 1 is the amplitude of the marks.
    """

    mirrored: bool = False
    face_width: float = 0.0
    eye_distance: float = 0.0
    mouth_width: float = 0.0
    jaw_width: float = 0.0
    chin_length: float = 0.0
    brow_height: float = 0.0
    nose_length: float = 0.0
    brow_ink: float = 0.3
    gain: float = 1.0
    gamma: float = 1.0
    side_light: float = 0.0
    tint: tuple[float, float, float] = (1.0, 1.0, 1.0)
    strength: float = 1.0

    def box(self) -> tuple[float, float, float, float]:
        """Face box x0, y0, x1, y1 in portrait pixels of the variant."""
        x0, y0, x1, y1 = marks.FACE_BOX
        grow = (self.face_width + self.jaw_width) / 2
        x0, x1, y1 = x0 - grow, x1 + grow, y1 + self.chin_length
        return (511 - x1, y0, 511 - x0, y1) if self.mirrored else (x0, y0, x1, y1)

    def canvas_box(self) -> tuple[float, float, float, float]:
        """Face box x0, y0, x1, y1, px of the canvas."""
        x0, y0, x1, y1 = self.box()
        return x0 * CANVAS_SCALE, y0 * CANVAS_SCALE, x1 * CANVAS_SCALE, y1 * CANVAS_SCALE

    @property
    def face_px(self) -> float:
        """Size of the portrait's face, geometric mean of the sides of its box, px of the canvas."""
        x0, y0, x1, y1 = marks.FACE_BOX
        return math.sqrt((x1 - x0) * (y1 - y0)) * CANVAS_SCALE

    @property
    def pivot(self) -> tuple[float, float]:
        """Middle of the portrait's face, (x, y) px of the canvas."""
        x0, y0, x1, y1 = marks.FACE_BOX
        x = (x0 + x1) / 2
        return (511 - x if self.mirrored else x) * CANVAS_SCALE, (y0 + y1) / 2 * CANVAS_SCALE


def with_brows(texture: Bytes, ink: float) -> Bytes:
    """Darken the brows, which are thin and fair in the portrait."""
    out = texture.copy()
    face = crop_box(out, ROI)
    face[:] = darken(face, brush_strokes(point_grid(ROI, step=1 / CANVAS_SCALE), marks.BROWS, width=1.0), ink)
    return out


def relight(texture: Bytes, shape: FaceShape) -> Bytes:
    """Exposure, tone, tint and side light of one variant."""
    tones = np.arange(256, dtype=np.float32) / 255
    table = 255 * np.clip(tones[:, None] ** shape.gamma * shape.gain * np.array(shape.tint), 0, 1)
    out = cv2.LUT(texture, np.rint(table).astype(np.uint8).reshape(256, 1, 3)).astype(np.float32)
    centre = (marks.FACE_BOX[0] + marks.FACE_BOX[2]) / 2 * CANVAS_SCALE
    side = np.tanh((np.arange(texture.shape[1]) - centre) / (60 * CANVAS_SCALE))
    out *= (1 + shape.side_light * side).astype(np.float32)[None, :, None]
    return np.clip(np.rint(out), 0, 255).astype(np.uint8)


def unshape_map(shape: FaceShape) -> Floats:
    """For every canvas pixel of the variant, the point of the unshaped portrait that it shows."""
    centre = 224.0
    moved: list[tuple[float, float]] = []
    points = [*marks.MOVES, (154.0, 80.0), (297.0, 85.0), (226.0, 16.0), (186.0, 180.0), (256.0, 180.0)]
    for x, y in points:
        side = float(np.clip((x - centre) / 20, -1, 1))
        dx, dy = 0.0, 0.0
        if y < 108:
            dx += side * (shape.eye_distance if 189 <= x <= 263 else shape.face_width)
            dy += shape.brow_height if 85 <= y < 97 else 0.0
        elif y < 136:
            dx += side * shape.face_width * min(1.0, abs(x - centre) / 40)
            dy += shape.nose_length if abs(x - centre) < 20 else 0.0
        elif y < 156 and abs(x - centre) < 25:
            dx += side * shape.mouth_width
            dy += 0.5 * (shape.chin_length + shape.nose_length)
        else:
            dx += side * shape.jaw_width
            dy += shape.chin_length * min(1.0, max(0.0, (y - 140) / 30))
        moved.append((x + dx, y + dy))
    frame = [(x, y) for x in (60, 224, 400) for y in (-20, 240)]
    source, target = np.array([*points, *frame], np.float64), np.array([*moved, *frame], np.float64)
    head = (110, 0, 340, 240)
    grid = point_grid((0, 0, 512, 512), step=1 / CANVAS_SCALE)
    coarse = point_grid(head, step=2)
    shift = thin_plate_map(target, source, coarse) - coarse
    shift *= fading_window(shift.shape[:2], margin=15)[..., None]
    size = ((head[2] - head[0]) * CANVAS_SCALE, (head[3] - head[1]) * CANVAS_SCALE)
    x0, y0, x1, y1 = (CANVAS_SCALE * v for v in head)
    grid[y0:y1, x0:x1] += cv2.resize(shift, size, interpolation=cv2.INTER_LINEAR)
    return grid
