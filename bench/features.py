"""Speed of the feature kernels against scikit-image and OpenCV, on one thread and the same image."""

from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import Any

import cv2
import numpy as np
from skimage.data import astronaut
from skimage.feature import hog, local_binary_pattern

from features.flow import horn_schunck
from features.modc import modc_codes

_ROUNDS = 15


def bench_features() -> list[dict[str, Any]]:
    """Return median milliseconds and the ratio to the peer named in the row; calls alternate in one process."""
    cv2.setNumThreads(1)
    crop = np.ascontiguousarray(cv2.cvtColor(astronaut(), cv2.COLOR_RGB2GRAY)[30:158, 160:288])
    moved = np.roll(crop, 1, axis=1)
    texture = {
        "MODC sl": lambda: modc_codes(crop, kind="sl"),
        "scikit-image LBP(8,1)": lambda: local_binary_pattern(crop, 8, 1),
        "scikit-image HOG": lambda: hog(crop),
    }
    flow = {
        "Horn-Schunck, 100 sweeps": lambda: horn_schunck(crop, moved),
        "OpenCV Farneback": lambda: cv2.calcOpticalFlowFarneback(crop, moved, None, 0.5, 3, 15, 3, 5, 1.2, 0),
    }
    return [*_compare("texture", texture), *_compare("flow", flow)]


def _compare(task: str, candidates: dict[str, Callable[[], Any]]) -> list[dict[str, Any]]:
    for call in candidates.values():  # compile and warm caches
        call()
    times: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(_ROUNDS):
        for name, call in candidates.items():
            started = perf_counter()
            call()
            times[name].append(1e3 * (perf_counter() - started))
    ours, *peers = candidates
    return [
        {"task": task, "method": name, "size": "128x128", "ms": median(times[name])}
        | {"ours / this": median(a / b for a, b in zip(times[ours], times[name], strict=True))}
        for name in (ours, *peers)
    ]
