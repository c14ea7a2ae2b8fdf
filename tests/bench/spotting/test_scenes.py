"""Scenes of several faces, and real clips."""

import numpy as np
import pandas as pd

from apexline.bench.spotting.extract import TrackRows
from apexline.bench.spotting.methods import FlowRule, Thresholds
from apexline.bench.spotting.scenes import match_tracks, real_clip_rows, scene_results
from apexline.ml.spotting_metrics.nested import Fold, NestedRun
from apexline.ml.spotting_metrics.summary import TrueSegment
from tests.bench.spotting.made_faces import draw_face

TRUE = TrueSegment(40, 48, 55, 64)


def track(track_id: str, frames: range, left: float) -> TrackRows:
    boxes = np.array([[left, 0.0, 10.0, 10.0]] * len(frames))
    return TrackRows(track_id, np.array(frames), boxes, {})


def true_boxes(places: dict[int, float], num_frames: int) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"frame": frame, "face": face, "x": left, "y": 0, "w": 10, "h": 10}
            for frame in range(num_frames)
            for face, left in places.items()
        ]
    )


def test_tracks_are_matched_to_faces_and_losses_counted():
    # b is tracked in half of its frames; c follows nobody
    tracks = [track("a", range(10), 1.0), track("b", range(5, 10), 50.0), track("c", range(10), 200.0)]
    matched = match_tracks(tracks, true_boxes({0: 0.0, 1: 50.0}, 10))
    assert matched.owner == {"a": 0, "b": 1}
    assert (matched.face_frames, matched.tracked, matched.switches) == (20, 15, 0)


def test_a_track_that_goes_over_to_another_face_is_a_switch():
    boxes = np.array([[0.0, 0, 10, 10]] * 6 + [[50.0, 0, 10, 10]] * 4)
    wanderer = TrackRows("a", np.arange(10), boxes, {})
    matched = match_tracks([wanderer], true_boxes({0: 0.0, 1: 50.0}, 10))
    assert matched.switches == 1
    assert matched.owner == {"a": 0}


class Fixed:
    """Finds as many segments as it is told."""

    def __init__(self, count: int):
        self.count = count

    def spot(self, face, choice):
        return np.zeros(face.times_s.size), [TRUE] * self.count


def test_a_face_of_a_scene_is_judged_by_a_fold_that_has_not_seen_it():
    folds = [Fold("x", ("p0",), Fixed(1), None, 0.0), Fold("x", ("p1",), Fixed(2), None, 0.0)]
    run, everyone = NestedRun("x", [], folds), Fold("x", (), Fixed(3), None, 0.0)
    faces = [draw_face("a", subject, []) for subject in ("p0", "p1", "stranger", "")]
    results = scene_results(faces, run, everyone)
    # an unknown performer counts with the fold that finds most
    assert [len(result.found) for result in results] == [1, 2, 3, 2]
    assert results[-1].subject == "a"


def test_real_clips_list_what_was_found_on_each_track(monkeypatch):
    monkeypatch.setattr("apexline.bench.spotting.scenes.make_face", lambda *_: draw_face("a", "", [TRUE]))
    fold = Fold("flow", (), FlowRule(), Thresholds(), 0.0)
    rows = real_clip_rows({"x.mp4": [track("t", range(120), 0.0)], "none.mp4": []}, {"flow": fold})
    assert rows[0]["flow: segments"] == 1
    first, last = map(int, rows[0]["flow: frames"].split("-"))
    assert abs(first - 40) < 8
    assert abs(last - 64) < 8
    assert rows[1] == {"clip": "none.mp4", "track": "none"}
