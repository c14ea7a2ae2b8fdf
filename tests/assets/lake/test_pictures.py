"""What a clip's pictures were like."""

import json

import numpy as np
import pytest

from apexline.assets.lake.pictures import PictureMeter, Pictures, pictures_of
from apexline.features.config import FeatureConfig
from apexline.features.video.reader import Frame

DAY = "2026-03-02_gate-03"


def measured(times, grey=100, *, faceless=True):
    picture = np.full((40, 60, 3), grey, np.uint8)
    picture[:20] += 40
    meter = PictureMeter()
    frames = [Frame(index, time_s, picture) for index, time_s in enumerate(times)]
    assert list(meter.watch(frames)) == frames
    [kept] = meter.footer(faceless=faceless).values()
    return Pictures(**json.loads(kept))


@pytest.mark.parametrize(
    ("times", "fps", "too_slow"),
    [
        (np.arange(10.0), 1, True),
        (np.arange(50) / 5, 5, True),
        (np.arange(50) / 10, 10, False),
        ([*np.arange(25) / 25, *(60 + np.arange(25) / 25)], 25, False),  # a hole is no frame rate
        ([0.0], 0, False),
        ([], 0, False),
    ],
)
def test_frame_rate(times, fps, too_slow):
    found = measured(times)
    assert found.fps == pytest.approx(fps)
    assert found.is_too_slow(FeatureConfig()) is too_slow


def test_light_counts_where_no_face_was_found():
    assert measured([0, 0.04, 0.5], 0).grey == pytest.approx(20)
    assert measured([0, 0.04, 0.5], 0).contrast == pytest.approx(20)
    assert Pictures(25, 12, 9, faceless=True).light == "too_dark"
    assert Pictures(25, 12, 9, faceless=False).light == ""
    # of pictures that nobody saw nothing is known
    assert measured([]).light == ""


def test_a_clip_from_before_has_none(lake):
    lake.write("face_tracks", "old", [], stamp="s", camera_day=DAY)
    assert pictures_of(lake, DAY, "old") is None
