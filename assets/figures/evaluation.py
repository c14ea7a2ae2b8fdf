"""Evaluation: the paper's Figures 8-11, models compared, confusion and reliability.

Belongs here: drawing what ``ml`` measured. Stays out: measuring, and the paper's tables (``paper_tables``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from apexline.assets.figures.style import (
    BLUE,
    GREEN,
    GREY,
    INK,
    ORANGE,
    PALE,
    PINK,
    RED,
    WIDTH,
    finish,
    legend_beside,
    new_figure,
    only,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

METHOD_NAMES: Mapping[str, str] = {
    "sl+flow": "SL + optical flow",
    "sr+flow": "SR + optical flow",
    "dcp": "DCP",
    "hog": "HOG",
    "lbp": "LBP",
}

_METHOD_LINES: Mapping[str, tuple[str, str]] = {
    "sl+flow": (BLUE, "-"),
    "sr+flow": (RED, "-"),
    "dcp": (GREEN, "--"),
    "hog": (PINK, "-."),
    "lbp": (ORANGE, ":"),
}


def roc_curves(points: pd.DataFrame, areas: pd.DataFrame, *, synthetic: bool) -> Figure:
    """Draw the ROC curve of each method with its area, as in Fig. 8.

    Parameters
    ----------
    points : DataFrame, columns method, false_positive_rate, true_positive_rate
        Points of the curves, 0..1, by frame; methods are ``sl+flow``, ``sr+flow``, ``dcp``, ``hog``, ``lbp``.
    areas : DataFrame, columns method, auc, low, high
        Area under each curve with its 95 % interval.
    synthetic : bool
        Measured on the project's own generator.
    """
    figure = new_figure(5.6, 5.2, synthetic=synthetic)
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color=PALE, linewidth=1.2, label="chance")
    table = areas.set_index("method")
    for method in dict.fromkeys(points["method"]):
        curve = only(points, "method", method).sort_values(["false_positive_rate", "true_positive_rate"])
        colour, dashes = _METHOD_LINES.get(method, (INK, "-"))
        label = METHOD_NAMES.get(method, method)
        if method in table.index:
            area = table.loc[method]
            label += f": {area['auc']:.3f} [{area['low']:.3f}, {area['high']:.3f}]"
        axes.plot(
            curve["false_positive_rate"],
            curve["true_positive_rate"],
            color=colour,
            linestyle=dashes,
            linewidth=1.8,
            label=label,
        )
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.01)
    axes.set_aspect("equal")
    finish(
        axes,
        title="ROC by frame, area [95 % interval]",
        x="false positive rate",
        y="true positive rate",
        legend=True,
    )
    return figure


def learning_curves(rows: pd.DataFrame, *, version: str, synthetic: bool) -> Figure:
    """Draw loss and accuracies of one model version over the epochs, as in Figs. 9-11.

    Parameters
    ----------
    rows : DataFrame, columns version, epoch, fold, loss, recognition, classification
        Rows of ``learning_curves``; `fold` is train or valid.
    version : str
        Version to draw: baseline, features or semantic.
    synthetic : bool
        Trained on the project's own generator.
    """
    chosen = only(rows, "version", version).sort_values("epoch")
    figure = new_figure(WIDTH, 2.9, synthetic=synthetic)
    loss, accuracy = figure.add_subplot(1, 2, 1), figure.add_subplot(1, 2, 2)
    for fold, dashes in (("train", "-"), ("valid", "--")):
        curve = only(chosen, "fold", fold)
        loss.plot(curve["epoch"], curve["loss"], color=BLUE, linestyle=dashes, linewidth=1.6, label=fold)
        for column, colour in (("recognition", GREEN), ("classification", RED)):
            accuracy.plot(
                curve["epoch"],
                100 * curve[column],
                color=colour,
                linestyle=dashes,
                linewidth=1.6,
                label=f"{column}, {fold}",
            )
    finish(loss, title=f"{version}: loss", x="epoch", y="mean loss (nat)", legend=True)
    loss.set_ylim(bottom=0)
    finish(accuracy, title=f"{version}: accuracy", x="epoch", y="accuracy (%)", legend=True)
    accuracy.set_ylim(0, 102)
    return figure


def comparison_plot(rows: pd.DataFrame, *, x: str, synthetic: bool) -> Figure:
    """Draw measured values with their intervals beside the published ones.

    Parameters
    ----------
    rows : DataFrame, columns name, paper, value, low, high
        One row per method or version, drawn from top to bottom; NaN where a value does not exist.
    x : str
        What is compared, with its unit.
    synthetic : bool
        Measured on the project's own generator.
    """
    figure = new_figure(WIDTH, 0.9 + 0.36 * len(rows), synthetic=synthetic)
    axes = figure.add_subplot()
    heights = np.arange(len(rows))
    value = rows["value"].to_numpy(dtype=np.float64)
    low, high = rows["low"].to_numpy(dtype=np.float64), rows["high"].to_numpy(dtype=np.float64)
    axes.hlines(heights, low, high, color=BLUE, linewidth=2.2)
    axes.plot(value, heights, "o", color=BLUE, markersize=7, label="here, 95 % interval")
    axes.plot(
        rows["paper"].to_numpy(dtype=np.float64),
        heights,
        "D",
        color="white",
        markeredgecolor=RED,
        markeredgewidth=1.6,
        markersize=7,
        label="paper",
    )
    axes.set_yticks(heights, [str(name) for name in rows["name"]])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    finish(axes, title="", x=x, y="", legend=False)
    legend_beside(axes)
    return figure


def confusion_matrix(counts: ArrayLike, *, labels: Sequence[str], title: str, synthetic: bool) -> Figure:
    """Draw a confusion matrix with counts and row shares.

    Parameters
    ----------
    counts : array, shape (C, C)
        Examples by label (rows) and prediction (columns).
    labels : sequence of str, length C
        Class names.
    title : str
        What was tested.
    synthetic : bool
        Tested on the project's own generator.

    Raises
    ------
    ValueError
        Where the counts do not fit the labels.
    """
    matrix = np.asarray(counts)
    if matrix.shape != (len(labels), len(labels)):
        expected = (len(labels), len(labels))
        msg = f"expected counts of shape {expected} for labels {list(labels)}, saw {matrix.shape}"
        raise ValueError(msg)
    totals = matrix.sum(axis=1, keepdims=True)
    share = np.divide(matrix, totals, out=np.zeros(matrix.shape), where=totals > 0)
    figure = new_figure(4.6, 4.2, synthetic=synthetic)
    axes = figure.add_subplot()
    image = axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.ndindex(*matrix.shape):
        axes.text(
            column,
            row,
            f"{matrix[row, column]}\n{share[row, column]:.0%}",
            ha="center",
            va="center",
            fontsize=8.5,
            color="white" if share[row, column] > 0.55 else INK,
        )
    axes.set_xticks(range(len(labels)), labels)
    axes.set_yticks(range(len(labels)), labels)
    figure.colorbar(image, ax=axes, label="share of the label", fraction=0.045)
    finish(axes, title=title, x="predicted", y="labelled", legend=False, grid=False)
    return figure


def reliability_plot(bins: pd.DataFrame, *, ece: float, synthetic: bool) -> Figure:
    """Draw accuracy against confidence: on the diagonal a confidence means what it says.

    Parameters
    ----------
    bins : DataFrame, columns confidence, accuracy, count
        Mean confidence and accuracy of each bin, 0..1, and its examples.
    ece : float
        Expected calibration error, 0..1.
    synthetic : bool
        Tested on the project's own generator.
    """
    filled = pd.DataFrame(bins[bins["count"] > 0])
    figure = new_figure(4.8, 4.4, synthetic=synthetic)
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1, label="calibrated")
    share = filled["count"] / max(1, filled["count"].sum())
    axes.bar(filled["confidence"], share, width=0.04, color=PALE, label="share of the examples")
    axes.plot(filled["confidence"], filled["accuracy"], "o-", color=BLUE, linewidth=1.6, label="measured")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.02)
    finish(axes, title=f"Reliability (ECE {ece:.3f})", x="confidence", y="accuracy", legend=True)
    return figure
