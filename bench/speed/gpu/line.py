"""What a GPU gives to streams of crops, block by block, and to the whole line, beside one core and beside all of them.

Belongs here: everything that crosses the bus, and what the CPU does before and after. Stays out: kernels alone
(``kernels``).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apexline.bench.page import Rows
from apexline.bench.speed.video.asked import Method
from apexline.bench.speed.video.clips import FPS, tiled
from apexline.bench.speed.video.curves import side_by_side
from apexline.features import Device, join_columns
from apexline.features.flow import FlowConfig, FlowStream
from apexline.features.modc import TextureConfig, TextureStream
from apexline.features.registration import Registrar
from apexline.sample import SampleConfig, make_sample

_BLOCKS = (1, 7, 64, 256, 1024)
_FACES = (1, 4, 16)
_RATE, _ON_A_CORE = "face-frames/s", "face-frames/s on a core"

_Columns = dict[str, NDArray[Any]]


def stream_rows(crops: NDArray[np.uint8], device: Device = "cuda", blocks: Sequence[int] = _BLOCKS) -> Rows:
    """Return how fast crops of one face become rows, by the size of blocks, and whether the rows are the CPU's.

    Parameters
    ----------
    crops : ndarray, shape (N, 128, 128), uint8
    device : {"cuda", "cpu"}
        What is held against the CPU.
    blocks : sequence of int
        Crops of a block.
    """
    makers: dict[str, Callable[[Device], TextureStream | FlowStream]] = {
        "texture": partial(TextureStream, TextureConfig()),
        "flow": partial(FlowStream, FlowConfig()),
    }
    rows: Rows = []
    for name, make in makers.items():
        _, expected = _streamed(partial(make, "cpu"), crops, 1)
        for size in blocks:
            (seconds, found), (on_a_core, alone) = (
                _streamed(partial(make, each), crops, size) for each in (device, "cpu")
            )
            agree = _equal(found, expected) and _equal(alone, expected)
            rows.append(_stream_row(name, size, len(crops) / seconds, len(crops) / on_a_core, agree=agree))
    return [*rows, *_together(rows), _registration_row(crops)]


def line_rows(device: Device = "cuda", faces: Sequence[int] = _FACES) -> Rows:
    """Return frames a second of the whole line with and without a device, on one core and on all, and the ratios.

    The clip is drawn, one face, and tiled; each process gets all of it and is bound to a core of its own, so that all
    of them share the device.
    """
    cores = len(os.sched_getaffinity(0))
    methods = {"CPU": Method("CPU"), "GPU": Method("GPU", device=device)}
    rows: Rows = []
    with TemporaryDirectory() as name:
        folder = Path(name)
        clip = make_sample(folder / "drawn", config=SampleConfig(variants=1, group_clips=0))[0]
        for count in faces:
            shown = tiled(clip, count, folder)
            rates = {
                (method.name, processes): median(found)
                for method in methods.values()
                for processes, found in side_by_side(method, [shown], folder, counts=(1, cores)).items()
            }
            with_device = max(rates["GPU", 1], rates["GPU", cores])
            rows.append(
                {
                    "faces": count,
                    "one core, frames/s": rates["CPU", 1],
                    f"all {cores} cores": rates["CPU", cores],
                    "one core and the GPU": rates["GPU", 1],
                    f"all {cores} cores and the GPU": rates["GPU", cores],
                    "best with the GPU / one core": with_device / rates["CPU", 1],
                    "best with the GPU / all cores": with_device / rates["CPU", cores],
                }
            )
    return rows


def _streamed(
    make: Callable[[], TextureStream | FlowStream], crops: NDArray[np.uint8], size: int
) -> tuple[float, _Columns]:
    """Seconds that a stream takes for crops in blocks of a size, and its columns."""
    frames = np.arange(len(crops))
    parts = [slice(start, start + size) for start in range(0, len(crops), size)]
    make().push_block(crops[parts[0]], frames[parts[0]], frames[parts[0]] / FPS)  # compiles
    stream = make()
    started = perf_counter()
    blocks = [stream.push_block(crops[part], frames[part], frames[part] / FPS) for part in parts]
    blocks.append(stream.flush_block())
    return perf_counter() - started, join_columns([block.columns for block in blocks])


def _equal(found: Mapping[str, NDArray[Any]], expected: Mapping[str, NDArray[Any]]) -> bool:
    return all(np.array_equal(found[name], values) for name, values in expected.items())


def _stream_row(name: str, size: int, rate: float, on_a_core: float, *, agree: bool) -> dict[str, Any]:
    return {
        "rows": name,
        "crops a block": size,
        _RATE: rate,
        _ON_A_CORE: on_a_core,
        "x a core": rate / on_a_core,
        "as the CPU": "yes" if agree else "NO",
    }


def _together(rows: Rows) -> Rows:
    """Rates of texture and flow, the one after the other."""
    found: Rows = []
    for size in dict.fromkeys(row["crops a block"] for row in rows):
        own = [row for row in rows if row["crops a block"] == size]
        rate, on_a_core = (1 / sum(1 / row[name] for row in own) for name in (_RATE, _ON_A_CORE))
        agree = all(row["as the CPU"] == "yes" for row in own)
        found.append(_stream_row("texture and flow", size, rate, on_a_core, agree=agree))
    return found


def _registration_row(crops: NDArray[np.uint8]) -> dict[str, Any]:
    """Rate of what stays on the CPU, for texture and for flow alike: with a device both together reach half of it."""
    registrar = Registrar(crops[0])
    registrar.register(crops[0])
    started = perf_counter()
    for crop in crops:
        registrar.register(crop)
    return {"rows": "one registration, always on a core", _ON_A_CORE: len(crops) / (perf_counter() - started)}
