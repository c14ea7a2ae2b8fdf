"""The CUDA kernels on a GPU: equality with the CPU, throughput and share of the memory's bandwidth.

Belongs here: one kernel at a time, on images in the device's memory. Stays out: transfers, and what the CPU does
meanwhile (``line``).
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.data import astronaut

from apexline.bench.page import Rows
from apexline.features import Array, to_numpy
from apexline.features.flow import compiled as flow_kernels
from apexline.features.flow import cuda as flow_cuda
from apexline.features.flow import resample
from apexline.features.modc import codes as modc
from apexline.features.modc import cuda as modc_cuda
from apexline.features.modc import differences

Upload = Callable[[NDArray[Any]], Array]
Clock = Callable[[Callable[[], Any]], float]

_ROUNDS = 20
_SWEEPS = 100
_ALPHA_SQUARED = 225.0
_COPY_BYTES = 1 << 28
# Chi-square sums are taken in an order of their own; everything else gives equal bits.
_ROUNDING = 1e-5


@dataclass(frozen=True)
class Case:
    """One kernel on one input.

    Attributes
    ----------
    name : str
    launch : callable
        Computes on the device.
    expected : callable
        Computes the same on the CPU.
    pixels : int
        Pixels of the input, all images together.
    traffic : int
        Bytes that have to be read and written.
    tolerance : float
        Largest difference relative to the largest value; 0 asks for equal bits.
    """

    name: str
    launch: Callable[[], Array]
    expected: Callable[[], NDArray[Any]]
    pixels: int
    traffic: int
    tolerance: float = 0.0


def grey_images(count: int, shape: tuple[int, int]) -> NDArray[np.uint8]:
    """Views of one photograph that wander by a pixel at a time, (count, *shape)."""
    grey = cv2.cvtColor(astronaut(), cv2.COLOR_RGB2GRAY)
    height, width = (max(side, size + 16) for side, size in zip(grey.shape, shape, strict=True))
    grey = cv2.resize(grey, (width, height), interpolation=cv2.INTER_CUBIC)
    steps = [abs(i % 32 - 16) for i in range(count)]
    return np.stack([grey[s : s + shape[0], s // 2 : s // 2 + shape[1]] for s in steps])


def cases(images: NDArray[np.uint8], upload: Upload) -> list[Case]:
    """Every kernel on a stack of images (T, M, N) and, for flow, on its neighbours in time."""
    floats = images.astype(np.float32)
    moving = np.roll(floats, 1, axis=0)
    zeros = np.zeros((images.shape[0], 2, *images.shape[1:]), dtype=np.float32)
    shifts = zeros + np.array([0.75, -1.5], dtype=np.float32)[:, None, None]
    on_device = [upload(each) for each in (floats, moving, zeros, shifts)]
    return [
        *_texture_cases(images, upload(images)),
        *_flow_cases((floats, moving, zeros, shifts), on_device),
        _distance_case(images, upload),
    ]


def kernel_rows(cases: list[Case], clock: Clock, copy: float) -> Rows:
    """Rows of the table.

    Parameters
    ----------
    cases : list of Case
    clock : callable
        Seconds that a call takes.
    copy : float
        Bytes/s that a copy within the device's memory reads and writes.
    """
    rows: Rows = []
    for case in cases:
        found, expected = to_numpy(case.launch()), case.expected()
        seconds = clock(case.launch)
        speed = case.traffic / seconds
        rows.append(
            {
                "kernel": case.name,
                "ms": 1e3 * seconds,
                "Mpx/s": case.pixels / seconds / 1e6,
                "GB/s": speed / 1e9,
                "of a copy": speed / copy,
                "as the CPU": "yes" if agree(found, expected, case.tolerance) else "NO",
            }
        )
    return rows


def agree(found: NDArray[Any], expected: NDArray[Any], tolerance: float) -> bool:
    """Whether two results have equal bits or, with a tolerance, differ by rounding only."""
    if found.dtype != expected.dtype or found.shape != expected.shape:
        return False
    if tolerance == 0:
        return np.ascontiguousarray(found).tobytes() == np.ascontiguousarray(expected).tobytes()
    return bool(np.max(np.abs(found - expected)) <= tolerance * np.max(np.abs(expected)))


def copy_bandwidth(xp: Any, clock: Clock) -> float:
    """Bytes/s, read and written, of a copy from device memory to device memory."""
    source = xp.zeros(_COPY_BYTES, dtype=xp.uint8)
    target = xp.empty_like(source)
    return 2 * _COPY_BYTES / clock(lambda: xp.copyto(target, source))


def device_seconds(call: Callable[[], Any]) -> float:
    """Median over rounds of the seconds between two events on the device."""
    cupy: Any = importlib.import_module("cupy")
    call()
    seconds: list[float] = []
    for _ in range(_ROUNDS):
        start, end = cupy.cuda.Event(), cupy.cuda.Event()
        start.record()
        call()
        end.record()
        end.synchronize()
        seconds.append(cupy.cuda.get_elapsed_time(start, end) / 1e3)
    return median(seconds)


def _texture_cases(images: NDArray[np.uint8], uploaded: Array) -> list[Case]:
    size, digits = _size(images), (1, 4, 16, 64)
    found: list[Case] = []
    for kinds in (("sl",), ("cod", "sl", "sr")):
        rings = modc.Rings((2, 4, 6), tuple(modc.KINDS[kind] for kind in kinds), (digits, digits))
        codes = modc.ring_codes(images, rings)
        histograms = modc.ring_histograms(images, rings, grid=(4, 4))
        name = f"{len(kinds)} kind{'s' if len(kinds) > 1 else ''} {size}"
        found += [
            Case(
                f"MODC codes, {name}",
                lambda rings=rings: modc_cuda.ring_codes(uploaded, rings),
                lambda codes=codes: codes,
                images.size,
                images.nbytes + codes.nbytes,
            ),
            Case(
                f"MODC histograms, {name}",
                lambda rings=rings: modc_cuda.ring_histograms(uploaded, rings, (4, 4)),
                lambda histograms=histograms: histograms,
                images.size,
                # counts are cleared, added to and read before histograms are written
                images.nbytes + 4 * histograms.nbytes,
            ),
        ]
    return found


def _flow_cases(host: tuple[NDArray[np.float32], ...], device: list[Array]) -> list[Case]:
    floats, moving, zeros, shifts = host
    reference, target, start, shift = device
    height, width = floats.shape[1:]
    size, pixels = _size(floats), floats.size

    def swept(cross: bool) -> NDArray[np.float32]:
        alpha_squared = np.float32(_ALPHA_SQUARED)
        inputs = zip(floats, moving, zeros, strict=True)
        return np.stack([flow_kernels.refine(*each, alpha_squared, _SWEEPS, cross) for each in inputs])

    sweeps = [
        Case(
            f"{_SWEEPS} sweeps, {name}, {size}",
            lambda cross=cross: flow_cuda.refine(reference, target, start, _ALPHA_SQUARED, _SWEEPS, cross),
            lambda cross=cross: swept(cross),
            pixels,
            # three terms and two components in, two components out, each sweep
            7 * floats.nbytes * _SWEEPS,
        )
        for name, cross in (("4 neighbours", True), ("8 neighbours", False))
    ]
    doubled = (2 * height, 2 * width)
    return [
        *sweeps,
        Case(
            f"warp {size}",
            lambda: flow_cuda.warp(target, shift)[0],
            lambda: np.stack([resample.warp(*each)[0] for each in zip(moving, shifts, strict=True)]),
            pixels,
            4 * floats.nbytes + pixels,
        ),
        Case(
            f"halve {size}",
            lambda: flow_cuda.halve(reference),
            lambda: np.stack([resample.halve(np, each) for each in floats]),
            pixels,
            floats.nbytes * 5 // 4,
        ),
        Case(
            f"enlarge {size}",
            lambda: flow_cuda.enlarge(shift, doubled),
            lambda: np.stack([resample.enlarge(np, each, doubled) for each in shifts]),
            pixels,
            shifts.nbytes * 5,
        ),
    ]


def _distance_case(images: NDArray[np.uint8], upload: Upload) -> Case:
    histograms = modc.modc_histograms(images)
    uploaded = upload(histograms)
    return Case(
        f"chi-square, {_size(images)}",
        lambda: modc_cuda.chi_square_blocks(uploaded, uploaded[:1]),
        lambda: differences.chi_square_blocks(histograms, histograms[:1]),
        images.size,
        histograms.nbytes,
        _ROUNDING,
    )


def _size(images: NDArray[Any]) -> str:
    count, height, width = images.shape
    return f"{count} x {height} x {width}"
