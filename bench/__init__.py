"""Measurements against named peers or truth, each a table from one command.

Belongs here: one module per benchmark, whose function returns its table as rows. Stays out: tests; nothing here
passes or fails.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from bench.features import bench_features
from bench.flow import bench_flow
from bench.semantic import bench_semantic
from bench.spotting import bench_spotting
from bench.video import bench_video

Rows = list[dict[str, Any]]


def _serving(_: Path, out: Path | None) -> Rows:
    from bench.serving import bench_serving  # Dagster and torch take seconds to import

    return bench_serving(out)


def _recognition(data: Path, out: Path | None, *, quick: bool = False) -> dict[str, Rows]:
    from bench.recognition import bench_recognition  # torch takes seconds to import

    return bench_recognition(data, out, quick=quick)


# Each takes the folder of the benchmark data, which the repository does not carry, and that for its page, if any, and
# returns a table, or several by name.
BENCHMARKS: dict[str, Callable[[Path, Path | None], Rows | dict[str, Rows]]] = {
    "features": lambda _, out: bench_features(out),
    "flow": lambda data, _: bench_flow(data),
    "recognition": _recognition,
    "semantic": bench_semantic,
    "serving": _serving,
    "spotting": bench_spotting,
    "video": bench_video,
}
# The same with less of everything, labelled so.
QUICK_BENCHMARKS = {"recognition": partial(_recognition, quick=True)}
