"""Images per second of the trainer beside a bare loop: what taking, augmenting and scheduling cost.

Belongs here: the timing of `bench.recognition.run`. Stays out: what is learned.
"""

from __future__ import annotations

import time
from dataclasses import replace
from statistics import median
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from apexline.ml import EMOTIONS, TrainConfig
from apexline.ml.datasets import ExpressionDataset
from apexline.ml.deepid import DeepID, Examples, TrainingLoop

_IMAGES = 2048
_ROUNDS = 5
_THREADS = 2


def training_speed(data: ExpressionDataset, config: TrainConfig) -> list[dict[str, Any]]:
    """Rates of the paper's 48 x 48 network with all augmentation and of a loop over the same batches as they lie.

    Parameters
    ----------
    data : ExpressionDataset
        Its first 2048 faces count.
    config : TrainConfig
        Its width and batch norm are set to the paper's.

    Returns
    -------
    rows : list of dict
        One per precision.
    """
    examples = Examples.of(data.take(np.arange(_IMAGES)), None)
    threads = torch.get_num_threads()
    torch.set_num_threads(_THREADS)
    try:
        return [
            _compare(examples, replace(config, width=1.0, batch_norm=False, precision=precision))
            for precision in ("float32", "bfloat16")
        ]
    finally:
        torch.set_num_threads(threads)


def _compare(examples: Examples, config: TrainConfig) -> dict[str, Any]:
    network = DeepID(dropout=config.dropout)
    anchors = np.zeros((len(EMOTIONS), 3), np.float32)
    loop = TrainingLoop(network, {"train": examples, "valid": examples}, config, 0, anchors)
    whole: list[float] = []
    bare: list[float] = []
    for _ in range(_ROUNDS + 1):
        whole.append(_rate(loop.train_epoch, _IMAGES))
        bare.append(_rate(lambda: _bare_epoch(loop, examples, config), _IMAGES))
    ratios = [a / b for a, b in zip(whole[1:], bare[1:], strict=True)]  # the first round warms up
    return {
        "what": f"training, 48x48 baseline, {config.precision}, {_THREADS} threads",
        "images/s": median(whole[1:]),
        "bare loop, images/s": median(bare[1:]),
        "ratio": median(ratios),
    }


def _bare_epoch(loop: TrainingLoop, examples: Examples, config: TrainConfig) -> None:
    loop.network.train()
    batches = zip(
        examples.images.split(config.batch_size), examples.labels.split(config.batch_size), strict=True
    )
    for images, labels in batches:
        with torch.autocast("cpu", torch.bfloat16, enabled=config.precision == "bfloat16"):
            loss = functional.cross_entropy(loop.network(images).logits, labels)
        loop.optimizer.zero_grad()
        loss.backward()
        loop.optimizer.step()


def _rate(epoch: Any, num: int) -> float:
    started = time.perf_counter()
    epoch()
    return num / (time.perf_counter() - started)
