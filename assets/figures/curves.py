"""Curves over the frames of a track as they are stored, before anything is decided, and faces side by side.

Belongs here: drawing rows of ``texture_features``, ``flow_features`` and ``expression_features``. Stays out: what was
decided on them (``decision``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import softmax

from apexline.assets.figures.style import (
    BLUE,
    GREEN,
    GREY,
    INK,
    ORANGE,
    PINK,
    RED,
    SKY,
    TEXTURE_NAMES,
    finish,
    kinds_of,
    legend_beside,
    mark_truth,
    new_figure,
    only,
    share_x,
    stacked_panels,
    words,
)
from apexline.features.expression import RATERS_WORDS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Colours that colour-blind people tell apart do not suffice for all words: the rarer ones are dashed.
_WORD_LINES = (
    (GREY, "-"), (GREEN, "-"), (SKY, "-"), (BLUE, "-"), (RED, "-"), (ORANGE, "--"), (PINK, "-"), (INK, ":"),
)  # fmt: skip


def texture_curves(
    rows: pd.DataFrame, *, thresholds: Mapping[str, float], truth: pd.DataFrame, synthetic: bool
) -> Figure:
    """Draw the texture difference of a track, one panel per descriptor, as in Fig. 5.

    Parameters
    ----------
    rows : DataFrame, columns frame, kind, difference
        Rows of ``texture_features`` of one track.
    thresholds : mapping of str to float
        Threshold VE of eq. 21 by descriptor; a descriptor without one gets no line.
    truth : DataFrame, columns onset, offset
        Annotated segments, frames; empty where there is no annotation.
    synthetic : bool
        The curve comes from the project's own generator.
    """
    kinds = kinds_of(rows)
    figure, panels = stacked_panels(max(1, len(kinds)), height=2.3, synthetic=synthetic)
    for panel, kind in zip(panels, kinds, strict=False):
        curve = only(rows, "kind", kind).sort_values("frame")
        name = TEXTURE_NAMES.get(kind, kind)
        panel.plot(curve["frame"], curve["difference"], color=BLUE, label="difference Q", linewidth=1.6)
        if kind in thresholds:
            label = "threshold VE (eq. 21)"
            panel.axhline(thresholds[kind], color=RED, linestyle="--", linewidth=1.1, label=label)
        mark_truth(panel, zip(truth["onset"], truth["offset"], strict=True))
        finish(panel, title=name, y="feature difference Q\n(chi-square)", legend=False)
        legend_beside(panel)
        panel.set_ylim(bottom=0)
    share_x(panels, "frame")
    return figure


def flow_curves(rows: pd.DataFrame, *, roi: str, truth: pd.DataFrame, synthetic: bool) -> Figure:
    """Draw module and angle of the optical flow of one region, as in Fig. 6.

    Parameters
    ----------
    rows : DataFrame, columns frame, roi, magnitude (px of the crop), angle (rad, 0..2pi)
        Rows of ``flow_features`` of one track.
    roi : str
        Region to draw.
    truth : DataFrame
        As for `texture_curves`.
    synthetic : bool
        The curve comes from the project's own generator.
    """
    curve = only(rows, "roi", roi).sort_values("frame")
    figure, (module, angle) = stacked_panels(2, height=2.2, synthetic=synthetic)
    module.plot(curve["frame"], curve["magnitude"], color=BLUE, linewidth=1.6, label="module OV (eq. 19)")
    finish(module, title=f"{words(roi)}: module", y="module OV\n(px of the crop)", legend=False)
    module.set_ylim(bottom=0)
    # A point per frame: a line would draw jumps where the angle passes 360 degrees.
    angle.plot(curve["frame"], np.degrees(curve["angle"]), ".", color=GREEN, markersize=4, label="angle")
    finish(angle, title=f"{words(roi)}: angle", y="angle (deg)", legend=False)
    angle.set_ylim(0, 360)
    angle.set_yticks([0, 90, 180, 270, 360])
    for panel in (module, angle):
        mark_truth(panel, zip(truth["onset"], truth["offset"], strict=True))
        legend_beside(panel)
    share_x([module, angle], "frame")
    return figure


def word_curves(rows: pd.DataFrame, *, truth: pd.DataFrame, synthetic: bool) -> Figure:
    """Draw how probable each of FER+'s raters' words is for a face over time.

    Parameters
    ----------
    rows : DataFrame, columns frame, words (logits as in `features.expression.ExpressionRow`)
        Rows of ``expression_features`` of one track.
    truth : DataFrame
        As for `texture_curves`.
    synthetic : bool
        The curve comes from the project's own generator.
    """
    ordered = rows.sort_values("frame")
    logits = np.stack(ordered["words"].to_list())[:, : len(RATERS_WORDS)]
    shares = softmax(logits.astype(np.float64), axis=1)
    figure, [panel] = stacked_panels(1, height=3.0, synthetic=synthetic)
    for word, share, (colour, dashes) in zip(RATERS_WORDS, shares.T, _WORD_LINES, strict=True):
        panel.plot(ordered["frame"], share, color=colour, linestyle=dashes, linewidth=1.6, label=word)
    finish(panel, title="words for the face", y="probability", legend=False)
    panel.set_ylim(0, 1)
    mark_truth(panel, zip(truth["onset"], truth["offset"], strict=True))
    legend_beside(panel)
    share_x([panel], "frame")
    return figure


def face_strip(crops: Sequence[tuple[str, ArrayLike]], *, synthetic: bool) -> Figure:
    """Draw aligned face crops side by side.

    Parameters
    ----------
    crops : sequence of (str, array of shape (M, N))
        Caption and grey image, 0..255.
    synthetic : bool
        The crops come from the project's own generator.

    Raises
    ------
    ValueError
        Without a crop.
    """
    if not crops:
        msg = "a face strip needs at least one crop, saw none; keep frames of the track (face_crops) first"
        raise ValueError(msg)
    figure = new_figure(1.9 * len(crops), 2.3, synthetic=synthetic)
    for position, (caption, image) in enumerate(crops, start=1):
        axes = figure.add_subplot(1, len(crops), position)
        axes.imshow(np.asarray(image), cmap="gray", vmin=0, vmax=255)
        axes.set_title(caption, fontsize=9, color=INK)
        axes.set_axis_off()
    return figure
