"""`apexline compare`: two homes over the same clips, and what is no pair."""

import json

import pytest
from upath import UPath

from apexline.assets.lake import Lake
from tests.assets.small_lake import row_of

DAY, CLIP = "2026-03-02_gate-03", "aaaa000011112222"


@pytest.fixture
def homes(tmp_path):
    """Two homes with one clip: the second has no second segment, and another answer to the first."""
    for name, begins, emotion in (("old", (0.0, 5.0), "happy"), ("new", (0.1,), "angry")):
        lake = Lake(UPath(tmp_path / name))
        segments = [
            row_of(
                "expression_segments",
                clip_id=CLIP,
                track_id="t1",
                segment_id=f"t1-{number}",
                onset_s=begin,
                apex_s=begin + 0.5,
                offset_s=begin + 1.0,
            )
            for number, begin in enumerate(begins)
        ]
        lake.write("expression_segments", CLIP, segments, stamp="s", camera_day=DAY)
        score = row_of("segment_scores", clip_id=CLIP, segment_id="t1-0", emotion=emotion, abstained=False)
        lake.write("segment_scores", f"{CLIP}-v1-s", [score], stamp="s", camera_day=DAY)
    return tmp_path / "old", tmp_path / "new"


def test_two_homes_are_compared_and_drawn(apexline, homes, tmp_path):
    picture = tmp_path / "changed.png"
    code, out, err = apexline("compare", *homes, "--plot", picture, "--json")
    assert code == 0
    found = json.loads(out)
    assert found["compared"]["in both"] == found["compared"]["gone"] == found["compared"]["other answer"] == 1
    changes = [(row["change"], row["first"], row["second"]) for row in found["changed"]]
    assert changes == [("answer", "happy", "angry"), ("gone", "unscored", "")]
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert f"drawn: {picture}" in err


def test_parameter_files_need_a_clip(apexline, home, tmp_path):
    files = [tmp_path / name for name in ("a.yaml", "b.yaml")]
    for file in files:
        file.write_text("{}\n")
    (tmp_path / "clips").mkdir()
    code, _, err = apexline("compare", *files, "--clips", tmp_path / "clips")
    assert code == 1
    assert "clips holds no clip to compare the parameter files on; name a folder by --clips" in err
