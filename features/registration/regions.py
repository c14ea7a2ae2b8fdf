"""Regions of an aligned face, px of the crop.

Belongs here: where brows, eyes, nose and mouth lie in a crop, and windows about them. Stays out: pixels.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from apexline.features.faces import CROP_LANDMARKS, CROP_SIZE, Window


def face_regions() -> dict[str, Window]:
    """Regions of the 128 x 128 crop whose motion is reported, and the nose, whose motion is the head's.

    Returns
    -------
    dict of str to Window
        px of the crop, from the canonical landmarks.
    """
    left_eye, right_eye, nose, left_mouth, right_mouth = CROP_LANDMARKS
    eye_distance = float(right_eye[1] - left_eye[1])

    def about(
        landmark: NDArray[np.float64], down: float, right: float, height: float, width: float
    ) -> Window:
        """Window about a landmark; shifts and sides in eye distances."""
        row, col = landmark[0] + down * eye_distance, landmark[1] + right * eye_distance
        half_height, half_width = height * eye_distance / 2, width * eye_distance / 2
        edges = (row - half_height, row + half_height, col - half_width, col + half_width)
        return Window(*(min(max(round(float(edge)), 0), CROP_SIZE) for edge in edges))

    mouth = (left_mouth + right_mouth) / 2
    return {
        "left_brow": about(left_eye, -0.34, 0.04, 0.34, 0.70),
        "right_brow": about(right_eye, -0.34, -0.04, 0.34, 0.70),
        "left_eye": about(left_eye, 0.0, 0.0, 0.26, 0.60),
        "right_eye": about(right_eye, 0.0, 0.0, 0.26, 0.60),
        "left_mouth": about(left_mouth, 0.0, 0.0, 0.44, 0.44),
        "right_mouth": about(right_mouth, 0.0, 0.0, 0.44, 0.44),
        "lips": about(mouth, 0.12, 0.0, 0.50, 0.50),
        "nose": about(nose, -0.12, 0.0, 0.44, 0.44),
    }


def region_window(margin: int) -> Window:
    """Window of the crop that holds all regions, the nose and a margin, as far as the crop reaches.

    Parameters
    ----------
    margin : int
        px.

    Returns
    -------
    Window
        px of the crop.
    """
    tops, bottoms, lefts, rights = zip(*face_regions().values(), strict=True)
    return Window(
        top=max(min(tops) - margin, 0),
        bottom=min(max(bottoms) + margin, CROP_SIZE),
        left=max(min(lefts) - margin, 0),
        right=min(max(rights) + margin, CROP_SIZE),
    )


@cache
def rigid_window() -> Window:
    """Window of the crop's skin that expressions move least: from below the brows to the base of the nose.

    Returns
    -------
    Window
        px of the crop.
    """
    left_eye, right_eye, nose, _, _ = CROP_LANDMARKS
    eye_distance = float(right_eye[1] - left_eye[1])
    top, bottom = round(left_eye[0] - 0.18 * eye_distance), round(nose[0] + 0.16 * eye_distance)
    left, right = round(left_eye[1] - 0.35 * eye_distance), round(right_eye[1] + 0.35 * eye_distance)
    return Window(top, bottom, left, right)
