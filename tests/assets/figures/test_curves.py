"""Curves hold the numbers that they were given."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from apexline.assets.figures.curves import face_strip, flow_curves, texture_curves, word_curves
from apexline.features.expression import RATERS_WORDS
from tests.assets.figures.drawn import FRAMES, TRUTH, bump, line


def words(figure: Figure) -> str:
    return " ".join(text.get_text() for text in figure.findobj(lambda each: hasattr(each, "get_text")))  # type: ignore[attr-defined]


def test_texture_curves_show_both_descriptors_threshold_and_truth(texture: pd.DataFrame) -> None:
    figure = texture_curves(texture, thresholds={"sl": 0.3}, truth=TRUTH, synthetic=False)
    panels = {axes.get_title(loc="left"): axes for axes in figure.axes}
    left, right = panels["left SL"], panels["right SR"]
    x, y = line(left, "difference Q")
    np.testing.assert_array_equal(x, FRAMES)
    np.testing.assert_allclose(y, 0.1 + bump(15, 0.4))
    np.testing.assert_allclose(line(right, "difference Q")[1], 0.2 + bump(16, 0.3))
    assert list(line(left, "threshold VE (eq. 21)")[1]) == [0.3, 0.3]
    assert "threshold VE (eq. 21)" not in [each.get_label() for each in right.lines]
    annotated = next(patch for patch in left.patches if patch.get_label() == "annotated")
    assert annotated.get_extents().transformed(left.transData.inverted()).intervalx == pytest.approx([11, 24])
    assert right.get_xlabel() == "frame"


def test_flow_curves_show_one_region_with_its_angle_in_degrees(flow: pd.DataFrame) -> None:
    figure = flow_curves(flow, roi="left_brow", truth=TRUTH, synthetic=False)
    module, angle = figure.axes
    np.testing.assert_allclose(line(module, "module OV (eq. 19)")[1], bump(15, 2.0))
    np.testing.assert_allclose(line(angle, "angle")[1], np.linspace(0, 360, 40, endpoint=False))
    assert module.get_title(loc="left") == "left brow: module"
    assert "px" in module.get_ylabel()
    assert "deg" in angle.get_ylabel()


def test_face_strip_shows_the_crops_with_their_captions() -> None:
    crops = [("onset 10", np.zeros((8, 8), np.uint8)), ("apex 15", np.full((8, 8), 200, np.uint8))]
    figure = face_strip(crops, synthetic=True)
    assert [axes.get_title() for axes in figure.axes] == ["onset 10", "apex 15"]
    assert np.asarray(figure.axes[1].images[0].get_array()).max() == 200
    assert figure.axes[0].images[0].get_clim() == (0, 255)


def test_a_face_strip_without_crops_says_what_is_missing() -> None:
    with pytest.raises(ValueError, match="at least one crop, saw none; keep frames"):
        face_strip([], synthetic=True)


def test_synthetic_stands_in_the_figure_exactly_where_it_is_said(flow: pd.DataFrame) -> None:
    for synthetic in (True, False):
        figure = flow_curves(flow, roi="left_brow", truth=TRUTH, synthetic=synthetic)
        assert ("synthetic" in words(figure)) is synthetic


def test_word_curves_show_the_probability_of_each_word_in_order_of_time() -> None:
    logits = np.zeros((40, len(RATERS_WORDS) + 7))
    happy = RATERS_WORDS.index("happiness")
    logits[:, happy] = bump(15, 4.0)
    logits[:, len(RATERS_WORDS) :] = 50.0  # FER2013's own words are of another vocabulary
    rows = pd.DataFrame({"frame": FRAMES, "words": list(logits)}).sample(frac=1, random_state=0)
    figure = word_curves(rows, truth=TRUTH, synthetic=True)
    (panel,) = figure.axes
    x, y = line(panel, "happiness")
    np.testing.assert_array_equal(x, FRAMES)
    odds = np.exp(bump(15, 4.0))
    np.testing.assert_allclose(y, odds / (odds + len(RATERS_WORDS) - 1))
    total = sum(line(panel, word)[1] for word in RATERS_WORDS)
    np.testing.assert_allclose(total, 1.0)
    looks = {(each.get_color(), each.get_linestyle()) for each in panel.lines}
    assert len(looks) == len(RATERS_WORDS)
    annotated = next(patch for patch in panel.patches if patch.get_label() == "annotated")
    assert annotated.get_extents().transformed(panel.transData.inverted()).intervalx == pytest.approx(
        [11, 24]
    )
    assert panel.get_xlabel() == "frame"
