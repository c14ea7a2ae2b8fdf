"""What the benchmark of stored crops counts."""

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest

from apexline.bench.speed import crops


def test_crops_about_segments_are_those_of_the_same_track():
    table = pa.table({"time_s": [0.0, 1.0, 2.0, 3.0, 9.0, 2.0], "track_id": ["a"] * 5 + ["b"]})
    segments = pa.table({"track_id": ["a"], "onset_s": [2.5], "offset_s": [3.0]})
    assert crops._about_segments(table, segments) == Counter({"crops": 6, "kept": 2})


def test_a_change_is_a_share_of_the_feature_and_segments_are_compared_whole():
    values = {table: np.full(10, 2.0) for table in crops._FEATURES}
    before = crops._Described(values, {("a", 1, 2, 3)})
    after = crops._Described({table: each + 0.1 for table, each in values.items()}, {("a", 1, 2, 4)})
    found = crops._changes(before, after)
    assert found["flow_features"] == pytest.approx(0.05)
    assert found["segments"] == 2


def test_sizes_are_summed_over_crops_and_reckoned_for_an_hour():
    rows = [Counter({"crops": 10, "bytes": 1000}), Counter({"crops": 30, "bytes": 1000})]
    assert crops._summed(rows) == {"bytes a crop": 50, "MB a face-hour": 50 * 90_000 / 1e6}
