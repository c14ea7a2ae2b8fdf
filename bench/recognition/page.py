"""The page docs/recognition.md: tables and a plot of one run of ``apexline bench recognition``.

Belongs here: words around the numbers and drawing. Stays out: the numbers (``bench.recognition.run``).
"""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from apexline.bench.page import four_digits
from apexline.bench.recognition.run import Results, Rows
from apexline.bench.recognition.trainings import Plan, read_plan
from apexline.ml.evaluation import markdown_pages

_NAME = "recognition"


def write_report(results: Results, out: Path) -> None:
    """Write ``recognition.md`` and its plot into `out`."""
    out.mkdir(parents=True, exist_ok=True)
    differences = [(row["difference on apexes"], row["real"] == "yes") for row in results.differences]
    page = markdown_pages("apexline.bench", four_digits).get_template(f"{_NAME}.md.j2")
    text = page.render(
        command=_command(results.plan),
        plan=results.plan,
        name=_NAME,
        results=results,
        real=[name for name, real in differences if real],
        others=[name for name, real in differences if not real],
    )
    (out / f"{_NAME}.md").write_text(text, encoding="utf-8")
    _plot(results.figures).savefig(
        out / f"{_NAME}.png", dpi=110, bbox_inches="tight", metadata={"Software": None}
    )


def _command(plan: Plan) -> str:
    if plan.seeds != read_plan(plan.name).seeds:
        return f"python -m apexline.bench.recognition --seeds {plan.seeds} --out docs"
    return f"apexline bench recognition{' --quick' if plan.name == 'quick' else ''} --out docs"


def _plot(figures: Rows) -> Figure:
    rows = [row for row in figures if "accuracy" in row]
    figure = Figure(figsize=(8, 0.34 * len(rows) + 1))
    axes = figure.subplots()
    for position, row in enumerate(reversed(rows)):
        axes.plot(row["accuracy"], position, "o", color="C0", label="accuracy" if position == 0 else None)
        axes.plot(row["balanced"], position, "x", color="C1", label="balanced" if position == 0 else None)
        ends = row.get("95 %, performers") or row["accuracy, least..largest"]
        axes.hlines(position, *map(float, ends.split("..")), color="C0", alpha=0.5)
    axes.set_yticks(range(len(rows)), [f"{row['on']}\n{row['method']}" for row in reversed(rows)], fontsize=6)
    axes.set(xlabel="share right, line: 95 % over performers or range of seeds", xlim=(0.3, 1))
    axes.grid(alpha=0.3, axis="x")
    axes.legend(fontsize=8)
    return figure
