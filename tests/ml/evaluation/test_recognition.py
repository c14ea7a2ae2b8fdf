import numpy as np
import pytest

from apexline.ml.bootstrap import bootstrap_interval
from apexline.ml.deepid.abstention import Limits
from apexline.ml.deepid.model import Predictions
from apexline.ml.evaluation.recognition import evaluate


class Oracle:
    """A model that answers from a table: right for the first rows, wrong for the rest."""

    limits = Limits(min_confidence=0.65)

    def __init__(self, labels: np.ndarray, *, num_right: int) -> None:
        wrong = np.roll(labels, 1, axis=1)
        right = np.arange(len(labels))[:, None] < num_right
        self.probabilities = np.where(right, labels, wrong).astype(np.float32) * 0.6 + 0.1

    def predict(self, images, texture, flow, onsets) -> Predictions:
        assert len(images) == len(texture) == len(flow)
        best = self.probabilities.argmax(axis=1)
        return Predictions(
            probabilities=self.probabilities,
            pad=np.zeros((len(images), 3), np.float32),
            emotion=np.array(["happy", "angry", "calm", "scared"])[best],
            confidence=self.probabilities.max(axis=1),
            mapped_emotion=np.full(len(images), "calm"),
            distance=np.full(len(images), np.nan, np.float32),
        )


def test_scores_by_hand(data):
    rows = np.arange(8)
    found = evaluate(Oracle(data.labels[rows], num_right=6), data, rows)
    assert found.recognition == pytest.approx(6 / 8)
    assert found.classification == pytest.approx(2 / 8)  # two of eight are calm
    assert found.loss == pytest.approx(-(6 * np.log(0.7) + 2 * np.log(0.1)) / 8, rel=1e-5)
    assert found.calibration_error == pytest.approx(abs(0.7 - 0.75), abs=1e-6)
    # Rows 6 and 7 are calm and scared, taken for scared and happy.
    expected = [[2, 0, 0, 0], [0, 2, 0, 0], [0, 0, 1, 1], [1, 0, 0, 1]]
    np.testing.assert_array_equal(found.confusion, expected)
    assert np.trace(found.confusion) / 8 == found.recognition
    assert found.recognition_correct.tolist() == [True] * 6 + [False] * 2
    assert (found.mapped == found.target).sum() == 2
    np.testing.assert_allclose(found.confidence, 0.7)
    assert found.synthetic


def test_metrics_and_table_carry_the_same_numbers(data):
    rows = np.arange(8)
    found = evaluate(Oracle(data.labels[rows], num_right=6), data, rows)
    metrics = found.metrics()
    assert metrics["recognition_low"] <= metrics["recognition"] <= metrics["recognition_high"]
    table = found.per_example()
    assert (table["target"] == table["recognised"]).mean() == metrics["recognition"]
    assert (table["target"] == table["mapped"]).mean() == metrics["classification"]
    assert table.columns.tolist() == [
        *("example_id", "subject", "target", "recognised", "mapped"),
        *("p_happy", "p_angry", "p_calm", "p_scared", "pleasure", "arousal", "dominance", "reasons"),
    ]


def test_each_accuracy_has_an_interval_of_its_own(data):
    # of the four subjects none, a third, half and all of the faces are calm, as all are mapped
    rows = np.array([0, 1, 2, 4, 5, 8, 10, 14])
    found = evaluate(Oracle(data.labels[rows], num_right=6), data, rows)
    metrics = found.metrics()
    assert metrics["classification_low"] < metrics["classification"] < metrics["classification_high"]
    for name, right in (("recognition", found.recognised), ("classification", found.mapped)):
        interval = bootstrap_interval(right == found.target, found.subjects)
        assert (metrics[f"{name}_low"], metrics[f"{name}_high"]) == interval
    assert found.recognition_interval != found.classification_interval


def test_a_class_that_no_example_has_keeps_its_place(data):
    rows = np.flatnonzero(data.targets == 0)[:3]
    found = evaluate(Oracle(data.labels[rows], num_right=3), data, rows)
    assert found.confusion.tolist() == [[3, 0, 0, 0], *[[0] * 4] * 3]


def test_errors_are_told_by_what_is_answered(data):
    rows = np.arange(10)
    oracle = Oracle(data.labels[rows], num_right=8)
    oracle.probabilities[5:] = oracle.probabilities[5:] * 0.8 + 0.05  # .61: below the least confidence of .65
    found = evaluate(oracle, data, rows)
    assert found.reasons == ((),) * 5 + (("low confidence",),) * 5
    assert found.answered.tolist() == [True] * 5 + [False] * 5
    metrics = found.metrics()
    assert (metrics["coverage"], metrics["answered_error"]) == (0.5, 0.0)
    assert metrics["error_at_80"] == pytest.approx(0.2)  # the five of .61 are answered together
    assert found.per_example()["reasons"].tolist() == [""] * 5 + ["low confidence"] * 5


def test_where_nothing_is_answered_the_error_is_whole(data):
    oracle = Oracle(data.labels[:4], num_right=4)
    oracle.limits = Limits(min_confidence=0.9)
    metrics = evaluate(oracle, data, np.arange(4)).metrics()
    assert (metrics["coverage"], metrics["answered_error"]) == (0.0, 1.0)


def test_measures_and_groups_follow_the_rows(data):
    rows = np.array([3, 1])
    oracle = Oracle(data.labels[rows], num_right=2)
    sides = np.where(np.arange(len(data)) == 1, 10.0, 100.0)
    found = evaluate(oracle, data, rows, groups={"source": np.arange(len(data))}, quality={"size_px": sides})
    assert found.reasons == ((), ("small",))
    assert found.groups["source"].tolist() == ["3", "1"]


def test_a_certain_error_has_a_finite_loss(data):
    oracle = Oracle(data.labels[:2], num_right=0)
    oracle.probabilities = np.roll(data.labels[:2], 1, axis=1)
    assert np.isfinite(evaluate(oracle, data, np.arange(2)).loss)


def test_no_example_cannot_be_evaluated(data):
    with pytest.raises(ValueError, match="at least one row"):
        evaluate(Oracle(data.labels[:0], num_right=0), data, np.arange(0))
