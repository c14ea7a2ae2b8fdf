"""Drawings of answers over time: what two runs over the same clips say.

Belongs here: figures of segments with their answers. Stays out: which segments are the same (``assets.scoring``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from apexline.assets.figures.style import (
    BLUE,
    FAINT,
    GREEN,
    GREY,
    ORANGE,
    PINK,
    RED,
    finish,
    share_x,
    stacked_panels,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Colour of each answer; an abstention is hatched, so that it is told apart without colours too.
_COLOURS: Mapping[str, str] = {
    "happy": ORANGE,
    "angry": RED,
    "calm": GREEN,
    "scared": BLUE,
    "other": PINK,
    "abstained": FAINT,
    "unscored": GREY,
}
_MOST_CLIPS = 12


def answers_plot(runs: Mapping[str, Sequence[Mapping[str, Any]]], *, synthetic: bool) -> Figure:
    """Draw the segments of two or more runs below each other, a panel for each clip.

    Parameters
    ----------
    runs : mapping of str to sequence of dict
        Rows with clip, onset_s, offset_s and answer, by the name of the run. Clips beyond twelve are left out, and the
        last panel's title says how many.
    synthetic : bool

    Returns
    -------
    Figure
    """
    clips = sorted({row["clip"] for rows in runs.values() for row in rows})
    shown = clips[:_MOST_CLIPS]
    figure, panels = stacked_panels(max(1, len(shown)), height=0.5 + 0.3 * len(runs), synthetic=synthetic)
    for axes, clip in zip(panels, shown, strict=False):
        for lane, rows in enumerate(runs.values()):
            for row in (each for each in rows if each["clip"] == clip):
                width = row["offset_s"] - row["onset_s"]
                hatch = "///" if row["answer"] == "abstained" else None
                axes.barh(
                    lane, width, left=row["onset_s"], height=0.7, color=_COLOURS[row["answer"]], hatch=hatch
                )
        axes.set_yticks(range(len(runs)), list(runs))
        axes.set_ylim(len(runs) - 0.5, -0.5)
        left_out = len(clips) - len(shown) if clip == shown[-1] else 0
        finish(axes, title=f"{clip}, and {left_out} more clips" if left_out else clip, y="", legend=False)
    share_x(panels, "time of the clip (s)")
    from matplotlib.patches import Patch

    handles = [Patch(color=colour, label=answer) for answer, colour in _COLOURS.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), fontsize=8, frameon=False)
    return figure
