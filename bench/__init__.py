"""Measurements against named peers or truth, each a table from one command.

Belongs here: one module per benchmark, whose function returns its table as rows. Stays out: tests; nothing here
passes or fails.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.features import bench_features
from bench.flow import bench_flow
from bench.semantic import bench_semantic
from bench.spotting import bench_spotting
from bench.video import bench_video

# Each takes the folder of the benchmark data, which the repository does not carry, and that for its page, if any.
BENCHMARKS: dict[str, Callable[[Path, Path | None], list[dict[str, Any]]]] = {
    "features": lambda _, out: bench_features(out),
    "flow": lambda data, _: bench_flow(data),
    "semantic": bench_semantic,
    "spotting": lambda data, _: bench_spotting(data),
    "video": bench_video,
}
