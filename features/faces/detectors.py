"""Face detectors behind one interface: search of an image, and a second look at faces that are known.

Belongs here: the interface and the wrappers of small detectors. Stays out: MTCNN's cascade (``mtcnn``) and time
(``features.tracking``).
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Protocol, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from apexline.features.faces.alignment import Detection
from apexline.features.faces.boxes import Box, Window, box_iou
from apexline.features.faces.config import FaceConfig
from apexline.features.faces.mtcnn import MtcnnDetector

# YuNet looks again at a face in a window of this many box sides; from this overlap on two boxes are one face.
_WINDOW_SIDES = 2.0
_MIN_IOU = 0.3


class FaceDetector(Protocol):
    """Anything that finds faces with five landmarks."""

    def detect(
        self,
        image: NDArray[np.uint8],
        *,
        window: Window | None = None,
        known: Sequence[Box] = (),
        most: int | None = None,
    ) -> list[Detection]:
        """Find the faces of an image.

        Parameters
        ----------
        image : ndarray, shape (M, N, 3), uint8
            Blue, green, red.
        window : Window, optional
            Part to be searched; all of the image where left out.
        known : sequence of Box, optional
            Faces that need not be found again, px.
        most : int, optional
            Only so many, the largest; the work is then bounded, whatever the image shows. All where left out.

        Returns
        -------
        list of Detection
            In px of `image`, best score first.
        """
        ...

    def confirm(self, image: NDArray[np.uint8], boxes: Sequence[Box]) -> list[Detection | None]:
        """Look again at faces that are known to be near some places.

        Parameters
        ----------
        image : ndarray, shape (M, N, 3), uint8
            Blue, green, red.
        boxes : sequence of Box
            px.

        Returns
        -------
        list of Detection or None
            One for each box, None where no face is seen.
        """
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
        return _mtcnn(config, threading.get_ident())
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


# Reading the networks takes as long as a second of video. No two threads may use one at a time.
@lru_cache(maxsize=4)
def _mtcnn(config: FaceConfig, thread: int) -> MtcnnDetector:
    del thread
    return MtcnnDetector(config)


class YunetDetector:
    """OpenCV's YuNet; the model file comes from the configuration. See `FaceDetector`."""

    def __init__(self, config: FaceConfig, model_path: Path) -> None:
        self._config = config
        self._net = cv2.FaceDetectorYN.create(str(model_path), "", (320, 320), config.min_score)

    def detect(
        self,
        image: NDArray[np.uint8],
        *,
        window: Window | None = None,
        known: Sequence[Box] = (),
        most: int | None = None,
    ) -> list[Detection]:
        """Find the faces of a BGR image, best score first."""
        window = window or Window.whole(image)
        part = np.ascontiguousarray(image[window.slices])
        if part.size == 0:
            return []
        small, scale = _shrink(part, self._config.max_detection_side)
        self._net.setInputSize((small.shape[1], small.shape[0]))
        # OpenCV answers None, not an empty array, when it sees no face; its type stub does not know.
        rows = cast("NDArray[np.float32] | None", self._net.detect(small)[1])
        found = (
            []
            if rows is None
            else [_read_yunet_row(row, scale, first=(window.top, window.left)) for row in rows]
        )
        new = [
            detection
            for detection in found
            if detection.size_px >= self._config.min_face_px
            and all(box_iou(detection.box, box) < _MIN_IOU for box in known)
        ]
        if most is not None:
            new = sorted(new, key=lambda detection: -detection.size_px)[:most]
        return sorted(new, key=lambda detection: -detection.score)

    def confirm(self, image: NDArray[np.uint8], boxes: Sequence[Box]) -> list[Detection | None]:
        """Look again in a window about each box."""
        return [self._confirm(image, box) for box in boxes]

    def _confirm(self, image: NDArray[np.uint8], box: Box) -> Detection | None:
        left, top, width, height = box
        margin = (_WINDOW_SIDES - 1) / 2 * max(width, height)
        rows = max(0, round(top - margin)), max(0, round(top + height + margin))
        cols = max(0, round(left - margin)), max(0, round(left + width + margin))
        found = self.detect(image, window=Window(*rows, *cols))
        best = max(found, key=lambda detection: box_iou(detection.box, box), default=None)
        return best if best is not None and box_iou(best.box, box) >= _MIN_IOU else None


def _shrink(image: NDArray[np.uint8], max_side: int) -> tuple[NDArray[np.uint8], float]:
    """Image with no side longer than `max_side`, and its scale against the one given."""
    rows, cols = image.shape[:2]
    if max(rows, cols) <= max_side:
        return image, 1.0
    scale = max_side / max(rows, cols)
    size = max(1, round(cols * scale)), max(1, round(rows * scale))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return small.astype(np.uint8, copy=False), scale


def _read_yunet_row(row: NDArray[np.float32], scale: float, *, first: tuple[int, int]) -> Detection:
    """Box, five (col, row) landmarks, score; px of a part of an image that begins at (row, col)."""
    left, top, width, height = (float(side) / scale for side in row[:4])
    # YuNet names sides by the person, so its first eye is the one with the smaller column, as here.
    # (5, 2) cols and rows -> (5, 2) rows and cols
    landmarks = row[4:14].astype(np.float64).reshape(5, 2)[:, ::-1] / scale + np.asarray(first)
    return Detection(Box(left + first[1], top + first[0], width, height), float(row[14]), landmarks)
