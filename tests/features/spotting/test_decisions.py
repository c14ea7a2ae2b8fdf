"""Why there is a segment: readings, bounds, and what was turned down."""

from dataclasses import replace

import numpy as np
import pytest

from apexline.features.spotting import decisions
from apexline.features.spotting.config import SegmentConfig
from apexline.features.spotting.decisions import TrackCurves, spot
from apexline.features.spotting.spans import Bound
from tests.features.spotting.bumps import FPS, bump

CONFIG = SegmentConfig(
    regions=("left_mouth", "left_brow"), apex_fraction=0.25, min_motion_px=0.7, repeat_fraction=0.25
)


def curves(mouth, brow=None, texture=None, *, first=0):
    length = mouth.size
    displacement = np.zeros((length, 2, 2))
    displacement[:, 0, 1] = mouth
    displacement[:, 1, 0] = np.zeros(length) if brow is None else brow
    frames = np.arange(first, first + length)
    return TrackCurves(frames, frames / FPS, displacement, np.zeros(length) if texture is None else texture)


def explain(given, **options):
    return decisions.explain(given, track_id="t", config=replace(CONFIG, **options))


def test_a_reason_reads_every_region_against_the_threshold_that_was_applied():
    decision = explain(curves(bump(100, 30, 40, 50, 4.0), bump(100, 30, 42, 50, 0.5), first=100))
    (reason,) = decision.reasons
    assert [(each.curve, each.value, each.frame) for each in reason.motion] == [
        ("left_mouth", 4.0, 140),
        ("left_brow", 0.5, 142),
    ]
    # a quarter of the largest module is above min_motion_px here
    assert [each.threshold for each in reason.motion] == [1.0, 1.0]
    assert [each.counts for each in reason.motion] == [True, False]
    assert reason.begin == reason.end == Bound("level", "left_mouth")


def test_bounds_say_turn_edge_and_cut():
    mouth = bump(60, 0, 20, 100, 4.0) + 1.0
    turning = curves(mouth)
    turning.displacement[:12, 0, :] = turning.displacement[:12, 0, ::-1]  # down, then to the right
    (reason,) = explain(turning, foot="zero").reasons
    assert (reason.segment.onset, reason.begin) == (12, Bound("turn", "left_mouth"))
    assert (reason.segment.offset, reason.end) == (59, Bound("edge", "left_mouth"))
    (cut,) = explain(turning, foot="zero", max_length_s=0.4).reasons
    assert cut.segment.offset - cut.segment.onset + 1 == 10
    assert (cut.begin.stop, cut.end.stop) == ("cut", "cut")


def test_a_joined_segment_keeps_the_bound_of_the_region_that_lasts_longer():
    decision = explain(curves(bump(100, 30, 40, 50, 4.0), bump(100, 38, 50, 62, 3.5)))
    (reason,) = decision.reasons
    assert (reason.begin.curve, reason.end.curve) == ("left_mouth", "left_brow")


def test_without_a_segment_the_readings_say_what_was_missing():
    decision = explain(curves(bump(100, 30, 40, 50, 0.6), texture=bump(100, 60, 70, 80, 0.04)))
    assert decision.reasons == ()
    strongest = decision.motion[0]
    assert (strongest.curve, strongest.value, strongest.threshold) == ("left_mouth", pytest.approx(0.6), 0.7)
    assert not strongest.counts
    assert (decision.texture.value, decision.texture.threshold, decision.texture.frame) == (0.04, 0.05, 70)


@pytest.mark.parametrize(("peaks", "stop"), [("prominence", "half"), ("threshold", "threshold")])
def test_texture_bounds(peaks, stop):
    decision = explain(curves(np.zeros(100), texture=bump(100, 60, 70, 80, 0.2)), texture_peaks=peaks)
    (reason,) = decision.reasons
    assert reason.segment.source == "texture"
    assert reason.begin == reason.end == Bound(stop, "texture")
    assert reason.texture.counts
    assert not reason.motion[0].counts


def test_the_mean_of_both_ends_at_its_threshold():
    given = curves(bump(100, 30, 40, 50, 4.0), texture=bump(100, 30, 40, 50, 0.2))
    (reason,) = explain(given, fusion="mean").reasons
    assert reason.begin == reason.end == Bound("threshold", "")


def test_what_was_turned_down_is_named():
    given = curves(bump(100, 10, 20, 30, 4.0), texture=bump(100, 60, 70, 80, 0.2))
    decision = explain(given)
    (unheard,) = decision.rejected
    assert (unheard.source, unheard.why) == ("texture", "flow_speaks_first")
    assert unheard.onset <= 70 <= unheard.offset
    short = explain(curves(bump(100, 38, 40, 42, 4.0)), min_length_s=0.4)
    assert short.reasons == ()
    assert [(each.source, each.why) for each in short.rejected] == [("flow", "too_short")]
    slow = explain(curves(bump(300, 50, 150, 250, 4.0)))
    assert slow.reasons == ()
    assert [(each.source, each.why) for each in slow.rejected] == [("flow", "too_slow")]
    # texture within the segment that flow found is no change of its own
    assert explain(replace(given, texture=bump(100, 10, 20, 30, 0.2))).rejected == ()


def random_curves(rng):
    """Two regions and texture of a track of some seconds: a few bumps, drift and noise."""
    length = int(rng.integers(40, 300))

    def bumps(height, noise):
        curve = rng.normal(0, noise, length)
        for _ in range(rng.integers(0, 4)):
            onset, apex, offset = np.sort(rng.choice(length, 3, replace=False))
            curve += bump(length, onset, apex, offset, rng.uniform(0, height))
        return curve

    return curves(bumps(4.0, 0.1), bumps(2.0, 0.1), bumps(0.3, 0.01), first=int(rng.integers(1000)))


@pytest.mark.parametrize("fusion", ["fallback", "or", "mean"])
def test_what_is_explained_is_what_is_spotted(rng, fusion):
    seen = 0
    for _ in range(100):
        given = random_curves(rng)
        options = {
            "fusion": fusion,
            "max_length_s": rng.uniform(0.4, 4.0),
            "foot": rng.choice(["zero", "lowest"]),
        }
        config = replace(CONFIG, **options)
        spotted = spot(given, track_id="t", config=config)
        assert [reason.segment for reason in explain(given, **options).reasons] == spotted
        seen += len(spotted)
    assert seen > 50


def test_the_line_searches_motion_once(monkeypatch):
    searches = []
    search = decisions.seg.motion_spans
    monkeypatch.setattr(
        decisions.seg, "motion_spans", lambda *args, **options: searches.append(1) or search(*args, **options)
    )
    given = curves(bump(100, 30, 40, 50, 4.0))
    assert len(spot(given, track_id="t", config=CONFIG)) == 1
    assert len(searches) == 1
    explain(given)
    assert len(searches) == 3
