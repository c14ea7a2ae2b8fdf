"""The similarity that makes a crop, as the matrix that OpenCV takes."""

import numpy as np

from apexline.features.faces.alignment import crop_similarity


def crop_transform(landmarks):
    """Matrix on (col, row, 1), shape (2, 3), of `crop_similarity`."""
    turn, shift = crop_similarity(landmarks)
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])


# (row, col) px in scikit-image's portrait, read off by eye.
ASTRONAUT_LANDMARKS = np.array([[100, 203], [103, 246], [127, 224], [139, 201], [141, 245]])
