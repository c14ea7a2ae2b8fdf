"""What a person is given of a track shows nobody else."""

import json
from datetime import UTC, datetime

import numpy as np
import pytest
from upath import UPath

from apexline.assets.ingest.intake import take_in
from apexline.assets.lake.storage import Lake
from apexline.features.video import read_frames
from apexline.features.video.writer import write_video
from apexline.governance import audit_lines, verify
from apexline.orchestration.governing.export import Box, export_track, without_others
from tests.assets.small_lake import face, put, score, segment

NOW = datetime(2026, 11, 29, tzinfo=UTC)
OWN, OTHER = "aaaaaaaaaaaa", "bbbbbbbbbbbb"
SIDECAR = {
    "camera": "gate-01",
    "captured_at": "2026-03-02T08:15:00Z",
    "purpose": "test",
    "legal_basis": "consent",
}


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """A clip with fine patterns in the places of two faces, and a third that no track knows."""
    home = UPath(tmp_path_factory.mktemp("export"))
    picture = np.full((240, 320, 3), 90, np.uint8)
    for left in (20, 120, 220):
        picture[60:140, left : left + 80] = np.indices((80, 80)).sum(0)[..., None] % 4 // 2 * 200
    arrived = home / "in" / "a.mp4"
    arrived.parent.mkdir()
    write_video(arrived, [picture] * 6, fps=25, crf=5)
    arrived.with_suffix(".json").write_text(json.dumps(SIDECAR))
    lake = Lake(home)
    result = take_in(lake, arrived)
    boxes = {OWN: 20.0, OTHER: 120.0}
    rows = [
        face(result.clip_id, track, frame, x=x, y=60.0, w=80.0, h=80.0)
        for track, x in boxes.items()
        for frame in range(6)
    ]
    manifest = {"clip_id": result.clip_id, "camera": "gate-01"}
    put(home / "lake", "clip_manifest", result.clip_id, [manifest], result.camera_day)
    put(home / "lake", "face_tracks", result.clip_id, rows, result.camera_day)
    own = {"clip_id": result.clip_id}
    labels = [{**own, "annotation_id": f"{result.clip_id}-a{k}", "subject": f"of {OTHER}"} for k in range(2)]
    put(home / "lake", "annotations", result.clip_id, labels, result.camera_day)
    said = [segment(result.clip_id, track, 1, 2, 3) for track in (OWN, OTHER)]
    put(home / "lake", "expression_segments", result.clip_id, said, result.camera_day)
    answers = [score(result.clip_id, track, 1, 1, NOW) for track in (OWN, OTHER)]
    put(home / "lake", "segment_scores", f"{result.clip_id}-v1", answers, result.camera_day)
    examples = [{**own, "track_id": track, "frame": 2, "emotion": "calm"} for track in (OWN, OTHER)]
    put(home / "lake", "training_set", "examples", examples)
    return lake


def detail(image, left):
    """How much fine detail there is in the place of a face."""
    grey = image[70:130, left + 10 : left + 70].mean(axis=2)
    return np.abs(np.diff(grey, axis=1)).mean()


def test_only_the_own_face_can_be_seen(stored, tmp_path):
    found = export_track(stored, OWN, tmp_path / "out", by="Ada", why="she asked", now=NOW)
    assert found["video"] is True
    for frame in read_frames(tmp_path / "out" / "video.mp4"):
        seen = [detail(frame.image, left) for left in (20, 120, 220)]
        assert seen[0] > 30
        assert max(seen[1:]) < 3


def test_only_the_own_rows_are_handed_out(stored, tmp_path):
    export_track(stored, OWN, tmp_path / "out", by="Ada", why="she asked", now=NOW)
    text = (tmp_path / "out" / "data.json").read_text()
    assert OTHER not in text
    found = json.loads(text)
    tables = ("clip_manifest", "face_tracks", "expression_segments", "segment_scores", "training_set")
    assert {name: len(rows) for name, rows in found.items()} == dict.fromkeys(tables, 1) | {"face_tracks": 6}


def test_what_a_model_learned_from_and_when_an_expression_began_are_told_without_pixels(stored, tmp_path):
    export_track(stored, OWN, tmp_path / "out", by="Ada", why="she asked", now=NOW)
    found = json.loads((tmp_path / "out" / "data.json").read_text())
    assert [found["expression_segments"][0][name] for name in ("onset", "apex", "offset")] == [1, 2, 3]
    [learned] = found["training_set"]
    assert (learned["emotion"], learned["frame"]) == ("calm", 2)
    assert set(learned) & {"image", "onset", "texture", "flow"} == set()


def test_who_asked_and_why_is_on_record_and_the_track_is_not(stored, tmp_path):
    export_track(stored, OTHER, tmp_path / "out", by="Grace", why="he asked", now=NOW)
    last = audit_lines(stored.home, actions=["export"])[-1]
    assert (last["who"], last["why"]) == ("Grace", "he asked")
    assert OTHER not in str(last)
    assert verify(stored.home).count


def test_a_face_in_front_of_the_own_is_not_shown():
    image = np.random.default_rng(0).integers(0, 255, (120, 160, 3), np.uint8)
    shown = without_others(image, Box(20, 20, 100, 100), [Box(60, 20, 120, 100)])
    assert (shown[20:100, 20:60] == image[20:100, 20:60]).all()
    assert (shown[20:100, 60:100] != image[20:100, 60:100]).mean() > 0.9
    assert (without_others(image, None, []) != image).mean() > 0.9


def test_an_unknown_track_is_said_to_be(stored, tmp_path):
    with pytest.raises(LookupError, match="cccccccccccc"):
        export_track(stored, "cccccccccccc", tmp_path / "out", by="Ada", why="she asked", now=NOW)
