"""What is trained in the benchmark of recognition, and on which faces."""

from dataclasses import replace

import numpy as np

from apexline.bench.recognition.trainings import Plan, merge_folds, performers_examples, read_plan
from apexline.ml.config import TrainConfig
from apexline.ml.datasets.image_pad import emotion_anchors
from apexline.ml.emotions import EMOTIONS

TINY = TrainConfig(epochs=1, batch_size=16, texture_components=2)
PLAN = Plan("quick", 1, 3, 0.3, {"stills": 1.0, "clips": 0.5}, TINY, TINY)


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


def test_folds_of_each_seed_are_put_in_order(sets):
    num = len(sets.stills) + len(sets.segments)
    order = np.random.default_rng(0).permutation(num)
    answers = [
        {"row": rows, "mapped": rows * 10 + seed} for seed in (0, 1) for rows in np.array_split(order, 3)
    ]
    first, second = merge_folds(sets, answers, "mapped")
    np.testing.assert_array_equal(first, np.arange(num) * 10)
    np.testing.assert_array_equal(second, np.arange(num) * 10 + 1)
