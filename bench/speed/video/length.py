"""What ten seconds to two hours of video take: time in proportion, memory that stays.

Belongs here: one face, played on and on. Stays out: whatever else a clip may have much of (``curves``).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory
from typing import Any

from apexline.bench.page import Rows, line_plot, straight_law, write_speed
from apexline.bench.speed.video.asked import LINE, Method, installed_peers, missing_peers, rate
from apexline.bench.speed.video.clips import FPS, expressive_clip, lengthened

# 10 s to 400 s, and to 2 h
_FRAMES, _LONG_FRAMES = (250, 1_000, 3_000, 10_000), (45_000, 180_000)
_PEER_FRAMES = (25, 50, 100, 250)
_COMPARED = 10_000
_SHARE = f"of that of {_COMPARED:,} frames"
_CPU, _MEMORY = "cpu s a 1,000 frames", "peak MiB"

_WORDS = f"""Length of a clip: time and memory.

Decode to answers on one core, as `apexline score` does once it has started: one face of 320x240 at {FPS} frames/s, a
morphed clip (synthetic in motion) of some seconds played forth and back, which shows an expression each time. Each
length is run in a process of its own, which one short clip has warmed. CPU time is that of the process and of the one
that decodes for it, of all they do from being asked to answering; wall time, on a machine that others use, says less
of how time grows with length. A shared machine changes its speed within minutes, too: while a clip of more than
{_COMPARED:,} frames is run, a process on the next core runs {_COMPARED:,} frames again and again, and what a frame
takes is compared with what it takes there meanwhile. Peak memory is that of the line's process and of its decoder,
added. Crops lie in a temporary folder meanwhile. Laws, a fixed part and one for each frame, are fitted by least squares
of relative errors. Peers get fewer frames, since they take longer for each; `face-api` gets them decoded."""


def bench_length(data: Path) -> Rows:
    """Return time and memory of clips of ten seconds to two hours.

    Parameters
    ----------
    data : Path
        Folder of the benchmark data.
    """
    clip = expressive_clip(data / "expression_clips")
    with TemporaryDirectory() as folder:
        own = compared(measure_lengths(LINE, _FRAMES, clip, Path(folder)), frames=_COMPARED)
        own += measure_beside(LINE, _LONG_FRAMES, clip, Path(folder), frames=_COMPARED)
        peers = [measure_lengths(peer, _PEER_FRAMES, clip, Path(folder)) for peer in installed_peers()]
    return [
        *own,
        *({"task": "length", **row} for row in missing_peers()),
        *(row for rows in peers for row in rows),
        *(row for rows in (own, *peers) for row in _laws(rows)),
    ]


def write_length_page(rows: Rows, out: Path) -> None:
    """Write ``speed_length.md`` and its plots into `out`."""
    figures = [
        line_plot(rows, x="frames", y="cpu_s", by="method", title="Time and the length of a clip"),
        line_plot(
            rows, x="frames", y=_MEMORY, by="method", log=False, title="Memory and the length of a clip"
        ),
    ]
    write_speed(out, "speed_length", _WORDS, rows, figures)


def measure_lengths(method: Method, lengths: Sequence[int], clip: Path, folder: Path) -> Rows:
    """Run a clip that is played on and on, each length in a process of its own: memory must not follow it."""
    rows: Rows = []
    for frames in lengths:
        long = lengthened(clip, frames, folder)
        with method.start() as runner:
            method.run(runner, clip, folder, peer_frames=2)
            answer = method.run(runner, long, folder, peer_frames=frames)
        long.unlink()
        rows.append(_row(method, answer, frames))
    return rows


def measure_beside(method: Method, lengths: Sequence[int], clip: Path, folder: Path, *, frames: int) -> Rows:
    """Run long clips while another process runs one of `frames` frames again and again; compare a frame's CPU time."""
    other_core = min(1, len(os.sched_getaffinity(0)) - 1)
    usual = lengthened(clip, frames, folder)
    rows: Rows = []
    for length in lengths:
        meanwhile: list[float] = []
        long = lengthened(clip, length, folder)
        with method.start() as runner, method.start(other_core) as other:
            for each in (runner, other):
                method.run(each, clip, folder, peer_frames=2)
            method.ask(runner, long, folder, peer_frames=length)
            while not meanwhile or not runner.has_answered():
                meanwhile.append(method.run(other, usual, folder, peer_frames=frames)["cpu_s"])
            row = _row(method, runner.answer(), length)
        long.unlink()
        # The last one went on when the long clip had come to its end.
        per_frame = mean(meanwhile[:-1] or meanwhile) / frames
        rows.append(row | {_SHARE: row["cpu_s"] / row["frames"] / per_frame})
    usual.unlink()
    return rows


def _row(method: Method, answer: dict[str, float], frames: int) -> dict[str, Any]:
    if answer["frames"] != frames:
        msg = f"{method.name} saw {answer['frames']} frames of {frames}; expected it to go on to the end"
        raise RuntimeError(msg)
    return {
        "task": "length",
        "method": method.name,
        "frames": frames,
        "video s": frames / FPS,
        "s": answer["seconds"],
        "cpu_s": answer["cpu_s"],
        "frames/s": rate(answer),
        **({"segments": answer["segments"]} if "segments" in answer else {}),
        _MEMORY: answer["peak_mib"],
        _CPU: 1e3 * answer["cpu_s"] / frames,
    }


def compared(rows: Rows, *, frames: int) -> Rows:
    """Say how a frame's CPU time goes on from that of one length: 1 where time is in proportion."""
    [usual] = [row[_CPU] for row in rows if row["frames"] == frames]
    return [row | {_SHARE: row[_CPU] / usual} for row in rows]


def _laws(rows: Rows) -> Rows:
    return [
        {"task": "laws", "method": rows[0]["method"]} | straight_law(rows, x="frames", y=y)
        for y in ("cpu_s", _MEMORY)
    ]
