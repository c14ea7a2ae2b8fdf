import json

import numpy as np
import pytest
from typer.testing import CliRunner

from apexline.bench.recognition.comparison import peer_differences, questions
from apexline.bench.recognition.page import write_report
from apexline.bench.recognition.run import (
    Results,
    _calibration,
    _differences,
    _our_answers,
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
from apexline.ml.emotions import EMOTIONS
from apexline.orchestration.commands.cli import app

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
    assert CliRunner().invoke(app, ["bench", "flow", "--quick"]).exit_code == 2
