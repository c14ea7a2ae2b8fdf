"""The `fer` package's side of `bench.speed.video.run`, run by its own Python: no import of the project."""

import json
import sys
import time

import cv2
from fer.fer import FER

cv2.setNumThreads(1)


def main() -> None:
    """Answer each line of JSON (``clip``, ``limit``) by seconds, frames and faces of detection and classification."""
    detector = FER(mtcnn=True)
    for line in sys.stdin:
        request = json.loads(line)
        video = cv2.VideoCapture(request["clip"])
        frames, faces, started = 0, 0, time.perf_counter()
        while request["limit"] is None or frames < request["limit"]:
            read, image = video.read()
            if not read:
                break
            faces += len(detector.detect_emotions(image))
            frames += 1
        seconds = time.perf_counter() - started
        print(json.dumps({"seconds": seconds, "frames": frames, "faces": faces}), flush=True)


if __name__ == "__main__":
    main()
