"""One compact trainer for the three versions of the network.

Belongs here: augmentation, the loop, early stopping, learning curves.
Stays out: the network (``ml.deepid``), the checkpoint (``ml.expression_model``), logging (``ml.registry``).
"""

from __future__ import annotations

import copy
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor
from torch.nn import functional

from ml.calibration import fit_temperature
from ml.datasets import EMOTIONS, PAD_AXES, ExpressionDataset
from ml.deepid import DeepID, map_to_emotion, standardise
from ml.expression_model import ExpressionModel, FeatureReducer, code_version
from ml.splits import Split, assert_disjoint
from ml.train_config import TrainConfig as TrainConfig

# On easy data the loss creeps towards zero for ever; smaller gains than this (nat) do not prolong a run.
_MIN_IMPROVEMENT = 1e-3


@dataclass(frozen=True, eq=False)
class TrainingRun:
    """A finished training.

    Parameters
    ----------
    model : ExpressionModel
        Weights of the best epoch, calibrated on the validation fold.
    curves : list of dict
        Rows version, epoch (0-based), fold (train, valid), loss (cross-entropy, nat), recognition,
        classification (0..1): the columns of the learning curves (Figs. 9-11). Uncalibrated.
    best_epoch : int
        Epoch of the lowest validation loss, 0-based.
    seconds : float
        Wall time.
    config : TrainConfig
    """

    model: ExpressionModel
    curves: list[dict[str, Any]]
    best_epoch: int
    seconds: float
    config: TrainConfig

    @property
    def best_valid_loss(self) -> float:
        """Cross-entropy on the validation fold at the best epoch, nat."""
        return next(r["loss"] for r in self.curves if r["fold"] == "valid" and r["epoch"] == self.best_epoch)


def train_deepid(
    data: ExpressionDataset,
    split: Split,
    *,
    version: str,
    config: TrainConfig,
    seed: int,
    pad_anchors: ArrayLike,
    feature_version: str = "",
    pad_space_hash: str = "",
) -> TrainingRun:
    """Train one version on the training fold, stop early and calibrate on the validation fold.

    The test fold is not read. On one machine the same arguments give the same weights to the bit.

    Parameters
    ----------
    data : ExpressionDataset
    split : Split
        Subject-disjoint row indices into `data`.
    version : {"baseline", "features", "semantic"}
    config : TrainConfig
    seed : int
        Seeds initial weights, batches, augmentation and the feature reduction.
    pad_anchors : array_like, shape (4, 3)
        PAD position of each emotion, -1..1, in the order of `ml.datasets.EMOTIONS`.
    feature_version, pad_space_hash : str
        Provenance of the inputs, stored in the checkpoint.

    Returns
    -------
    run : TrainingRun

    Raises
    ------
    ml.splits.SplitLeakageError
        If a subject lies in two folds.
    ValueError
        If the anchors are not as above, or ``semantic`` finds no rated PAD in the training fold.
    """
    started = time.perf_counter()
    anchors = np.asarray(pad_anchors, np.float32)
    _check_request(data, split, version, anchors)
    with _reproducible(seed, config.num_threads):
        folds = {"train": data.take(split.train), "valid": data.take(split.valid)}
        reducer = None if version == "baseline" else _fit_reducer(folds["train"], config, seed)
        batches = {name: _Tensors.of(fold, reducer) for name, fold in folds.items()}
        network = _make_network(version, reducer, config, anchors)
        curves, best_epoch = _fit(network, batches, config, seed, anchors)
        logits, _ = _forward(network, batches["valid"])
        temperature = fit_temperature(logits.numpy(), folds["valid"].labels)
    model = ExpressionModel(
        network=network.eval(),
        reducer=reducer,
        temperature=temperature,
        pad_anchors=anchors,
        config=asdict(config),
        seed=seed,
        feature_version=feature_version,
        split_hash=split.split_hash,
        pad_space_hash=pad_space_hash,
        code_version=code_version(),
        synthetic=data.synthetic,
    )
    return TrainingRun(model, curves, best_epoch, time.perf_counter() - started, config)


@dataclass(frozen=True, eq=False)
class _Tensors:
    """A fold as tensors: images (N, 1, 48, 48), features as `DeepID.forward` takes them, labels, PAD."""

    images: Tensor
    features: tuple[Tensor, ...]
    labels: Tensor
    pad: Tensor

    @classmethod
    def of(cls, fold: ExpressionDataset, reducer: FeatureReducer | None) -> _Tensors:
        features: tuple[NDArray[np.float32], ...] = ()
        if reducer is not None:
            features = reducer.transform(fold.texture, fold.flow_or_nan, num=len(fold))
        tensors = tuple(torch.from_numpy(np.ascontiguousarray(part, np.float32)) for part in features)
        return cls(
            standardise(fold.images), tensors, torch.from_numpy(fold.labels), torch.from_numpy(fold.pad)
        )

    def take(self, rows: Tensor) -> _Tensors:
        return _Tensors(
            self.images[rows], tuple(part[rows] for part in self.features), self.labels[rows], self.pad[rows]
        )


def _check_request(data: ExpressionDataset, split: Split, version: str, anchors: NDArray[np.float32]) -> None:
    expected = (len(EMOTIONS), len(PAD_AXES))
    if anchors.shape != expected or not bool((np.abs(anchors) <= 1.0).all()):
        msg = f"pad_anchors have shape {anchors.shape}: {anchors.tolist()}, expected {expected} in [-1, 1]"
        raise ValueError(msg)
    num = len(split.train) + len(split.valid) + len(split.test)
    if num != len(data):
        msg = f"split covers {num} rows, the dataset has {len(data)}; split this dataset"
        raise ValueError(msg)
    assert_disjoint(split, data.subjects)
    if version == "semantic" and bool(np.isnan(data.pad[split.train]).all()):
        msg = "no training example has rated PAD, 'semantic' needs some; import ratings or train 'features'"
        raise ValueError(msg)


def _fit_reducer(fold: ExpressionDataset, config: TrainConfig, seed: int) -> FeatureReducer:
    return FeatureReducer.fit(
        fold.texture, fold.flow, fold.flow_mask, num_components=config.texture_components, seed=seed
    )


def _make_network(
    version: str, reducer: FeatureReducer | None, config: TrainConfig, anchors: NDArray[np.float32]
) -> DeepID:
    network = DeepID(
        num_classes=len(EMOTIONS),
        version=version,
        texture_size=0 if reducer is None else len(reducer.texture_components),
        flow_size=0 if reducer is None else len(reducer.flow_mean),
        beta=config.beta,
        unshared=config.unshared,
        batch_norm=config.batch_norm,
        dropout=config.dropout,
    )
    if version == "semantic":
        network.anchors.copy_(torch.from_numpy(anchors))
    return network


def _fit(
    network: DeepID,
    folds: dict[str, _Tensors],
    config: TrainConfig,
    seed: int,
    anchors: NDArray[np.float32],
) -> tuple[list[dict[str, Any]], int]:
    """Run the epochs and leave the best weights in the network."""
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(network.parameters(), lr=config.lr, weight_decay=config.weight_decay)
    curves: list[dict[str, Any]] = []
    best_loss, best_epoch, best_weights = float("inf"), 0, copy.deepcopy(network.state_dict())
    for epoch in range(config.epochs):
        network.train()
        for rows in torch.randperm(len(folds["train"].images), generator=generator).split(config.batch_size):
            batch = _augment(folds["train"].take(rows), config, generator)
            loss = _loss(network, batch, config.pad_weight)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        network.eval()
        rows_now = [_measure(network, fold, name, epoch, anchors) for name, fold in folds.items()]
        curves += rows_now
        valid_loss = rows_now[-1]["loss"]
        if valid_loss < best_loss - _MIN_IMPROVEMENT:
            best_loss, best_epoch, best_weights = valid_loss, epoch, copy.deepcopy(network.state_dict())
        if epoch - best_epoch >= config.patience:
            break
    network.load_state_dict(best_weights)
    network.eval()
    return curves, best_epoch


def _loss(network: DeepID, batch: _Tensors, pad_weight: float) -> Tensor:
    """CE + lambda * MSE, the latter over rated coordinates only."""
    out = network(batch.images, *batch.features)
    loss = functional.cross_entropy(out.logits, batch.labels)
    if out.pad is None:
        return loss
    rated = ~batch.pad.isnan()
    error = torch.where(rated, out.pad - batch.pad.nan_to_num(), 0.0).square().sum()
    return loss + pad_weight * error / rated.sum().clamp_min(1)


def _forward(network: DeepID, fold: _Tensors) -> tuple[Tensor, Tensor | None]:
    with torch.no_grad():
        parts = [
            network(batch.images, *batch.features)
            for batch in (fold.take(rows) for rows in torch.arange(len(fold.images)).split(256))
        ]
    pads = [part.pad for part in parts if part.pad is not None]
    return torch.cat([part.logits for part in parts]), torch.cat(pads) if pads else None


def _measure(
    network: DeepID, fold: _Tensors, name: str, epoch: int, anchors: NDArray[np.float32]
) -> dict[str, Any]:
    """One row of the learning curves, in evaluation mode and without augmentation."""
    logits, pad = _forward(network, fold)
    mapped = (torch.softmax(logits, dim=1).numpy() @ anchors) if pad is None else pad.numpy()
    target = fold.labels.argmax(dim=1)
    return {
        "version": network.architecture["version"],
        "epoch": epoch,
        "fold": name,
        "loss": float(functional.cross_entropy(logits, fold.labels)),
        "recognition": float((logits.argmax(dim=1) == target).double().mean()),
        "classification": float((map_to_emotion(mapped, anchors) == target.numpy()).mean()),
    }


def _augment(batch: _Tensors, config: TrainConfig, generator: torch.Generator) -> _Tensors:
    """Mirror, shift, change contrast, add noise; hide texture and flow at random.

    Features stay those of the unmirrored face: the label does not depend on the side, and a mirrored
    histogram cannot be derived from a histogram alone.
    """
    num, _, height, width = batch.images.shape

    def uniform(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=generator)

    def shifts() -> Tensor:
        return torch.randint(0, 2 * config.shift_px + 1, (num, 1), generator=generator)

    mirrored = uniform(num, 1) < config.mirror
    columns = torch.where(mirrored, torch.arange(width - 1, -1, -1), torch.arange(width)) + shifts()
    rows = torch.arange(height) + shifts()
    padded = functional.pad(batch.images, (config.shift_px,) * 4, mode="replicate")[:, 0]
    images = padded[torch.arange(num)[:, None, None], rows[:, :, None], columns[:, None, :]][:, None]
    images = images * (1.0 + config.gain * torch.randn(num, 1, 1, 1, generator=generator))
    images = images + config.noise * torch.randn(images.shape, generator=generator)

    features = batch.features
    if features:
        texture, flow, flow_mask = features
        keep_texture = (uniform(num, 1) >= config.feature_dropout).float()
        keep_flow = (uniform(num) >= config.feature_dropout).float()
        features = (texture * keep_texture, flow * keep_flow[:, None], flow_mask * keep_flow)
    return _Tensors(images, features, batch.labels, batch.pad)


@contextmanager
def _reproducible(seed: int, num_threads: int) -> Generator[None]:
    """Seed and pin what could change bits; put the process's own state back afterwards."""
    threads, strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        torch.use_deterministic_algorithms(True)
        torch.set_num_threads(num_threads)
        try:
            yield
        finally:
            torch.set_num_threads(threads)
            torch.use_deterministic_algorithms(strict)
