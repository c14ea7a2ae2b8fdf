"""Curves beside a decision hold the very numbers that decided."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from apexline.assets.figures.decision import curves_decision, flow_decision, fused_decision, texture_decision
from apexline.features.spotting.decisions import Decision
from tests.assets.decided_track import FPS, bump, view
from tests.assets.figures.drawn import curve, mark


def test_curves_hold_what_was_decided_on_and_the_threshold(smile: Decision) -> None:
    truth = pd.DataFrame({"onset": [29], "offset": [51]})
    motion, angle, texture, fused = curves_decision(view(smile, truth=truth)).axes
    np.testing.assert_allclose(curve(motion, "left mouth")[:-1], bump(30, 40, 50, 4.0))
    assert set(curve(motion, "threshold 1.00 px")) == {1.0}
    # onset and offset stand on the curve that ended there, at their times
    segment = smile.reasons[0].segment
    for marker, frame in ((">", segment.onset), ("*", 40), ("<", segment.offset)):
        assert mark(motion, marker) == pytest.approx((frame / FPS, bump(30, 40, 50, 4.0)[frame]))
    assert [text.get_text() for text in motion.texts] == [f"{segment.onset}", "frame 40", f"{segment.offset}"]
    annotated = next(patch for patch in motion.patches if patch.get_label() == "annotated")
    assert annotated.get_extents().transformed(motion.transData.inverted()).intervalx == pytest.approx(
        [29 / FPS, 51 / FPS]
    )
    assert set(curve(angle, "left mouth")) == {0.0}
    np.testing.assert_allclose(curve(texture, "mean, smoothed")[:-1], smile.curves.texture)
    assert curve(texture, f"threshold {smile.texture.threshold:.2f}")[0] == smile.texture.threshold
    assert np.nanmax(curve(fused, "mean of both")) == pytest.approx(1.0)
    assert fused.get_xlabel() == "time in the clip (s)"
    assert "px" in motion.get_ylabel()


def test_figures_5_to_7_stand_alone_too(smile: Decision) -> None:
    assert len(texture_decision(view(smile)).axes) == len(fused_decision(view(smile)).axes) == 1
    assert len(flow_decision(view(smile)).axes) == 2


def test_stretches_are_drawn_with_the_hole_between_them(smile: Decision) -> None:
    later = replace(smile, curves=replace(smile.curves, times=smile.curves.times + 10), reasons=())
    (axes,) = fused_decision(view(smile, later)).axes
    values = curve(axes, "mean of both")
    assert values.size == 202
    assert list(np.flatnonzero(np.isnan(values))) == [100, 201]
