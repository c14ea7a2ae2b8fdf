"""Parameters of tracking."""

import math

import pytest

from features.tracks import TrackConfig


@pytest.mark.parametrize(
    ("values", "match"),
    [
        ({"start_score": 1.5}, "tracks.start_score is 1.5"),
        ({"correction": -0.1}, "tracks.correction is -0.1"),
        ({"check_s": -0.1}, "tracks.check_s is -0.1; expected 0 or more"),
        ({"search_s": math.inf}, "tracks.search_s is inf"),
        ({"still_search_s": math.nan}, "tracks.still_search_s is nan"),
        ({"min_detections": 0}, "at least 1 and 0"),
        ({"max_missed": -1}, "at least 1 and 0"),
    ],
)
def test_config_refuses_nonsense(values, match):
    with pytest.raises(ValueError, match=match):
        TrackConfig(**values)
