"""Why there is a segment: readings, bounds, and what was turned down."""

from dataclasses import replace

import numpy as np
import pytest

from apexline.features.expression import RATERS_WORDS
from apexline.features.spotting import decisions
from apexline.features.spotting.candidates import description_names
from apexline.features.spotting.config import SegmentConfig
from apexline.features.spotting.decisions import Reading, TrackCurves, spot
from apexline.features.spotting.evidence import gather
from apexline.features.spotting.spans import Bound
from tests.features.spotting.bumps import FPS, bump
from tests.features.spotting.changes import CALM, HAPPY, smiling

CONFIG = SegmentConfig(
    rule="curves",
    regions=("left_mouth", "left_brow"),
    apex_fraction=0.25,
    min_motion_px=0.7,
    repeat_fraction=0.25,
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
    assert decision.texture == Reading("texture", 0.04, 0.05, 70)


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


@pytest.fixture
def ruled(monkeypatch):
    """Have the longest candidates judged by the probabilities given, in this order, and all others improbable."""

    def rule(*told):
        def forest(described):
            length = described[:, description_names(gather(smiling())).index("log_length")]
            order = np.argsort(-length, kind="stable")
            probabilities = np.zeros(len(described))
            probabilities[order[: len(told)]] = told
            return probabilities

        monkeypatch.setattr(decisions, "shipped_forest", lambda: forest)

    return rule


def test_the_learned_rule_tells_held_frames_rest_and_words(ruled):
    ruled(0.9)
    decision = decisions.explain(smiling(first=1000), track_id="t", config=SegmentConfig())
    (reason,) = decision.reasons
    segment = reason.segment
    assert (segment.source, segment.roi, segment.length) == ("learned", "left_mouth", "macro")
    assert abs(segment.onset - 1050) <= 8
    assert abs(segment.offset - 1100) <= 8
    # the middle of what is held, not the first of its frames
    assert abs(segment.apex - 1075) <= 3
    assert segment.score == pytest.approx(0.9 / SegmentConfig.min_probability)
    assert reason.probability == pytest.approx(0.9)
    assert reason.begin == reason.end == Bound("learned")
    assert len(segment.held) == len(segment.rest) == 5
    assert all(1054 <= frame <= 1096 for frame in segment.held)
    assert not any(1050 < frame < 1100 for frame in segment.rest)
    assert len(segment.words) == len(RATERS_WORDS)
    assert int(np.argmax(segment.words)) == HAPPY
    assert int(np.argmin(segment.words)) == CALM
    assert decision.rejected == ()
    assert spot(smiling(first=1000), track_id="t", config=SegmentConfig()) == [segment]


def test_the_forest_that_is_given_judges(monkeypatch):
    """Who leaves people out gives a forest that has not seen them: the shipped one has seen all."""
    monkeypatch.setattr(decisions, "shipped_forest", lambda: pytest.fail("the shipped forest was asked"))
    sure, unsure = (lambda described, p=p: np.full(len(described), p) for p in (0.9, 0.2))
    assert spot(smiling(), track_id="t", config=SegmentConfig(), forest=sure)
    assert spot(smiling(), track_id="t", config=SegmentConfig(), forest=unsure) == []


def test_the_least_probability_is_enough(ruled):
    ruled(SegmentConfig.min_probability)
    (segment,) = spot(smiling(), track_id="t", config=SegmentConfig())
    assert segment.score == 1.0


def test_the_apex_of_a_learned_segment_is_where_the_face_looks_changed_most(ruled):
    """A jerk of the mouth at the onset moves no apex."""
    ruled(0.9)
    given = smiling()
    given.displacement[54:58, SegmentConfig.regions.index("left_mouth"), 0] = -30.0
    (segment,) = spot(given, track_id="t", config=SegmentConfig())
    assert abs(segment.apex - 75) <= 3


def test_an_improbable_change_is_rejected_with_its_probability(ruled):
    ruled(0.3)
    decision = decisions.explain(smiling(), track_id="t", config=SegmentConfig())
    assert decision.reasons == ()
    (rejected,) = decision.rejected
    assert (rejected.source, rejected.why, rejected.probability) == ("learned", "improbable", 0.3)
    assert rejected.onset <= 75 <= rejected.offset
    (reason,) = decisions.explain(smiling(), track_id="t", config=SegmentConfig(min_probability=0.2)).reasons
    assert reason.probability == pytest.approx(0.3)
    ruled(0.05)  # not worth telling
    assert decisions.explain(smiling(), track_id="t", config=SegmentConfig()).rejected == ()


def test_a_learned_segment_ends_with_the_track(ruled):
    ruled(0.9)
    whole = smiling(150, 100, 170)
    (reason,) = decisions.explain(whole, track_id="t", config=SegmentConfig()).reasons
    assert reason.segment.offset == 149
    assert (reason.begin.stop, reason.end.stop) == ("learned", "edge")


def test_a_still_face_has_no_learned_segment():
    decision = decisions.explain(smiling(150, 0, 0), track_id="t", config=SegmentConfig())
    assert (decision.reasons, decision.rejected) == ((), ())


def test_the_shipped_forest_finds_a_smile():
    (segment,) = spot(smiling(), track_id="t", config=SegmentConfig())
    assert segment.onset <= 75 <= segment.offset


def test_the_learned_rule_reads_the_regions_that_it_learned_from():
    with pytest.raises(ValueError, match=r"segments\.regions is \['lips'\].*segments\.rule to curves"):
        spot(smiling(), track_id="t", config=SegmentConfig(regions=("lips",)))


def test_the_hand_made_rule_shows_its_apex_and_onset_and_no_words():
    (segment,) = spot(curves(bump(100, 30, 40, 50, 4.0)), track_id="t", config=CONFIG)
    assert (segment.held, segment.rest, segment.words) == ((segment.apex,), (segment.onset,), ())
    (reason,) = explain(curves(bump(100, 30, 40, 50, 4.0))).reasons
    assert np.isnan(reason.probability)
