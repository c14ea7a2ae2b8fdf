"""A person's stills as a puppet: dense flow from calm to an emotion, and what lies between; lids, eyes, lips.

Belongs here: one pose of one person. Stays out: time, place and light (``clips``).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from apexline.sample.face import Pose
from apexline.sample.morphs.movements import close_lids, find_seam, part_lips, shift_gaze
from apexline.sample.morphs.stills import CANVAS_PX, Portrait, Stills
from apexline.sample.warp import Bytes, Floats

_FLOW_BLUR_PX = 3.0  # two photographs differ by more than an expression: flow between them is noisy
_HEAD = ((128, 122), (92, 112))  # centre and half axes of the part that is cut out, (x, y) px
_FACE = ((128, 132), (74, 98))  # and of the part that moves
_FEATHER_PX = (3.0, 9.0)
_CAVITY = np.array([38.0, 34.0, 66.0], np.float32)  # BGR of an open mouth


@dataclass(frozen=True, eq=False)
class _Morph:
    """Calm and emotional still of a person, and the flow between them, (x, y) px."""

    shown: Portrait
    there: Floats
    back: Floats


class MorphPuppet:
    """The stills of one person; ``render`` poses them.

    Attributes
    ----------
    matte : ndarray, shape (256, 256)
        Person 1, rest 0, feathered; float32, on the canvas.
    """

    def __init__(self, stills: Stills) -> None:
        self._calm = stills.calm
        self._fade = _ellipse(_FACE, _FEATHER_PX[1])
        self._morphs: dict[str, _Morph] = {}
        for emotion, shown in stills.emotional.items():
            flows = _flow(self._calm, shown), _flow(shown, self._calm)
            self._morphs[emotion] = _Morph(shown, *(flow * self._fade[..., None] for flow in flows))
        self._seam_drop = find_seam(self._calm.image, self._calm.points)
        self.matte: Floats = _ellipse(_HEAD, _FEATHER_PX[0])

    def render(self, pose: Pose) -> Bytes:
        """Draw the puppet.

        Parameters
        ----------
        pose : Pose
            Of its expressions the strongest is shown.

        Returns
        -------
        canvas : ndarray, shape (256, 256, 3)
            BGR; valid where ``matte`` is positive.
        """
        emotion = max(self._morphs, key=lambda name: getattr(pose, name))
        share = float(getattr(pose, emotion))
        image, landmarks = self._between(self._morphs[emotion], share)
        if not (pose.blink or pose.gaze or pose.talk):
            return _to_bytes(image)
        lips, inside = part_lips(_grid(), landmarks, pose.talk, self._seam_drop)
        points = shift_gaze(close_lids(lips, landmarks, pose.blink), landmarks, pose.gaze)
        image = _look_up(image, points)
        # a mouth that an expression opens already shows what is inside
        image += (inside * (1 - share))[..., None].astype(np.float32) * (_CAVITY - image)
        return _to_bytes(image)

    def _between(self, morph: _Morph, share: float) -> tuple[Floats, NDArray[np.float64]]:
        """Image and landmarks at a share of the way from calm (0) to the emotion (1)."""
        calm, shown = self._calm, morph.shown
        if share == 0:
            return calm.image.astype(np.float32), calm.points
        from_calm = _look_up(calm.image, _before(morph.there, share)).astype(np.float32)
        from_shown = _look_up(shown.image, _before(morph.back, 1 - share)).astype(np.float32)
        weight = (share * self._fade)[..., None]
        return from_calm + weight * (from_shown - from_calm), calm.points + share * (
            shown.points - calm.points
        )


def _flow(one: Portrait, other: Portrait) -> Floats:
    """Dense inverse search, smoothed: where each pixel of the one lies in the other, less its place, (x, y) px."""
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    one_grey, other_grey = (cv2.cvtColor(each.image, cv2.COLOR_BGR2GRAY) for each in (one, other))
    flow = search.calc(one_grey, other_grey, np.zeros((*one_grey.shape, 2), np.float32))
    return np.asarray(cv2.GaussianBlur(flow, (0, 0), _FLOW_BLUR_PX), np.float32)


def _before(flow: Floats, share: float) -> Floats:
    """Where the pixels of the canvas were before they went a share of the flow: the fixed point of p = q - s f(p)."""
    grid = _grid()
    points = grid
    for _ in range(3):
        points = grid - np.float32(share) * _look_up(flow, points)
    return points


def _grid() -> Floats:
    rows, cols = np.mgrid[0:CANVAS_PX, 0:CANVAS_PX]
    return np.stack([cols, rows], axis=-1).astype(np.float32)


def _look_up(image: Floats | Bytes, points: Floats) -> Floats:
    return np.asarray(
        cv2.remap(image, points.astype(np.float32), None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    )


def _ellipse(place: tuple[tuple[int, int], tuple[int, int]], feather_px: float) -> Floats:
    mask = np.zeros((CANVAS_PX, CANVAS_PX), np.float32)
    cv2.ellipse(mask, place[0], place[1], 0, 0, 360, 1.0, cv2.FILLED)
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), feather_px), np.float32)


def _to_bytes(image: Floats) -> Bytes:
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)
