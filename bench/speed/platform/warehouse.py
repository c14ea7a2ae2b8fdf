"""What the warehouse takes to build, and to ask, of as many camera-days as a city has in some days.

Belongs here: which builds over made rows are measured, and their page. Stays out: the rows (``made_home``), measuring
(``warehouse_runner``), what the warehouse says.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from matplotlib.figure import Figure
from upath import UPath

from apexline.assets.lake import Lake, stored_camera_days
from apexline.bench.page import Rows, law, line_plot, write_speed
from apexline.bench.speed.platform.made_home import crown, make_days

_CAMERAS, _DAYS = 100, 20
_STORED = (1, 10, 100, 1_000, _CAMERAS * _DAYS)  # camera-days
_ONE_NEW = "one new, cpu_s"
_MEMORY_MB = 256  # APEXLINE_WAREHOUSE_MB

WORDS = f"""*Warehouse*: built whole of {_CAMERAS * _DAYS:,} camera-days of made rows, a clip of three seconds and one
face in each; then with one more camera-day, and with nothing new. Peak memory is that of the process, imports included;
DuckDB may hold {_MEMORY_MB} MB of it (`APEXLINE_WAREHOUSE_MB`). *This camera's day by its champion*: segments of one
camera-day with what the champion says, the file opened for it; medians. *Stored camera-days*: the same builds of as
many, and one look for clips that are not processed, as each tick of the landing sensor takes. Laws,
constant x size^exponent, are fitted to what stands above them by least squares of logarithms."""


def bench_warehouse() -> Rows:
    """Return processor time and memory of builds, and the time of a query."""
    with TemporaryDirectory() as folder:
        lake = Lake(UPath(folder) / "home")
        crown(lake)
        stored = [row for count in _STORED for row in measure_stored(lake, Path(folder), num_days=count)]
        rows = measure(lake, Path(folder) / "warehouse.duckdb", num_days=_STORED[-1] + 1)
        laws = [law(stored, x="stored camera-days", y=y) for y in ("whole, cpu_s", _ONE_NEW, "look, cpu_s")]
        return [*rows, *stored, *laws]


def measure_stored(lake: Lake, folder: Path, *, num_days: int) -> Rows:
    """Fill a lake up to so many made camera-days; build its warehouse whole and with one more, look for unprocessed."""
    stored = len(stored_camera_days(lake))
    make_days(lake, range(stored, num_days), cameras=_CAMERAS)
    target = folder / f"stored-{num_days}.duckdb"
    build = ("build", str(lake.home), str(target), str(_MEMORY_MB))
    whole, look = _run(*build), _run("look", str(lake.home))
    make_days(lake, range(num_days, num_days + 1), cameras=_CAMERAS)
    one = _run(*build)
    return [
        {"task": "stored camera-days", "stored camera-days": num_days, "whole, cpu_s": whole["cpu_s"]}
        | {_ONE_NEW: one["cpu_s"], "look, cpu_s": look["cpu_s"], "peak MB": whole["peak MB"]}
    ]


def measure(lake: Lake, target: Path, *, num_days: int) -> Rows:
    """Measure builds over a lake that holds made camera-days, and one more, and ask for one of them."""
    build = ("build", str(lake.home), str(target), str(_MEMORY_MB))
    whole = _run(*build)
    [added] = make_days(lake, range(num_days, num_days + 1), cameras=_CAMERAS)
    one, nothing = _run(*build), _run(*build)
    query = _run("ask", str(target), added)
    size = {"file MB": target.stat().st_size / 1e6}
    return [
        {"task": "warehouse", "build": f"whole, {num_days:,} camera-days", **whole, **size},
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
    write_speed(out, "speed_warehouse", f"What the warehouse costs.\n\n{WORDS}", rows, [stored_plot(rows)])


def stored_plot(rows: Rows) -> Figure:
    """Draw what one new camera-day costs against how many are stored."""
    return line_plot(rows, x="stored camera-days", y=_ONE_NEW, title="One new camera-day")


def _run(*arguments: str) -> dict[str, float]:
    runner = Path(__file__).with_name("warehouse_runner.py")
    done = subprocess.run([sys.executable, "-P", runner, *arguments], stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)
