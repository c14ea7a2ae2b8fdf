"""Build or ask a warehouse in a process of its own, and say what that took; run as a script by `warehouse`.

Belongs here: what is measured alone, without the imports of other benchmarks. Stays out: which builds there are.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from statistics import median

from upath import UPath

from apexline.assets.lake import Lake, unprocessed_clips
from apexline.assets.publishing import open_warehouse, publish_warehouse

_ROUNDS, _LOOKS = 20, 5
_QUERY = """
    select onset_at, emotion, confidence, abstained, reasons
    from segments
    where camera = $camera and day = $day
    order by onset_at
"""


def build(home: Path, target: Path, *, memory_mb: int) -> dict[str, float]:
    """Bring a warehouse up to a home's lake; return processor time, s, and peak memory, MB."""
    imported = peak_mb()
    before = time.process_time()
    publish_warehouse(Lake(UPath(home)), target, memory_mb=memory_mb)
    return {"cpu_s": time.process_time() - before, "peak MB": peak_mb(), "of it imports MB": imported}


def look(home: Path) -> dict[str, float]:
    """Look for clips that are not processed, as each tick of the landing sensor does; return the median CPU time, s.

    Raises
    ------
    RuntimeError
        Where there are some.
    """
    lake, found = Lake(UPath(home)), list[float]()
    for _ in range(_LOOKS):
        before = time.process_time()
        waiting = unprocessed_clips(lake)
        found.append(time.process_time() - before)
        if waiting:
            msg = (
                f"saw unprocessed clips of {sorted(waiting)[:3]}; expected made ones to have gone all the way"
            )
            raise RuntimeError(msg)
    return {"cpu_s": median(found)}


def ask(target: Path, camera_day: str) -> dict[str, float]:
    """Ask for a camera-day's segments by the champion, the file opened for it; return the median times, ms.

    Raises
    ------
    RuntimeError
        Where there are none.
    """
    day, _, camera = camera_day.partition("_")
    found: list[tuple[float, float]] = []
    for _ in range(_ROUNDS):
        before = (time.perf_counter(), time.process_time())
        with open_warehouse(target) as connection:
            rows = connection.execute(_QUERY, {"camera": camera, "day": day}).fetchall()
        found.append((time.perf_counter() - before[0], time.process_time() - before[1]))
        if not rows:
            msg = f"saw no segment of {camera_day}; expected what its champion says"
            raise RuntimeError(msg)
    wall, cpu = (1000 * median(times) for times in zip(*found, strict=True))
    return {"wall ms": wall, "cpu ms": cpu}


def peak_mb() -> float:
    """Return the most memory that this process has held; proc(5)."""
    status = Path("/proc/self/status").read_text()
    [kilobytes] = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(kilobytes) / 1024


if __name__ == "__main__":
    task, *rest = sys.argv[1:]
    measures = {
        "build": lambda home, target, memory_mb: build(Path(home), Path(target), memory_mb=int(memory_mb)),
        "look": lambda home: look(Path(home)),
        "ask": lambda target, camera_day: ask(Path(target), camera_day),
    }
    print(json.dumps(measures[task](*rest)))
