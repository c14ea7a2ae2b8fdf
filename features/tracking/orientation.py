"""Whether a face is upright, told from how much more like a face it looks when its picture is turned.

Belongs here: the evidence of one track and its verdict. Stays out: small turns of an upright head, which the landmarks
show (``features.faces.alignment``), and what becomes of the frames (``tracker``).

A detector also finds faces that are upside down or lie on their side, and then puts upright landmarks on them: eyes
where the mouth is. Both tell: the score, and how far the landmarks are from the proportions of a face. Where a turned
face does not fit better upright, the box mostly misses it: such boxes score little, and are searched about. What the
limits below rest on, faces of development clips, stands in docs/LOG.md, 2026-11-29.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from apexline.features.faces import CROP_LANDMARKS, Box, Detection, FaceDetector, box_iou

Turned = Literal["", "sideways", "upside_down"]

# Quarter turns that make a face upright, and what it is called then.
_TURNS: dict[int, Turned] = {1: "sideways", 2: "upside_down", 3: "sideways"}
# More than any turned face scored, and less than most upright ones. That is evidence enough, and needs no look.
_SURE = 0.9985
# Below, the box may have missed the face, and its surroundings are searched.
_DOUBTFUL = 0.995
# s from one look at an upright face to the next, until it is settled; a turned one is looked at at every detection.
_EVERY_S = 1.0
# So many looks and sure detections settle that a face is upright.
_ENOUGH = 3
# A face is looked at with this many box sides about it.
_SIDES = 2.0
# Faces that are taken into account there: the surroundings of a large one may show a mosaic.
_MOST_AROUND = 16
# Of two boxes of one face.
_MIN_IOU = 0.2
# A score of 1 - 1e-5 is as good as any above.
_MAX_LOG_ODDS = math.log(1e5)
# Log-odds that a misfit of the landmarks by one distance of the eyes takes away.
_PER_MISFIT = 12.0
# By so much, on the mean of all looks, a turned picture has to fit better.
_MARGIN = 0.5


@dataclass
class Orientation:
    """How well a track's face fits as it is, and in each turn: sums over the sure detections and the looks."""

    _looks: int = 0
    _upright: float = 0.0
    _turned: dict[int, float] = field(default_factory=lambda: dict.fromkeys(_TURNS, 0.0))
    _next_s: float = -math.inf

    @property
    def turned(self) -> Turned:
        """How the face lies; empty while nothing speaks against an upright one."""
        best = max(self._turned, key=lambda turn: self._turned[turn])
        return _TURNS[best] if self._turned[best] - self._upright > _MARGIN * self._looks else ""

    def note(self, face: Detection) -> None:
        """Take a detection into account, each of the track's: a sure one shows an upright face."""
        if face.score >= _SURE:
            self._upright += _fit(face)
            self._looks += 1

    def look(self, detector: FaceDetector, image: NDArray[np.uint8], face: Detection, time_s: float) -> None:
        """Turn the picture of a face that was just detected, where that is due.

        Parameters
        ----------
        detector : FaceDetector
        image : ndarray, shape (M, N, 3), uint8
            Blue, green, red.
        face : Detection
            px of the image.
        time_s : float
        """
        settled = self._looks >= _ENOUGH and not self.turned
        if settled or time_s < self._next_s or face.score >= _SURE:
            return
        picture, inside = _cut(image, face.box)
        for turn in _TURNS:
            turned = np.ascontiguousarray(np.rot90(picture, turn))
            place = _turned_box(inside, picture.shape, turn)
            [seen] = detector.confirm(turned, [place])
            found = [] if seen is None else [seen]
            if face.score < _DOUBTFUL:
                # A sure face beside the box shows that the picture is turned, and that the box has missed it.
                around = detector.detect(turned, most=_MOST_AROUND)
                found += [
                    each for each in around if each.score >= _SURE or box_iou(each.box, place) > _MIN_IOU
                ]
            self._turned[turn] += max(map(_fit, found), default=0.0)
        self._upright += _fit(face)
        self._looks += 1
        self._next_s = time_s + (0.0 if self.turned else _EVERY_S)


def _fit(face: Detection) -> float:
    """Log-odds of a score, less the landmarks' misfit; 0, as good as nothing seen, at the least."""
    odds = max(face.score, 1e-12) / max(1 - face.score, 1e-12)
    return max(0.0, min(math.log(odds), _MAX_LOG_ODDS) - _PER_MISFIT * _misfit(face.landmarks))


def _misfit(landmarks: NDArray[np.float64]) -> float:
    """Root mean square distance of landmarks, (5, 2), from those of a frontal face, in distances of its eyes."""
    # col + i row, so that the similarity between the two is one complex factor
    seen, frontal = (points[:, 1] + 1j * points[:, 0] for points in (landmarks, CROP_LANDMARKS))
    seen, frontal = seen - seen.mean(), frontal - frontal.mean()
    size = float(np.vdot(seen, seen).real)
    turn = np.vdot(seen, frontal) / size if size > 0 else 0.0
    eyes = abs(frontal[1] - frontal[0])
    return float(np.sqrt((np.abs(turn * seen - frontal) ** 2).mean()) / eyes)


def _cut(image: NDArray[np.uint8], box: Box) -> tuple[NDArray[np.uint8], Box]:
    """The surroundings of a face, and its box in them."""
    side = _SIDES * max(box.width, box.height)
    left = max(0, round(box.left + (box.width - side) / 2))
    top = max(0, round(box.top + (box.height - side) / 2))
    picture = image[top : max(top + 1, round(top + side)), left : max(left + 1, round(left + side))]
    return picture, box._replace(left=box.left - left, top=box.top - top)


def _turned_box(box: Box, shape: tuple[int, ...], turn: int) -> Box:
    """Where a box of a picture lies after so many quarter turns against the clock, as `numpy.rot90` turns."""
    rows, cols = shape[:2]
    for _ in range(turn):
        box = Box(box.top, cols - box.left - box.width, box.height, box.width)
        rows, cols = cols, rows
    return box
