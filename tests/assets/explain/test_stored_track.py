"""Which stored rows a track is explained by."""

import numpy as np
import pytest

from apexline.assets.explain import stored_track
from apexline.assets.explain.stored_track import ShownTrack, track_view
from tests.assets.small_lake import row_of

DAY, CLIP = "2026-03-02_gate-03", "aaaa000011112222"


@pytest.fixture
def mixed(lake):
    """Three tracks whose rows lie mixed and whose numbers tell whose they are."""
    keys = [(track, frame) for frame in range(3) for track in "acb"]
    for table, told, measure in (
        ("texture_features", {"kind": "sl"}, "difference"),
        ("flow_features", {"roi": "lips"}, "drow"),
    ):
        rows = [
            row_of(table, clip_id=CLIP, track_id=track, frame=frame, time_s=frame / 25, **told)
            | {measure: ord(track)}
            for track, frame in keys
        ]
        lake.write(table, CLIP, rows, stamp="s", camera_day=DAY)
    rows = [
        row_of("expression_features", clip_id=CLIP, track_id=track, frame=frame, time_s=frame / 25)
        | {"words": [ord(track)] * 15}
        for track, frame in keys
    ]
    lake.write("expression_features", CLIP, rows, stamp="s", camera_day=DAY)
    boxes = {"y": 0, "w": 10, "h": 10}
    tracks = [
        row_of("face_tracks", clip_id=CLIP, track_id=track, frame=frame, x=ord(track) * 100, **boxes)
        | {"drop_reason": "" if track == "b" else "blurred"}
        for track, frame in keys
    ]
    lake.write("face_tracks", CLIP, tracks, stamp="s", camera_day=DAY)
    labels = [
        {"emotion": "happy", "onset": ord(track), "apex": 1, "offset": ord(track), "x": ord(track) * 100}
        for track in "abc"
    ]
    annotations = [row_of("annotations", clip_id=CLIP, subject="v", **boxes, **label) for label in labels]
    lake.write("annotations", CLIP, annotations, stamp="s", camera_day=DAY)
    return lake


@pytest.mark.parametrize("track", ["a", "b", "c"])
def test_a_track_is_explained_by_its_own_rows_and_annotations(mixed, parameters, monkeypatch, track):
    seen = {}

    def explain(texture, flow, words, *, track_id, config):
        own = (texture["difference"], flow["drow"], words["words"].ravel())
        seen[track_id] = {value for column in own for value in column.tolist()}
        return ["a decision"]

    monkeypatch.setattr(stored_track, "explain_segments", explain)
    view = track_view(mixed, ShownTrack(DAY, CLIP, track, synthetic=True), parameters)
    assert seen == {track: {ord(track)}}
    np.testing.assert_array_equal(view.texture["difference"], [ord(track)] * 3)
    assert view.truth.to_numpy().tolist() == [[ord(track)] * 2]
