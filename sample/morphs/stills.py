"""Stills of people, brought into one place: which there are, and where the face lies on the canvas.

Belongs here: file names, finding the face, the canvas. Stays out: what moves (``puppet``, ``movements``).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from apexline.features.faces import FaceDetector, crop_similarity
from apexline.sample.face import Pose

CANVAS_PX = 256
_SUFFIXES = {".jpg", ".jpeg", ".png"}
_POSES = {each.name for each in fields(Pose)} - {"blink", "talk", "gaze"}
# The aligned crop of 128 px, larger, with the middle of the face in the canvas's: eyes 69 px apart.
_SCALE, _SHIFT = 1.5, (32.0, 48.0)
_MAX_YAW = (
    0.08  # of the eyes' distance, nose from their middle: a turned head shows what a calm still does not
)
_FACE_BOX = (60.5, 42.0, 195.5, 222.0)  # x0, y0, x1, y1 px: ears, hairline to chin

Person = dict[str, list[Path]]  # stills by emotion


@dataclass(frozen=True, eq=False)
class Portrait:
    """A still on the canvas.

    Attributes
    ----------
    image : ndarray, shape (256, 256, 3), uint8
        BGR.
    points : ndarray, shape (5, 2)
        (x, y) of left eye, right eye, nose, left and right mouth corner, px.
    """

    image: NDArray[np.uint8]
    points: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Stills:
    """A person, calm and in some emotions: the look of an actor.

    Attributes
    ----------
    calm : Portrait
        What to come from and go back to.
    emotional : mapping of str to Portrait
        One for each emotion.
    """

    calm: Portrait
    emotional: Mapping[str, Portrait]

    @property
    def face_px(self) -> float:
        """Size of the face, geometric mean of the sides of its box, px of the canvas."""
        x0, y0, x1, y1 = _FACE_BOX
        return math.sqrt((x1 - x0) * (y1 - y0))

    @property
    def pivot(self) -> tuple[float, float]:
        """Middle of the face, (x, y) px of the canvas."""
        x0, y0, x1, y1 = _FACE_BOX
        return (x0 + x1) / 2, (y0 + y1) / 2

    def canvas_box(self) -> tuple[float, float, float, float]:
        """Face box x0, y0, x1, y1, px of the canvas."""
        return _FACE_BOX


def find_people(folder: str | Path) -> dict[str, Person]:
    """Read from file names who is shown in which emotion.

    Parameters
    ----------
    folder : str or Path
        Stills ``PERSON_EMOTION_anything.jpg`` (or ``.png``), emotion a word of `sample.face.Pose` or calm.
        Stills in other emotions and people without a calm and an emotional still are left out.

    Returns
    -------
    dict
        Stills by person and emotion, sorted.

    Raises
    ------
    ValueError
        If nobody is left.
    """
    people: dict[str, Person] = defaultdict(lambda: defaultdict(list))
    for path in sorted(Path(folder).iterdir()):
        person, emotion, *_ = (*path.stem.split("_", 2), "", "")
        if path.suffix.lower() in _SUFFIXES and emotion in {"calm", *_POSES}:
            people[person][emotion].append(path)
    usable = {name: dict(person) for name, person in people.items() if "calm" in person and len(person) > 1}
    if not usable:
        msg = (
            f"{folder} holds nobody in calm and another emotion; expected stills PERSON_EMOTION_anything.jpg, "
            f"emotion calm or one of {sorted(_POSES)}"
        )
        raise ValueError(msg)
    return usable


def open_portrait(path: Path, detector: FaceDetector) -> Portrait | None:
    """Bring a still onto the canvas; None where no face looks straight ahead.

    Raises
    ------
    ValueError
        If the file is no image.
    """
    still = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if still is None:
        msg = f"{path} is no image that can be read"
        raise ValueError(msg)
    still = np.asarray(still, np.uint8)
    faces = detector.detect(still, most=1)
    if not faces or not _looks_ahead(faces[0].landmarks):
        return None
    landmarks = faces[0].landmarks
    turn, shift = crop_similarity(landmarks)
    turn, shift = turn * _SCALE, shift * _SCALE + complex(*_SHIFT)
    matrix = np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])
    image = cv2.warpAffine(
        still, matrix, (CANVAS_PX, CANVAS_PX), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    # (row, col) -> (x, y)
    points = landmarks[:, ::-1] @ matrix[:, :2].T + matrix[:, 2]
    return Portrait(np.asarray(image, np.uint8), points)


def draw_stills(person: Mapping[str, list[Path]], detector: FaceDetector, rng: np.random.Generator) -> Stills:
    """Choose one still for each emotion, among those in which a face looks straight ahead.

    Raises
    ------
    ValueError
        If there is no such calm still, or no such emotional one.
    """
    chosen: dict[str, Portrait] = {}
    for emotion, paths in person.items():
        portraits = (open_portrait(paths[i], detector) for i in rng.permutation(len(paths)))
        found = next((portrait for portrait in portraits if portrait is not None), None)
        if found is not None:
            chosen[emotion] = found
    calm = chosen.pop("calm", None)
    if calm is None or not chosen:
        which = "calm" if calm is None else "emotional"
        msg = f"no {which} still beside {person['calm'][0]} shows a face that looks straight ahead"
        raise ValueError(msg)
    return Stills(calm, chosen)


def _looks_ahead(landmarks: NDArray[np.float64]) -> bool:
    left, right, nose = landmarks[:3]
    eyes = right - left
    return abs((nose - (left + right) / 2) @ eyes) <= _MAX_YAW * (eyes @ eyes)
