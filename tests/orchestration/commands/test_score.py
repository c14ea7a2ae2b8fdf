"""`apexline score`: one clip, nothing stored of it."""

import json

import pytest


@pytest.mark.parametrize("plot", [False, True])
def test_score_tracks_a_clip_once_and_stores_nothing_of_it(
    apexline, home, astronaut_clip, tracker_calls, tmp_path, plot
):
    page = tmp_path / "why.html"
    code, out, _ = apexline("score", astronaut_clip.path, "--json", *(["--plot", page] if plot else []))
    assert code == 0
    [row] = json.loads(out)
    assert 0 < row["onset_s"] < row["apex_s"] < row["offset_s"]
    assert tracker_calls == {"read_frames": 1, "track_faces": 1}
    assert page.exists() == plot
    # that the shipped model became champion is all that the home says
    assert {file.parent.name for file in home.home_path.rglob("*.parquet")} <= {"promotions"}
