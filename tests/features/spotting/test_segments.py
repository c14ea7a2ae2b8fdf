"""Segments from curves that are drawn by hand."""

from dataclasses import replace

import numpy as np
import pytest

from apexline.features.flow.polar import flow_angle
from apexline.features.spotting.config import SegmentConfig
from apexline.features.spotting.flanks import extrapolate_to_foot, max_speed
from apexline.features.spotting.segments import (
    fuse,
    mean_spans,
    motion_spans,
    smoothed,
    texture_spans,
    to_segments,
)
from apexline.features.spotting.spans import Span
from tests.features.spotting.bumps import FPS, bump, found


def regions_of(*curves, direction=(0.0, 1.0)):
    """Displacement (T, R, 2) of regions that all move along one direction."""
    return np.stack([np.outer(curve, direction) for curve in curves], axis=1)


# Motion


def test_one_expression_is_found():
    module = bump(80, 20, 30, 50, 4.0)
    config = SegmentConfig(regions=("left_mouth",), apex_fraction=0.32, flank="crossing")
    spans = motion_spans(regions_of(module), config=config, fps=FPS)
    # above 1.28 px: (20, 30) rises by .4 a frame, (30, 50) falls by .2
    assert found(spans) == [(24, 30, 43)]
    assert spans[0].score == pytest.approx(4.0 / config.min_motion_px)
    assert spans[0].source == "flow"


def test_a_face_at_rest_gives_nothing():
    module = bump(80, 20, 30, 50, 0.6)
    assert motion_spans(regions_of(module), config=SegmentConfig(min_motion_px=0.7), fps=FPS) == []


def test_further_expressions_count_down_to_a_fraction_of_the_largest():
    module = bump(200, 20, 30, 40, 8.0) + bump(200, 80, 90, 100, 3.0) + bump(200, 140, 150, 160, 1.0)
    displacement = regions_of(module)

    def apexes(**options):
        return [s.apex for s in motion_spans(displacement, config=SegmentConfig(**options), fps=FPS)]

    assert apexes(repeat_fraction=0.25) == [30, 90]
    assert apexes(repeat_fraction=0.1) == [30, 90, 150]
    assert apexes(single_apex=True) == [30]


def test_the_flank_of_a_segment_is_no_apex():
    """The frames of a slow offset below M_T exceed the floor of further apexes, but peak nowhere."""
    module = bump(200, 20, 30, 150, 10.0)
    config = SegmentConfig(apex_fraction=0.6, repeat_fraction=0.1, flank="crossing")
    assert found(motion_spans(regions_of(module), config=config, fps=FPS)) == [(27, 30, 77)]


def test_drift_under_an_expression_does_not_move_its_boundaries():
    """A head that ends 2 px away lifts one foot of the curve above the fraction of the apex."""
    module = bump(100, 30, 40, 60, 3.0)
    drifted = module + np.linspace(0, 2, 100)
    config = SegmentConfig(regions=("lips",), apex_fraction=0.3, flank="crossing")
    ((onset, _, offset),) = found(motion_spans(regions_of(drifted), config=config, fps=FPS))
    assert (onset, offset) == pytest.approx((33, 54), abs=2)
    printed = replace(config, foot="zero")
    assert found(motion_spans(regions_of(drifted), config=printed, fps=FPS))[0][2] > 80


def test_an_expression_that_never_ends_lasts_to_the_end():
    module = np.r_[np.zeros(20), np.linspace(0, 4, 10), np.linspace(4, 3.5, 70)]
    config = SegmentConfig(regions=("lips",))
    assert found(motion_spans(regions_of(module), config=config, fps=FPS))[0][2] == 99


def test_a_weak_region_does_not_widen_a_strong_one():
    strong, weak = bump(100, 30, 40, 50, 8.0), bump(100, 10, 40, 90, 1.0)
    config = SegmentConfig(regions=("left_mouth", "lips"))
    spans = motion_spans(regions_of(strong, weak), config=config, fps=FPS)
    assert found(spans) == found(motion_spans(regions_of(strong), config=config, fps=FPS))


def test_regions_that_move_together_are_one_expression():
    a, b = bump(100, 20, 30, 40, 5.0), bump(100, 30, 44, 58, 4.0)
    config = SegmentConfig(regions=("left_mouth", "lips"), apex_fraction=0.3, flank="crossing")
    spans = motion_spans(regions_of(a, b), config=config, fps=FPS)
    assert len(spans) == 1
    assert (spans[0].onset, spans[0].apex) == (24, 30)
    assert spans[0].offset > 50


def test_paper_angle_is_used_where_configured():
    """Motion that swings through the second quadrant: the printed angle jumps where the polar one does not."""
    direction = np.linspace(np.pi / 2 + 0.02, np.pi / 2 + 0.4, 40)
    displacement = 5 * np.stack([np.sin(direction), np.cos(direction)], axis=1)[:, None, :]
    displacement[:20] = [[5.0, 0.01]]
    config = SegmentConfig(regions=("lips",), single_apex=True, min_speed_px_s=0.0)
    polar = motion_spans(displacement, config=config, fps=FPS)
    assert found(polar)[0][::2] == (0, 39)
    printed = replace(config, angle="paper")
    assert found(motion_spans(displacement, config=printed, fps=FPS))[0][::2] != (0, 39)
    assert flow_angle(np.array([5.0]), np.array([-0.01]), mode="paper")[0] > 3.0


def test_a_tangent_meets_the_foot_where_the_flank_begins():
    """Straight flanks are their own tangents: the triangle's corners come out, whatever the fraction."""
    module = bump(80, 20, 30, 50, 4.0)
    for fraction in (0.2, 0.35, 0.5):
        config = SegmentConfig(regions=("left_mouth",), apex_fraction=fraction, flank="tangent")
        assert found(motion_spans(regions_of(module), config=config, fps=FPS)) == [(20, 30, 50)]


def test_a_boundary_at_the_edge_or_on_a_cliff_is_not_carried_on():
    level = np.array([0.0, 0.0, 0.9, 1.0, 0.6, 0.4])
    assert extrapolate_to_foot(level, 2, 3, apex_fraction=0.3) == 2
    # from .4 to .8 in a frame and a half: another frame and a half to the foot, of which the curve holds none
    assert extrapolate_to_foot(level, 5, 3, apex_fraction=0.3) == 5
    assert extrapolate_to_foot(level[::-1], 0, 2, apex_fraction=0.3) == 0
    assert extrapolate_to_foot(np.r_[level, 0, 0, 0], 5, 3, apex_fraction=0.3) == 6
    assert extrapolate_to_foot(np.r_[level, 0, 0, 0][::-1], 3, 5, apex_fraction=0.3) == 2
    lasting = np.r_[np.zeros(20), np.linspace(0, 4, 10), np.full(30, 4.0)]
    config = SegmentConfig(regions=("lips",), flank="tangent")
    assert found(motion_spans(regions_of(lasting), config=config, fps=FPS))[0][2] == 59


def test_the_flank_of_an_apex_in_the_first_frame_ends_there():
    falling = np.array([1.0, 0.95, 0.6, 0.4, 0.2, 0.0])
    # from .8 to .4 in a frame and four sevenths: as much again to the foot
    assert extrapolate_to_foot(falling, 3, 0, apex_fraction=0.3) == 5
    assert extrapolate_to_foot(falling[::-1], 2, 5, apex_fraction=0.3) == 0


def test_turns_are_taken_as_configured():
    """The direction passes the seam of angles: as printed, that is a full turn."""
    angle = np.r_[np.full(20, 6.2), np.full(20, 0.1)]
    displacement = 5 * np.stack([np.sin(angle), np.cos(angle)], axis=1)[:, None, :]
    config = SegmentConfig(regions=("lips",), single_apex=True, min_speed_px_s=0.0)
    assert found(motion_spans(displacement, config=config, fps=FPS))[0][::2] == (0, 39)
    printed = replace(config, turn="printed")
    onset, _, offset = found(motion_spans(displacement, config=printed, fps=FPS))[0]
    assert (onset, offset) in {(0, 19), (20, 39)}


def test_a_drift_is_too_slow_for_an_expression():
    """A head that goes 3 px away and back within four seconds, and a mouth that does so in less than one."""
    drift, smile = bump(200, 50, 100, 150, 3.0), bump(200, 90, 100, 110, 3.0)
    config = SegmentConfig(regions=("lips",), min_speed_px_s=2.5)
    assert max_speed(drift, fps=FPS) == pytest.approx(1.5)
    assert motion_spans(regions_of(drift), config=config, fps=FPS) == []
    assert len(motion_spans(regions_of(smile), config=config, fps=FPS)) == 1
    assert len(motion_spans(regions_of(drift), config=replace(config, min_speed_px_s=0.0), fps=FPS)) == 1
    assert max_speed(drift[:1], fps=FPS) == 0.0


# Texture


def test_texture_peak_at_half_prominence():
    curve = bump(80, 20, 30, 40, 1.0)
    spans = texture_spans(curve, config=SegmentConfig(min_difference=0.1), fps=FPS)
    assert found(spans) == [(25, 30, 35)]
    assert spans[0].source == "texture"


def test_texture_spans_above_the_threshold():
    curve = bump(80, 20, 30, 40, 1.0)
    config = SegmentConfig(texture_peaks="threshold", delta=0.5, min_difference=0.0)
    # mean 10/80 = .125, VE = .125 + .5 * .875 = .5625: frames 26..34 (.6 and more)
    assert found(texture_spans(curve, config=config, fps=FPS)) == [(26, 30, 34)]


def test_texture_below_the_least_difference_is_noise():
    curve = bump(80, 20, 30, 40, 0.04)
    assert texture_spans(curve, config=SegmentConfig(min_difference=0.05), fps=FPS) == []


def test_texture_peak_at_the_end_is_a_peak():
    curve = np.interp(np.arange(40), [30, 39], [0.0, 1.0])
    spans = texture_spans(curve, config=SegmentConfig(min_difference=0.1), fps=FPS)
    assert spans[0].apex == 39
    assert spans[0].offset == 39


def test_flat_texture_at_threshold_zero_scores_one():
    config = SegmentConfig(texture_peaks="threshold", min_difference=0.0)
    assert texture_spans(np.zeros(10), config=config, fps=FPS) == [Span(0, 0, 9, 1.0, "texture")]


# Fusion, eq. (24)

FLOW = [Span(10, 15, 20, 3.0, "flow")]
TEXTURE = [Span(18, 19, 30, 2.0, "texture"), Span(60, 65, 70, 1.5, "texture")]


def test_fallback_takes_texture_only_where_flow_is_silent():
    assert fuse(FLOW, TEXTURE, fusion="fallback", gap=0) == FLOW
    assert fuse([], TEXTURE, fusion="fallback", gap=0) == TEXTURE


def test_or_is_the_union_of_both():
    assert fuse(FLOW, TEXTURE, fusion="or", gap=0) == [Span(10, 15, 30, 3.0, "both"), TEXTURE[1]]


def test_mean_needs_both_curves_high():
    motion = bump(100, 20, 30, 40, 4.0)
    texture = bump(100, 20, 30, 40, 0.5) + bump(100, 60, 70, 80, 0.4)
    config = SegmentConfig(fusion="mean", delta=0.5)
    spans = mean_spans(motion, texture, config=config, fps=FPS)
    assert [s.apex for s in spans] == [30]
    assert spans[0].source == "both"
    assert mean_spans(motion / 100, texture, config=config, fps=FPS) == []


def test_segments_carry_frames_and_times():
    frames, times = np.arange(100, 160), np.arange(60) / 20 + 5
    spans = [Span(0, 4, 10, 2.0, "flow"), Span(20, 30, 50, 3.0, "both")]
    segments = to_segments(
        spans, track_id="t", frames=frames, times=times, rois=["lips"] * 31 + [""] * 29, micro_s=0.5
    )
    micro, macro = segments
    assert (micro.track_id, micro.onset, micro.apex, micro.offset, micro.score) == ("t", 100, 104, 110, 2.0)
    assert (micro.onset_s, micro.apex_s, micro.offset_s) == pytest.approx((5.0, 5.2, 5.5))
    assert (micro.length, macro.length) == ("micro", "macro")
    assert (macro.source, macro.roi) == ("both", "lips")


def test_smoothing_can_be_left_out(rng):
    noise = rng.normal(size=50)
    np.testing.assert_array_equal(smoothed(noise, config=SegmentConfig(smooth_s=0), fps=25), noise)
    assert smoothed(noise, config=SegmentConfig(), fps=25).std() < noise.std()
