"""Streams and the whole line beside one core and beside all, on a machine without a GPU: the CPU stands in for it."""

import numpy as np
import pytest

from apexline.bench.speed.gpu import line as gpu_line
from apexline.bench.speed.gpu.line import line_rows, stream_rows


def test_streams_are_measured_by_the_size_of_blocks(still_crops):
    rows = stream_rows(np.concatenate([still_crops] * 2)[:9], device="cpu", blocks=(1, 4))
    of_streams, registration = rows[:-1], rows[-1]
    assert [(row["rows"], row["crops a block"]) for row in of_streams] == [
        (name, size) for name in ("texture", "flow", "texture and flow") for size in (1, 4)
    ]
    assert {row["as the CPU"] for row in of_streams} == {"yes"}
    texture, flow, both = (
        next(row for row in of_streams if (row["rows"], row["crops a block"]) == (name, 4))
        for name in ("texture", "flow", "texture and flow")
    )
    assert 1 / both["face-frames/s"] == pytest.approx(
        1 / texture["face-frames/s"] + 1 / flow["face-frames/s"]
    )
    assert registration["face-frames/s on a core"] > texture["face-frames/s on a core"]


def test_a_row_that_differs_is_told(still_crops, monkeypatch):
    class Wrong(gpu_line.FlowStream):
        def push_block(self, crops, frames, times_s):
            block = super().push_block(crops, frames, times_s)
            if len(crops) > 1:
                block.columns["drow"][-1] = np.nextafter(block.columns["drow"][-1], 1e9)
            return block

    monkeypatch.setattr(gpu_line, "FlowStream", Wrong)
    rows = stream_rows(still_crops[:4], device="cpu", blocks=(1, 4))
    told = {(row["rows"], row["crops a block"]): row["as the CPU"] for row in rows[:-1]}
    assert [key for key, said in told.items() if said == "NO"] == [("flow", 4), ("texture and flow", 4)]


def test_the_line_is_measured_on_one_core_and_on_all(monkeypatch, tmp_path):
    """With the GPU a process is twice as fast, and a second one adds nothing: they share it."""
    asked = []

    def rates(method, clips, folder, *, counts):
        asked.append((method.name, method.device, clips[0].name, tuple(counts)))
        return {count: [20.0] if method.device == "cuda" else [10.0 * count] for count in counts}

    monkeypatch.setattr(gpu_line.os, "sched_getaffinity", lambda _: {0, 1, 2, 3})
    monkeypatch.setattr(gpu_line, "side_by_side", rates)
    monkeypatch.setattr(gpu_line, "make_sample", lambda *_, **__: [tmp_path / "drawn.mp4"])
    monkeypatch.setattr(gpu_line, "tiled", lambda clip, count, folder: folder / f"{clip.stem}-{count}.mp4")
    [row] = line_rows(faces=(4,))
    assert asked == [
        ("CPU", "cpu", "drawn-4.mp4", (1, 4)),
        ("GPU", "cuda", "drawn-4.mp4", (1, 4)),
    ]
    assert row == {
        "faces": 4,
        "one core, frames/s": 10.0,
        "all 4 cores": 40.0,
        "one core and the GPU": 20.0,
        "all 4 cores and the GPU": 20.0,
        "best with the GPU / one core": 2.0,
        "best with the GPU / all cores": 0.5,
    }
