"""What the configuration of segments takes."""

import pytest

from apexline.features.spotting.config import SegmentConfig


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"apex_fraction": 1.5}, "apex_fraction\n.*less than or equal to 1.*input_value=1.5"),
        ({"fusion": "and"}, "fusion\n.*'fallback', 'or' or 'mean'.*input_value='and'"),
        ({"rest": "first"}, "rest\n.*'none' or 'densest'.*input_value='first'"),
        ({"texture_peaks": "width"}, "texture_peaks\n.*'prominence' or 'threshold'.*input_value='width'"),
        ({"min_probability": 0.0}, "min_probability\n.*greater than 0"),
        ({"regions": ()}, "regions\n.*at least 1 item"),
        ({"min_length_s": 5.0}, "min_length_s 5.0 exceeds max_length_s 4.0; swap them"),
    ],
)
def test_configuration_errors_say_what_was_expected(options, match):
    with pytest.raises(ValueError, match=match):
        SegmentConfig(**options)
