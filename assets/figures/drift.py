"""Drawing of how far cameras have moved from what the champion knows, day by day.

Belongs here: the figure. Stays out: the numbers (``assets.publishing.drift``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from apexline.assets.figures.style import BLUE, GREY, RED, finish, share_x, stacked_panels, words

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_HEIGHT = 1.1  # inches


def drift_plot(table: pd.DataFrame, *, least: float, synthetic: bool) -> Figure:
    """Draw the stability index of each measure, a line for each camera, what moved marked and named.

    Parameters
    ----------
    table : DataFrame, columns day, camera, measure, psi, moved
    least : float
        Index from which on a shift matters.
    synthetic : bool
        Write "synthetic" on it.
    """
    measures = sorted(set(table["measure"]))
    days = sorted(set(table["day"]))
    figure, panels = stacked_panels(len(measures), height=_HEIGHT, synthetic=synthetic)
    for measure, panel in zip(measures, panels, strict=True):
        part = pd.DataFrame(table[table["measure"] == measure])
        for _, line in part.groupby("camera"):
            at = [days.index(day) for day in line["day"]]
            panel.plot(at, line["psi"], color=BLUE, linewidth=0.8, marker=".", markersize=3)
        panel.axhline(least, color=GREY, linewidth=0.8, linestyle="--")
        for row in part.to_dict("records"):
            if row["moved"]:
                at_row = (days.index(row["day"]), row["psi"])
                panel.plot(*at_row, "o", color=RED, markersize=4)
                panel.annotate(str(row["camera"]), at_row, fontsize=7, color=RED)
        finish(panel, title=words(measure), y="PSI", legend=False)
        panel.set_ylim(bottom=0)
        panel.set_xticks(range(len(days)), days if measure == measures[-1] else [""] * len(days))
    share_x(panels, "day")
    return figure
