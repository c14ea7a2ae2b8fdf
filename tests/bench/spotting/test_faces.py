"""Annotated faces from tables and rows."""

import pandas as pd

from apexline.bench.spotting.faces import true_segments
from apexline.ml.spotting_metrics.summary import TrueSegment


def test_annotations_keep_what_they_say_of_each_frame():
    table = pd.DataFrame({"offset": [40, 90], "apex_end": [30, 80], "apex": [20, 70], "onset": [10, 60]})
    first, second = true_segments(table.assign(clip="a.mp4"))
    assert first == TrueSegment(onset=10, apex=20, apex_end=30, offset=40)
    assert second == TrueSegment(onset=60, apex=70, apex_end=80, offset=90)
