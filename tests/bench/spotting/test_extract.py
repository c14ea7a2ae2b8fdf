"""What is read from a clip for all methods."""

from types import SimpleNamespace

import numpy as np

from apexline.bench.spotting import extract
from apexline.bench.spotting.extract import TrackRows, default_config, extract_clip, paper_config
from apexline.bench.spotting.faces import make_face
from apexline.bench.spotting.methods import FlowRule, Thresholds


def test_what_is_compared_are_hand_made_rules():
    assert default_config().segments.rule == paper_config().segments.rule == "curves"


def test_a_clip_is_extracted_for_all_methods(astronaut_clip):
    (rows,) = extract_clip(astronaut_clip.path)
    ours, others = {"texture", "flow", "words"}, {"paper_texture", "paper_flow", "moilanen", "mdmd"}
    assert set(rows.tables) == ours | others
    assert rows.tables["words"]["words"].shape == (len(rows.tables["words"]["frame"]), 15)
    face = make_face("a", "p", np.arange(rows.frames[-1] + 1) / 25, [], [rows])
    (stretch,) = face.stretches
    assert set(stretch.textures) == {"sl", "sr", "cod", "dcp", "hog", "lbp"}
    assert all(values.shape == stretch.curves.times.shape for values in stretch.textures.values())
    assert stretch.temporal.shape[0] == stretch.curves.times.size
    for curves in face.baselines.values():
        assert curves[0].values.shape == stretch.curves.times.shape
        assert (curves[0].values >= 0).all()
    (own,) = extract_clip(astronaut_clip.path, baselines=False, answers=True)
    assert set(own.tables) == {*ours, "answers"}
    answers = own.tables["answers"]
    assert answers["logits"].shape == (len(answers["frame"]), 4)
    np.testing.assert_array_equal(answers["frame"], own.tables["words"]["frame"])
    # an empty track, whose frames were all dropped, makes a face that shows nothing
    dropped = TrackRows("x", np.arange(3), np.zeros((3, 4)), {})
    scores, found = FlowRule().spot(make_face("a", "p", np.arange(3) / 25, [], [dropped]), Thresholds())
    assert found == []
    assert not scores.any()


class Faces:
    """A stream that holds one row back, and whose rows say which face it was shown."""

    def __init__(self):
        self.held = []

    def push(self, crop, frame, time_s):
        self.held.append(SimpleNamespace(frame=frame, time_s=time_s, difference=float(crop[0, 0])))
        return [self.held.pop(0)] if len(self.held) > 1 else []

    def flush(self):
        return self.held


def test_each_track_of_a_clip_has_streams_of_its_own(monkeypatch, tmp_path):
    faces = [
        SimpleNamespace(track_id=f"t{k}", crop=np.full((4, 4), k), frame=at, time_s=at / 25, box=(k, 0, 9, 9))
        for at in range(5)
        for k in (2, 0, 1)
    ]
    monkeypatch.setattr(extract, "read_frames", lambda path: path)
    monkeypatch.setattr(extract, "track_faces", lambda *_, **__: faces)
    monkeypatch.setattr(extract, "_streams", lambda *_: {"mdmd": Faces(), "texture": Faces()})
    (tmp_path / "clip.mp4").touch()
    found = extract_clip(tmp_path / "clip.mp4")
    assert [track.track_id for track in found] == ["t2", "t0", "t1"]
    for track in found:
        k = int(track.track_id[1:])
        assert track.boxes.tolist() == [[k, 0, 9, 9]] * 5
        for rows in track.tables.values():
            assert rows["frame"].tolist() == track.frames.tolist() == list(range(5))
            assert rows["difference"].tolist() == [k] * 5
