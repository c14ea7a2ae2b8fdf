"""Pages and plots of the speed benchmarks: what a command printed, in Markdown, and cost against size.

Belongs here: how the rows of `bench.speed` are shown in docs. Stays out: measuring.
"""

from __future__ import annotations

import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from apexline.ml.evaluation import markdown_pages

Rows = list[dict[str, Any]]


def write_speed(out: Path, name: str, words: str, rows: Rows, figures: Sequence[Figure]) -> None:
    """Write ``<name>.md`` with its tables, one for each task, and ``<name>_<n>.png`` beside.

    Parameters
    ----------
    out : Path
        Folder; made where it is missing.
    name : str
        Name of the page; ``speed_video`` comes from ``apexline bench video``.
    words : str
        What was measured and how; the first line is the title.
    rows : list of dict
        The benchmark's table.
    figures : sequence of Figure
        Plots to show above the tables.
    """
    out.mkdir(parents=True, exist_ok=True)
    title, _, text = words.partition("\n")
    pictures = [f"{name}_{n}.png" for n, _ in enumerate(figures, start=1)]
    for picture, figure in zip(pictures, figures, strict=True):
        figure.savefig(out / picture, dpi=110, bbox_inches="tight", metadata={"Software": None})
    page = markdown_pages("apexline.bench", four_digits).get_template("speed.md.j2")
    filled = page.render(
        title=title.rstrip("."),
        text=text.strip(),
        bench=name.removeprefix("speed_"),
        processor=processor(),
        pictures=pictures,
        tasks=[
            (task, part.drop(columns="task").dropna(axis=1, how="all"))
            for task, part in pd.DataFrame(rows).groupby("task", sort=False)
        ],
    )
    (out / f"{name}.md").write_text(filled, encoding="utf-8")


def line_plot(
    rows: Rows, *, x: str, y: str, by: str | None = None, log: bool = True, title: str = ""
) -> Figure:
    """Draw column `y` against column `x`, a line for each value of `by`.

    Parameters
    ----------
    rows : list of dict
        Rows that lack either column are left out.
    x, y : str
        Columns; their names, which hold the units, label the axes.
    by : str, optional
        Column whose values get a line each.
    log : bool
        Logarithmic axes.
    """
    table = pd.DataFrame(rows).dropna(subset=[x, y])
    figure = Figure(figsize=(7.5, 4.2))
    axes = figure.subplots()
    for value, part in table.groupby(by, sort=False) if by else [("", table)]:
        axes.plot(part[x], part[y], marker="o", label=str(value))
    axes.set(xlabel=x, ylabel=y, title=title)
    if log:
        axes.set_xscale("log")
        axes.set_yscale("log")
    else:
        axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    if by:
        axes.legend(fontsize=8)
    return figure


def law(rows: Rows, *, x: str, y: str) -> dict[str, Any]:
    """Fit ``y = c * x ** p`` to rows of a benchmark, by least squares of logarithms; a row of the task ``laws``."""
    table = pd.DataFrame(rows)
    exponent, logarithm = np.polyfit(np.log(table[x]), np.log(table[y]), 1)
    return {"task": "laws", "law": f"{y} = c * ({x})^p", "c": float(np.exp(logarithm)), "p": float(exponent)}


def straight_law(rows: Rows, *, x: str, y: str) -> dict[str, Any]:
    """Fit ``y = c + p * x``, a fixed part and one for each, by least squares of relative errors; a row as of `law`."""
    table = pd.DataFrame(rows)
    slope, fixed = np.polyfit(table[x], table[y], 1, w=1 / table[y])
    return {"task": "laws", "law": f"{y} = c + p * ({x})", "c": float(fixed), "p": float(slope)}


def processor() -> str:
    """Name of the processor's make, as the system tells it."""
    cpuinfo = Path("/proc/cpuinfo")
    names = [
        line.partition(":")[2].strip()
        for line in (cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else [])
        if line.startswith("model name")
    ]
    return f"{names[0] if names else platform.machine()} ({len(names) or 1} cores)"


def four_digits(value: float) -> str:
    """Text of a number: thousands apart where it is whole, else four digits."""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:.4g}"
