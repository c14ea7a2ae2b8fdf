"""Ours and peers, measured in turn."""

import numpy as np

from apexline.bench.speed.features import _compare


def test_compare_puts_ours_first_and_alternates():
    calls = []
    rows = _compare("task", "1x1", {"ours": lambda: calls.append("a"), "peer": lambda: calls.append("b")})
    assert [row["method"] for row in rows] == ["ours", "peer"]
    assert rows[0]["ours / this"] == 1
    assert calls == ["a", "b"] * (len(calls) // 2)
    assert len(calls) >= 8


def test_compare_measures_a_ratio():
    slow = np.random.default_rng(0).normal(size=(300, 300))
    rows = _compare("task", "", {"ours": lambda: slow @ slow @ slow @ slow, "peer": lambda: slow[0] @ slow})
    assert rows[1]["ours / this"] > 3
