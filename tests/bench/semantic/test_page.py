"""The page of the semantic benchmark."""

import numpy as np

from apexline.bench.semantic import page as semantic_report
from apexline.ml.evaluation.markdown import markdown_table


def test_tables_are_markdown_with_blank_gaps():
    table = markdown_table([{"a": 0.5, "b": np.nan}, {"a": 2e-7, "b": "x"}], semantic_report.three_digits)
    assert table.splitlines() == ["| a | b |", "|---|---|", "| 0.500 |  |", "| 2.0e-07 | x |"]
