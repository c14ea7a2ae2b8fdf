"""What a clip costs where a run of the line takes 1, 10, 100 or 1,000 of one camera-day.

Belongs here: tiny clips in a lake, and the one command that processes them. Stays out: what a run costs in an
installation that is up (``runs``).
"""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from matplotlib.figure import Figure
from upath import UPath

from apexline.assets.ingest import take_in
from apexline.assets.lake import Lake, Manifest
from apexline.bench.page import Rows, line_plot, straight_law
from apexline.features.video import read_frames, write_video
from apexline.governance import enter_synthetic
from apexline.sample import SampleConfig, make_puppets, plan_clip, write_clip

_CLIPS = (1, 10, 100, 1_000)
_FRAMES = 10
_FPS = 25
_FIRST = datetime(2026, 3, 2, 0, tzinfo=UTC)
_STATED = {"purpose": "benchmark", "legal_basis": "drawn faces"}

WORDS = f"""*Clips a run*: clips of one camera-day, taken in before, each {_FRAMES} frames of one drawn face; then
`apexline ingest` on one core, which runs `process_camera_day` over them in its own process, from pixels to scores. Time
is that of the command and of what it starts; with no clip it starts and looks. What a clip costs is what is above that,
shared. The law is a fixed part and one for each clip, fitted by least squares of relative errors."""


def bench_clips() -> Rows:
    """Return what runs over more and more clips take, and the law of it."""
    with TemporaryDirectory() as folder:
        rows = measure_clips(Path(folder), _CLIPS)
    some = [row for row in rows if row["clips"]]
    return [*rows, straight_law(some, x="clips", y="cpu_s"), straight_law(some, x="clips", y="wall_s")]


def clips_plot(rows: Rows) -> Figure:
    """Draw what a clip costs against how many a run takes."""
    return line_plot(rows, x="clips", y="cpu s a clip", title="Clips of one run")


def measure_clips(folder: Path, counts: Sequence[int]) -> Rows:
    """Process so many clips of one camera-day in one run each, over one home; first none."""
    home, clip = folder / "home", _draw(folder)
    _ingest(home)  # a new home is made, and its model registered
    lake = Lake(UPath(home))
    _store(lake, clip, camera="first", count=1)
    _ingest(home)  # what is compiled and drawn for the first time is kept
    start = _ingest(home)
    rows: Rows = [{"task": "clips a run", "clips": 0, **start}]
    for count in counts:
        _store(lake, clip, camera=f"gate-{count}", count=count)
        found = _ingest(home)
        shares = {f"{name[:-2]} s a clip": (found[name] - start[name]) / count for name in found}
        rows.append({"task": "clips a run", "clips": count, **found, **shares})
    return rows


def _draw(folder: Path) -> Path:
    """Draw a face, and keep its first frames."""
    plan = plan_clip([(0, ("happy",))], index=0, config=SampleConfig(face_px=(100.0, 100.0)))
    drawn = write_clip(folder / "drawn", plan, puppets=make_puppets([plan]))
    short = folder / "short.mp4"
    write_video(short, (frame.image for frame in islice(read_frames(drawn), _FRAMES)), fps=_FPS)
    return short


def _store(lake: Lake, clip: Path, *, camera: str, count: int) -> None:
    """Take in a clip so many times: the same pictures, told apart by a box of the container that says nothing."""
    enter_synthetic(lake.home, camera, **_STATED, by="bench", now=datetime.now(UTC))
    content = clip.read_bytes()
    for number in range(count):
        manifest = Manifest(
            camera=camera,
            captured_at=_FIRST + timedelta(days=number / count),
            purpose=_STATED["purpose"],
            legal_basis=_STATED["legal_basis"],
            synthetic=True,
        )
        other = clip.with_stem(f"{camera}-{number}")
        other.write_bytes(content + struct.pack(">I4s16s", 24, b"free", f"{camera}/{number}".encode()))
        result = take_in(lake, UPath(other), manifest=manifest)
        other.unlink()
        if result.status != "accepted":
            msg = f"saw {result}; expected a drawn clip to be taken in"
            raise RuntimeError(msg)


def _ingest(home: Path) -> dict[str, float]:
    """Have what is stored and not processed processed; return CPU and wall time, of all that the command starts."""
    apexline = Path(sys.executable).parent / "apexline"
    command = ["taskset", "-c", "0", str(apexline), "ingest", "--json"]
    started = time.monotonic()
    process = subprocess.Popen(
        command, env={**os.environ, "APEXLINE_HOME": str(home)}, stdout=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        msg = f"{command} ended with code {process.returncode}; expected it to process what is stored"
        raise RuntimeError(msg)
    return {"cpu_s": usage.ru_utime + usage.ru_stime, "wall_s": time.monotonic() - started}
