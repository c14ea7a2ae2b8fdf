"""Which frames of a clip stand for what, before anything is learned from them."""

from types import SimpleNamespace

import numpy as np
import pytest

from apexline.bench.recognition import faces
from apexline.bench.recognition.faces import ClipFaces

SEGMENT = SimpleNamespace(
    Index=7, clip="p.mp4", onset=10, apex=40, shown=43, apex_end=46, offset=76, kind="macro"
)
# frame that each name stands for: two thirds of the way up, and one third of the way down
FRAMES = {"apex": 43, "rise": 30, "fall": 56, "onset": 10}


@pytest.fixture
def crops(monkeypatch):
    """Grey crops that tell their frame; features tell from which frame to which they were taken."""

    def between(onset, apex, *, config):
        return np.array([apex[0, 0]], np.float32), np.array([onset[0, 0], apex[0, 0]], np.float32)

    monkeypatch.setattr(faces, "segment_features", between)
    return {frame: np.full((128, 128), frame, np.uint8) for frame in range(90)}


def test_each_row_shows_its_frame_and_the_motion_since_the_onset(crops):
    rows = {row["at"]: row for row in faces._rows(SEGMENT, crops, None)}
    assert {at: int(row["images"].min()) for at, row in rows.items()} == FRAMES
    assert {at: int(row["images"].max()) for at, row in rows.items()} == FRAMES
    assert {at: row["texture"].tolist() for at, row in rows.items()} == {a: [f] for a, f in FRAMES.items()}
    assert {at: row["flow"].tolist() for at, row in rows.items()} == {a: [10, f] for a, f in FRAMES.items()}
    assert {row["segment"] for row in rows.values()} == {7}


def test_a_frame_without_a_face_is_named(crops):
    del crops[30], crops[56]
    with pytest.raises(ValueError, match=r"p.mp4: no face kept in frames \[30, 56\], expected one in each"):
        faces._rows(SEGMENT, crops, None)


def test_the_face_at_the_onset_is_that_of_the_same_segment():
    at = np.array(["apex", "rise", "onset", "onset", "apex", "rise"])
    images = np.arange(6, dtype=np.uint8)[:, None, None] * np.ones((48, 48), np.uint8)
    none = np.zeros((6, 0), np.float32)
    found = ClipFaces(np.array([0, 0, 0, 1, 1, 1]), at, images, none, none).onsets
    assert found[:, 0, 0].tolist() == [2, 2, 2, 3, 3, 3]
