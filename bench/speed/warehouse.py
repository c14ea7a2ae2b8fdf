"""What the warehouse takes to build, and to ask, of as many camera-days as a city has in some days.

Belongs here: processor time and memory of builds over made rows. Stays out: the rows (``bench.speed.made_home``), what
the warehouse says.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from upath import UPath

from apexline.assets.lake import Lake, stored_camera_days
from apexline.assets.publishing import open_warehouse, publish_warehouse
from apexline.bench.page import Rows, write_speed
from apexline.bench.speed.made_home import make_days, promote

CAMERAS = 100
_DAYS = 20  # of each camera
_MEMORY_MB = 512  # APEXLINE_WAREHOUSE_MB
_ROUNDS = 20
_QUERY = """
    select onset_at, emotion, confidence, abstained, reasons
    from segments
    where camera = $camera and day = $day
    order by onset_at
"""

WORDS = f"""*Warehouse*: built whole of {CAMERAS * _DAYS:,} camera-days of made rows, a clip of three seconds and one
face in each; then with one more camera-day, and with nothing new. Peak memory is that of the process, imports included;
DuckDB may hold {_MEMORY_MB} MB of it (`APEXLINE_WAREHOUSE_MB`). *This camera's day by its champion*: segments of one
camera-day with what the champion says, the file opened for it, the median of {_ROUNDS}."""


def bench_warehouse() -> Rows:
    """Return processor time and memory of builds, and the time of a query."""
    with TemporaryDirectory() as folder:
        home, target = Path(folder) / "home", Path(folder) / "warehouse.duckdb"
        lake, count = Lake(UPath(home)), CAMERAS * _DAYS
        promote(lake, 1)
        make_days(lake, range(count), cameras=CAMERAS)
        whole = _in_process_of_its_own(_build, home, target)
        make_days(lake, range(count, count + 1), cameras=CAMERAS)
        one = _in_process_of_its_own(_build, home, target)
        nothing = _in_process_of_its_own(_build, home, target)
        query = _in_process_of_its_own(_ask, target, stored_camera_days(lake)[count // 2])
        size = target.stat().st_size / 1e6
    return [
        {"task": "warehouse", "build": f"whole, {count:,} camera-days", **whole, "file MB": size},
        {
            "task": "warehouse",
            "build": "one new camera-day",
            **one,
            "of whole": one["cpu_s"] / whole["cpu_s"],
        },
        {
            "task": "warehouse",
            "build": "nothing new",
            **nothing,
            "of whole": nothing["cpu_s"] / whole["cpu_s"],
        },
        {"task": "queries", "query": "this camera's day by its champion", **query},
    ]


def write_warehouse_page(rows: Rows, out: Path) -> None:
    """Write ``speed_warehouse.md`` into `out`."""
    write_speed(out, "speed_warehouse", f"What the warehouse costs.\n\n{WORDS}", rows, [])


def _in_process_of_its_own(measure: Callable[..., dict[str, float]], *arguments: object) -> dict[str, float]:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(measure, *arguments).result()


def _build(home: Path, target: Path) -> dict[str, float]:
    imported = _peak_mb()
    before = time.process_time()
    publish_warehouse(Lake(UPath(home)), target, memory_mb=_MEMORY_MB)
    return {"cpu_s": time.process_time() - before, "peak MB": _peak_mb(), "of it imports MB": imported}


def _ask(target: Path, camera_day: str) -> dict[str, float]:
    day, _, camera = camera_day.partition("_")
    found: list[float] = []
    for _ in range(_ROUNDS):
        before = time.perf_counter()
        with open_warehouse(target) as connection:
            rows = connection.execute(_QUERY, {"camera": camera, "day": day}).fetchall()
        found.append(time.perf_counter() - before)
        if not rows:
            msg = f"saw no segment of {camera_day}; expected what its champion says"
            raise RuntimeError(msg)
    return {"ms": 1000 * median(found)}


def _peak_mb() -> float:
    """Return the most memory that this process has held; proc(5)."""
    status = Path("/proc/self/status").read_text()
    [kilobytes] = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(kilobytes) / 1024
