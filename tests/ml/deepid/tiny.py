"""A training of seconds, for the tests of ml."""

import numpy as np

from apexline.ml.config import TrainConfig
from apexline.ml.datasets.examples import ExpressionDataset
from apexline.ml.datasets.splits import Split
from apexline.ml.deepid.training.train import TrainingRun, train_deepid

TINY = TrainConfig(epochs=2, batch_size=8, texture_components=4)


def train(data: ExpressionDataset, split: Split, anchors: np.ndarray, **options) -> TrainingRun:
    """Train one version on the small data set; `options` replace what is given here."""
    arguments = {"version": "semantic", "config": TINY, "seed": 0, "pad_anchors": anchors} | options
    return train_deepid(data, split, **arguments)
