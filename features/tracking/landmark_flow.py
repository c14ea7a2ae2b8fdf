"""Where a face goes from one frame to the next, by optical flow of points around eyes and nose.

Belongs here: the motion between two frames. Stays out: when faces are looked for, and what becomes of a face
that is lost (``tracker``).

References
----------
.. [1] Kalal, Mikolajczyk, Matas: Forward-backward error: automatic detection of tracking failures. ICPR 2010.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from apexline.features.faces import Window, crop_similarity

# Tracked points, col + i row in the aligned crop: a band from the eyes to the tip of the nose. The mouth and,
# less so, the brows move with expression, the outline with the background: a taller band takes up 1.5 times
# as much of a synthetic smile. Points twice as dense steady the crops no further.
_POINTS = np.add.outer(1j * np.arange(42.0, 67.0, 8.0), np.arange(34.0, 95.0, 8.0)).ravel()
# The surroundings of a face, in box sides, are shrunken by a whole factor to about this many px before
# following: the cost hardly depends on the face's size, and a face may move by a third of itself from frame to
# frame.
_PATCH_MARGIN = 1.7
_PATCH_SIDE = 128
_LK_WINDOW = (11, 11)
_NUM_PYRAMID_LEVELS = 3
# px of the patch: a point whose way there and back ends elsewhere has slipped [1]_.
_MAX_FORWARD_BACKWARD_ERROR = 0.3
# px of the patch: distance of a point from the fitted similarity up to which RANSAC counts it as an inlier.
_MAX_RESIDUAL = 0.6
_MIN_INLIER_SHARE = 0.35
# A face does not grow or shrink by more from one frame to the next.
_MAX_ZOOM = 1.25


class _Patch(NamedTuple):
    """Surroundings of a face: part of a frame, shrunken by a whole factor to rows and columns."""

    window: Window
    factor: int
    rows: int
    cols: int

    @property
    def origin(self) -> complex:
        """Centre of its first pixel, col + i row, px of the frame: pixel centres scale about their edges."""
        inside = (self.factor - 1) / 2
        return complex(self.window.left + inside, self.window.top + inside)

    def of(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Cut it out of a frame: by a whole factor images shrink several times faster than by any other."""
        region = image[self.window.slices][: self.rows * self.factor, : self.cols * self.factor]
        if self.factor == 1:
            return np.ascontiguousarray(region)
        shrunken = cv2.resize(region, (self.cols, self.rows), interpolation=cv2.INTER_AREA)
        return shrunken.astype(np.uint8, copy=False)


def track_landmarks(
    previous: NDArray[np.uint8],
    current: NDArray[np.uint8],
    landmarks: Sequence[NDArray[np.float64]],
    boxes: Sequence[NDArray[np.float64]],
) -> list[NDArray[np.float64] | None]:
    """Rigid motion of faces from one frame to the next, from points around eyes and nose.

    Parameters
    ----------
    previous, current : ndarray, shape (M, N), uint8
        Successive grey frames.
    landmarks : sequence of ndarray, shape (5, 2)
        (row, col) in `previous`, px.
    boxes : sequence of ndarray, shape (4,)
        Left, top, width, height in `previous`, px.

    Returns
    -------
    list of ndarray, shape (2, 3), or None
        For each face a similarity on (col, row, 1), px; None where too few points agree.
    """
    motions: list[NDArray[np.float64] | None] = [None] * len(boxes)
    patches = {
        number: patch
        for number, (points, box) in enumerate(zip(landmarks, boxes, strict=True))
        if (patch := _patch_about(points, box, previous.shape)) is not None
    }
    if not patches:
        return motions
    starts = _starting_points([landmarks[number] for number in patches], patches.values())
    ways = [
        _track_points(patch.of(previous), patch.of(current), start)
        for patch, start in zip(patches.values(), starts, strict=True)
    ]
    ends, returns, found = (np.stack(each) for each in zip(*ways, strict=True))
    slips = returns - starts
    agreeing = found & (np.hypot(slips[..., 0], slips[..., 1]) < _MAX_FORWARD_BACKWARD_ERROR)
    for (number, patch), start, end, agree in zip(patches.items(), starts, ends, agreeing, strict=True):
        motions[number] = _motion(patch, start[agree], end[agree])
    return motions


def _patch_about(
    landmarks: NDArray[np.float64], box: NDArray[np.float64], shape: tuple[int, ...]
) -> _Patch | None:
    """Surroundings of a face, as far as they lie in the frame; None where too little does."""
    side = max(box[2:].tolist()) * _PATCH_MARGIN
    factor = max(1, round(side / _PATCH_SIDE))
    window = _window(landmarks, side, shape)
    rows, cols = (window.bottom - window.top) // factor, (window.right - window.left) // factor
    return None if rows < _LK_WINDOW[0] or cols < _LK_WINDOW[1] else _Patch(window, factor, rows, cols)


def _starting_points(
    landmarks: Iterable[NDArray[np.float64]], patches: Iterable[_Patch]
) -> NDArray[np.float32]:
    """Points to be tracked, col and row, px of the patch of each face: (F, K, 2)."""
    turns, shifts = np.array([crop_similarity(points) for points in landmarks]).T[..., None]
    origins, factors = np.array([(patch.origin, patch.factor) for patch in patches]).T[..., None]
    points = ((_POINTS - shifts) / turns - origins) / factors
    return points.view(np.float64).reshape((*points.shape, 2)).astype(np.float32)


def _motion(
    patch: _Patch, start: NDArray[np.float32], end: NDArray[np.float32]
) -> NDArray[np.float64] | None:
    """Similarity on (col, row, 1), px of the frame, by the points of a patch that agree; None where they are few."""
    if len(start) < _MIN_INLIER_SHARE * len(_POINTS):
        return None
    # OpenCV seeds this random sampling itself, always alike: the same frames give the same bytes.
    fitted, inliers = cast(
        "tuple[NDArray[np.float64] | None, NDArray[np.uint8]]",
        cv2.estimateAffinePartial2D(start, end, method=cv2.RANSAC, ransacReprojThreshold=_MAX_RESIDUAL),
    )
    if fitted is None or inliers.sum() < _MIN_INLIER_SHARE * len(_POINTS):
        return None
    zoom = float(np.hypot(fitted[0, 0], fitted[1, 0]))
    if not 1 / _MAX_ZOOM < zoom < _MAX_ZOOM:
        return None
    # Patch px back to frame px: p -> origin + p * factor on both sides of the motion.
    origin = np.array([patch.origin.real, patch.origin.imag])
    linear, offset = fitted[:, :2], fitted[:, 2]
    moved = np.empty((2, 3))
    moved[:, :2], moved[:, 2] = linear, offset * patch.factor + origin - linear @ origin
    return moved


def _window(landmarks: NDArray[np.float64], side: float, shape: tuple[int, ...]) -> Window:
    """Square about eyes and nose, as far as it lies in the frame."""
    # Plain numbers: on three points array functions take ten times as long.
    (top, left), (bottom, right) = (
        [round(sum(values) / 3 + reach) for values in zip(*landmarks[:3].tolist(), strict=True)]
        for reach in (-side / 2, side / 2)
    )
    return Window(max(top, 0), min(bottom, shape[0]), max(left, 0), min(right, shape[1]))


def _track_points(
    previous: NDArray[np.uint8], current: NDArray[np.uint8], start: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]:
    """Pyramidal Lucas-Kanade there and back: where points (K, 2) go, where those return to, which were found."""
    there, found, _ = cv2.calcOpticalFlowPyrLK(
        previous, current, start, start.copy(), winSize=_LK_WINDOW, maxLevel=_NUM_PYRAMID_LEVELS - 1
    )
    back, found_back, _ = cv2.calcOpticalFlowPyrLK(
        current, previous, there, there.copy(), winSize=_LK_WINDOW, maxLevel=_NUM_PYRAMID_LEVELS - 1
    )
    return (
        there.astype(np.float32, copy=False),
        back.astype(np.float32, copy=False),
        np.logical_and(found, found_back)[:, 0],
    )
