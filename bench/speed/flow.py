"""Optical flow against Middlebury truth: mean end-point error and time of ours and of named peers."""

from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.registration import optical_flow_ilk, optical_flow_tvl1

from apexline.features.flow import horn_schunck, horn_schunck_pyramid

_UNKNOWN = 1e6  # Middlebury marks pixels without truth by larger values
_ROUNDS, _MOST_SECONDS = 7, 2.0


def bench_flow(data: Path) -> list[dict[str, Any]]:
    """Return the mean end-point error in px for each pair below ``data/flow``, and the time against DIS medium.

    Times are CPU times on one thread: the median of alternating calls on a pair, its ratio to DIS medium's there,
    and the mean of the ratios over pairs.
    """
    cv2.setNumThreads(1)
    pairs = sorted(path for path in (data / "flow").iterdir() if path.is_dir())
    rows: dict[str, dict[str, Any]] = {method: {"method": method} for method in _METHODS}
    ratios: dict[str, list[float]] = {method: [] for method in _METHODS}
    for pair in pairs:
        first, second = sorted(pair.glob("frame*.png"))[:2]
        images = [cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) for path in (first, second)]
        truth = cv2.readOpticalFlow(str(next(pair.glob("*.flo"))))  # (M, N, 2), (col, row) px
        for method, solve in _METHODS.items():  # compiles and warms caches for the timing, too
            rows[method][pair.name] = _error(solve(*images), truth)
        seconds = _seconds(images)
        for method in _METHODS:
            ratios[method].append(seconds[method] / seconds["OpenCV DIS medium"])
    for method, row in rows.items():
        row["mean"] = float(np.mean([row[pair.name] for pair in pairs]))
        row["time / DIS medium"] = float(np.mean(ratios[method]))
    return list(rows.values())


def _error(found: NDArray[np.float32], truth: NDArray[np.float32]) -> float:
    """Mean end-point error of (2, M, N) in (row, col) against (M, N, 2) in (col, row), px."""
    known = (np.abs(truth) < _UNKNOWN).all(axis=-1)
    error = np.hypot(found[1] - truth[..., 0], found[0] - truth[..., 1])
    return float(error[known].mean())


def _seconds(images: list[NDArray[np.uint8]]) -> dict[str, float]:
    """Median CPU time of each method; calls alternate, and a slow method is called less often."""
    times: dict[str, list[float]] = {method: [] for method in _METHODS}
    for _ in range(_ROUNDS):
        for method, solve in _METHODS.items():
            if sum(times[method]) < _MOST_SECONDS:
                started = process_time()
                solve(*images)
                times[method].append(process_time() - started)
    return {method: median(each) for method, each in times.items()}


def _rows_first(flow: NDArray[np.float32]) -> NDArray[np.float32]:
    # OpenCV's (M, N, 2) in (col, row) -> (2, M, N) in (row, col)
    return np.stack([flow[..., 1], flow[..., 0]])


def _farneback(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> NDArray[np.float32]:
    return _rows_first(cv2.calcOpticalFlowFarneback(first, second, None, 0.5, 3, 15, 3, 5, 1.2, 0))


def _dis(preset: int) -> Callable[..., NDArray[np.float32]]:
    solver = cv2.DISOpticalFlow_create(preset)
    return lambda first, second: _rows_first(solver.calc(first, second, None))


_METHODS: dict[str, Callable[..., NDArray[np.float32]]] = {
    "zero flow": lambda first, _: np.zeros((2, *first.shape), np.float32),
    "Horn-Schunck, one level": horn_schunck,
    "Horn-Schunck, pyramid": horn_schunck_pyramid,
    "OpenCV Farneback": _farneback,
    "OpenCV DIS fast": _dis(cv2.DISOPTICAL_FLOW_PRESET_FAST),
    "OpenCV DIS medium": _dis(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM),
    "scikit-image TV-L1": optical_flow_tvl1,
    "scikit-image iLK": optical_flow_ilk,
}
