"""How good the faces of a track are."""

import itertools

import numpy as np
import pytest

from apexline.assets.lake.crops import rows_table
from apexline.assets.lake.face_quality import QUALITY, measures_at
from tests.assets.small_lake import row_of

DAY, CLIP = "2026-03-02_gate-03", "aaaa000011112222"


def test_a_track_that_was_not_kept_has_no_measures(measured_lake):
    assert measures_at(measured_lake, DAY, CLIP, [("another", 1)]) == {}


def test_measures_are_those_of_the_nearest_kept_frame_wherever_groups_of_rows_end(lake):
    """Two tracks with holes, in groups of any size; of two frames as near the earlier one counts."""
    random = np.random.default_rng(3)
    rows = [
        row_of(
            "face_tracks", track_id=track, frame=frame, time_s=frame / 25, kept=bool(random.random() < 0.4)
        )
        | {name: float(random.random()) for name in QUALITY}
        for frame in range(80)
        for track in "ab"
    ]
    with lake.writer("face_tracks", CLIP, stamp="s", camera_day=DAY) as writer:
        for first, last in itertools.pairwise([0, 1, 2, 9, 40, 41, 90, 160]):
            writer.write_table(rows_table("face_tracks", rows[first:last]))
    wanted = [(track, frame) for frame in range(0, 100, 3) for track in "ab"]
    found = measures_at(lake, DAY, CLIP, [*wanted, ("c", 1)])
    assert list(found.keys() - wanted) == []
    for track, frame in wanted:
        kept = [row for row in rows if row["track_id"] == track and row["kept"]]
        nearest = min(kept, key=lambda row: abs(row["frame"] - frame))
        expected = {name: nearest[name] for name in QUALITY} | {
            "track_s": kept[-1]["time_s"] - kept[0]["time_s"]
        }
        assert found[track, frame] == pytest.approx(expected, rel=1e-6)
