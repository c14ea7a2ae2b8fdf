"""One segment of a track in the image: its faces with the motion of their regions, and the polar map.

Belongs here: drawing what lies between onset and offset where it happened, that is, in px of the crop. Stays out: the
same over time (``decision``), and deciding (``features``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from apexline.assets.figures.decision import TrackView
from apexline.assets.figures.style import INK, PALE, RED, REGION_LINES, WIDTH, finish, new_figure, words
from apexline.features.registration import face_regions
from apexline.features.spotting import Decision, Reading, Reason, SegmentConfig

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ARROW_PX = 26.0  # length of the longest arrow on a face of 128 px


@dataclass(frozen=True)
class FaceTile:
    """An aligned crop, (128, 128) uint8, with what it shows and the frame that it belongs to."""

    caption: str
    frame: int
    crop: NDArray[np.uint8]


def moments(view: TrackView, decision: Decision, reason: Reason | None, faces: Sequence[FaceTile]) -> Figure:
    """Draw faces with the motion of their regions, and the polar map of eq. (22) beside them.

    Parameters
    ----------
    view : TrackView
    decision : Decision
        The stretch to draw.
    reason : Reason or None
        The segment to draw; None for the whole of a stretch without one.
    faces : sequence of FaceTile
        Such as those at onset, apex and offset.
    """
    figure = new_figure(WIDTH, 2.5, synthetic=view.synthetic)
    grid = figure.add_gridspec(1, len(faces) + 1, width_ratios=[*[1.0] * len(faces), 1.65])
    shown = decision.motion if reason is None else reason.motion
    for position, face in enumerate(faces):
        draw_face(figure.add_subplot(grid[0, position]), face, decision, view.config, shown)
    polar = figure.add_subplot(grid[0, len(faces)])
    draw_polar(polar, decision, reason, view.config)
    polar.legend(fontsize=7, frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5), handlelength=1.6)
    return figure


def draw_face(
    axes: Axes, face: FaceTile, decision: Decision, config: SegmentConfig, readings: Sequence[Reading]
) -> None:
    """Draw a face with its regions and where each has moved from rest; arrows are stretched to be seen."""
    from matplotlib.patches import Rectangle

    axes.imshow(face.crop, cmap="gray", vmin=0, vmax=255)
    axes.set_title(face.caption, fontsize=9, color=INK)
    axes.set_axis_off()
    counts = {each.curve for each in readings if each.counts}
    gain = _ARROW_PX / max(each.value for each in readings)
    at = int(np.argmin(np.abs(decision.curves.frames - face.frame)))
    boxes = face_regions()
    for index, region in enumerate(config.regions):
        top, bottom, left, right = boxes[region]
        colour, dashes = REGION_LINES.get(region, (INK, "-"))
        moved = region in counts
        axes.add_patch(
            Rectangle(
                (left, top),
                right - left,
                bottom - top,
                fill=False,
                color=colour,
                linestyle=dashes,
                linewidth=1.3 if moved else 0.5,
            )
        )
        down, across = gain * decision.curves.displacement[at, index]
        if moved and np.hypot(down, across) > 2:
            centre = ((left + right) / 2, (top + bottom) / 2)
            axes.annotate(
                "",
                (centre[0] + across, centre[1] + down),
                centre,
                arrowprops={
                    "arrowstyle": "-|>",
                    "color": colour,
                    "linewidth": 2,
                    "shrinkA": 0,
                    "shrinkB": 0,
                },
            )


def draw_polar(axes: Axes, decision: Decision, reason: Reason | None, config: SegmentConfig) -> None:
    """Draw the regions' paths OV (cos, sin), eq. (22), from onset to offset; the apex lies farthest out."""
    from matplotlib.patches import Circle

    frames = decision.curves.frames
    readings = {each.curve: each for each in (decision.motion if reason is None else reason.motion)}
    inside = np.ones(frames.size, dtype=bool)
    if reason is not None:
        inside = (frames >= reason.segment.onset) & (frames <= reason.segment.offset)
    floor = decision.motion[0].threshold
    axes.axhline(0, color=PALE, linewidth=1, zorder=0)
    axes.axvline(0, color=PALE, linewidth=1, zorder=0)
    label = f"threshold\n{floor:.2f} px"
    axes.add_patch(Circle((0, 0), floor, fill=False, color=RED, linestyle="--", linewidth=1.1, label=label))
    reach = floor
    for index, region in enumerate(config.regions):
        colour, dashes = REGION_LINES.get(region, (INK, "-"))
        down, right = decision.curves.displacement[inside, index].T
        counts = readings[region].counts
        axes.plot(
            right, down, color=colour, linestyle=dashes, linewidth=1.6 if counts else 0.9, label=words(region)
        )
        far = int(np.argmax(np.hypot(down, right)))
        reach = max(reach, float(np.hypot(down[far], right[far])))
        if counts:
            axes.plot(right[far], down[far], "o", color=colour, markersize=6, markeredgecolor="white")
    reach *= 1.12
    axes.set_xlim(-reach, reach)
    axes.set_ylim(reach, -reach)  # rows grow downwards, as in the image
    axes.set_aspect("equal")
    finish(axes, title="Polar map (eq. 22)", x="right (px)", y="down (px)", legend=False)
