import json

import numpy as np
import pytest
from scipy.special import softmax
from typer.testing import CliRunner

from apexline.bench.recognition.comparison import peer_differences, questions
from apexline.bench.recognition.page import write_report
from apexline.bench.recognition.run import (
    Results,
    _calibration,
    _differences,
    _our_answers,
    _reliance,
    _shifted,
    _trained_figures,
    _untrained_figures,
    _version_row,
)
from apexline.bench.recognition.trainings import (
    ARMS,
    Plan,
    ferplus_run,
    original_rows,
    performers_run,
)
from apexline.ml.config import TrainConfig
from apexline.ml.datasets.ferplus import ferplus_examples
from apexline.ml.deepid.temperature import fit_temperature
from apexline.ml.emotions import EMOTIONS
from apexline.ml.evaluation import expected_calibration_error, fit_logit_shift
from apexline.orchestration.commands.cli import app
from apexline.orchestration.commands.usage import WrongUsage

TINY = TrainConfig(epochs=1, batch_size=16, texture_components=2)
PLAN = Plan("quick", 1, 3, 0.3, {"stills": 1.0, "clips": 0.5}, TINY, TINY)


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
    asked = questions(sets)
    scores = {"test": np.eye(4)[[0] * (sets.ferplus.folds == "test").sum()], "stills": np.eye(4)[[0] * 24]}
    ours = list(_our_answers(sets, [words], found))
    assert len(ours) == 2 + 4 + 4 + 2
    for on, _, logits in ours:
        assert logits[0].shape == (len(asked[on].truth), 4)
    peers = peer_differences(asked, ours, {"always happy": scores})
    results = Results(PLAN, [*figures, missing], calibration, rows, differences, speed, peers)
    write_report(results, tmp_path / "docs")
    page = (tmp_path / "docs" / "recognition.md").read_text()
    assert "apexline bench recognition --quick --out docs" in page
    assert "a look, not figures" in page
    assert "| posed stills | fer: not installed |" in page
    assert "| posed stills | read as FER2013's labels | always happy |" in page
    assert (tmp_path / "docs" / "recognition.png").exists()


def test_reliance_is_learned_from_validation_answers_and_measured_on_test_answers():
    """Test answers are all wrong and sure: a temperature fitted to them would be far from that of the others."""
    generator = np.random.default_rng(0)
    truth = {"valid": np.arange(80) % 4, "test": np.arange(40) % 4}
    answers = {
        "FER+ valid": 4 * np.eye(4)[truth["valid"]] + generator.normal(0, 2, (80, 4)),
        "FER+ test": 4 * np.eye(4)[(truth["test"] + 1) % 4] + generator.normal(0, 0.1, (40, 4)),
    }
    found = _reliance(answers, "FER+ ", truth)
    learned, judged = (
        fit_temperature(answers[f"FER+ {fold}"], np.eye(4)[truth[fold]]) for fold in ("valid", "test")
    )
    assert judged > 4 * learned
    wrong = np.zeros(40, bool)
    for name, temperature in (("ECE, unscaled", 1.0), ("ECE", learned)):
        sure = softmax(answers["FER+ test"] / temperature, axis=1).max(axis=1)
        assert found[name] == pytest.approx(expected_calibration_error(sure, wrong))
    assert found["error, all answered"] == found["error, 80 % answered"] == 1.0


def test_classes_are_shifted_to_the_labels_of_validation_images(sets):
    generator = np.random.default_rng(0)
    sizes = {"original valid": len(original_rows(sets.ferplus, "valid")), "original test": 9, "stills": 24}
    answers = {
        f"{reading} {on}": generator.normal(size=(num, 4)) + np.arange(4)
        for reading in ("FER+", "FER2013")
        for on, num in sizes.items()
    }
    truth = sets.ferplus.original[original_rows(sets.ferplus, "valid")]
    for on in ("original test", "stills"):
        yielded = [logits for _, [logits] in _shifted(sets, [answers], on, balanced_weight=0.5)]
        for reading, plain, shifted in zip(("FER+", "FER2013"), yielded[::2], yielded[1::2], strict=True):
            shift = fit_logit_shift(answers[f"{reading} original valid"], truth, balanced_weight=0.5)
            np.testing.assert_array_equal(plain, answers[f"{reading} {on}"])
            np.testing.assert_allclose(shifted, plain + shift)


def answered(sets, *, apexes, stills):
    """Answers of one fold that holds everyone: right on the first so many apexes and stills."""
    num = len(sets.stills)
    both = [*sets.stills["emotion"], *sets.segments["emotion"]]
    truth = np.array([EMOTIONS.index(emotion) for emotion in both])
    at = np.arange(len(truth))
    right = np.where(at < num, at < stills, at - num < apexes)
    said = np.where(right, truth, (truth + 1) % 4)
    return [{"row": at, "logits": np.eye(4)[said], "mapped": np.where(right, (truth + 1) % 4, truth)}]


def test_arms_are_compared_on_apexes_in_the_order_that_is_named(sets):
    right = dict(zip(ARMS, (2, 6, 18, 3, 9), strict=True))
    arms = {arm: answered(sets, apexes=apexes, stills=20 - apexes) for arm, apexes in right.items()}
    rows = _differences(sets, arms)
    assert [row["difference on apexes"] for row in rows] == [
        "features - baseline",
        "features - shuffled features",
        "semantic - features",
        "semantic - random anchors",
        "semantic - baseline",
    ]
    for row in rows:
        first, second = row["difference on apexes"].split(" - ")
        assert row["mean"] == pytest.approx((right[first] - right[second]) / 18)


def test_a_version_is_told_by_apexes_and_by_stills(sets):
    row = _version_row(sets, "baseline", answered(sets, apexes=9, stills=6))
    assert (row["apexes, recognition"], row["stills, recognition"]) == (9 / 18, 6 / 24)
    assert (row["apexes, classification"], row["stills, classification"]) == (9 / 18, 18 / 24)


def test_the_command_has_a_quick_form(monkeypatch):
    plans = []

    def measure(data, plan, cache):
        plans.append(plan.name)
        return Results(plan, [{"accuracy": 0.5}], [], [], [], [], [])

    monkeypatch.setattr("apexline.bench.recognition.run.measure", measure)
    for flags, name in (([], "full"), (["--quick"], "quick")):
        answer = CliRunner().invoke(app, ["bench", "recognition", "--json", *flags])
        assert answer.exit_code == 0, answer.output
        assert json.loads(answer.stdout)["figures"] == [{"accuracy": 0.5}]
        assert plans.pop() == name
    assert isinstance(CliRunner().invoke(app, ["bench", "flow", "--quick"]).exception, WrongUsage)
