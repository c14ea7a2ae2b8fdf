"""Measurements against named peers or truth, each a table from one command.

Belongs here: which benchmarks there are, and which page shows what each measures; modules that measure know no page.
Stays out: tests; nothing here passes or fails.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import Any

from apexline.bench.semantic.run import SemanticResults
from apexline.bench.semantic.run import measure as measure_semantic
from apexline.bench.speed.crops import bench_crops, write_crops_page
from apexline.bench.speed.features import bench_features, write_features_page
from apexline.bench.speed.flow import bench_flow
from apexline.bench.speed.imports import bench_imports
from apexline.bench.speed.platform.runs import bench_platform, write_platform_page
from apexline.bench.speed.platform.warehouse import bench_warehouse, write_warehouse_page
from apexline.bench.speed.start import bench_start, write_start_page
from apexline.bench.speed.video.length import bench_length, write_length_page
from apexline.bench.speed.video.run import bench_video, write_video_page
from apexline.bench.spotting.run import SpottingResults
from apexline.bench.spotting.run import measure as measure_spotting

Rows = list[dict[str, Any]]
Tables = Rows | dict[str, Rows]


@dataclass(frozen=True)
class Benchmark:
    """What is measured and where it is shown.

    Parameters
    ----------
    measure : callable
        Takes the folder of the benchmark data, which the repository does not carry; gives results.
    write_page : callable, optional
        Takes results and the folder that their page goes to.
    printed : callable, optional
        Takes results; gives a table, or several by name. The results themselves by default.
    """

    measure: Callable[[Path], Any]
    write_page: Callable[[Any, Path], None] | None = None
    printed: Callable[[Any], Tables] | None = None

    def __call__(self, data: Path, out: Path | None = None) -> Tables:
        """Measure, write the page into `out` where there is one, and return what the terminal shows."""
        results = self.measure(data)
        if out is not None and self.write_page is not None:
            self.write_page(results, out)
        return results if self.printed is None else self.printed(results)


def _serving(_: Path) -> Rows:
    from apexline.bench.speed.serving import bench_serving  # Dagster and torch take seconds to import

    return bench_serving()


def _serving_page(rows: Rows, out: Path) -> None:
    from apexline.bench.speed.serving import write_serving_page

    write_serving_page(rows, out)


def _recognition(data: Path, *, plan: str) -> Any:
    from apexline.bench.recognition import read_plan
    from apexline.bench.recognition.run import CACHE, measure  # torch takes seconds to import

    return measure(data, read_plan(plan), CACHE)


def _recognition_page(results: Any, out: Path) -> None:
    from apexline.bench.recognition.page import write_report

    write_report(results, out)


def _shipped(data: Path) -> Any:
    from apexline.bench.recognition.run import CACHE
    from apexline.bench.recognition.shipped import measure  # torch takes seconds to import

    return measure(data, CACHE)


def _shipped_page(tables: dict[str, Rows], out: Path) -> None:
    from apexline.bench.recognition.shipped import write_shipped

    write_shipped(tables, out)


def _semantic_page(results: SemanticResults, out: Path) -> None:
    from apexline.bench.semantic.page import write_report

    write_report(results, out)


def _spotting_page(results: SpottingResults, out: Path) -> None:
    from apexline.bench.spotting.page import write_report

    write_report(results, out)


def _line(data: Path) -> Any:
    from apexline.bench.line.run import measure  # scikit-learn and torch take seconds to import

    return measure(data)


def _line_page(results: Any, out: Path) -> None:
    from apexline.bench.line.page import write_report

    write_report(results, out)


BENCHMARKS = {
    "crops": Benchmark(bench_crops, write_crops_page),
    "features": Benchmark(lambda _: bench_features(), write_features_page),
    "flow": Benchmark(bench_flow),
    "imports": Benchmark(lambda _: bench_imports()),
    "length": Benchmark(bench_length, write_length_page),
    "line": Benchmark(_line, _line_page, attrgetter("tables")),
    "platform": Benchmark(lambda _: bench_platform(), write_platform_page),
    "recognition": Benchmark(partial(_recognition, plan="full"), _recognition_page, attrgetter("tables")),
    "semantic": Benchmark(measure_semantic, _semantic_page, attrgetter("axes")),
    "serving": Benchmark(_serving, _serving_page),
    "shipped": Benchmark(_shipped, _shipped_page),
    "spotting": Benchmark(measure_spotting, _spotting_page, attrgetter("tables")),
    "start": Benchmark(bench_start, write_start_page),
    "video": Benchmark(bench_video, write_video_page),
    "warehouse": Benchmark(lambda _: bench_warehouse(), write_warehouse_page),
}
# The same with less of everything, labelled so.
QUICK_BENCHMARKS = {
    "recognition": replace(BENCHMARKS["recognition"], measure=partial(_recognition, plan="quick"))
}
