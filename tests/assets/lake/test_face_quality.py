"""Which groups training examples belong to, and how good their faces are."""

import numpy as np
import pytest
from upath import UPath

from apexline.assets.lake.face_quality import measures_at
from apexline.assets.lake.schemas import TABLES
from apexline.assets.lake.storage import Lake
from apexline.assets.training.training_table import describe_examples

DAY, CLIP, TRACK = "2026-03-02_gate-03", "aaaa000011112222", "bbbb00001111"


def blank(table, **values):
    return {field.name: None for field in TABLES[table]} | values


@pytest.fixture
def lake(tmp_path):
    lake = Lake(UPath(tmp_path))
    lake.write("clip_manifest", CLIP, [blank("clip_manifest", clip_id=CLIP)], stamp="m", camera_day=DAY)
    tracks = [
        blank("face_tracks", clip_id=CLIP, track_id=TRACK, frame=frame, time_s=frame / 10, kept=frame != 4)
        | {"size_px": 60.0 + frame, "blur": 100.0, "yaw": -0.1, "roll_deg": 3.0}
        for frame in range(10)
    ]
    lake.write("face_tracks", CLIP, tracks, stamp="t", camera_day=DAY)
    examples = [
        blank("training_set", example_id=name, clip_id=clip, track_id=TRACK, frame=frame)
        | {"image": bytes([grey]) * 48 * 48}
        for name, clip, frame, grey in (
            ("a", CLIP, 2, 30),
            ("b", "from elsewhere", 2, 120),
            ("c", CLIP, 4, 120),
            ("d", CLIP, 9, 220),
        )
    ]
    lake.write("training_set", "examples", examples, stamp="e")
    return lake


def test_examples_have_groups_and_quality(lake):
    groups, quality = describe_examples(lake)
    assert groups["source"].tolist() == ["gate-03", "unknown", "gate-03", "gate-03"]
    assert groups["size"].tolist() == ["small (< 64 px)", "unknown", "small (< 64 px)", "middle"]
    assert groups["light"].tolist() == ["dark (< 80)", "middle", "middle", "bright (> 170)"]
    np.testing.assert_array_equal(
        quality["size_px"], [62, np.nan, 63, 69]
    )  # 4 was dropped: its neighbour counts
    np.testing.assert_allclose(quality["track_s"], [0.9, np.nan, 0.9, 0.9])
    assert set(quality) == {"size_px", "blur", "yaw", "roll_deg", "track_s"}


def test_a_track_that_was_not_kept_has_no_measures(lake):
    assert measures_at(lake, DAY, CLIP, [("another", 1)]) == {}
