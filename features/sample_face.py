"""One animated face of the embedded sample: the bundled astronaut portrait as a puppet.

Belongs here: the neutral base that is warped out of the smiling original, and the rendering of one pose of
one variant. Stays out: the marks (``sample_marks.py``), clips, timing and manifests.

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
from skimage.transform import ThinPlateSplineTransform

from features import sample_marks as marks

Floats = NDArray[np.floating[Any]]
Bytes = NDArray[np.uint8]

CANVAS_SCALE = 2  # canvas pixels per portrait pixel
_ROI = (164, 70, 282, 192)  # x0, y0, x1, y1: the only part that moves with the expression
_PATCH = (148, 54, 298, 208)  # the same with a margin: textures that the moving part is drawn from
_EYE_ROWS, _MOUTH_ROWS = (80, 124), (124, 181)  # y0, y1: parts of the ROI that lids and lips can reach
_CLOSING_SHARE = 0.35  # of the smile's gap that the upper lip covers; the jaw covers the rest
_LIP_OVERLAP = 0.6  # px of lip drawn over the edge of the teeth, so that none shine through the seam
_UPPER_REACH, _LOWER_REACH, _LID_REACH = 11.0, 26.0, 7.5  # px over which a sliding edge takes the skin along
_STILL = (0.0, 0.0)


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


@dataclass(frozen=True)
class Pose:
    """Strength of each movement, 0..1: the three expressions and the closing of the lids."""

    happy: float = 0.0
    angry: float = 0.0
    scared: float = 0.0
    blink: float = 0.0


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
        unshape = _unshape_map(shape)
        smooth = _relight(_with_brows(rig.neutral, shape.brow_ink), shape)
        folded = _relight(_with_brows(rig.folded, shape.brow_ink), shape)
        self._smooth, self._folded = _crop(smooth, _PATCH), _crop(folded, _PATCH)
        self._smile = _crop(_relight(rig.smile, shape), _PATCH)
        matte = _sample(rig.matte, unshape)
        self.matte: Floats = np.ascontiguousarray(matte[:, ::-1]) if shape.mirrored else matte
        self._canvas: Bytes = _sample(smooth, unshape)
        self._roi_map = _crop(unshape, _ROI)
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
        _crop(canvas, _ROI)[:] = self._neutral_face if pose == Pose() else self._face(pose)
        return np.asarray(cv2.flip(canvas, 1), np.uint8) if self.shape.mirrored else canvas

    def _face(self, pose: Pose) -> Floats:
        rig = _rig()
        weights = {name: float(getattr(pose, name)) * self.shape.strength for name in marks.EXPRESSIONS}
        happy = min(1.0, weights["happy"])
        field = np.zeros_like(rig.fields["happy"])
        for name in marks.EXPRESSIONS:
            field += np.float32(weights[name]) * rig.fields[name]
        base = _undo(field, self._roi_map)
        skin = base.copy()
        eyes, lips = _rows(skin, _EYE_ROWS), _rows(skin, _MOUTH_ROWS)
        eyes[:] = _undo_lids(eyes, pose.blink, weights)
        lips[:], inside, depth = _undo_lips(lips, weights)
        texture = cv2.addWeighted(self._folded, happy, self._smooth, 1 - happy, 0)
        face = _sample(texture, skin, origin=_PATCH).astype(np.float32)
        teeth = _sample(self._smile, _smile_point(_rows(base, _MOUTH_ROWS)), origin=_PATCH)
        mouth = _CAVITY * (1.0 - 0.35 * depth[..., None])
        mouth += min(1.0, 3 * happy) * (teeth - mouth)
        lower_face = _rows(face, _MOUTH_ROWS)
        lower_face += inside[..., None] * (mouth - lower_face)
        if weights["angry"] > 0:
            shade = np.float32(weights["angry"]) * _sample(rig.furrow, skin, origin=_ROI, scale=1)
            face *= 1.0 - shade[..., None] * _BROWN
        return face


_BROWN = np.array([1.0, 0.9, 0.72], np.float32)  # BGR share of the light that ink and furrows take
_CAVITY = np.array([38.0, 34.0, 66.0], np.float32)  # BGR of an open mouth


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
    folded = _close_mouth(smile)
    matte = np.zeros(smile.shape[:2], np.float32)
    cv2.fillPoly(matte, [np.rint(marks.OUTLINE * CANVAS_SCALE).astype(np.int32)], 1.0, cv2.LINE_AA)
    grid = _grid(_ROI, step=1.0)
    window = _window(grid.shape[:2], margin=6)
    points = np.array(list(marks.MOVES), np.float64)
    anchors = np.concatenate([points, _border()])
    fields: dict[str, Floats] = {}
    for name in marks.EXPRESSIONS:
        moves = np.array([move.get(name, _STILL) for move in marks.MOVES.values()])
        target = anchors.copy()
        target[: len(points)] += moves
        fields[name] = (_spline(anchors, target, grid) - grid) * window[..., None]
    lines = _strokes(grid, marks.FURROWS, width=1.1)
    socket = _strokes(grid, marks.FURROWS, width=5.0)
    return _Rig(
        smile=smile,
        neutral=_soften_folds(folded),
        folded=folded,
        matte=np.asarray(cv2.GaussianBlur(matte, (0, 0), 2.0), np.float32),
        fields=fields,
        furrow=0.2 * lines + 0.1 * socket,
    )


def _grid(box: tuple[int, int, int, int], *, step: float) -> Floats:
    """Portrait coordinates of the pixels of a box, shape (rows, cols, 2); any step keeps pixel centres."""
    x0, y0, x1, y1 = box
    shift = (step - 1) / 2
    xs, ys = np.arange(x0, x1, step) + shift, np.arange(y0, y1, step) + shift
    return np.stack(np.meshgrid(xs, ys), axis=-1).astype(np.float32)


def _border() -> NDArray[np.float64]:
    """Points around the ROI that never move."""
    x0, y0, x1, y1 = _ROI
    xs, ys = np.linspace(x0, x1, 6), np.linspace(y0, y1, 6)
    rims = [[(x, y) for x in xs for y in (y0, y1)], [(x, y) for y in ys[1:-1] for x in (x0, x1)]]
    return np.array([point for rim in rims for point in rim])


def _window(shape: tuple[int, ...], *, margin: int) -> Floats:
    """Weight 1 inside, falling smoothly to 0 over the margin at the rim."""
    ramps = []
    for size in shape:
        distance = np.minimum(np.arange(size), np.arange(size)[::-1])
        ramps.append(np.sin(np.clip(distance / margin, 0, 1) * np.pi / 2) ** 2)
    return np.outer(ramps[0], ramps[1]).astype(np.float32)


def _spline(source: Any, target: Any, grid: Floats) -> Floats:
    """Thin-plate map that takes source points to target points, evaluated on a grid."""
    spline: Any = ThinPlateSplineTransform.from_estimate(source, target)
    return spline(grid.reshape(-1, 2)).reshape(grid.shape).astype(np.float32)


def _crop(canvas: NDArray[Any], box: tuple[int, int, int, int]) -> NDArray[Any]:
    """View of the canvas inside a box of portrait pixels."""
    x0, y0, x1, y1 = (CANVAS_SCALE * v for v in box)
    return canvas[y0:y1, x0:x1]


def _rows(roi: NDArray[Any], span: tuple[int, int]) -> NDArray[Any]:
    """View of the ROI between two heights of the portrait."""
    return roi[CANVAS_SCALE * (span[0] - _ROI[1]) : CANVAS_SCALE * (span[1] - _ROI[1])]


def _sample(
    texture: NDArray[Any], points: Floats, *, origin: tuple[int, ...] = (0, 0), scale: int = CANVAS_SCALE
) -> NDArray[Any]:
    """Texture at portrait coordinates; ``origin`` is the portrait point of the texture's corner."""
    at = (points - np.array(origin[:2], np.float32) + np.float32(0.5)) * np.float32(scale) - np.float32(0.5)
    return cv2.remap(texture, at[..., 0], at[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _undo(field: Floats, points: Floats) -> Floats:
    """Where the points were before ``field`` moved them: the fixed point of p = q - field(p)."""
    # Fields are smooth: a quarter of the points is enough.
    half = points.shape[1] // 2, points.shape[0] // 2
    after = np.asarray(cv2.resize(points, half, interpolation=cv2.INTER_AREA), np.float32)
    moved: Floats = np.zeros_like(after)
    for _ in range(8):
        moved = _sample(field, after - moved, origin=_ROI, scale=1)
    return points - np.asarray(cv2.resize(moved, points.shape[1::-1], interpolation=cv2.INTER_LINEAR))


def _slide_back(distance: Floats, shift: Floats, reach: float) -> Floats:
    """Distance from an edge before it slid outward by ``shift`` and took the skin within ``reach`` along."""
    slid = (distance - shift) / (1 - shift / reach)
    return np.where(distance < reach, slid, distance)


def _undo_lids(points: Floats, blink: float, weights: dict[str, float]) -> Floats:
    """Open or close the lids: skin beyond an edge slides, the eyeball between them stays."""
    x, y = points[..., 0], points[..., 1].copy()
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
        y_above = upper - _slide_back(above + lift, lift, _LID_REACH)
        y_below = lower + _slide_back(below + drop, drop, _LID_REACH)
        # A widened eye shows more eyeball than the portrait has: stretch what there is.
        open_gap = np.maximum(gap + widen * 1.3, 1e-3)
        stretched = upper + (y - (upper - widen)) * np.where(widen > 0, gap / open_gap, 1)
        eyeball = np.where(widen > 0, stretched, y)
        inside = within & (above < 0) & (below < 0)
        y = np.where(inside, eyeball, np.where(within & (above >= 0), y_above, np.where(within, y_below, y)))
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
    gap = _smile_gap(_across_smile(x)) * (np.abs(across) < 1)
    up = weights["happy"] * _CLOSING_SHARE * gap + weights["scared"] * 1.6 * arch
    down = weights["happy"] * (1 - _CLOSING_SHARE) * gap + weights["scared"] * 5.0 * arch
    above, below = seam - y, y - seam
    y_above = seam - np.maximum(_slide_back(above, up, _UPPER_REACH), 0)
    y_below = seam + np.maximum(_slide_back(below, down, _LOWER_REACH), 0)
    skin = np.stack([x, np.where(above >= 0, y_above, y_below)], axis=-1)
    from_edge = np.minimum(up - above, down - below)
    inside = np.clip(from_edge * CANVAS_SCALE + 0.5, 0, 1) * (np.abs(across) < 1) * (up + down > 0.05)
    depth = np.clip(from_edge / 2.5, 0, 1)
    return skin, inside.astype(np.float32), depth.astype(np.float32)


def _across_smile(x: Floats) -> Floats:
    """Column of the smiling mouth that belongs to a column of the neutral mouth."""
    ends = [marks.SMILE_UPPER.points[0, 0], marks.SMILE_UPPER.points[-1, 0]]
    return np.interp(x, [marks.SEAM.points[0, 0], marks.SEAM.points[-1, 0]], ends).astype(np.float32)


def _smile_gap(x: Floats) -> Floats:
    return marks.SMILE_LOWER.at(x) - marks.SMILE_UPPER.at(x)


def _smile_point(points: Floats) -> Floats:
    """Where the original smile shows its teeth for a point of the parted neutral mouth."""
    x = _across_smile(points[..., 0])
    line = marks.SMILE_UPPER.at(x) + _CLOSING_SHARE * _smile_gap(x)
    return np.stack([x, line + points[..., 1] - marks.SEAM.at(points[..., 0])], axis=-1)


def _close_mouth(smile: Bytes) -> Bytes:
    """Neutral base: the teeth are covered by sliding the lips together, then the corners come in and down."""
    upper_x, lower_x = marks.SMILE_UPPER_OUTER[:, 0], marks.SMILE_LOWER_OUTER[:, 0]
    closed_upper, closed_lower = marks.SMILE_UPPER_OUTER.copy(), marks.SMILE_LOWER_OUTER.copy()
    up, down = _CLOSING_SHARE * _smile_gap(upper_x), (1 - _CLOSING_SHARE) * _smile_gap(lower_x)
    above = marks.SMILE_UPPER.at(upper_x) - closed_upper[:, 1]
    closed_upper[:, 1] = _closed_line(upper_x) - above / (1 - up / _UPPER_REACH)
    below = closed_lower[:, 1] - marks.SMILE_LOWER.at(lower_x)
    closed_lower[:, 1] = _closed_line(lower_x) + below / (1 - down / _LOWER_REACH)
    seam_x = _across_smile(marks.SEAM.points[:, 0].astype(np.float32))
    seam_points = np.stack([seam_x, _closed_line(seam_x)], axis=-1)
    still = [point for point in marks.MOVES if point[1] < 135 or point[1] > 155]
    lowered = {(196.0, 117.0): (196.4, 115.4), (254.0, 119.0): (253.6, 117.4), (223.0, 177.5): (223.0, 178.2)}
    originals = [lowered.get(point, point) for point in still]
    source = np.concatenate([closed_upper, closed_lower, seam_points, originals, _border()])
    outer = [marks.NEUTRAL_UPPER_OUTER, marks.NEUTRAL_LOWER_OUTER]
    target = np.concatenate([*outer, marks.SEAM.points, still, _border()])
    grid = _grid(_ROI, step=1 / CANVAS_SCALE)
    window = _window(grid.shape[:2], margin=6 * CANVAS_SCALE)[..., None]
    closed = grid + (_spline(target, source, grid) - grid) * window
    x, y = closed[..., 0], closed[..., 1]
    line, gap = _closed_line(x), _smile_gap(x)
    up, down = _CLOSING_SHARE * gap, (1 - _CLOSING_SHARE) * gap
    above, below = line - y, y - line
    opened_up = line - (above + (up + _LIP_OVERLAP) * np.clip(1 - above / _UPPER_REACH, 0, 1))
    opened_down = line + (below + (down + _LIP_OVERLAP) * np.clip(1 - below / _LOWER_REACH, 0, 1))
    out = smile.copy()
    closed = _sample(smile, np.stack([x, np.where(above >= 0, opened_up, opened_down)], axis=-1))
    _crop(out, _ROI)[:] = _ink(closed, _strokes(grid, (marks.SEAM.points,), width=0.7), 0.4)
    return out


def _closed_line(x: Any) -> Floats:
    """Where the smiling lips meet once they are slid together."""
    return marks.SMILE_UPPER.at(x) + _CLOSING_SHARE * _smile_gap(x)


def _soften_folds(texture: Bytes) -> Bytes:
    """Blur away the folds between nose and mouth that belong to the smile."""
    out = texture.copy()
    face = _crop(out, _ROI)
    mask = np.clip(1.2 * _strokes(_grid(_ROI, step=1 / CANVAS_SCALE), marks.FOLDS, width=3.0), 0, 0.85)[
        ..., None
    ]
    soft = cv2.GaussianBlur(face, (0, 0), 5.0 * CANVAS_SCALE)
    face[:] = np.rint(face + mask * (soft.astype(np.float32) - face)).astype(np.uint8)
    return out


def _strokes(grid: Floats, lines: tuple[NDArray[Any], ...], *, width: float) -> Floats:
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


def _with_brows(texture: Bytes, ink: float) -> Bytes:
    """Darken the brows, which are thin and fair in the portrait."""
    out = texture.copy()
    face = _crop(out, _ROI)
    face[:] = _ink(face, _strokes(_grid(_ROI, step=1 / CANVAS_SCALE), marks.BROWS, width=1.0), ink)
    return out


def _ink(image: NDArray[Any], strokes: Floats, strength: float) -> Bytes:
    """Darken by brush strokes towards brown: red loses least."""
    return np.rint(image * (1 - strength * strokes[..., None] * _BROWN)).astype(np.uint8)


def _relight(texture: Bytes, shape: FaceShape) -> Bytes:
    """Exposure, tone, tint and side light of one variant."""
    tones = np.arange(256, dtype=np.float32) / 255
    table = 255 * np.clip(tones[:, None] ** shape.gamma * shape.gain * np.array(shape.tint), 0, 1)
    out = cv2.LUT(texture, np.rint(table).astype(np.uint8).reshape(256, 1, 3)).astype(np.float32)
    centre = (marks.FACE_BOX[0] + marks.FACE_BOX[2]) / 2 * CANVAS_SCALE
    side = np.tanh((np.arange(texture.shape[1]) - centre) / (60 * CANVAS_SCALE))
    out *= (1 + shape.side_light * side).astype(np.float32)[None, :, None]
    return np.clip(np.rint(out), 0, 255).astype(np.uint8)


def _unshape_map(shape: FaceShape) -> Floats:
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
    grid = _grid((0, 0, 512, 512), step=1 / CANVAS_SCALE)
    coarse = _grid(head, step=2)
    shift = _spline(target, source, coarse) - coarse
    shift *= _window(shift.shape[:2], margin=15)[..., None]
    size = ((head[2] - head[0]) * CANVAS_SCALE, (head[3] - head[1]) * CANVAS_SCALE)
    x0, y0, x1, y1 = (CANVAS_SCALE * v for v in head)
    grid[y0:y1, x0:x1] += cv2.resize(shift, size, interpolation=cv2.INTER_LINEAR)
    return grid
