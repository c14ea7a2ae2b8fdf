"""The `fer` package's side of `bench.recognition.run`, run by its own Python: no import of the project."""

import json
import sys

import cv2
import numpy as np
from fer.fer import FER

cv2.setNumThreads(1)
_SIDE = 64
_COLUMNS = (3, 0, 6, 2)  # happy, angry, neutral, fear among its seven


def main() -> None:
    """Answer each line of JSON (``npz``: grey faces, or ``paths``: photographs) by a class for each, -1: no face."""
    network = FER(mtcnn=True)
    for line in sys.stdin:
        request = json.loads(line)
        if "npz" in request:
            with np.load(request["npz"]) as stored:
                answers = [_of_face(network, face) for face in stored["images"]]
        else:
            answers = [_of_photograph(network, path) for path in request["paths"]]
        print(json.dumps({"answers": answers}), flush=True)


def _of_face(network: FER, face: np.ndarray) -> int:
    large = cv2.resize(face, (_SIDE, _SIDE)).astype(np.float32)
    scores = np.asarray(network._classify_emotions((large[None] / 255 - 0.5) * 2))[0]
    return int(np.argmax(scores[list(_COLUMNS)]))


def _of_photograph(network: FER, path: str) -> int:
    faces = network.detect_emotions(cv2.imread(path))
    if not faces:
        return -1
    largest = max(faces, key=lambda face: face["box"][2] * face["box"][3])["emotions"]
    return int(np.argmax([largest[name] for name in ("happy", "angry", "neutral", "fear")]))


if __name__ == "__main__":
    main()
