"""Fixtures of the ml tests: a small data set that a network can learn in seconds."""

from dataclasses import replace

import numpy as np
import pytest

from apexline.ml.datasets.examples import ExpressionDataset, one_hot
from apexline.ml.datasets.splits import Split, split_by_subject
from apexline.ml.emotions import EMOTIONS

TEXTURE_SIZE = 24
FLOW_SIZE = 6


@pytest.fixture(scope="session")
def anchors() -> np.ndarray:
    """PAD position of each emotion, shape (4, 3)."""
    return np.array([[0.8, 0.5, 0.4], [-0.6, 0.6, 0.3], [0.4, -0.6, 0.2], [-0.6, 0.5, -0.5]], np.float32)


@pytest.fixture(scope="session")
def data(anchors: np.ndarray) -> ExpressionDataset:
    """48 examples of 6 subjects: gratings whose direction is the class, with noise."""
    rng = np.random.default_rng(7)
    num = 48
    classes = np.arange(num) % len(EMOTIONS)
    row, col = np.mgrid[:48, :48]
    waves = [np.sin(row / 2), np.sin(col / 2), np.sin((row + col) / 3), np.sin(row * col / 60)]
    images = 120 + 50 * np.stack(waves)[classes] + rng.normal(0, 20, (num, 48, 48))
    texture = rng.random((num, TEXTURE_SIZE))
    texture[np.arange(num), classes] += 2.0
    flow_mask = (np.arange(num) % 3 > 0).astype(np.float32)
    pad = np.clip(anchors[classes] + rng.normal(0, 0.05, (num, 3)), -1, 1)
    pad[::5] = np.nan
    onsets = np.clip(120 + rng.normal(0, 20, (num, 48, 48)), 0, 255) * flow_mask[:, None, None]
    return ExpressionDataset(
        images=np.clip(images, 0, 255).astype(np.uint8),
        labels=one_hot([EMOTIONS[c] for c in classes]),
        pad=pad.astype(np.float32),
        texture=(texture / texture.sum(axis=1, keepdims=True)).astype(np.float32),
        flow=(rng.normal(0, 1, (num, FLOW_SIZE)) * flow_mask[:, None]).astype(np.float32),
        flow_mask=flow_mask,
        onsets=onsets.astype(np.uint8),
        subjects=np.array([f"v{i // 4 % 6:02d}" for i in range(num)]),
        ids=np.array([f"example-{i:03d}" for i in range(num)]),
        synthetic=True,
    )


@pytest.fixture(scope="session")
def split(data: ExpressionDataset) -> Split:
    """A subject-disjoint split of `data`."""
    return split_by_subject(data.subjects, data.labels, ids=data.ids)


@pytest.fixture(scope="session")
def misled(data: ExpressionDataset, split: Split) -> ExpressionDataset:
    """`data` whose validation faces are called by the next class: the more is learned, the worse it does there."""
    labels = data.labels.copy()
    labels[split.valid] = np.roll(labels[split.valid], 1, axis=1)
    return replace(data, labels=labels)
