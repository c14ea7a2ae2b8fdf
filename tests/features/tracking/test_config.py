"""Parameters of tracking."""

import math

import pytest

from apexline.features.tracking.config import TrackConfig


@pytest.mark.parametrize(
    ("values", "match"),
    [
        ({"start_score": 1.5}, "start_score\n.*less than or equal to 1.*input_value=1.5"),
        ({"correction": -0.1}, "correction\n.*greater than or equal to 0.*input_value=-0.1"),
        ({"check_s": -0.1}, "check_s\n.*greater than or equal to 0.*input_value=-0.1"),
        ({"search_s": math.inf}, "search_s\n.*finite number.*input_value=inf"),
        ({"still_search_s": math.nan}, "still_search_s\n.*finite number.*input_value=nan"),
        ({"min_detections": 0}, "min_detections\n.*greater than 0.*input_value=0"),
        ({"max_missed": -1}, "max_missed\n.*greater than or equal to 0.*input_value=-1"),
    ],
)
def test_config_refuses_nonsense(values, match):
    with pytest.raises(ValueError, match=match):
        TrackConfig(**values)
