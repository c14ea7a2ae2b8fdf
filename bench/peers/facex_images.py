"""The `facex` package's side of `bench.recognition.comparison`, run by its own Python: no import of the project."""

import json
import sys
from pathlib import Path

import cv2
import facex
import numpy as np

cv2.setNumThreads(1)
_MODEL = Path(facex.__file__).parent / "assets" / "model_optimized.tflite"
_NAMES = ("happy", "anger", "neutral", "fear")


def main() -> None:
    """Print a line of JSON for images (.npy, uint8, N x H x W x 3, RGB): `faces`, or `photographs` that hold one."""
    path, kind = sys.argv[1:]
    classifier = facex.EmotionClassifier(str(_MODEL))
    answers = [_answer(classifier, image, kind) for image in np.load(path)]
    print(json.dumps({"scores": [scores for scores, _ in answers], "found": [found for _, found in answers]}))


def _answer(classifier: facex.EmotionClassifier, image: np.ndarray, kind: str) -> tuple[list[float], bool]:
    boxes, grey = classifier.detect_faces(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    found, face = kind == "photographs" and len(boxes) > 0, grey
    if found:
        left, top, width, height = max(boxes, key=lambda box: box[2] * box[3])
        face = grey[top : top + height, left : left + width]
    scores = classifier.detect_emotion(face)
    return [float(scores[name]) for name in _NAMES], found


if __name__ == "__main__":
    main()
