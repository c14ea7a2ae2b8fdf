"""Figures of an evaluation hold the numbers that they were given."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from apexline.assets.figures.evaluation import (
    comparison_plot,
    confusion_matrix,
    learning_curves,
    reliability_plot,
    roc_curves,
)
from tests.assets.figures.drawn import line


def test_roc_curves_name_each_method_with_its_area_and_interval() -> None:
    points = pd.DataFrame(
        {
            "method": ["sl+flow"] * 3 + ["ours"] * 2,
            "false_positive_rate": [0.0, 1.0, 0.2, 0.0, 1.0],
            "true_positive_rate": [0.0, 1.0, 0.9, 0.0, 1.0],
        }
    )
    areas = pd.DataFrame({"method": ["sl+flow"], "auc": [0.85], "low": [0.8], "high": [0.9]})
    axes = roc_curves(points, areas, synthetic=False).axes[0]
    x, y = line(axes, "SL + optical flow: 0.850 [0.800, 0.900]")
    assert list(x) == [0.0, 0.2, 1.0]
    assert list(y) == [0.0, 0.9, 1.0]
    line(axes, "ours")  # a method without an area is drawn too


def test_learning_curves_show_one_version_in_percent() -> None:
    rows = pd.DataFrame(
        [
            ("baseline", 1, "train", 0.5, 0.8, 0.7),
            ("baseline", 0, "train", 1.0, 0.4, 0.3),
            ("baseline", 0, "valid", 1.1, 0.35, 0.25),
            ("semantic", 0, "train", 9.0, 0.9, 0.9),
        ],
        columns=["version", "epoch", "fold", "loss", "recognition", "classification"],
    )
    loss, accuracy = learning_curves(rows, version="baseline", synthetic=False).axes
    assert [list(values) for values in line(loss, "train")] == [[0, 1], [1.0, 0.5]]
    assert list(line(accuracy, "recognition, train")[1]) == pytest.approx([40, 80])
    assert list(line(accuracy, "classification, valid")[1]) == pytest.approx([25])
    assert "nat" in loss.get_ylabel()


def test_comparison_plot_sets_value_interval_and_paper_side_by_side() -> None:
    rows = pd.DataFrame({"name": ["a", "b"], "paper": [0.9, np.nan], "value": [0.8, np.nan]})
    rows["low"], rows["high"] = [0.7, np.nan], [0.85, np.nan]
    axes = comparison_plot(rows, x="area", synthetic=False).axes[0]
    assert line(axes, "here, 95 % interval")[0][0] == 0.8
    assert line(axes, "paper")[0][0] == 0.9
    interval = axes.collections[0].get_segments()[0]  # type: ignore[attr-defined]
    assert sorted(interval[:, 0]) == [0.7, 0.85]


def test_confusion_matrix_shows_counts_and_row_shares() -> None:
    figure = confusion_matrix([[3, 1], [0, 0]], labels=["happy", "calm"], title="t", synthetic=False)
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts == ["3\n75%", "1\n25%", "0\n0%", "0\n0%"]
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["happy", "calm"]


def test_confusion_matrix_refuses_counts_that_do_not_fit_the_labels() -> None:
    with pytest.raises(ValueError, match=r"expected counts of shape \(2, 2\).*saw \(1, 2\)"):
        confusion_matrix([[3, 1]], labels=["happy", "calm"], title="t", synthetic=False)


def test_reliability_plot_leaves_empty_bins_out() -> None:
    bins = pd.DataFrame(
        {"confidence": [0.1, np.nan, 0.9], "accuracy": [0.2, np.nan, 0.8], "count": [1, 0, 3]}
    )
    axes = reliability_plot(bins, ece=0.05, synthetic=False).axes[0]
    assert [list(values) for values in line(axes, "measured")] == [[0.1, 0.9], [0.2, 0.8]]
    assert [bar.get_height() for bar in axes.patches] == [0.25, 0.75]
    assert "0.050" in axes.get_title(loc="left")
