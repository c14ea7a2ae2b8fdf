import numpy as np
import pytest

from apexline.ml.evaluation.calibration import (
    expected_calibration_error,
    reliability_table,
    risk_at_coverage,
    risk_coverage_curve,
)


def test_reliability_table_by_hand():
    table = reliability_table([0.05, 0.1, 0.72, 0.78, 1.0], [0, 1, 1, 0, 1])
    assert table["count"].tolist() == [2, 2, 1]
    np.testing.assert_allclose(table["low"], [0.0, 0.7, 0.9])
    np.testing.assert_allclose(table["confidence"], [0.075, 0.75, 1.0])
    np.testing.assert_allclose(table["accuracy"], [0.5, 0.5, 1.0])


def test_calibration_error_by_hand():
    # (2 * |.075 - .5| + 2 * |.75 - .5| + 1 * 0) / 5
    found = expected_calibration_error([0.05, 0.1, 0.72, 0.78, 1.0], [0, 1, 1, 0, 1])
    assert found == pytest.approx((0.85 + 0.5) / 5)


def test_honest_confidence_has_no_calibration_error():
    confidence = np.full(10, 0.7)
    assert expected_calibration_error(confidence, np.arange(10) < 7) == pytest.approx(0.0)


def test_confidence_of_zero_joins_the_first_bin():
    assert reliability_table([0.0], [False])["low"].tolist() == [0.0]


def test_calibration_of_nothing_is_refused():
    with pytest.raises(ValueError, match="at least one"):
        expected_calibration_error([], [])


def test_risk_coverage_curve_by_hand():
    coverage, risk = risk_coverage_curve([0.9, 0.8, 0.8, 0.4], [1, 0, 1, 0])
    np.testing.assert_allclose(coverage, [0.25, 0.75, 1.0])  # the two of .8 are answered together
    np.testing.assert_allclose(risk, [0.0, 1 / 3, 0.5])


def test_risk_coverage_curve_ends_at_the_error_rate():
    rng = np.random.default_rng(1)
    confidence, correct = rng.random(50), rng.random(50) < 0.6
    coverage, risk = risk_coverage_curve(confidence, correct)
    assert coverage[-1] == 1.0
    assert risk[-1] == pytest.approx(1 - correct.mean())
    for share, rate in zip(coverage, risk, strict=True):  # slow loop
        top = np.argsort(-confidence)[: round(share * 50)]
        assert rate == pytest.approx(1 - correct[top].mean())


def test_risk_coverage_curve_of_nothing_is_empty():
    coverage, risk = risk_coverage_curve([], [])
    assert coverage.size == risk.size == 0


def test_risk_at_coverage_by_hand():
    confidence, correct = [0.9, 0.8, 0.7, 0.6, 0.5], [1, 1, 0, 1, 0]
    assert risk_at_coverage(confidence, correct, coverage=0.4) == 0.0
    assert risk_at_coverage(confidence, correct, coverage=0.5) == pytest.approx(1 / 3)
    assert risk_at_coverage(confidence, correct, coverage=1.0) == pytest.approx(2 / 5)
    assert risk_at_coverage([0.5, 0.5], [1, 0], coverage=0.1) == 0.5  # ties are answered together


def test_risk_of_nothing_is_refused():
    with pytest.raises(ValueError, match="at least one"):
        risk_at_coverage([], [], coverage=0.8)
