"""What the pages of benchmarks share: tables, lines, numbers."""

import pandas as pd
import pytest

from apexline.bench.page import four_digits, law, line_plot, straight_law, write_speed
from apexline.ml.evaluation.markdown import markdown_table


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


def test_a_law_is_found_in_what_follows_one():
    rows = [{"faces": n, "ms a frame": 3.0 * n**1.2} for n in (1, 4, 16)]
    found = law(rows, x="faces", y="ms a frame")
    assert (found["c"], found["p"]) == pytest.approx((3.0, 1.2))


def test_a_fixed_part_and_one_for_each_are_found():
    rows = [{"clips": n, "cpu_s": 9.0 + 0.25 * n} for n in (1, 10, 1000)]
    found = straight_law(rows, x="clips", y="cpu_s")
    assert (found["c"], found["p"]) == pytest.approx((9.0, 0.25))
    assert found["law"] == "cpu_s = c + p * (clips)"
