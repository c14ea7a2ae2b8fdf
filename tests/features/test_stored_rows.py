"""Curves of a track from its stored rows: holes, rest, what the rows must hold."""

import numpy as np
import pytest

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


def test_rest_can_be_the_reference_frame(smiling_crops):
    config = cpu(segments=SegmentConfig(rest="none"))
    rows = rows_of(smiling_crops[34:], config)
    # the track begins smiling, so its calm is seen as motion
    assert track_curves(*rows, config=config)[0].motion[-5:].min() > 1
    assert track_curves(*rows, config=cpu())[0].motion[-5:].max() < 1


def test_unknown_region_says_what_the_rows_hold(smiling_rows):
    config = cpu(segments=SegmentConfig(regions=("chin",)))
    with pytest.raises(ValueError, match=r"names \['chin'\].*re-materialise flow_features"):
        find_segments(*smiling_rows, track_id="abc", config=config)


def test_no_rows_give_no_segments(smiling_rows):
    empty = {name: values[:0] for name, values in smiling_rows[1].items()}
    assert find_segments(no_texture(), empty, track_id="abc", config=cpu()) == []


@pytest.mark.parametrize(("smooth_s", "fps"), [(0.28, 2 / 0.28), (0.0, 2.0), (4.0, 2.0)])
def test_least_frame_rate_follows_from_holes_and_smoothing(smooth_s, fps):
    assert least_fps(FeatureConfig(segments=SegmentConfig(smooth_s=smooth_s))) == pytest.approx(fps)
