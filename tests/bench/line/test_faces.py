"""Which track is of which face, and which frames of a clip are what."""

from pathlib import Path

import numpy as np
import pytest

from apexline.bench.line import faces as line_faces
from apexline.bench.line.clips import ANY_FACE, AnnotatedClip, AnnotatedFace, Distractor, Truth
from apexline.bench.line.faces import face_of, see_faces
from apexline.bench.spotting.extract import TrackRows
from tests.bench.line.made_faces import make_face


def clip_of(*faces):
    return AnnotatedClip("real", Path("clip.mp4"), 25.0, 60, faces)


def track(left, *, frames=range(30), tables=None):
    boxes = np.tile([left, 100.0, 50.0, 50.0], (len(frames), 1))
    return TrackRows("t", np.array(frames), boxes, tables or {})


def face(name, left, *, frames=(0, 12, 24)):
    return AnnotatedFace(name, "p", boxes=[(float(frame), left, 100.0, 50.0, 50.0) for frame in frames])


PAIR = clip_of(face("a", 100.0), face("b", 140.0))


@pytest.mark.parametrize(("left", "owner"), [(100.0, "a"), (115.0, "a"), (125.0, "b"), (165.0, "b")])
def test_a_track_is_of_the_nearest_face(left, owner):
    assert face_of(PAIR, track(left)) == owner


@pytest.mark.parametrize("left", [60.0, 200.0])
def test_a_stranger_is_nobody(left):
    assert face_of(PAIR, track(left)) is None


def test_a_face_is_told_only_near_the_frames_in_which_it_was_noted():
    assert face_of(PAIR, track(100.0, frames=range(27, 36))) == "a"
    assert face_of(PAIR, track(100.0, frames=range(40, 50))) is None


def test_most_frames_decide():
    moved = track(100.0)
    moved.boxes[12:, 0] = 140.0
    assert face_of(PAIR, moved) == "b"


def test_without_boxes_every_track_is_of_the_only_face_or_of_any():
    only = AnnotatedFace("0", "p")
    assert face_of(clip_of(only), track(0.0)) == "0"
    assert face_of(clip_of(only, AnnotatedFace(ANY_FACE, "p")), track(0.0)) == ANY_FACE


def test_a_face_takes_the_curves_and_answers_of_its_own_tracks(monkeypatch):
    def tables(frames):
        logits = np.array(frames)[:, None] * np.ones(4, np.float32)
        answers = {"frame": np.array(frames), "logits": logits}
        return {"texture": {}, "flow": {"frame": np.array(frames)}, "words": {}, "answers": answers}

    found = [
        track(100.0, tables=tables([1, 2])),
        track(101.0, tables=tables([8, 99])),
        track(140.0, tables=tables([5])),
        track(400.0, tables=tables([7])),
        track(140.0),
    ]
    monkeypatch.setattr(line_faces, "extract", lambda paths, **_: [found for _ in paths])
    monkeypatch.setattr(
        line_faces, "track_curves", lambda texture, flow, words, config: [tuple(flow["frame"])]
    )
    first, second = see_faces([PAIR])
    assert first.stretches == [(1, 2), (8, 99)]
    assert second.stretches == [(5,)]
    assert sorted(first.logits) == [1, 2, 8, 99]
    assert first.logits[8].tolist() == [8.0] * 4
    assert np.flatnonzero(first.seen).tolist() == [1, 2, 8]  # the clip has 60 frames


def test_frames_of_changes_and_of_what_distracts_include_both_ends():
    made = make_face(
        truth=[Truth(10, 11, 12, "happy")],
        distractors=[Distractor("talk", 3, 4), Distractor("noface", 20, 21), Distractor("ignore", 148, 160)],
        seen=(),
    )
    assert np.flatnonzero(made.changing).tolist() == [10, 11, 12]
    assert np.flatnonzero(made.within()).tolist() == [20, 21, 148, 149]
    assert np.flatnonzero(made.within(frozenset({"talk"}))).tolist() == [3, 4]
    assert not made.seen.any()
