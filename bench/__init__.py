"""Measurements as ratios against named peers, in one run on the same input.

Belongs here: one function per benchmark, which returns its table as rows. Stays out: tests; nothing here passes
or fails.
"""

from collections.abc import Callable
from typing import Any

from bench.features import bench_features

BENCHMARKS: dict[str, Callable[[], list[dict[str, Any]]]] = {"features": bench_features}
