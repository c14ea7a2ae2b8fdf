"""The common look: colours, names, axes, legends.

Belongs here: what every drawing shares. Stays out: what is drawn.

The colours are those of Okabe and Ito, told apart with every common colour vision; where two curves share one, their
dashes differ. Whoever draws must say whether the numbers are synthetic; the word then stands in the figure.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, RED = "#0072B2", "#E69F00", "#009E73", "#D55E00"
SKY, PINK, INK, GREY, PALE = "#56B4E9", "#CC79A7", "#1F2933", "#7B8794", "#E4E7EB"
FAINT = "#B8C1CB"
TEXTURE_NAMES: Mapping[str, str] = {"sl": "left SL", "sr": "right SR", "cod": "COD"}
# Colour and dashes of a face region's curve.
REGION_LINES: Mapping[str, tuple[str, str]] = {
    "left_brow": (BLUE, "-"),
    "right_brow": (BLUE, "--"),
    "left_mouth": (ORANGE, "-"),
    "right_mouth": (ORANGE, "--"),
    "lips": (GREEN, "-"),
    "left_eye": (PINK, "-"),
    "right_eye": (PINK, "--"),
}
WIDTH = 8.4  # inches


def new_figure(width: float, height: float, *, synthetic: bool) -> Figure:
    """Open a figure of that size, inches; "synthetic" gets a row of its own above what is drawn."""
    figure = _open(figsize=(width, height), layout="constrained")
    if synthetic:
        figure.suptitle("synthetic", x=0.995, ha="right", fontsize=8.5, color=RED, fontweight="bold")
    return figure


def _open(**how: Any) -> Figure:
    # Who reads words about a track draws nothing, and waits a second less.
    from matplotlib.figure import Figure

    return Figure(facecolor="white", **how)


def stacked_panels(number: int, *, height: float, synthetic: bool) -> tuple[Figure, list[Axes]]:
    """Open a figure of panels below each other, each of that height, inches."""
    figure = new_figure(WIDTH, 0.5 + height * number, synthetic=synthetic)
    return figure, [figure.add_subplot(number, 1, position) for position in range(1, number + 1)]


def text_block(title: str, lines: Sequence[str], *, size: float = 10) -> Figure:
    """Write a title and lines of text, wrapped, as a figure to stand above another."""
    wrapped = [piece for line in lines for piece in textwrap.wrap(line, 118, subsequent_indent="   ")]
    height = 0.18 + 0.03 * size + 0.185 * len(wrapped)
    figure = _open(figsize=(WIDTH, height))
    top = 1 - 0.1 / height
    figure.text(0.015, top, title, va="top", fontsize=size, fontweight="bold", color=INK)
    body = "\n".join(wrapped)
    figure.text(0.015, top - 0.03 * size / height, body, va="top", fontsize=8.5, color=INK, linespacing=1.45)
    return figure


def finish(axes: Axes, *, title: str, y: str, legend: bool, x: str = "", grid: bool = True) -> None:
    """Give axes their title, labels and quiet frame."""
    axes.set_title(title, fontsize=10, color=INK, loc="left")
    axes.set_xlabel(x, fontsize=9, color=INK)
    axes.set_ylabel(y, fontsize=9, color=INK)
    axes.tick_params(labelsize=8, colors=INK, length=3)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(GREY)
    if grid:
        axes.grid(visible=True, color=PALE, linewidth=0.6)
        axes.set_axisbelow(True)
    if legend:
        axes.legend(fontsize=8, frameon=False, loc="best")


def legend_beside(axes: Axes) -> None:
    """Put the legend right of the axes, where it covers no curve."""
    axes.legend(fontsize=8, frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))


def share_x(panels: Sequence[Axes], label: str) -> None:
    """Give panels below each other one range, and the lowest the label."""
    low = min(panel.get_xlim()[0] for panel in panels)
    high = max(panel.get_xlim()[1] for panel in panels)
    for panel in panels:
        panel.set_xlim(low, high)
    panels[-1].set_xlabel(label, fontsize=9, color=INK)


def mark_truth(axes: Axes, spans: Iterable[tuple[float, float]]) -> None:
    """Draw annotated segments as a bar along the lower edge."""
    for position, (onset, offset) in enumerate(spans):
        label = "annotated" if position == 0 else None
        axes.axvspan(onset, offset, ymax=0.045, color=GREEN, linewidth=0, label=label, zorder=4)


def kinds_of(rows: pd.DataFrame) -> list[str]:
    """Return the descriptors in the rows: left before right, further ones by name."""
    present = set(rows["kind"])
    return [*(kind for kind in TEXTURE_NAMES if kind in present), *sorted(present - set(TEXTURE_NAMES))]


def only(rows: pd.DataFrame, column: str, value: str) -> pd.DataFrame:
    """Return the rows that have a value in a column."""
    return pd.DataFrame(rows[rows[column] == value])


def words(name: str) -> str:
    """Return a name of the code as one of the page: ``left_mouth`` is the left mouth."""
    return name.replace("_", " ")
