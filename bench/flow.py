"""Optical flow against Middlebury truth: mean end-point error of ours and of named peers."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.registration import optical_flow_tvl1

from features.flow import horn_schunck, horn_schunck_pyramid

_UNKNOWN = 1e6  # Middlebury marks pixels without truth by larger values


def bench_flow(data: Path) -> list[dict[str, Any]]:
    """Return the mean end-point error in px for each pair below ``data/flow``, a column per pair, a row per method."""
    pairs = sorted(path for path in (data / "flow").iterdir() if path.is_dir())
    rows: list[dict[str, Any]] = []
    for method, solve in _METHODS.items():
        errors = {pair.name: _error(pair, solve) for pair in pairs}
        rows.append({"method": method, **errors, "mean": float(np.mean(list(errors.values())))})
    return rows


def _error(pair: Path, solve: Callable[..., NDArray[np.float32]]) -> float:
    first, second = sorted(pair.glob("frame*.png"))[:2]
    images = [cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) for path in (first, second)]
    truth = cv2.readOpticalFlow(str(next(pair.glob("*.flo"))))  # (M, N, 2), (col, row) px
    known = (np.abs(truth) < _UNKNOWN).all(axis=-1)
    found = solve(*images)  # (2, M, N), (row, col) px
    error = np.hypot(found[1] - truth[..., 0], found[0] - truth[..., 1])
    return float(error[known].mean())


def _rows_first(flow: NDArray[np.float32]) -> NDArray[np.float32]:
    # OpenCV's (M, N, 2) in (col, row) -> (2, M, N) in (row, col)
    return np.stack([flow[..., 1], flow[..., 0]])


def _farneback(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> NDArray[np.float32]:
    return _rows_first(cv2.calcOpticalFlowFarneback(first, second, None, 0.5, 3, 15, 3, 5, 1.2, 0))


def _dis(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> NDArray[np.float32]:
    solver = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    return _rows_first(solver.calc(first, second, None))


_METHODS: dict[str, Callable[..., NDArray[np.float32]]] = {
    "zero flow": lambda first, _: np.zeros((2, *first.shape), np.float32),
    "Horn-Schunck, one level": horn_schunck,
    "Horn-Schunck, pyramid": horn_schunck_pyramid,
    "OpenCV Farneback": _farneback,
    "OpenCV DIS medium": _dis,
    "scikit-image TV-L1": lambda first, second: optical_flow_tvl1(first, second),
}
