"""Other packages beside ours: stand-ins for their programs, real files and real processes."""

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from apexline.bench.peers import PEERS, Peer
from apexline.bench.recognition.comparison import (
    ON_FERPLUS,
    ON_ORIGINAL,
    ON_STILLS,
    peer_answers,
    peer_differences,
    peer_figures,
    questions,
)
from apexline.bench.recognition.figures import figure
from apexline.ml.emotions import EMOTIONS

# Says the class that is written in the first pixel's red, 60 levels each; finds a face in the first photograph alone.
SCRIPT = """
import json, sys
import numpy as np
images = np.load(sys.argv[1])
assert images.dtype == np.uint8 and images.ndim == 4 and images.shape[3] == 3
print("a library's greeting")
found = [sys.argv[2] == "photographs" and row == 0 for row in range(len(images))]
print(json.dumps({"scores": np.eye(4)[(images[:, 0, 0, 0] + 30) // 60].tolist(), "found": found}))
"""


@pytest.fixture
def data(sets, tmp_path):
    """Files whose first pixel says the class that their label has; each still that poses fear says anger."""
    folder = tmp_path / "data"
    (folder / "ferplus").mkdir(parents=True)
    (folder / "posed_stills").mkdir()
    images = np.zeros((len(sets.ferplus.ids), 48, 48), np.uint8)
    images[:, 0, 0] = 60 * sets.ferplus.majority
    np.savez(folder / "ferplus" / "images.npz", images=images)
    for name in ("ferplus/labels.csv", "posed_stills/ratings.csv"):
        (folder / name).write_text("labels")
    for still in sets.stills.itertuples():
        said = EMOTIONS.index("angry" if still.emotion == "scared" else still.emotion)
        image = np.full((64, 64, 3), (90, 90, 60 * said), np.uint8)  # BGR
        cv2.imwrite(str(folder / "posed_stills" / still.image), image)
    return folder


def peer(script: Path) -> Peer:
    return Peer("made 1", (sys.executable, str(script)), script, "made-env")


def test_peers_answer_once_and_stand_beside_ours(sets, data, tmp_path):
    script = tmp_path / "made.py"
    script.write_text(SCRIPT)
    asked = questions(sets)
    answers = peer_answers(data, sets, tmp_path / "cache", [peer(script)])
    rows = {row["on"]: row for row in peer_figures(asked, answers)}
    assert rows[ON_FERPLUS]["accuracy"] == rows[ON_ORIGINAL]["accuracy"] == 1.0
    assert rows[ON_FERPLUS]["images"] == (sets.ferplus.folds == "test").sum()
    assert rows[ON_STILLS]["accuracy"] == 0.75
    assert rows[ON_STILLS]["faces found"] == pytest.approx(1 / len(sets.stills))
    assert rows[ON_STILLS]["95 %, performers"] == "0.750..0.750"

    right = {on: np.eye(4)[question.truth] for on, question in asked.items()}
    wrong = np.eye(4)[(asked[ON_STILLS].truth + 1) % 4]
    found = peer_differences(
        asked,
        [(ON_STILLS, "right", [right[ON_STILLS]]), (ON_STILLS, "half", [right[ON_STILLS], wrong])],
        answers,
    )
    assert [row["above"] for row in found] == ["yes", "no"]
    assert [row["accuracy"] for row in found] == [0.25, -0.25]
    assert found[0]["accuracy, 95 %"] == "+0.250..+0.250"

    entry = next((tmp_path / "cache").glob("made-*.npz"))
    missing = peer(tmp_path / "gone.py")
    with pytest.raises(FileNotFoundError):  # what a peer answered depends on its script, which must be there
        peer_answers(data, sets, tmp_path / "cache", [missing])
    again = peer_answers(data, sets, tmp_path / "cache", [peer(script)])["made 1"]
    assert again is not None
    np.testing.assert_array_equal(again["stills"], np.load(entry)["stills"])


def test_balanced_differences_weigh_classes_alike(sets):
    asked = questions(sets)
    question = asked[ON_FERPLUS]
    truth = question.truth
    chosen = np.where(truth == 2, 0, truth)  # one class is missed altogether
    scores = np.eye(4)[np.zeros(len(sets.ferplus.folds), int)][: (sets.ferplus.folds == "test").sum()]
    answers = {"always happy": {"test": scores, "stills": np.eye(4)[[0] * len(sets.stills)]}}
    row = peer_differences(asked, [(ON_FERPLUS, "ours", [np.eye(4)[chosen]])], answers)[0]
    ours, theirs = figure("", "", [chosen], truth), figure("", "", [np.zeros_like(truth)], truth)
    for name in ("accuracy", "balanced"):
        assert row[name] == pytest.approx(ours[name] - theirs[name])


def test_a_peer_that_is_not_installed_is_named(sets, data, tmp_path):
    script = tmp_path / "made.py"
    script.write_text(SCRIPT)
    absent = Peer("made 1", (sys.executable, str(script)), tmp_path / "nowhere", "made-env")
    answers = peer_answers(data, sets, tmp_path / "cache", [absent])
    assert answers == {"made 1": None}
    asked = questions(sets)
    rows = list(peer_figures(asked, answers))
    assert [row["method"] for row in rows] == ["made 1: not installed, run `make peers-env`"] * 3
    assert peer_differences(asked, [(ON_STILLS, "ours", [np.eye(4)[asked[ON_STILLS].truth]])], answers) == []


def test_a_peer_that_fails_says_why(sets, data, tmp_path):
    script = tmp_path / "made.py"
    script.write_text("import sys; sys.exit('no weights')")
    with pytest.raises(RuntimeError, match=r"made 1 ended with 1; make .* by `make made-env`.* no weights"):
        peer_answers(data, sets, tmp_path / "cache", [peer(script)])


def test_each_peer_has_a_script_and_a_target():
    root = Path(__file__).resolve().parents[3]
    for each in PEERS:
        assert (root / each.command[-1]).exists()
        assert f"\n{each.target}:" in (root / "Makefile").read_text()
