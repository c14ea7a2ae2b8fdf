"""What a command takes from a cold process to its end, and a server to its first answer.

Each run is a process of its own on one core; commands alternate within a round. Files are in the system's cache, and
compiled kernels in Numba's.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import NamedTuple

import pandas as pd

from apexline.bench.page import Rows, write_speed
from apexline.bench.paths import ROOT
from apexline.bench.peers import FER_PYTHON
from apexline.bench.speed.processes import ONE_THREAD, children_cpu_s
from apexline.features.video import probe_video
from apexline.governance import OWN_RECORDINGS, enter_synthetic

_ROUNDS = 5
_CLIP_S = 3.0
_PEER = "fer 25.10.3, mtcnn=True"

_WORDS = f"""What a start costs.

A command from a cold process to its end, on one core: CPU time with that of the processes that it starts, medians of
{_ROUNDS} rounds in which commands alternate. The clip is the morphed one (synthetic in motion) whose length is nearest
{_CLIP_S:.0f} s. Files are in the system's cache, compiled kernels in Numba's, where `make setup` puts them: a wheel's
first run compiles them, which takes half a minute and more. *A loop* is Python counting to ten million, as a measure of
the machine. What a served model takes to its first answer stands in [the page of answers](speed_serving.md)."""


class _Command(NamedTuple):
    """What is run in which home, the exit code that it has to end with, and what it is sent."""

    program: Sequence[str]
    home: Path
    code: int = 0
    sent: str = ""


def bench_start(data: Path) -> Rows:
    """Return CPU and wall seconds of commands from a cold process, and of the `fer` package on the same clip.

    Parameters
    ----------
    data : Path
        Folder of the benchmark data.
    """
    clip = _short_clip(data / "expression_clips")
    with TemporaryDirectory() as folder:
        open_home, closed_home = Path(folder) / "open", Path(folder) / "closed"
        stated = {"purpose": "benchmark", "legal_basis": "the data's own licence"}
        enter_synthetic(open_home, OWN_RECORDINGS, **stated, by="bench", now=datetime.now(UTC))
        program = str(Path(sys.executable).with_name("apexline"))
        commands = {
            "a loop": _Command([sys.executable, "-c", "for _ in range(10_000_000): pass"], open_home),
            "apexline --help": _Command([program, "--help"], open_home),
            "apexline score, wrong usage": _Command([program, "score", "--nonsense"], open_home, code=2),
            "apexline score, refused": _Command([program, "score", str(clip)], closed_home, code=1),
            "apexline score": _Command([program, "score", str(clip)], open_home),
        }
        if FER_PYTHON.exists():
            asked = json.dumps({"clip": str(clip), "limit": None}) + "\n"
            commands[_PEER] = _Command([str(FER_PYTHON), "bench/peers/fer_video.py"], open_home, sent=asked)
        _cost(commands["apexline score"])  # makes the shipped model champion, and fills the caches
        rounds = [{name: _cost(each) for name, each in commands.items()} for _ in range(_ROUNDS)]
    frames = probe_video(clip).num_frames
    return [
        {
            "task": f"cold, a clip of {frames} frames",
            "command": name,
            **{part: median(each[name][part] for each in rounds) for part in ("cpu s", "wall s")},
            "to a loop": median(each[name]["cpu s"] / each["a loop"]["cpu s"] for each in rounds),
        }
        for name in commands
    ]


def write_start_page(rows: Rows, out: Path) -> None:
    """Write ``speed_start.md`` into `out`."""
    write_speed(out, "speed_start", _WORDS, rows, [])


def _short_clip(folder: Path) -> Path:
    """The clip whose length is nearest to what is asked for; the first of equals."""
    names = pd.read_csv(folder / "clips.csv")["clip"]
    return min((folder / name for name in names), key=lambda clip: abs(_length_s(clip) - _CLIP_S))


def _length_s(clip: Path) -> float:
    times_s = probe_video(clip).timestamps
    return float(times_s[-1]) + float(times_s[-1]) / max(1, len(times_s) - 1)


def _cost(command: _Command) -> dict[str, float]:
    """CPU and wall seconds of a command.

    Raises
    ------
    RuntimeError
        If it ended with another exit code than it has to.
    """
    settings = {"APEXLINE_HOME": str(command.home), "PYTHONPATH": str(ROOT / "src")}
    before, started = children_cpu_s(), time.perf_counter()
    ended = subprocess.run(
        ["taskset", "-c", "0", *command.program],
        input=command.sent,
        text=True,
        cwd=ROOT,
        env={**os.environ, **dict.fromkeys(ONE_THREAD, "1"), **settings},
        capture_output=True,
        check=False,
    )
    used_s, wall_s = children_cpu_s() - before, time.perf_counter() - started
    if ended.returncode != command.code:
        message = (
            f"{' '.join(command.program)} ended with code {ended.returncode}, expected {command.code}; it said "
            f"{ended.stderr[-2000:]}"
        )
        raise RuntimeError(message)
    return {"cpu s": used_s, "wall s": wall_s}
