"""Drawings of how far answers can be relied on: coverage against risk, groups of faces.

Belongs here: figures of what ``ml.evaluation.calibration`` and ``ml.evaluation.slices`` compute. Stays out: the
numbers, and the reliability plot (``evaluation``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from apexline.assets.figures.evaluation import reliability_plot
from apexline.assets.figures.style import BLUE, GREY, INK, ORANGE, RED, finish, new_figure
from apexline.ml.evaluation import (
    COVERAGE,
    MIN_COUNT,
    reliability_table,
    risk_coverage_curve,
    slice_scores,
    worst_slice,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from apexline.ml.evaluation import Evaluation

_LINES = ((BLUE, "-"), (ORANGE, "--"), (RED, ":"))
_ROW_INCHES = 0.22
_MOST_ROWS = 40


def calibration_figures(evaluation: Evaluation, *, name: str) -> dict[str, Figure]:
    """Draw reliability, coverage against risk and groups of one evaluation.

    Parameters
    ----------
    evaluation : Evaluation
    name : str
        Of the model, for the titles.

    Returns
    -------
    dict of str to Figure
        ``reliability``, ``coverage_risk`` and ``slices``.
    """
    bins = reliability_table(evaluation.confidence, evaluation.recognition_correct)
    synthetic = evaluation.synthetic
    return {
        "reliability": reliability_plot(bins, ece=evaluation.calibration_error, synthetic=synthetic),
        "coverage_risk": risk_coverage_plot({name: evaluation}, synthetic=synthetic),
        "slices": slices_plot(slice_scores(evaluation), synthetic=synthetic),
    }


def risk_coverage_plot(evaluations: Mapping[str, Evaluation], *, synthetic: bool) -> Figure:
    """Draw the error among the most confident faces against the share of faces answered.

    Parameters
    ----------
    evaluations : mapping of str to Evaluation
        By the name that the legend gives; each with a cross where its own limits put it.
    synthetic : bool
        Tested on the project's own generator.
    """
    figure = new_figure(5.6, 4.2, synthetic=synthetic)
    axes = figure.add_subplot()
    for k, (name, each) in enumerate(evaluations.items()):
        colour, dash = _LINES[k % len(_LINES)]
        coverage, risk = risk_coverage_curve(each.confidence, each.recognition_correct)
        axes.plot(coverage, risk, color=colour, linestyle=dash, linewidth=1.6, label=name)
        scores = each.metrics()
        axes.plot(scores["coverage"], scores["answered_error"], marker="x", color=colour, markersize=8)
    axes.axvline(COVERAGE, color=GREY, linestyle="--", linewidth=1)
    axes.set_xlim(0, 1.01)
    axes.set_ylim(bottom=0)
    x = "share answered, most confident first (x: by the model's limits)"
    finish(axes, title="Coverage and risk", x=x, y="error among those answered", legend=True)
    return figure


def slices_plot(slices: pd.DataFrame, *, synthetic: bool) -> Figure:
    """Draw the accuracy of each group of faces with its interval; the worst one in red.

    Parameters
    ----------
    slices : DataFrame
        As `ml.evaluation.slices.slice_scores` makes it. Of many groups the worst of each dimension are shown.
    synthetic : bool
        Tested on the project's own generator.
    """
    dimensions = len(set(slices["dimension"]))
    shown = slices.groupby("dimension", sort=False).head(_MOST_ROWS // max(1, dimensions))
    worst = worst_slice(slices)
    figure = new_figure(6.4, 1.4 + _ROW_INCHES * len(shown), synthetic=synthetic)
    axes = figure.add_subplot()
    for position, row in enumerate(shown.to_dict("records")):
        is_worst = worst is not None and (row["dimension"], row["slice"]) == (
            worst["dimension"],
            worst["slice"],
        )
        colour = RED if is_worst else BLUE if row["count"] >= MIN_COUNT else GREY
        axes.plot([row["low"], row["high"]], [position, position], color=colour, linewidth=1.4)
        axes.plot(row["accuracy"], position, "o", color=colour, markersize=4)
    labels = [f"{row['dimension']} {row['slice']} ({row['count']})" for row in shown.to_dict("records")]
    axes.set_yticks(np.arange(len(shown)), labels, color=INK)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.02)
    title = (
        f"No group has {MIN_COUNT} faces"
        if worst is None
        else f"Worst group: {worst['dimension']} {worst['slice']}, {worst['accuracy']:.3f}"
    )
    finish(axes, title=title, x="accuracy (95 % Wilson interval)", y="", legend=False)
    return figure
