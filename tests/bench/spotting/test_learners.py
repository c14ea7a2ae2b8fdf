"""Spotters that learn from the training subjects."""

import numpy as np
import pytest

from apexline.bench.spotting.learners import CalibratedRule
from apexline.bench.spotting.methods import FlowRule, Thresholds
from apexline.ml.spotting_metrics.frames import frame_roc
from apexline.ml.spotting_metrics.summary import TrueSegment
from tests.bench.spotting.made_faces import draw_face, draw_faces

TRUE = TrueSegment(40, 48, 55, 64)
FACES = draw_faces()


def test_calibration_keeps_the_order_of_frames_and_the_segments():
    face = draw_face("a", "p", [TRUE])
    scores, found = FlowRule().fit([]).spot(face, Thresholds())
    calibrated, same = CalibratedRule(FlowRule()).fit(FACES).spot(face, Thresholds())
    assert found == same
    assert ((calibrated >= 0) & (calibrated <= 1)).all()
    positive = np.arange(120) // 40 == 1
    assert frame_roc(scores, positive).auc == pytest.approx(frame_roc(calibrated, positive).auc)
