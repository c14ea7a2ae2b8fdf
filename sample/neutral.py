"""The neutral base: the smiling portrait with its mouth closed and its folds softened.

Belongs here: closing the smile, the way back to it for the teeth, and the brush. Stays out: expressions
(``face``) and what tells variants apart (``shapes``).
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from apexline.sample import marks as marks
from apexline.sample.warp import (
    CANVAS_SCALE,
    ROI,
    Bytes,
    Floats,
    crop_box,
    fading_window,
    point_grid,
    sample_texture,
    still_border,
    thin_plate_map,
)

CLOSING_SHARE = 0.35  # of the smile's gap that the upper lip covers; the jaw covers the rest
UPPER_REACH, LOWER_REACH = 11.0, 26.0  # px over which a sliding lip takes the skin along
BROWN = np.array([1.0, 0.9, 0.72], np.float32)  # BGR share of the light that ink and furrows take
_LIP_OVERLAP = 0.6  # px of lip drawn over the edge of the teeth, so that none shine through the seam


def close_mouth(smile: Bytes) -> Bytes:
    """Neutral base: the teeth are covered by sliding the lips together, then the corners come in and down."""
    upper_x, lower_x = marks.SMILE_UPPER_OUTER[:, 0], marks.SMILE_LOWER_OUTER[:, 0]
    closed_upper, closed_lower = marks.SMILE_UPPER_OUTER.copy(), marks.SMILE_LOWER_OUTER.copy()
    up, down = CLOSING_SHARE * smile_gap(upper_x), (1 - CLOSING_SHARE) * smile_gap(lower_x)
    above = marks.SMILE_UPPER.at(upper_x) - closed_upper[:, 1]
    closed_upper[:, 1] = _closed_line(upper_x) - above / (1 - up / UPPER_REACH)
    below = closed_lower[:, 1] - marks.SMILE_LOWER.at(lower_x)
    closed_lower[:, 1] = _closed_line(lower_x) + below / (1 - down / LOWER_REACH)
    seam_x = across_smile(marks.SEAM.points[:, 0].astype(np.float32))
    seam_points = np.stack([seam_x, _closed_line(seam_x)], axis=-1)
    still = [point for point in marks.MOVES if point[1] < 135 or point[1] > 155]
    lowered = {(196.0, 117.0): (196.4, 115.4), (254.0, 119.0): (253.6, 117.4), (223.0, 177.5): (223.0, 178.2)}
    originals = [lowered.get(point, point) for point in still]
    source = np.concatenate([closed_upper, closed_lower, seam_points, originals, still_border()])
    outer = [marks.NEUTRAL_UPPER_OUTER, marks.NEUTRAL_LOWER_OUTER]
    target = np.concatenate([*outer, marks.SEAM.points, still, still_border()])
    grid = point_grid(ROI, step=1 / CANVAS_SCALE)
    window = fading_window(grid.shape[:2], margin=6 * CANVAS_SCALE)[..., None]
    closed = grid + (thin_plate_map(target, source, grid) - grid) * window
    x, y = closed[..., 0], closed[..., 1]
    line, gap = _closed_line(x), smile_gap(x)
    up, down = CLOSING_SHARE * gap, (1 - CLOSING_SHARE) * gap
    above, below = line - y, y - line
    opened_up = line - (above + (up + _LIP_OVERLAP) * np.clip(1 - above / UPPER_REACH, 0, 1))
    opened_down = line + (below + (down + _LIP_OVERLAP) * np.clip(1 - below / LOWER_REACH, 0, 1))
    out = smile.copy()
    closed = sample_texture(smile, np.stack([x, np.where(above >= 0, opened_up, opened_down)], axis=-1))
    crop_box(out, ROI)[:] = darken(closed, brush_strokes(grid, (marks.SEAM.points,), width=0.7), 0.4)
    return out


def _closed_line(x: Any) -> Floats:
    """Where the smiling lips meet once they are slid together."""
    return marks.SMILE_UPPER.at(x) + CLOSING_SHARE * smile_gap(x)


def soften_folds(texture: Bytes) -> Bytes:
    """Blur away the folds between nose and mouth that belong to the smile."""
    out = texture.copy()
    face = crop_box(out, ROI)
    strokes = brush_strokes(point_grid(ROI, step=1 / CANVAS_SCALE), marks.FOLDS, width=3.0)
    mask = np.clip(1.2 * strokes, 0, 0.85)[..., None]
    soft = cv2.GaussianBlur(face, (0, 0), 5.0 * CANVAS_SCALE)
    face[:] = np.rint(face + mask * (soft.astype(np.float32) - face)).astype(np.uint8)
    return out


def across_smile(x: Floats) -> Floats:
    """Column of the smiling mouth that belongs to a column of the neutral mouth."""
    ends = [marks.SMILE_UPPER.points[0, 0], marks.SMILE_UPPER.points[-1, 0]]
    return np.interp(x, [marks.SEAM.points[0, 0], marks.SEAM.points[-1, 0]], ends).astype(np.float32)


def smile_gap(x: Floats) -> Floats:
    """Height of the smiling mouth's opening at each of its columns, px."""
    return marks.SMILE_LOWER.at(x) - marks.SMILE_UPPER.at(x)


def smile_point(points: Floats) -> Floats:
    """Where the original smile shows its teeth for a point of the parted neutral mouth."""
    x = across_smile(points[..., 0])
    return np.stack([x, _closed_line(x) + points[..., 1] - marks.SEAM.at(points[..., 0])], axis=-1)


def brush_strokes(grid: Floats, lines: tuple[NDArray[Any], ...], *, width: float) -> Floats:
    """Soft brush strokes along polylines, 0..1; ``width`` is the Gaussian's sigma in px."""
    out = np.zeros(grid.shape[:2], np.float32)
    for line in lines:
        distance = np.full(out.shape, np.inf, np.float32)
        for start, end in zip(line[:-1], line[1:], strict=True):
            along = end - start
            t = np.clip(((grid - start) @ along) / (along @ along), 0, 1)
            away = np.linalg.norm(grid - (start + t[..., None] * along), axis=-1)
            distance = np.minimum(distance, away)
        out = np.maximum(out, np.exp(-(distance**2) / (2 * width**2)))
    return out.astype(np.float32)


def darken(image: NDArray[Any], strokes: Floats, strength: float) -> Bytes:
    """Darken by brush strokes towards brown: red loses least."""
    return np.rint(image * (1 - strength * strokes[..., None] * BROWN)).astype(np.uint8)
