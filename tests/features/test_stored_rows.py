"""Curves of a track from its stored rows: holes, rest, what the rows must hold."""

import numpy as np
import pytest

from apexline.features import stored_rows
from apexline.features.config import FeatureConfig
from apexline.features.modc.stream import TextureConfig
from apexline.features.pipeline import find_segments
from apexline.features.spotting.config import SegmentConfig
from apexline.features.stored_rows import least_fps, track_curves
from tests.features.stream_rows import cpu, no_texture, rows_of


def test_contrast_is_taken_from_the_stored_curve(smiling_rows):
    aff, sharper = (
        track_curves(*smiling_rows, config=cpu(texture=TextureConfig(curve=curve)))[0].texture
        for curve in ("aff", "contrast")
    )
    assert not np.allclose(aff, sharper)


def test_dropped_frames_are_bridged(smiling_crops, smiling_rows):
    rows = rows_of(smiling_crops, cpu(), skip={5, 24, 25, 40})
    curves = track_curves(*rows, config=cpu())
    assert len(curves) == 1
    np.testing.assert_array_equal(curves[0].frames, np.arange(60))
    whole, holed = (find_segments(*each, track_id="a", config=cpu())[0] for each in (smiling_rows, rows))
    assert abs(whole.onset - holed.onset) <= 2
    assert abs(whole.offset - holed.offset) <= 2


def test_a_long_hole_splits_the_track(smiling_crops):
    rows = rows_of(smiling_crops, cpu(), skip=set(range(29, 44)) | set(range(45, 59)))
    curves = track_curves(*rows, config=cpu())
    # frames 44 and 59 stay alone behind their holes
    assert [(c.frames[0], c.frames[-1]) for c in curves] == [(0, 28)]


def test_a_long_track_is_judged_in_stretches(smiling_crops, monkeypatch):
    monkeypatch.setattr(stored_rows, "LONGEST_STRETCH", 25)
    rows = rows_of(smiling_crops, cpu(), skip={0, 26})
    curves = track_curves(*rows, config=cpu())
    # counted from the frame that the track begins with
    assert [(each.frames[0], each.frames[-1]) for each in curves] == [(1, 25), (27, 50), (51, 59)]
    parts = [
        [
            {
                name: values[(each["frame"] >= first) & (each["frame"] < first + 25)]
                for name, values in each.items()
            }
            for each in rows
        ]
        for first in (1, 26, 51)
    ]
    for whole, part in zip(curves, parts, strict=True):
        (alone,) = track_curves(*part, config=cpu())
        np.testing.assert_array_equal(whole.motion, alone.motion)
        np.testing.assert_array_equal(whole.texture, alone.texture)
        np.testing.assert_array_equal(whole.words, alone.words)


def test_a_track_that_was_away_for_longer_than_a_stretch_goes_on(smiling_crops, monkeypatch):
    monkeypatch.setattr(stored_rows, "LONGEST_STRETCH", 10)
    rows = rows_of(smiling_crops, cpu(), skip=set(range(18, 45)))
    curves = track_curves(*rows, config=cpu())
    assert [(each.frames[0], each.frames[-1]) for each in curves] == [(0, 9), (10, 17), (45, 49), (50, 59)]


def test_rest_can_be_the_reference_frame(smiling_crops):
    config = cpu(segments=SegmentConfig(rule="curves", rest="none"))
    rows = rows_of(smiling_crops[34:], config)
    # the track begins smiling, so its calm is seen as motion
    assert track_curves(*rows, config=config)[0].motion[-5:].min() > 1
    assert track_curves(*rows, config=cpu())[0].motion[-5:].max() < 1


def test_unknown_region_says_what_the_rows_hold(smiling_rows):
    config = cpu(segments=SegmentConfig(rule="curves", regions=("chin",)))
    with pytest.raises(ValueError, match=r"names \['chin'\].*re-materialise flow_features"):
        find_segments(*smiling_rows, track_id="abc", config=config)


def test_no_rows_give_no_segments(smiling_rows):
    empty = {name: values[:0] for name, values in smiling_rows[1].items()}
    assert find_segments(no_texture(), empty, track_id="abc", config=cpu()) == []


@pytest.mark.parametrize(("smooth_s", "fps"), [(0.28, 2 / 0.28), (0.0, 2.0), (4.0, 2.0)])
def test_least_frame_rate_follows_from_holes_and_smoothing(smooth_s, fps):
    assert least_fps(
        FeatureConfig(segments=SegmentConfig(rule="curves", smooth_s=smooth_s))
    ) == pytest.approx(fps)


def test_words_are_bridged_and_brought_to_even_steps(smiling_crops):
    rows = rows_of(smiling_crops, cpu(), skip={24, 25})
    texture, flow, words = rows
    (curves,) = track_curves(*rows, config=cpu())
    assert curves.words.shape == (60, words["words"].shape[1])
    # kept frames have their own, in frames 24 and 25 lie thirds of the way from 23 to 26
    own = {frame: logits for frame, logits in zip(words["frame"].tolist(), words["words"], strict=True)}
    np.testing.assert_allclose(curves.words[23], own[23], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(curves.words[24], (2 * own[23] + own[26]) / 3, rtol=1e-4, atol=1e-4)
    # rows of words that lack frames are bridged too, whatever their order
    mixed = {name: np.concatenate([values[30:], values[:28]]) for name, values in words.items()}
    (again,) = track_curves(texture, flow, mixed, config=cpu())
    np.testing.assert_allclose(again.words[10], curves.words[10], rtol=1e-5, atol=1e-5)
    assert np.isfinite(again.words).all()


def test_the_learned_rule_asks_for_words_and_the_hand_made_does_without(smiling_rows):
    texture, flow, _ = smiling_rows
    (curves,) = track_curves(texture, flow, config=cpu())
    assert curves.words is None
    assert find_segments(texture, flow, track_id="a", config=cpu())
    with pytest.raises(ValueError, match="re-materialise expression_features"):
        find_segments(texture, flow, track_id="a", config=cpu(segments=SegmentConfig()))
