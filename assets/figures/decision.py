"""Why a track has the segments that it has, drawn over time: the paper's Figures 5-7.

Belongs here: drawing `features.spotting.decisions.Decision`, that is, the very curves and thresholds that
decided. Stays out: the faces of a segment and its polar map (``faces``), deciding (``features``), and what is
said in words (``assets.explain.wording``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from apexline.assets.figures.style import (
    FAINT,
    GREEN,
    GREY,
    INK,
    ORANGE,
    PINK,
    RED,
    REGION_LINES,
    SKY,
    TEXTURE_NAMES,
    WIDTH,
    finish,
    kinds_of,
    legend_beside,
    mark_truth,
    new_figure,
    only,
    share_x,
    words,
)
from apexline.features.flow import flow_angle
from apexline.features.spotting import Decision, Reading, Reason, SegmentConfig, gather, score_curve

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOMENTS = ("onset", "apex", "offset")
_MARKS: Mapping[str, tuple[str, str, float]] = {
    "onset": (">", "white", 8),
    "apex": ("*", RED, 14),
    "offset": ("<", "white", 8),
}
_TIME = "time in the clip (s)"


@dataclass(frozen=True)
class TrackView:
    """What is drawn of one track.

    Attributes
    ----------
    decisions : sequence of Decision
        One for each stretch, at least one.
    texture : DataFrame, columns time_s, kind, difference
        Rows of ``texture_features`` of the kinds that the decision rests on.
    truth : DataFrame, columns onset, offset
        Annotated segments, frames; empty where there is no annotation.
    config : SegmentConfig
        What the decision was taken with.
    synthetic : bool
        The clip comes from the project's own generator.
    """

    decisions: Sequence[Decision]
    texture: pd.DataFrame
    truth: pd.DataFrame
    config: SegmentConfig
    synthetic: bool

    @property
    def reasons(self) -> list[Reason]:
        """Reasons of all segments."""
        return [reason for decision in self.decisions for reason in decision.reasons]


def texture_decision(view: TrackView) -> Figure:
    """Draw the texture differences and the mean that decides, with its threshold, as in Fig. 5."""
    return _stacked(view, [(2.9, draw_texture)])


def flow_decision(view: TrackView) -> Figure:
    """Draw module and angle of the regions' motion with the threshold, as in Fig. 6."""
    return _stacked(view, [(2.9, draw_motion), (1.7, draw_angle)])


def fused_decision(view: TrackView) -> Figure:
    """Draw motion, texture and their mean on one scale, as in Fig. 7."""
    return _stacked(view, [(2.6, draw_fused)])


def curves_decision(view: TrackView) -> Figure:
    """Draw Figures 5 to 7 of a track below each other on one axis of time, and what the learned rule reads besides."""
    panels = [(2.7, draw_motion), (1.6, draw_angle), (2.1, draw_texture), (1.9, draw_fused)]
    if view.config.rule == "learned":
        panels.append((2.1, draw_words))
    return _stacked(view, panels)


# ---- panels


def draw_motion(axes: Axes, view: TrackView) -> None:
    """Draw the module OV of every searched region, eq. (19), and the threshold of an apex."""
    regions = view.config.regions
    strongest = view.decisions[0].motion[0].curve if not view.reasons else view.reasons[0].segment.roi
    for index, region in enumerate(regions):
        colour, dashes = REGION_LINES.get(region, (INK, "-"))
        width = 2.2 if region == strongest else 1.2
        times, values = _joined(view, lambda each, index=index: each.curves.modules[:, index])
        axes.plot(times, values, color=colour, linestyle=dashes, linewidth=width, label=words(region))
    _threshold(axes, view, lambda each: each.motion[0], "px")
    names = list(regions)

    def height(decision: Decision, at: float, curve: str) -> float:
        modules = decision.curves.modules
        module = modules[:, names.index(curve)] if curve in names else decision.curves.motion
        return float(np.interp(at, decision.curves.times, module))

    _mark_segments(axes, view, height, numbers=True)
    finish(axes, title="How far each region moved from rest", y="module OV\n(px of the crop)", legend=False)
    _floor_at_zero(axes)


def draw_angle(axes: Axes, view: TrackView) -> None:
    """Draw the direction, eq. (20), of the region that moved most: in each segment, and faintly outside of them."""
    named: set[str] = set()
    for decision in view.decisions:
        times, frames = decision.curves.times, decision.curves.frames
        free = np.ones(times.size, dtype=bool)
        for reason in decision.reasons:
            inside = (frames >= reason.segment.onset) & (frames <= reason.segment.offset)
            free &= ~inside
            region = reason.motion[0].curve
            colour = REGION_LINES.get(region, (INK, "-"))[0]
            label = None if region in named else words(region)
            named.add(region)
            _dots(axes, times, _angle(decision, region, view.config), inside, colour, 5, label)
        label = None if decision is not view.decisions[0] else "no segment"
        _dots(axes, times, _angle(decision, decision.motion[0].curve, view.config), free, FAINT, 2.5, label)
    _shade(axes, view)
    finish(axes, title="Direction of the region that moved most", y="angle (deg)", legend=False)
    axes.set_ylim(-8, 368)
    axes.set_yticks([0, 90, 180, 270], ["0 right", "90 down", "180 left", "270 up"])


def draw_texture(axes: Axes, view: TrackView) -> None:
    """Draw the texture difference of each descriptor, and the smoothed mean that is held against VE, eq. (21)."""
    for kind, colour in zip(kinds_of(view.texture), (SKY, PINK, ORANGE, GREEN), strict=False):
        rows = only(view.texture, "kind", kind).sort_values("time_s")
        values = rows["difference"].to_numpy(dtype=np.float64)
        above = values - np.percentile(values, 20)
        axes.plot(rows["time_s"], above, color=colour, linewidth=1.1, label=TEXTURE_NAMES.get(kind, kind))
    times, values = _joined(view, lambda each: each.curves.texture)
    axes.plot(times, values, color=INK, linewidth=1.9, label="mean, smoothed")
    _threshold(axes, view, lambda each: each.texture, "")
    _mark_segments(axes, view, _height(lambda each: each.curves.texture), numbers=False)
    finish(
        axes, title="How much the texture changed", y="difference Q above its\n20th percentile", legend=False
    )
    _floor_at_zero(axes)


def draw_fused(axes: Axes, view: TrackView) -> None:
    """Draw the score curves z(t) = (Q - mean) / (max - mean) of motion and texture, and their mean, eq. (24)."""

    def motion(decision: Decision) -> NDArray[np.float64]:
        return score_curve(decision.curves.motion)

    def texture(decision: Decision) -> NDArray[np.float64]:
        return score_curve(decision.curves.texture)

    def fused(decision: Decision) -> NDArray[np.float64]:
        return (motion(decision) + texture(decision)) / 2

    for of, colour, width, label in (
        (motion, SKY, 1.2, "motion"),
        (texture, ORANGE, 1.2, "texture"),
        (fused, INK, 1.9, "mean of both"),
    ):
        times, values = _joined(view, of)
        axes.plot(times, values, color=colour, linewidth=width, label=label)
    _mark_segments(axes, view, _height(fused), numbers=False)
    finish(axes, title="Motion and texture on one scale", y="score z\n(mean 0, peak 1)", legend=False)


def draw_words(axes: Axes, view: TrackView) -> None:
    """Draw how far the face looks from its rest in words, how much less calm it looks, and how restless it is."""
    evidence = [gather(decision.curves) for decision in view.decisions]
    of = dict(zip(map(id, view.decisions), evidence, strict=True))
    for name, colour, width, label in (
        ("calm_loss", SKY, 1.2, "less calm (log odds)"),
        ("unrest", ORANGE, 1.2, "unrest about it"),
        ("change", INK, 1.9, "distance from rest"),
    ):
        times, values = _joined(view, lambda each, name=name: getattr(of[id(each)], name))
        axes.plot(times, values, color=colour, linewidth=width, label=label)
    _mark_segments(axes, view, _height(lambda each: of[id(each)].change), numbers=False)
    finish(axes, title="How the words for the face changed", y="logits", legend=False)
    _floor_at_zero(axes)


# ---- what panels share


def _stacked(view: TrackView, panels: Sequence[tuple[float, Callable[[Axes, TrackView], None]]]) -> Figure:
    heights = [height for height, _ in panels]
    figure = new_figure(WIDTH, 0.4 + sum(heights), synthetic=view.synthetic)
    grid = figure.add_gridspec(len(panels), 1, height_ratios=heights)
    drawn = [figure.add_subplot(grid[row, 0]) for row in range(len(panels))]
    for axes, (_, draw) in zip(drawn, panels, strict=True):
        draw(axes, view)
        mark_truth(axes, _truth_s(view))
        legend_beside(axes)
    share_x(drawn, _TIME)
    return figure


def _angle(decision: Decision, region: str, config: SegmentConfig) -> NDArray[np.float64]:
    down, right = decision.curves.displacement[:, config.regions.index(region)].T
    return np.degrees(flow_angle(down, right, mode=config.angle))


def _dots(
    axes: Axes,
    times: NDArray[np.float64],
    angle: NDArray[np.float64],
    chosen: NDArray[np.bool_],
    colour: str,
    size: float,
    label: str | None,
) -> None:
    # A point per frame: a line would draw jumps where the angle passes 360 degrees.
    axes.plot(times[chosen], angle[chosen], ".", color=colour, markersize=size, label=label)


def _joined(
    view: TrackView, values: Callable[[Decision], NDArray[np.float64]]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Put a curve's stretches behind each other; NaN in between breaks the line."""
    times = [np.append(each.curves.times, np.nan) for each in view.decisions]
    curves = [np.append(values(each), np.nan) for each in view.decisions]
    return np.concatenate(times), np.concatenate(curves)


def _threshold(axes: Axes, view: TrackView, reading: Callable[[Decision], Reading], unit: str) -> None:
    for decision in view.decisions:
        value = reading(decision).threshold
        times = decision.curves.times
        named = "threshold" if view.config.rule == "curves" else "by hand:"
        label = f"{named} {value:.2f} {unit}".rstrip() if decision is view.decisions[0] else None
        axes.plot(times[[0, -1]], [value, value], color=RED, linestyle="--", linewidth=1.2, label=label)


def _height(values: Callable[[Decision], NDArray[np.float64]]) -> Callable[[Decision, float, str], float]:
    return lambda decision, at, _: float(np.interp(at, decision.curves.times, values(decision)))


def _shade(axes: Axes, view: TrackView) -> None:
    for number, reason in enumerate(view.reasons):
        label = None if number else "segment"
        segment = reason.segment
        axes.axvspan(segment.onset_s, segment.offset_s, color=GREY, alpha=0.17, linewidth=0, label=label)


def _mark_segments(
    axes: Axes, view: TrackView, height: Callable[[Decision, float, str], float], *, numbers: bool
) -> None:
    """Shade segments and mark onset, apex and offset on the curve that decided there; the first panel names them."""
    _shade(axes, view)
    marked: set[str] = set()
    for decision in view.decisions:
        for reason in decision.reasons:
            segment = reason.segment
            curves = {"onset": reason.begin.curve, "apex": segment.roi, "offset": reason.end.curve}
            for moment in MOMENTS:
                marker, colour, size = _MARKS[moment]
                at = float(getattr(segment, f"{moment}_s"))
                y = height(decision, at, curves[moment])
                axes.plot(
                    at,
                    y,
                    linestyle="none",
                    marker=marker,
                    color=colour,
                    markeredgecolor=INK,
                    markeredgewidth=0.9,
                    markersize=size,
                    label=moment if numbers and moment not in marked else None,
                    zorder=6,
                )
                marked.add(moment)
                if numbers:
                    lead = "frame " if moment == "apex" else ""
                    axes.annotate(f"{lead}{getattr(segment, moment)}", (at, y), **_NUMBER[moment])
    if numbers:
        axes.margins(y=0.14)


def _floor_at_zero(axes: Axes) -> None:
    axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]) if axes.get_ylim()[0] < -0.02 else 0.0)


def _truth_s(view: TrackView) -> list[tuple[float, float]]:
    frames = np.concatenate([each.curves.frames for each in view.decisions])
    times = np.concatenate([each.curves.times for each in view.decisions])
    spans = zip(view.truth["onset"], view.truth["offset"], strict=True)
    return [(float(np.interp(a, frames, times)), float(np.interp(b, frames, times))) for a, b in spans]


_NUMBER: Mapping[str, Any] = {
    moment: {
        "xytext": shift,
        "textcoords": "offset points",
        "ha": align,
        "fontsize": 7.5,
        "color": INK,
        "zorder": 7,
    }
    for moment, shift, align in (
        ("onset", (-7, 4), "right"),
        ("apex", (0, 9), "center"),
        ("offset", (7, 4), "left"),
    )
}
