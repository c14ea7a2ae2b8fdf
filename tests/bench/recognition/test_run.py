import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from apexline.bench.recognition import __main__ as recognition_main
from apexline.bench.recognition.faces import ClipFaces
from apexline.bench.recognition.page import write_report
from apexline.bench.recognition.run import (
    Results,
    _calibration,
    _differences,
    _trained_figures,
    _untrained_figures,
    _version_row,
)
from apexline.bench.recognition.trainings import (
    ARMS,
    Plan,
    Sets,
    ferplus_run,
    merge_folds,
    original_rows,
    performers_examples,
    performers_run,
    read_plan,
)
from apexline.ml.config import TrainConfig
from apexline.ml.datasets.ferplus import ORIGINAL_WORDS, WORDS, FerPlus, ferplus_examples
from apexline.ml.datasets.image_pad import emotion_anchors
from apexline.ml.emotions import EMOTIONS
from apexline.orchestration.commands.cli import app

TINY = TrainConfig(epochs=1, batch_size=16, texture_components=2)
PLAN = Plan("quick", 1, 3, 0.3, {"stills": 1.0, "clips": 0.5}, TINY, TINY)
PERFORMERS = [f"p{i}" for i in range(6)]
INTENSITIES = ("happy", "sad", "angry", "disgusted", "scared", "surprised")


def noise(*shape: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


@pytest.fixture(scope="module")
def sets() -> Sets:
    """Noise in place of faces; labels as the readers give them."""
    num = 60
    votes = np.zeros((num, len(WORDS)))
    four = [WORDS.index(word) for word in ("happiness", "anger", "neutral", "fear")]
    votes[np.arange(num), np.resize(four, num)] = 10
    folds = np.resize(["train", "train", "train", "train", "valid", "valid", "valid", "valid", "test"], num)
    folds = np.where(np.arange(num) > 44, "test", folds)
    classes = np.resize(np.arange(4), num)
    named = np.array([ORIGINAL_WORDS.index(w) for w in ("happy", "angry", "neutral", "fear")])[classes]
    ids = np.array([f"f{i}" for i in range(num)])
    stills = pd.DataFrame(
        [
            {"image": f"{p}_{e}.jpg", "performer": p, "emotion": e, "observed": "angry" if e == "calm" else e}
            for p in PERFORMERS
            for e in EMOTIONS
        ]
    ).assign(**{f"intensity_{word}": 1.0 for word in INTENSITIES})
    segments = pd.DataFrame(
        [
            {"clip": f"{p}.mp4", "performer": p, "emotion": e, "kind": k}
            for p in PERFORMERS
            for e, k in (("happy", "macro"), ("angry", "micro"), ("scared", "macro"))
        ]
    )
    at = np.tile(["apex", "rise", "fall", "onset"], len(segments))
    generator = np.random.default_rng(0)
    return Sets(
        ferplus=FerPlus(ids, folds, votes, classes, classes, named, ids),
        ferplus_images=noise(num, 48, 48, seed=1),
        stills=stills,
        still_faces={
            "images": noise(len(stills), 48, 48, seed=2),
            "texture": generator.random((len(stills), 6), np.float32),
        },
        segments=segments,
        clips=ClipFaces(
            segment=np.repeat(np.arange(len(segments)), 4),
            at=at,
            images=noise(len(at), 48, 48, seed=3),
            texture=generator.random((len(at), 6), np.float32),
            flow=generator.normal(size=(len(at), 5)).astype(np.float32),
        ),
    )


def test_plans_of_the_repository_can_be_read():
    full, quick = read_plan("full"), read_plan("quick")
    assert full.seeds == 5
    assert quick.seeds == 1
    assert quick.ferplus.epochs < full.ferplus.epochs
    assert quick.ferplus == replace(full.ferplus, epochs=quick.ferplus.epochs)


def test_examples_of_performers(sets):
    data, weights, rows = performers_examples(sets, PLAN.mix, emotion_anchors())
    assert len(data) == 24 + 18 * 4
    assert data.flow_mask.tolist() == [0.0] * 24 + [1.0] * 72
    np.testing.assert_array_equal(weights, np.where(data.flow_mask > 0, 0.5, 1.0))
    onset = np.flatnonzero(sets.clips.at == "onset") + 24
    assert set(data.targets[onset]) == {EMOTIONS.index("calm")}
    assert np.isnan(data.pad[24:][np.isin(sets.clips.at, ("rise", "fall"))]).all()
    assert sorted(rows[rows >= 0]) == list(range(24 + 18))
    assert data.subjects[rows == 24 + 4] == "p1"


def test_runs_are_kept_and_figures_come_from_them(sets, tmp_path, monkeypatch):
    models, words = ferplus_run(sets, PLAN, 0, tmp_path)
    start = models["FER2013"]
    assert words["FER+ original test"].shape == (len(original_rows(sets.ferplus, "test")), 4)
    assert not np.array_equal(words["FER2013 test"], words["FER+ test"])
    np.testing.assert_allclose(
        start.logits(sets.still_faces["images"])[0], words["FER2013 stills"], atol=1e-6
    )
    found = {
        arm: [performers_run(sets, PLAN, arm, 0, fold, start, tmp_path) for fold in range(3)] for arm in ARMS
    }
    monkeypatch.setattr("apexline.bench.recognition.trainings.train_deepid", lambda *_, **__: 1 / 0)
    monkeypatch.setattr("apexline.bench.recognition.trainings.train_words", lambda *_, **__: 1 / 0)
    again, answers = ferplus_run(sets, PLAN, 0, tmp_path)
    np.testing.assert_array_equal(answers["FER+ test"], words["FER+ test"])
    kept = performers_run(sets, PLAN, "semantic", 0, 2, again["FER2013"], tmp_path)
    np.testing.assert_array_equal(kept["logits"], found["semantic"][2]["logits"])
    with pytest.raises(ZeroDivisionError):  # another seed is another run
        ferplus_run(sets, PLAN, 1, tmp_path)

    # Each still and segment is answered once, by a network that has not seen its performer.
    assert sorted(np.concatenate([each["row"] for each in found["baseline"]])) == list(range(42))
    for each in found["baseline"]:
        performers = {[*sets.stills["performer"], *sets.segments["performer"]][row] for row in each["row"]}
        assert len(performers) == 2
        assert len(each["row"]) == 2 * (4 + 3)

    figures = [*_untrained_figures(sets, [words]), *_trained_figures(sets, "baseline", found["baseline"])]
    by = {(row["on"], row["method"]): row for row in figures}
    assert by["posed stills, held to three: posed", "most observers"]["accuracy"] == 1.0
    truth = np.array([EMOTIONS.index(e) for e in sets.stills["emotion"]])
    expected = (words["FER+ stills"].argmax(axis=1) == truth).mean()
    assert by["posed stills", "read as FER+'s raters"]["accuracy"] == pytest.approx(expected)
    assert by["apexes of clips, macro, held to three", "read as FER+'s raters"]["images"] == 12
    assert all(0 <= row["accuracy"] <= 1 and 0 <= row["balanced"] <= 1 for row in figures)
    rows = [_version_row(sets, arm, answers) for arm, answers in found.items()]
    assert [row["version"] for row in rows] == list(ARMS)
    differences = _differences(sets, found)
    assert len(differences) == 5

    examples, split, _ = ferplus_examples(sets.ferplus, sets.ferplus_images)
    calibration = _calibration(sets, examples, split, [words])
    right = words["FER+ test"].argmax(axis=1) == examples.targets[split.test]
    assert calibration[0]["error, all answered"] == pytest.approx(1 - right.mean())
    assert 0 <= calibration[0]["ECE"] <= 1

    missing = {"on": "posed stills", "method": "fer: not installed"}
    speed = [{"what": "training", "images/s": 1000.0}]
    write_report(Results(PLAN, [*figures, missing], calibration, rows, differences, speed), tmp_path / "docs")
    page = (tmp_path / "docs" / "recognition.md").read_text()
    assert "apexline bench recognition --quick --out docs" in page
    assert "a look, not figures" in page
    assert "| posed stills | fer: not installed |" in page
    assert (tmp_path / "docs" / "recognition.png").exists()


def test_folds_of_each_seed_are_put_in_order(sets):
    num = len(sets.stills) + len(sets.segments)
    order = np.random.default_rng(0).permutation(num)
    answers = [
        {"row": rows, "mapped": rows * 10 + seed} for seed in (0, 1) for rows in np.array_split(order, 3)
    ]
    first, second = merge_folds(sets, answers, "mapped")
    np.testing.assert_array_equal(first, np.arange(num) * 10)
    np.testing.assert_array_equal(second, np.arange(num) * 10 + 1)


def test_the_command_has_a_quick_form(monkeypatch):
    plans = []

    def measure(data, plan, cache):
        plans.append(plan.name)
        return Results(plan, [{"accuracy": 0.5}], [], [], [], [])

    monkeypatch.setattr("apexline.bench.recognition.run.measure", measure)
    for flags, name in (([], "full"), (["--quick"], "quick")):
        answer = CliRunner().invoke(app, ["bench", "recognition", "--json", *flags])
        assert answer.exit_code == 0, answer.output
        assert json.loads(answer.stdout)["figures"] == [{"accuracy": 0.5}]
        assert plans.pop() == name
    assert CliRunner().invoke(app, ["bench", "flow", "--quick"]).exit_code == 2


def test_fewer_seeds_than_the_plan_has_are_measured_and_shown(monkeypatch, tmp_path, capsys):
    figures = [
        {"on": "stills", "method": "m", "accuracy": 0.5, "balanced": 0.5, "95 %, performers": "0.4..0.6"}
    ]
    difference = {"difference on apexes": "a - b", "mean": 0.1, "95 %": "+0.0..+0.2", "real": "yes"}
    monkeypatch.setattr(
        recognition_main,
        "measure",
        lambda data, plan, cache: Results(plan, figures, figures, figures, [difference], figures),
    )
    monkeypatch.setattr("sys.argv", ["recognition", "--seeds", "2", "--out", str(tmp_path)])
    recognition_main.main()
    assert json.loads(capsys.readouterr().out)["figures"] == figures
    page = (tmp_path / "recognition.md").read_text()
    assert "recognition_main --seeds 2 --out docs" in page
    assert "Beyond chance of performers: a - b.\n\n" in page
