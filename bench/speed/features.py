"""Speed of the feature kernels against named peers, on one thread and the same image, calls alternating."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import cv2
import mahotas
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from skimage.data import astronaut
from skimage.feature import hog, local_binary_pattern
from skimage.registration import optical_flow_ilk, optical_flow_tvl1

from apexline.bench.page import Rows, line_plot, write_speed
from apexline.features.flow import horn_schunck, horn_schunck_pyramid
from apexline.features.modc import modc_codes, modc_histograms

Call = Callable[[], Any]

KINDS = ("cod", "sl", "sr")
_SIZES = {
    "64x64": (64, 64),
    "128x128": (128, 128),
    "256x256": (256, 256),
    "512x512": (512, 512),
    "1080p": (1080, 1920),
    "4K": (2160, 3840),
}
_FLOW_SIZES = ("64x64", "128x128", "256x256", "512x512", "1080p")
_MOST_ROUNDS, _SECONDS_A_METHOD = 31, 0.6
# Iterative peers on larger images take minutes.
_LARGEST_SLOW = 128 * 128
_FIRST_CALL = (
    "import time, numpy as np; from apexline.features.modc import modc_codes; image = np.zeros((128, 128), np.uint8); "
    "started = time.perf_counter(); modc_codes(image); print(time.perf_counter() - started)"
)


_WORDS = """Speed of the feature kernels.

Median milliseconds of one call on one thread; calls of all methods alternate, and `ours / this` is the median over
rounds of the ratio of our time to theirs in the same round. The image is scikit-image's astronaut: her face up to
128x128, the whole picture above. Flow is between the image and itself moved by a pixel. scikit-image's iterative flow
is measured up to 128x128, where a call already takes a tenth of a second."""


def bench_features() -> Rows:
    """Return median milliseconds by task, size and method, and the ratio of our time to that of each method.

    The first row of a task and size is ours; ``ours / this`` is the median over rounds of that ratio. Rows of the
    task ``cost`` hold one way of calling against another of our own.
    """
    cv2.setNumThreads(1)
    rows: Rows = []
    for size in _SIZES:
        image = _image(_SIZES[size])
        rows += _compare("texture", size, _texture(image))
        if size in _FLOW_SIZES:
            rows += _compare("flow, one level", size, _flow(image, horn_schunck))
            rows += _compare("flow, pyramid", size, _flow(image, horn_schunck_pyramid))
    return rows + _own_ratios(_image((128, 128)))


def write_features_page(rows: Rows, out: Path) -> None:
    """Write ``speed_features.md`` and its plots into `out`."""
    write_speed(out, "speed_features", _WORDS, rows, _plots(rows))


def _plots(rows: Rows) -> list[Figure]:
    """Cost against size, one plot for texture and one for flow."""
    pixels = {size: height * width / 1e6 for size, (height, width) in _SIZES.items()}
    measured = [{**row, "megapixels": pixels[row["size"]]} for row in rows if row["task"] != "cost"]
    texture = [row for row in measured if row["task"] == "texture"]
    # peers are measured beside both of our solvers: drawn once
    names: dict[tuple[str, str], dict[str, Any]] = {}
    for row in measured:
        if row["task"] != "texture":
            names.setdefault((row["method"], row["size"]), row)
    flow = sorted(names.values(), key=lambda row: (row["method"], row["megapixels"]))
    return [
        line_plot(part, x="megapixels", y="ms", by="method", title=title)
        for title, part in (("Texture codes", texture), ("Optical flow", flow))
    ]


def _image(shape: tuple[int, int]) -> NDArray[np.uint8]:
    grey = cv2.cvtColor(astronaut(), cv2.COLOR_RGB2GRAY)
    face = grey[30:158, 160:288]
    if shape <= face.shape:
        return np.ascontiguousarray(face[: shape[0], : shape[1]])
    return np.ascontiguousarray(cv2.resize(grey, shape[::-1], interpolation=cv2.INTER_CUBIC))


def _texture(image: NDArray[np.uint8]) -> dict[str, Call]:
    return {
        "MODC sl": lambda: modc_codes(image, kind="sl"),
        "scikit-image LBP(8,1)": lambda: local_binary_pattern(image, 8, 1),
        "mahotas LBP(8,1)": lambda: mahotas.features.lbp(image, 1, 8),
        "scikit-image HOG": lambda: hog(image),
    }


def _flow(image: NDArray[np.uint8], ours: Callable[..., Any]) -> dict[str, Call]:
    moved = np.roll(image, 1, axis=1)
    name = "Horn-Schunck, 100 sweeps" if ours is horn_schunck else "Horn-Schunck, pyramid"
    calls: dict[str, Call] = {
        name: lambda: ours(image, moved),
        "OpenCV Farneback": lambda: cv2.calcOpticalFlowFarneback(
            image, moved, None, 0.5, 3, 15, 3, 5, 1.2, 0
        ),
    }
    for preset in ("FAST", "MEDIUM"):
        solver = cv2.DISOpticalFlow_create(getattr(cv2, f"DISOPTICAL_FLOW_PRESET_{preset}"))
        calls[f"OpenCV DIS {preset.lower()}"] = lambda solver=solver: solver.calc(image, moved, None)
    if image.size <= _LARGEST_SLOW:
        calls["scikit-image TV-L1"] = lambda: optical_flow_tvl1(image, moved)
        calls["scikit-image iLK"] = lambda: optical_flow_ilk(image, moved)
    return calls


def _own_ratios(image: NDArray[np.uint8]) -> Rows:
    stack = image[None]
    fused = {
        "MODC cod, sl, sr at once": lambda: modc_codes(image, kind=KINDS),
        "MODC sl": lambda: modc_codes(image, kind="sl"),
    }
    counted = {
        "histograms of cod, sl, sr, 4x4 blocks": lambda: modc_histograms(stack, kind=KINDS),
        "MODC cod, sl, sr at once": lambda: modc_codes(image, kind=KINDS),
        "MODC cod, sl, sr one by one": lambda: [modc_codes(image, kind=kind) for kind in KINDS],
    }
    return [
        *_compare("cost", "128x128", fused),
        *_compare("cost", "128x128", counted),
        {
            "task": "cost",
            "method": "first MODC call of another process",
            "size": "128x128",
            "ms": _first_call_ms(),
        },
    ]


def _first_call_ms() -> float:
    """Milliseconds that the first call takes in a new process once machine code lies on disk."""
    done = subprocess.run([sys.executable, "-c", _FIRST_CALL], check=True, capture_output=True, text=True)
    return 1e3 * float(done.stdout)


def _compare(task: str, size: str, candidates: dict[str, Call]) -> Rows:
    times: dict[str, list[float]] = {name: [] for name in candidates}
    slowest = max(_milliseconds(call) for call in candidates.values())  # compiles and warms caches
    rounds = min(_MOST_ROUNDS, max(3, round(1e3 * _SECONDS_A_METHOD * len(candidates) / slowest)))
    for _ in range(rounds):
        for name, call in candidates.items():
            times[name].append(_milliseconds(call))
    ours = times[next(iter(candidates))]
    return [
        {
            "task": task,
            "method": name,
            "size": size,
            "ms": median(own),
            "ours / this": median(a / b for a, b in zip(ours, own, strict=True)),
        }
        for name, own in times.items()
    ]


def _milliseconds(call: Call) -> float:
    started = perf_counter()
    call()
    return 1e3 * (perf_counter() - started)
