"""The `fer` package's side of `bench.recognition.comparison`, run by its own Python: no import of the project."""

import json
import sys

import cv2
import numpy as np
from fer.fer import FER, PADDING

cv2.setNumThreads(1)
_SIDE = 64
_MARGIN = 10  # px about a box, its default
_COLUMNS = [3, 0, 6, 2]  # happy, angry, neutral, fear among its seven


def main() -> None:
    """Print a line of JSON for images (.npy, uint8, N x H x W x 3, RGB): `faces`, or `photographs` that hold one."""
    path, kind = sys.argv[1:]
    network = FER(mtcnn=True)
    answers = [_answer(network, image, kind) for image in np.load(path)]
    print(json.dumps({"scores": [scores for scores, _ in answers], "found": [found for _, found in answers]}))


def _answer(network: FER, image: np.ndarray, kind: str) -> tuple[list[float], bool]:
    """Scores of the four classes; `detect_emotions` would round them to two digits, where rare classes tie."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    # Its detector is handed BGR, as `detect_emotions` hands it: with RGB its boxes are others, and answers worse.
    boxes = network.find_faces(cv2.cvtColor(image, cv2.COLOR_RGB2BGR)) if kind == "photographs" else []
    face = _crop(grey, max(boxes, key=lambda box: box[2] * box[3])) if boxes else grey
    large = cv2.resize(face, (_SIDE, _SIDE)).astype(np.float32)
    scores = network._classify_emotions((large[None] / 255 - 0.5) * 2)[0]
    return [float(scores[column]) for column in _COLUMNS], bool(boxes)


def _crop(grey: np.ndarray, box: tuple[int, int, int, int]) -> np.ndarray:
    """Cut a face out as `detect_emotions` does."""
    left, top, width, height = FER.tosquare(box)
    first_row, first_column = (max(0, start - _MARGIN + PADDING) for start in (top, left))
    last_row, last_column = top + height + _MARGIN + PADDING, left + width + _MARGIN + PADDING
    return FER.pad(grey)[first_row:last_row, first_column:last_column]


if __name__ == "__main__":
    main()
