import numpy as np
import pandas as pd
import pytest

from apexline.ml.datasets.image_pad import random_anchors
from apexline.ml.datasets.posed import performer_folds, read_segments, read_stills, stills_pad

WORDS = ("happy", "sad", "angry", "disgusted", "scared", "surprised")


def test_stills_of_other_emotions_are_left_out_and_observers_are_held_to_three_answers(tmp_path):
    rows = [
        {
            "image": "p01_scared_1.jpg",
            "proportion_surprised": 0.6,
            "proportion_scared": 0.3,
            "proportion_angry": 0.1,
        },
        {"image": "p02_sad_1.jpg", "proportion_sad": 1.0},
        {"image": "p02_happy_2.jpg", "proportion_happy": 0.9, "intensity_happy": 9.0},
        {"image": "p03_calm_1.jpg", "proportion_angry": 0.5},
    ]
    blank = {f"{kind}_{word}": 0.0 for kind in ("proportion", "intensity") for word in WORDS}
    pd.DataFrame([{**blank, **row} for row in rows]).to_csv(tmp_path / "ratings.csv", index=False)
    table = read_stills(tmp_path)
    assert table["image"].tolist() == ["p01_scared_1.jpg", "p02_happy_2.jpg", "p03_calm_1.jpg"]
    assert table["performer"].tolist() == ["p01", "p02", "p03"]
    assert table["observed"].tolist() == ["scared", "happy", "angry"]
    pad = stills_pad(table)
    assert pad[1, 0] > pad[0, 0]
    np.testing.assert_array_equal(pad[0], pad[2])  # nothing was seen in either: calm
    assert not np.array_equal(stills_pad(table, anchors=random_anchors(0)), pad)


def test_segments_are_shown_in_the_middle_of_their_apex(tmp_path):
    (tmp_path / "clips.csv").write_text("clip,fps\na.mp4,25\nb.mp4,50\n")
    bounds = {"onset": [0, 0, 0], "apex": [10, 10, 10], "apex_end": [11, 11, 15], "offset": [12, 13, 25]}
    segments = pd.DataFrame(
        {"clip": ["a.mp4", "a.mp4", "b.mp4"], "emotion": "angry", "kind": "micro", **bounds}
    )
    segments.to_csv(tmp_path / "segments.csv", index=False)
    table = read_segments(tmp_path)
    assert table["shown"].tolist() == [10, 10, 12]
    assert table["kind"].tolist() == ["micro", "macro", "micro"]  # .48, .52 and .5 s, whatever the file says
    segments.assign(emotion="bored").to_csv(tmp_path / "segments.csv", index=False)
    with pytest.raises(ValueError, match=r"segments of \['bored'\], expected members of"):
        read_segments(tmp_path)


def test_every_performer_is_in_one_fold():
    performers = [f"p{i % 7}" for i in range(50)]
    folds = performer_folds(performers, num_folds=3, seed=0)
    assert sorted(np.concatenate(folds).tolist()) == sorted(set(performers))
    assert [len(fold) for fold in folds] == [3, 2, 2]
    again, other = (performer_folds(performers, num_folds=3, seed=s) for s in (0, 1))
    assert all(np.array_equal(a, b) for a, b in zip(folds, again, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(folds, other, strict=True))
    with pytest.raises(ValueError, match=r"num_folds is 8 for 7 performers, expected 2\.\.7"):
        performer_folds(performers, num_folds=8, seed=0)
