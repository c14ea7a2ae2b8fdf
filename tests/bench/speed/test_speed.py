"""The speed benchmarks' own machinery: comparing, asking processes, and the pages written."""

import shutil
import sys

import numpy as np
import pandas as pd
import pytest

from apexline.bench.page import four_digits, line_plot, write_speed
from apexline.bench.speed.features import _compare
from apexline.bench.speed.video import Runner, _line, cycle_frames
from apexline.features.video.reader import read_frames
from apexline.features.video.writer import write_video
from apexline.ml.evaluation.markdown import markdown_table

binds_to_cores = pytest.mark.skipif(
    shutil.which("taskset") is None, reason="binding a process to a core takes taskset"
)


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """Twelve grey frames, told apart by their brightness."""
    path = tmp_path_factory.mktemp("clip") / "a.mp4"
    write_video(path, (np.full((64, 64, 3), 20 * i, np.uint8) for i in range(12)), fps=25)
    return path


def test_compare_puts_ours_first_and_alternates():
    calls = []
    rows = _compare("task", "1x1", {"ours": lambda: calls.append("a"), "peer": lambda: calls.append("b")})
    assert [row["method"] for row in rows] == ["ours", "peer"]
    assert rows[0]["ours / this"] == 1
    assert calls == ["a", "b"] * (len(calls) // 2)
    assert len(calls) >= 8


def test_compare_measures_a_ratio():
    slow = np.random.default_rng(0).normal(size=(300, 300))
    rows = _compare("task", "", {"ours": lambda: slow @ slow @ slow @ slow, "peer": lambda: slow[0] @ slow})
    assert rows[1]["ours / this"] > 3


def test_page_has_a_table_for_each_task(tmp_path):
    rows = [
        {"task": "one", "size": 1, "ms": 0.123456},
        {"task": "one", "size": 2000, "ms": 2.0},
        {"task": "two", "faces": 4},
    ]
    figure = line_plot(rows, x="size", y="ms", title="t")
    write_speed(tmp_path / "new", "speed_x", "Title.\n\nWords.", rows, [figure])
    page = (tmp_path / "new" / "speed_x.md").read_text(encoding="utf-8")
    assert page.startswith("# Title\n\nWords.\n\nWritten by `apexline bench x --out docs`")
    assert "| size | ms |\n|---|---|\n| 1 | 0.1235 |\n| 2,000 | 2 |" in page
    assert "## two\n\n| faces |\n|---|\n| 4 |" in page
    assert "nan" not in page
    assert (tmp_path / "new" / "speed_x_1.png").stat().st_size > 1000


def test_missing_cells_stay_empty():
    table = pd.DataFrame({"a": ["x", "y"], "b": [1.5, None]})
    assert markdown_table(table, four_digits).endswith("| x | 1.5 |\n| y |  |")


def test_lines_by_a_column_are_named():
    rows = [{"n": n, "ms": n * k, "method": f"m{k}"} for k in (1, 2) for n in (1, 10)]
    axes = line_plot(rows, x="n", y="ms", by="method").axes[0]
    assert [line.get_label() for line in axes.lines] == ["m1", "m2"]
    assert axes.get_xscale() == "log"


def test_frames_go_forth_and_back(clip):
    frames = list(read_frames(clip))
    again = cycle_frames(clip)
    seen = [next(again).index for _ in range(24)]
    assert seen == [*range(len(frames)), *range(len(frames) - 2, 0, -1), 0, 1]


@binds_to_cores
def test_a_process_answers_for_the_whole_line_and_by_stage(clip):
    with _line() as line:
        whole = line.run(clip)
        stages = line.run(clip, stages=True)
    assert whole["frames"] == stages["frames"] == 12
    assert whole["seconds"] > 0
    assert whole["peak_mib"] > 50
    assert {"decode", "track and align", "texture", "flow"} <= stages.keys()


@binds_to_cores
def test_a_process_that_ends_is_reported():
    ending = [sys.executable, "-c", "raise SystemExit(3)"]
    with (
        Runner(ending, 0) as broken,
        pytest.raises(RuntimeError, match="ended with code 3; run it by hand"),
    ):
        broken.answer()
