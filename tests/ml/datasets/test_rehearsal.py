"""What is rehearsed is not unlearned."""

from dataclasses import replace

import numpy as np
import pytest

from apexline.ml.config import TrainConfig
from apexline.ml.datasets.examples import ExpressionDataset
from apexline.ml.datasets.rehearsal import with_rehearsal
from apexline.ml.datasets.splits import Split
from apexline.ml.deepid.training.train import train_deepid

FIRST, LATER = (
    TrainConfig(epochs=6, batch_size=8),
    TrainConfig(epochs=12, batch_size=8, lr=0.003, keep="last"),
)
ANCHORS = np.eye(4, 3)


def faces(targets, *, seed):
    """Images with a bright band for each class, alike when mirrored, one subject for every four."""
    rng = np.random.default_rng(seed)
    images = rng.integers(40, 100, (len(targets), 48, 48), np.uint8)
    for image, target in zip(images, targets, strict=True):
        image[12 * target : 12 * target + 12] += 100
    num = len(targets)
    return ExpressionDataset(
        images=images,
        labels=np.eye(4, dtype=np.float32)[targets],
        pad=np.full((num, 3), np.nan, np.float32),
        texture=np.zeros((num, 0), np.float32),
        flow=np.zeros((num, 0), np.float32),
        flow_mask=np.zeros(num, np.float32),
        onsets=np.zeros((num, 48, 48), np.uint8),
        subjects=np.array([f"{seed}-{k // 4}" for k in range(num)]),
        ids=np.array([f"{seed}-{k}" for k in range(num)]),
        synthetic=True,
    )


def folds(num):
    first, second = num // 2, 3 * num // 4
    return Split(np.arange(first), np.arange(first, second), np.arange(second, num), "hash")


def train(data, split, config, **more):
    return train_deepid(
        data, split, version="baseline", config=config, seed=0, pad_anchors=ANCHORS, **more
    ).model


@pytest.fixture(scope="module")
def champion():
    data = faces(np.tile(np.arange(4), 24), seed=0)
    return train(data, folds(len(data)), FIRST)


def accuracy(model, data):
    return float((model.predict(data.images).probabilities.argmax(axis=1) == data.targets).mean())


def test_what_is_rehearsed_is_not_unlearned(champion):
    others = faces(np.tile([2, 3], 20), seed=1)  # classes that the new faces show nothing of
    assert accuracy(champion, others) > 0.9
    new = faces(np.tile([0, 1], 24), seed=2)
    split = folds(len(new))
    unlearned = train(new, split, LATER, start=champion.network)
    shown = faces(np.tile(np.arange(4), 6), seed=3)
    rehearsed = shown.labelled(champion.predict(shown.images).probabilities)
    lesson = with_rehearsal(new, split, rehearsed, weight=0.5)
    kept = train(lesson.data, lesson.split, LATER, start=champion.network, weights=lesson.weights)
    assert accuracy(unlearned, others) < 0.7
    assert accuracy(kept, others) > 0.9
    assert accuracy(kept, new.take(split.test)) > 0.9


def test_only_the_training_fold_grows():
    new, shown = faces(np.arange(16) % 4, seed=2), faces(np.arange(6) % 4, seed=3)
    lesson = with_rehearsal(new, folds(16), shown, weight=0.5)
    assert lesson.split.train.tolist() == [*range(8), *range(16, 22)]
    assert (lesson.split.valid.tolist(), lesson.split.test.tolist()) == ([8, 9, 10, 11], [12, 13, 14, 15])
    assert lesson.split.split_hash == "hash"
    assert lesson.weights.tolist() == [1.0] * 16 + [0.5] * 6
    assert lesson.data.ids.tolist() == [*new.ids, *shown.ids]


def test_drawn_faces_and_real_ones_are_not_mixed():
    new = faces(np.arange(16) % 4, seed=2)
    with pytest.raises(ValueError, match="synthetic=False beside ones with synthetic=True"):
        with_rehearsal(new, folds(16), replace(faces(np.arange(4), seed=3), synthetic=False), weight=0.5)
