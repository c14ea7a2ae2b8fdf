"""Models that read the emotions out of a network of many words.

Belongs here: which words count for which emotion. Stays out: training the network (``train``), and what a change is
called (``ml.deepid.change``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from apexline.ml.config import TrainConfig
from apexline.ml.datasets import ExpressionDataset
from apexline.ml.deepid.model import ExpressionModel, code_version
from apexline.ml.deepid.network import DeepID
from apexline.ml.emotions import EMOTIONS

# Strength of the prior on the weights of the words: a thousand faces tell sixty numbers.
_INVERSE_STRENGTH = 0.01


def calibrated_reader(
    network: DeepID,
    classes: Sequence[int],
    valid: ExpressionDataset,
    *,
    pad_anchors: ArrayLike,
    config: TrainConfig,
    seed: int,
    split_hash: str,
) -> ExpressionModel:
    """Return the model that answers with four of a network's words, calibrated on validation examples.

    Parameters
    ----------
    network : DeepID
        As `ml.deepid.train_words` gives it.
    classes : sequence of 4 int
        Columns that stand for `ml.emotions.EMOTIONS`.
    valid : ExpressionDataset
    pad_anchors : array_like, shape (4, 3)
    config, seed, split_hash
        Of the training; provenance.
    """
    chosen = network.select_classes(classes).eval()
    read = _model(chosen, pad_anchors, config, seed, split_hash, synthetic=valid.synthetic)
    return read.calibrated(valid)


def balanced_reader(
    network: DeepID,
    images: NDArray[np.uint8],
    targets: ArrayLike,
    *,
    pad_anchors: ArrayLike,
    config: TrainConfig,
    seed: int,
    split_hash: str,
) -> ExpressionModel:
    """Return the model that hears all words of a network for each emotion, and expects all emotions alike.

    Who fears looks surprised or sad to some: such words speak for fear where they are no answer. How much, a logistic
    regression learns on validation faces, each emotion counting equally: how frequent they are where the model is used
    is not known. It becomes the network's last layer.

    Parameters
    ----------
    network : DeepID
        As `ml.deepid.train_words` gives it.
    images : ndarray, shape (N, 48, 48), uint8
        Validation faces.
    targets : array_like, shape (N,), int
        Index into `ml.emotions.EMOTIONS` of each.
    pad_anchors, config, seed, split_hash
        As for `calibrated_reader`.

    Raises
    ------
    ValueError
        If an emotion has no face.
    """
    from sklearn.linear_model import LogisticRegression  # a second to import, which answering can do without

    wanted = np.asarray(targets)
    missing = [name for k, name in enumerate(EMOTIONS) if not (wanted == k).any()]
    if missing:
        msg = f"no validation face is {' or '.join(missing)}; expected some of each of {EMOTIONS}"
        raise ValueError(msg)
    heard = _model(network, pad_anchors, config, seed, split_hash, synthetic=False)
    logits, _ = heard.logits(images)
    fitted = LogisticRegression(C=_INVERSE_STRENGTH, class_weight="balanced", max_iter=3000).fit(
        logits, wanted
    )
    weights, bias = (torch.from_numpy(each.astype(np.float32)) for each in (fitted.coef_, fitted.intercept_))
    reader = network.select_classes(range(len(EMOTIONS)))
    with torch.no_grad():
        reader.classes.weight.copy_(weights @ network.classes.weight)
        reader.classes.bias.copy_(weights @ network.classes.bias + bias)
    return _model(reader.eval(), pad_anchors, config, seed, split_hash, synthetic=False)


def _model(
    network: DeepID,
    pad_anchors: ArrayLike,
    config: TrainConfig,
    seed: int,
    split_hash: str,
    *,
    synthetic: bool,
) -> ExpressionModel:
    return ExpressionModel(
        network=network.frozen(),
        reducer=None,
        temperature=1.0,
        pad_anchors=np.asarray(pad_anchors, np.float32),
        config=asdict(config),
        seed=seed,
        feature_version="",
        split_hash=split_hash,
        pad_space_hash="",
        code_version=code_version(),
        synthetic=synthetic,
    )
