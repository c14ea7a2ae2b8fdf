import numpy as np
import pytest

from apexline.bench.semantic import run as semantic
from apexline.ml.datasets.image_pad import emotion_anchors

WORDS = "neutral,happiness,surprise,sadness,anger,disgust,fear,contempt"


def test_votes_that_all_agree_leave_nothing_within_classes(tmp_path):
    labels = tmp_path / "labels.csv"
    rows = ["10,0,0,0,0,0,0,0", "0,10,0,0,0,0,0,0", "0,0,0,0,10,0,0,0", "0,0,0,0,0,0,10,0"]
    labels.write_text("\n".join([WORDS, *rows, "0,0,10,0,0,0,0,0", "1,0,0,0,0,0,0,0"]) + "\n")
    found = semantic._ferplus_targets(labels)
    assert [row["images"] for row in found] == [4, 4, 4]  # surprise is no class, one vote is too few
    assert [row["within classes"] for row in found] == pytest.approx([0, 0, 0], abs=1e-12)


def test_variance_within_classes_by_hand():
    pad = np.array([[0.0, 0, 1], [2.0, 0, 1], [4.0, 2, 1], [6.0, 2, 3]])
    rows = semantic._within("x", pad, np.array([0, 0, 1, 1]), np.array([0.25, 0.0, 0.25]))
    # pleasure: class means 1 and 5, so 1 within of 5 in all; a quarter of it is noise
    assert rows[0]["within classes"] == pytest.approx(1 / 5)
    assert rows[0]["of that beyond vote noise"] == pytest.approx(0.75)
    assert rows[1]["within classes"] == 0
    assert rows[2]["within classes"] == pytest.approx(0.5 / 0.75)


def test_stills_are_placed_by_what_was_seen_and_named_by_what_was_posed(tmp_path):
    ratings = tmp_path / "ratings.csv"
    words = ("happy", "sad", "angry", "disgusted", "scared", "surprised")
    header = ",".join(["image", *(f"intensity_{word}" for word in words)])
    ratings.write_text(f"{header}\np01_scared_1101.jpg,0,9,0,0,0,0\np02_calm_0102.jpg,0,0,0,0,0,0\n")
    stills = semantic.stills_pad(ratings)
    assert stills["emotion"].tolist() == ["scared", "calm"]
    expected = emotion_anchors().loc[["sad", "calm"]].to_numpy()
    np.testing.assert_allclose(stills[["pleasure", "arousal", "dominance"]], expected)


@pytest.mark.parametrize(
    ("interval", "expected"),
    [
        ((0.90, 0.87, 0.95), "supported"),
        ((0.90, 0.80, 0.95), "supported, not certain"),
        ((0.80, 0.70, 0.90), "unsupported, not certain"),
        ((0.70, 0.60, 0.80), "unsupported"),
    ],
)
def test_the_verdict_says_when_the_interval_holds_the_bar(interval, expected):
    assert semantic._verdict(*interval) == expected
