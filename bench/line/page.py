"""The page docs/line.md: tables of one run of ``apexline bench line``.

Belongs here: words around the numbers. Stays out: the numbers (``bench.line.run``).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from apexline.bench.line.learn import NUM_FOLDS
from apexline.bench.line.run import LineResults
from apexline.bench.page import processor
from apexline.ml.evaluation import markdown_pages


def write_report(results: LineResults, folder: Path) -> None:
    """Write line.md into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    page = markdown_pages("apexline.bench", readable).get_template("line.md.j2")
    tables = {name: pd.DataFrame(rows) for name, rows in results.tables.items()}
    text = page.render(machine=processor(), tables=tables, people=results.people, folds=NUM_FOLDS)
    (folder / "line.md").write_text(text, encoding="utf-8")


def readable(value: Any) -> str:
    """Write a whole number as it is, a share with three digits after the point, another number with two."""
    if not isinstance(value, float):
        return str(value)
    return f"{value:.3f}".replace("0.", ".", 1) if abs(value) < 1 else f"{value:.2f}"
