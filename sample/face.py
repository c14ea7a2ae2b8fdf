"""One animated face of the embedded sample: the bundled astronaut portrait as a puppet.

Belongs here: the movements of an expression and the rendering of one pose of one variant. Stays out: the marks
(``marks``), the neutral base (``neutral``), the variants (``shapes``), clips, timing and manifests.

How a pose is made. Every pixel of the face asks where it comes from, in four steps that undo each other's
motion: the variant's proportions, the thin-plate movements of the expression, the slits of eyes and mouth
(whose edges slide over eyeball and teeth like real lids and lips), and at last the texture of the neutral
base. Coordinates are (x, y) portrait pixels throughout, as ``cv2.remap`` and the marks have them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage import data

from apexline.sample import marks as marks
from apexline.sample.neutral import (
    BROWN,
    CLOSING_SHARE,
    LOWER_REACH,
    UPPER_REACH,
    across_smile,
    brush_strokes,
    close_mouth,
    smile_gap,
    smile_point,
    soften_folds,
)
from apexline.sample.shapes import FaceShape, relight, unshape_map, with_brows
from apexline.sample.warp import (
    CANVAS_SCALE,
    ROI,
    Bytes,
    Floats,
    crop_box,
    fading_window,
    point_grid,
    sample_texture,
    slide_back,
    still_border,
    thin_plate_map,
    undo_field,
)

_PATCH = (148, 54, 298, 208)  # the ROI with a margin: textures that the moving part is drawn from
_EYE_ROWS, _MOUTH_ROWS = (80, 124), (124, 181)  # y0, y1: parts of the ROI that lids and lips can reach
_GAZE_REACH = 3.0  # px by which an iris moves
_LID_REACH = 7.5  # px over which a sliding lid takes the skin along
_STILL = (0.0, 0.0)
_CAVITY = np.array([38.0, 34.0, 66.0], np.float32)  # BGR of an open mouth


@dataclass(frozen=True)
class Pose:
    """Strength of each movement, 0..1: expressions, closing of the lids, opening of the mouth; gaze is -1..1.

    The portrait knows the first three expressions only; `sample.morphs` has stills of the others too.
    """

    happy: float = 0.0
    angry: float = 0.0
    scared: float = 0.0
    sad: float = 0.0
    disgusted: float = 0.0
    surprised: float = 0.0
    blink: float = 0.0
    talk: float = 0.0
    gaze: float = 0.0


class FacePuppet:
    """The portrait in one variant's shape; ``render`` poses it.

    Attributes
    ----------
    matte : ndarray, shape (1024, 1024)
        Person 1, wall 0, feathered; float32, on the canvas.
    """

    def __init__(self, shape: FaceShape) -> None:
        self.shape = shape
        rig = _rig()
        unshape = unshape_map(shape)
        smooth = relight(with_brows(rig.neutral, shape.brow_ink), shape)
        folded = relight(with_brows(rig.folded, shape.brow_ink), shape)
        self._smooth, self._folded = crop_box(smooth, _PATCH), crop_box(folded, _PATCH)
        self._smile = crop_box(relight(rig.smile, shape), _PATCH)
        matte = sample_texture(rig.matte, unshape)
        self.matte: Floats = np.ascontiguousarray(matte[:, ::-1]) if shape.mirrored else matte
        self._canvas: Bytes = sample_texture(smooth, unshape)
        self._roi_map = crop_box(unshape, ROI)
        self._neutral_face = self._face(Pose())

    def render(self, pose: Pose) -> Bytes:
        """Draw the puppet.

        Parameters
        ----------
        pose : Pose

        Returns
        -------
        canvas : ndarray, shape (1024, 1024, 3)
            BGR, twice the portrait's resolution; valid where ``matte`` is positive.
        """
        canvas = self._canvas.copy()
        crop_box(canvas, ROI)[:] = self._neutral_face if pose == Pose() else self._face(pose)
        return np.asarray(cv2.flip(canvas, 1), np.uint8) if self.shape.mirrored else canvas

    def _face(self, pose: Pose) -> Floats:
        rig = _rig()
        weights = {name: float(getattr(pose, name)) * self.shape.strength for name in marks.MOVEMENTS}
        happy = min(1.0, weights["happy"])
        field = np.zeros_like(rig.fields["happy"])
        for name in marks.MOVEMENTS:
            field += np.float32(weights[name]) * rig.fields[name]
        base = undo_field(field, self._roi_map)
        skin = base.copy()
        eyes, lips = _rows(skin, _EYE_ROWS), _rows(skin, _MOUTH_ROWS)
        eyes[:] = _undo_lids(eyes, pose, weights)
        lips[:], inside, depth = _undo_lips(lips, weights)
        texture = cv2.addWeighted(self._folded, happy, self._smooth, 1 - happy, 0)
        face = sample_texture(texture, skin, origin=_PATCH).astype(np.float32)
        teeth = sample_texture(self._smile, smile_point(_rows(base, _MOUTH_ROWS)), origin=_PATCH)
        mouth = _CAVITY * (1.0 - 0.35 * depth[..., None])
        mouth += min(1.0, 3 * happy) * (teeth - mouth)
        lower_face = _rows(face, _MOUTH_ROWS)
        lower_face += inside[..., None] * (mouth - lower_face)
        if weights["angry"] > 0:
            shade = np.float32(weights["angry"]) * sample_texture(rig.furrow, skin, origin=ROI, scale=1)
            face *= 1.0 - shade[..., None] * BROWN
        return face


@dataclass(frozen=True)
class _Rig:
    """What all variants share: textures on the canvas, movement fields and shades on the ROI."""

    smile: Bytes
    neutral: Bytes
    folded: Bytes
    matte: Floats
    fields: dict[str, Floats]
    furrow: Floats


@cache
def _rig() -> _Rig:
    portrait = np.ascontiguousarray(data.astronaut()[..., ::-1])
    large = cv2.resize(portrait, None, fx=CANVAS_SCALE, fy=CANVAS_SCALE, interpolation=cv2.INTER_LANCZOS4)
    smile = np.asarray(large, np.uint8)
    folded = close_mouth(smile)
    matte = np.zeros(smile.shape[:2], np.float32)
    cv2.fillPoly(matte, [np.rint(marks.OUTLINE * CANVAS_SCALE).astype(np.int32)], 1.0, cv2.LINE_AA)
    grid = point_grid(ROI, step=1.0)
    window = fading_window(grid.shape[:2], margin=6)
    points = np.array(list(marks.MOVES), np.float64)
    anchors = np.concatenate([points, still_border()])
    fields: dict[str, Floats] = {}
    for name in marks.MOVEMENTS:
        moves = np.array([move.get(name, _STILL) for move in marks.MOVES.values()])
        target = anchors.copy()
        target[: len(points)] += moves
        fields[name] = (thin_plate_map(anchors, target, grid) - grid) * window[..., None]
    lines = brush_strokes(grid, marks.FURROWS, width=1.1)
    socket = brush_strokes(grid, marks.FURROWS, width=5.0)
    return _Rig(
        smile=smile,
        neutral=soften_folds(folded),
        folded=folded,
        matte=np.asarray(cv2.GaussianBlur(matte, (0, 0), 2.0), np.float32),
        fields=fields,
        furrow=0.2 * lines + 0.1 * socket,
    )


def _rows(roi: NDArray[Any], span: tuple[int, int]) -> NDArray[Any]:
    """View of the ROI between two heights of the portrait."""
    return roi[CANVAS_SCALE * (span[0] - ROI[1]) : CANVAS_SCALE * (span[1] - ROI[1])]


def _undo_lids(points: Floats, pose: Pose, weights: dict[str, float]) -> Floats:
    """Open or close the lids: skin beyond an edge slides, the eyeball between them stays, or looks aside."""
    x, y, blink = points[..., 0].copy(), points[..., 1].copy(), pose.blink
    lower_share = 0.28 * weights["happy"] + 0.16 * weights["angry"]
    upper_share = min(1.0, 0.06 * weights["happy"] + 0.26 * weights["angry"] + blink * 0.95)
    upper_share = min(upper_share, 1.0 - lower_share)
    for upper_edge, lower_edge in marks.LIDS:
        within = (x > upper_edge.points[0, 0]) & (x < upper_edge.points[-1, 0])
        upper, lower = upper_edge.at(x), lower_edge.at(x)
        gap = np.where(within, lower - upper, 0)
        widen = 0.2 * weights["scared"] * gap * (1 - blink)
        lift = widen - upper_share * gap  # upwards
        drop = 0.3 * widen - lower_share * gap  # downwards
        above, below = upper - lift - y, y - lower - drop
        y_above = upper - slide_back(above + lift, lift, _LID_REACH)
        y_below = lower + slide_back(below + drop, drop, _LID_REACH)
        # A widened eye shows more eyeball than the portrait has: stretch what there is.
        open_gap = np.maximum(gap + widen * 1.3, 1e-3)
        stretched = upper + (y - (upper - widen)) * np.where(widen > 0, gap / open_gap, 1)
        eyeball = np.where(widen > 0, stretched, y)
        inside = within & (above < 0) & (below < 0)
        y = np.where(inside, eyeball, np.where(within & (above >= 0), y_above, np.where(within, y_below, y)))
        if pose.gaze:
            left, right = upper_edge.points[0, 0], upper_edge.points[-1, 0]
            # the corners of the eye stay where they are
            arch = 1 - ((2 * x - left - right) / (right - left)) ** 2
            x[inside] -= (pose.gaze * _GAZE_REACH * arch)[inside]
    return np.stack([x, y], axis=-1)


def _undo_lips(points: Floats, weights: dict[str, float]) -> tuple[Floats, Floats, Floats]:
    """Part the lips at the seam.

    Returns
    -------
    skin : ndarray, shape (rows, cols, 2)
        Source of the lips and the skin around them.
    inside : ndarray, shape (rows, cols)
        Share of the pixel that shows the inside of the mouth, 0..1.
    depth : ndarray, shape (rows, cols)
        0 at the lips, 1 in the middle of the opening.
    """
    x, y = points[..., 0], points[..., 1]
    seam = marks.SEAM.at(x)
    across = (x - marks.SEAM.points[0, 0]) / (marks.SEAM.points[-1, 0] - marks.SEAM.points[0, 0]) * 2 - 1
    arch = np.clip(1 - across**2, 0, 1).astype(np.float32)
    gap = smile_gap(across_smile(x)) * (np.abs(across) < 1)
    up = weights["happy"] * CLOSING_SHARE * gap + (weights["scared"] * 1.6 + weights["talk"] * 0.6) * arch
    down = (
        weights["happy"] * (1 - CLOSING_SHARE) * gap
        + (weights["scared"] * 5.0 + weights["talk"] * 5.5) * arch
    )
    above, below = seam - y, y - seam
    y_above = seam - np.maximum(slide_back(above, up, UPPER_REACH), 0)
    y_below = seam + np.maximum(slide_back(below, down, LOWER_REACH), 0)
    skin = np.stack([x, np.where(above >= 0, y_above, y_below)], axis=-1)
    from_edge = np.minimum(up - above, down - below)
    inside = np.clip(from_edge * CANVAS_SCALE + 0.5, 0, 1) * (np.abs(across) < 1) * (up + down > 0.05)
    depth = np.clip(from_edge / 2.5, 0, 1)
    return skin, inside.astype(np.float32), depth.astype(np.float32)
