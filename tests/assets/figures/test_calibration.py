"""What the figures show is what was computed."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from apexline.assets.figures.calibration import calibration_figures, risk_coverage_plot, slices_plot
from apexline.assets.figures.style import BLUE, GREY, RED
from apexline.ml.evaluation.slices import COLUMNS


@pytest.fixture
def evaluation():
    rng = np.random.default_rng(0)
    confidence = rng.uniform(0.3, 1, 200)
    correct = rng.random(200) < confidence
    return SimpleNamespace(
        confidence=confidence,
        recognition_correct=correct,
        answered=confidence > 0.5,
        calibration_error=0.02,
        subjects=np.array(list("ab") * 100),
        groups={},
        synthetic=True,
        metrics=lambda: {"coverage": 0.7, "answered_error": 0.2},
    )


def test_three_figures_of_one_evaluation(evaluation):
    figures = calibration_figures(evaluation, name="semantic")
    assert list(figures) == ["reliability", "coverage_risk", "slices"]
    assert all(figure._suptitle.get_text() == "synthetic" for figure in figures.values())
    assert "ECE 0.020" in figures["reliability"].axes[0].get_title(loc="left")


def test_coverage_runs_to_the_whole_error(evaluation):
    axes = risk_coverage_plot({"one": evaluation, "two": evaluation}, synthetic=False).axes[0]
    curve, cross = axes.lines[:2]
    assert curve.get_xdata()[-1] == 1
    assert curve.get_ydata()[-1] == pytest.approx(1 - evaluation.recognition_correct.mean())
    assert (cross.get_xdata()[0], cross.get_ydata()[0]) == (0.7, 0.2)
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["one", "two"]


def rows(*groups):
    return pd.DataFrame(
        [dict(zip(COLUMNS, (*each, 0.1, 0.9, 0.0, 1.0), strict=True)) for each in groups],
        columns=list(COLUMNS),
    )


def test_the_worst_group_is_red_and_named():
    table = rows(("light", "dark", 30, 0.5), ("light", "middle", 300, 0.9), ("source", "x", 5, 0.1))
    axes = slices_plot(table, synthetic=False).axes[0]
    assert axes.get_title(loc="left") == "Worst group: light dark, 0.500"
    assert [to_hex(line.get_color()).upper() for line in axes.lines[1::2]] == [RED, BLUE, GREY]
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        "light dark (30)",
        "light middle (300)",
        "source x (5)",
    ]


def test_of_many_groups_the_worst_of_each_dimension_are_shown():
    table = rows(*(("performer", f"p{k}", 30, 0.5) for k in range(90)), ("light", "dark", 30, 0.6))
    axes = slices_plot(table, synthetic=False).axes[0]
    assert len(axes.get_yticklabels()) == 21


def test_small_groups_have_no_worst():
    axes = slices_plot(rows(("light", "dark", 3, 0.5)), synthetic=False).axes[0]
    assert axes.get_title(loc="left") == "No group has 20 faces"
