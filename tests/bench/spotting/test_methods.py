from dataclasses import replace

import numpy as np
import pytest

from apexline.bench.spotting.faces import PlainCurve, Stretch
from apexline.bench.spotting.learners import CalibratedRule, fused_learned, temporal_logistic
from apexline.bench.spotting.methods import (
    AsConfigured,
    Baseline,
    FlowRule,
    FusedRule,
    PaperRule,
    TextureRule,
    Thresholds,
    assemble,
)
from apexline.features.spotting.decisions import TrackCurves
from apexline.features.spotting.spans import Span
from apexline.ml.spotting_metrics.nested import NestedCrossValidation
from apexline.ml.spotting_metrics.summary import SpottingSummary, TrueSegment
from tests.bench.spotting.made_faces import draw_face, draw_faces

TRUE = TrueSegment(40, 48, 55, 64)
FACES = draw_faces()


def bounds(found):
    return [(each.onset, each.offset) for each in found]


def test_every_method_answers_for_every_choice_and_scores_every_frame():
    face = draw_face("a", "p", [TRUE])
    spotters = [
        TextureRule("hog"),
        FlowRule(),
        *(FusedRule("sl", fusion) for fusion in ("fallback", "or", "mean")),
        fused_learned("sl"),
        temporal_logistic(),
        CalibratedRule(FlowRule()),
        PaperRule("sl"),
        Baseline("b", "mdmd"),
        AsConfigured(),
    ]
    assert len({spotter.name for spotter in spotters}) == len(spotters)
    for spotter in spotters:
        fitted = spotter.fit(FACES)
        for choice in spotter.choices:
            scores, found = fitted.spot(face, choice)
            assert scores.shape == (120,)
            assert np.isfinite(scores).all()
            assert all(0 <= s.onset <= s.apex <= s.offset < 120 for s in found)


@pytest.mark.parametrize(
    "spotter", [FlowRule(), FusedRule("sl", "fallback"), fused_learned("sl"), temporal_logistic()]
)
def test_spotters_find_drawn_expressions_on_subjects_they_have_not_seen(spotter):
    measures = SpottingSummary(
        NestedCrossValidation(FACES, num_outer=3, num_inner=2).run(spotter).results
    ).measures()
    assert measures["f1"] > 0.9
    assert measures["auc"] > 0.9
    assert measures["alarms_per_min"] == 0


def test_flow_scores_are_px_and_thresholds_cut_them():
    face = draw_face("a", "p", [TRUE])
    rule = FlowRule().fit([])
    scores, found = rule.spot(face, Thresholds(min_motion_px=0.7))
    assert scores.max() == pytest.approx(3.0, abs=0.2)
    assert len(found) == 1
    assert rule.spot(face, Thresholds(min_motion_px=5.0))[1] == []


def test_texture_floors_are_those_of_the_training_frames():
    loud = [replace(face, stretches=[_louder(face.stretches[0], 10.0)]) for face in FACES]
    face, choice = draw_face("a", "p", [TRUE]), Thresholds(quantile=0.9)
    assert TextureRule("sl").fit(FACES).spot(face, choice)[1] != []
    assert TextureRule("sl").fit(loud).spot(face, choice)[1] == []


def _louder(stretch: Stretch, factor: float) -> Stretch:
    return Stretch(stretch.curves, {kind: factor * values for kind, values in stretch.textures.items()})


def test_fallback_listens_to_texture_only_where_flow_is_silent():
    face = draw_face("a", "p", [TRUE])
    curves = face.stretches[0].curves
    # texture alone sees a change at frame 100
    texture = {"sl": np.where(np.abs(np.arange(120) - 100) < 3, 5.0, 0.0)}
    moving = replace(face, stretches=[Stretch(curves, texture)])
    still = TrackCurves(curves.frames, curves.times, np.zeros((120, 5, 2)), texture["sl"])
    silent = replace(face, stretches=[Stretch(still, texture)])
    fallback, either = (FusedRule("sl", fusion).fit(FACES) for fusion in ("fallback", "or"))
    choice = Thresholds(quantile=0.9)
    assert len(fallback.spot(moving, choice)[1]) == 1
    assert len(either.spot(moving, choice)[1]) == 2
    (alone,) = fallback.spot(silent, choice)[1]
    assert alone.onset <= 100 <= alone.offset
    assert either.spot(moving, choice)[0][100] > 1 > fallback.spot(moving, choice)[0][100]


def test_frames_without_a_track_score_lowest_and_spans_count_in_frames_of_the_clip():
    face = draw_face("a", "p", [TRUE], num_frames=30)
    stretches = [
        (np.arange(10, 14), np.full(4, 2.0), [Span(1, 2, 3, 1.0, "flow")]),
        (np.arange(12, 16), np.full(4, 3.0), []),
    ]
    scores, found = assemble(face, stretches, untracked=-1.0)
    assert scores.tolist() == [-1.0] * 10 + [2.0, 2.0, 3.0, 3.0, 3.0, 3.0] + [-1.0] * 14
    assert [(s.onset, s.apex, s.offset) for s in found] == [(11, 12, 13)]


def test_the_paper_normalises_each_clip_and_so_misses_what_is_absolute():
    quiet, loud = draw_face("a", "p", []), draw_face("b", "p", [TRUE], seed=1)
    paper, flow = PaperRule("sl").fit([]), FlowRule().fit([])
    assert paper.spot(quiet, None)[0].max() == pytest.approx(paper.spot(loud, None)[0].max(), abs=0.3)
    assert flow.spot(quiet, Thresholds())[0].max() < 0.2 * flow.spot(loud, Thresholds())[0].max()


def test_a_baselines_threshold_is_relative_to_its_clip():
    values = np.zeros(100)
    values[50:53] = 1.0
    face = replace(draw_face("a", "p", [TRUE], num_frames=100), baselines={})
    faint = replace(face, baselines={"b": [PlainCurve(np.arange(100), 25.0, 0.01 * values)]})
    strong = replace(face, baselines={"b": [PlainCurve(np.arange(100), 25.0, values)]})
    baseline = Baseline("b", "b").fit([])
    for each in (faint, strong):
        assert bounds(baseline.spot(each, Thresholds(delta=0.5))[1]) == [(50, 52)]
        assert bounds(baseline.spot(each, Thresholds(delta=0.5, reach_s=0.2))[1]) == [(45, 57)]
