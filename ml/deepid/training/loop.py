"""The epochs of one training: batches, loss, learning rate, curves, going on after a break.

Belongs here: what happens between the first and the last step. Stays out: what is trained and with which
examples (``ml.deepid.training.train``), augmentation of faces (``ml.deepid.training.augment``).
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from apexline.ml.config import TrainConfig
from apexline.ml.datasets import ExpressionDataset
from apexline.ml.deepid.frozen import map_to_emotion
from apexline.ml.deepid.network import DeepID, standardise
from apexline.ml.deepid.reducer import FeatureReducer
from apexline.ml.deepid.training.augment import augment_faces
from apexline.ml.deepid.training.checkpoint import TrainingCheckpoint
from apexline.ml.emotions import EMOTIONS

# Curves show the training loss of this many faces at most: measuring all would cost a third of the training.
_MAX_MEASURED = 2048
# On easy data the loss creeps towards zero for ever; smaller gains than this (nat) do not prolong a run.
_MIN_IMPROVEMENT = 1e-3


@dataclass(frozen=True, eq=False)
class Examples:
    """A fold as tensors: images (N, 1, 48, 48), features as `DeepID.forward` takes them, labels, PAD, weights (N,).

    Labels may be of several vocabularies side by side, of the given `sizes`; each has a softmax of its own.
    """

    images: Tensor
    features: tuple[Tensor, ...]
    labels: Tensor
    pad: Tensor
    weights: Tensor
    sizes: tuple[int, ...] = (len(EMOTIONS),)

    @classmethod
    def of(
        cls,
        fold: ExpressionDataset,
        reducer: FeatureReducer | None,
        weights: NDArray[np.float32] | None = None,
    ) -> Examples:
        """Standardise the faces of a fold and reduce its features."""
        features: tuple[Tensor, ...] = ()
        if reducer is not None:
            reduced = reducer.transform(fold.texture, fold.flow_or_nan, num=len(fold))
            features = (
                *(torch.from_numpy(np.ascontiguousarray(part, np.float32)) for part in reduced),
                standardise(fold.onsets),
            )
        weight = np.ones(len(fold), np.float32) if weights is None else weights
        return cls(
            images=standardise(fold.images),
            features=features,
            labels=torch.from_numpy(fold.labels),
            pad=torch.from_numpy(fold.pad),
            weights=torch.from_numpy(weight),
        )

    def take(self, rows: Tensor) -> Examples:
        """Return the examples at `rows`."""
        return Examples(
            self.images[rows],
            tuple(part[rows] for part in self.features),
            self.labels[rows],
            self.pad[rows],
            self.weights[rows],
            self.sizes,
        )


class TrainingLoop:
    """The epochs of one training: network, optimiser, random numbers and curves, which a checkpoint file can hold.

    Parameters
    ----------
    network : DeepID
    folds : dict
        ``train`` and ``valid``.
    config : TrainConfig
    seed : int
    anchors : ndarray, shape (C, 3)
        PAD position of each class (of the first vocabulary).
    """

    def __init__(
        self,
        network: DeepID,
        folds: dict[str, Examples],
        config: TrainConfig,
        seed: int,
        anchors: NDArray[np.float32],
    ) -> None:
        self.network, self.folds, self.config, self.anchors = network, folds, config, anchors
        self.generator = torch.Generator().manual_seed(seed)
        self.optimizer = _optimizer(network, config)
        self.steps_per_epoch = -(-len(folds["train"].images) // config.batch_size)
        self.ema = (
            AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(config.ema), use_buffers=True)
            if config.ema
            else None
        )
        self.measured = {
            "train": folds["train"].take(torch.arange(len(folds["train"].images))[:_MAX_MEASURED])
        }
        self.measured["valid"] = folds["valid"]
        self.curves: list[dict[str, Any]] = []
        self.epoch, self.best_loss, self.best_epoch = 0, float("inf"), 0
        self.best_weights = copy.deepcopy(network.state_dict())
        self.checkpoint: TrainingCheckpoint | None = None

    def resume_from(self, path: Path, *, key: str) -> None:
        """Checkpoint to a file after each epoch, and go on from what a broken run left there."""
        self.checkpoint = TrainingCheckpoint(path, key)
        left = self.checkpoint.read()
        if left is None:
            return
        numbers, tensors = left
        self.curves, self.epoch = numbers["curves"], numbers["epoch"]
        self.best_loss, self.best_epoch = numbers["best_loss"], numbers["best_epoch"]
        self.network.load_state_dict(tensors["network"])
        self.best_weights = tensors["best"]
        if self.ema is not None:
            self.ema.load_state_dict(tensors["mean"])
        parameters = [each for group in self.optimizer.param_groups for each in group["params"]]
        moments: dict[int, dict[str, Tensor]] = {index: {} for index in range(len(parameters))}
        for name, value in tensors["optimizer"].items():
            index, _, moment = name.partition(".")
            # In the layout of its parameter: the fused optimiser walks both by memory.
            like = value if value.ndim == 0 else torch.empty_like(parameters[int(index)]).copy_(value)
            moments[int(index)][moment] = like
        self.optimizer.load_state_dict({**self.optimizer.state_dict(), "state": moments})
        self.generator.set_state(tensors["random"]["own"])
        torch.set_rng_state(tensors["random"]["torch"])

    def run(self) -> tuple[list[dict[str, Any]], int]:
        """Run the epochs that are left, leave the best weights in the network, return curves and best epoch."""
        while self.epoch < self.config.epochs and not self.should_stop():
            self.train_epoch()
            self.validate()
            self.epoch += 1
            if self.checkpoint is not None:
                self.save_checkpoint(self.checkpoint)
        self.network.load_state_dict(self.best_weights)
        self.network.eval()
        if self.checkpoint is not None:
            self.checkpoint.remove()
        return self.curves, self.best_epoch

    def should_stop(self) -> bool:
        """Whether `patience` epochs have passed without a better one."""
        return self.epoch - 1 - self.best_epoch >= self.config.patience

    def train_epoch(self) -> None:
        """Pass over the training fold once."""
        config = self.config
        self.network.train()
        if config.trunk_rate < 1:
            self.network.norms.eval()
        order = torch.randperm(len(self.folds["train"].images), generator=self.generator)
        for step, rows in enumerate(order.split(config.batch_size), start=self.epoch * self.steps_per_epoch):
            self._set_rate(step)
            batch = augment(self.folds["train"].take(rows), config, self.generator)
            with torch.autocast("cpu", torch.bfloat16, enabled=config.precision == "bfloat16"):
                loss = loss_of(self.network, batch, config.pad_weight, smoothing=config.label_smoothing)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            if self.ema is not None:
                self.ema.update_parameters(self.network)

    def _set_rate(self, step: int) -> None:
        if self.config.schedule == "cosine":
            total, rise = self.config.epochs * self.steps_per_epoch, max(1, self.steps_per_epoch // 10)
            share = min((step + 1) / rise, 0.5 + 0.5 * math.cos(math.pi * step / total))
            for group in self.optimizer.param_groups:
                group["lr"] = share * group["initial_lr"]

    def validate(self) -> None:
        """Measure the folds and keep the weights if they are to be kept so far."""
        judged: DeepID = self.network if self.ema is None else self.ema.module  # pyright: ignore[reportAssignmentType]
        judged.eval()
        rows = [
            _curve_row(judged, fold, name, self.epoch, self.anchors) for name, fold in self.measured.items()
        ]
        self.curves += rows
        if self.config.keep == "last" or rows[-1]["loss"] < self.best_loss - _MIN_IMPROVEMENT:
            self.best_loss, self.best_epoch = rows[-1]["loss"], self.epoch
            self.best_weights = copy.deepcopy(judged.state_dict())

    def save_checkpoint(self, checkpoint: TrainingCheckpoint) -> None:
        """Write everything that `resume_from` reads: weights, optimiser, random numbers, curves."""
        numbers = {name: getattr(self, name) for name in ("curves", "epoch", "best_loss", "best_epoch")}
        moments = self.optimizer.state_dict()["state"]
        tensors = {
            "network": self.network.state_dict(),
            "best": self.best_weights,
            "mean": {} if self.ema is None else self.ema.state_dict(),
            "optimizer": {
                f"{i}.{name}": value for i, each in moments.items() for name, value in each.items()
            },
            "random": {"own": self.generator.get_state(), "torch": torch.get_rng_state()},
        }
        checkpoint.write(numbers, tensors)


def _optimizer(network: DeepID, config: TrainConfig) -> torch.optim.AdamW:
    trunk = list(network.trunk_layers().parameters())
    known = {id(each) for each in trunk}
    above = [each for each in network.parameters() if id(each) not in known]
    rates = (config.lr, config.lr * config.trunk_rate)
    groups = [
        {"params": part, "lr": rate, "initial_lr": rate}
        for part, rate in zip((above, trunk), rates, strict=True)
    ]
    return torch.optim.AdamW(groups, weight_decay=config.weight_decay, fused=True)


def loss_of(network: DeepID, batch: Examples, pad_weight: float, *, smoothing: float = 0.0) -> Tensor:
    """CE + lambda * MSE, each example by its weight, the latter over rated coordinates only."""
    out = network(batch.images, *batch.features)
    entropy = _cross_entropy(out.logits.float(), batch, smoothing=smoothing)
    loss = (batch.weights * entropy).mean()
    if out.pad is None:
        return loss
    rated = (~batch.pad.isnan()) * batch.weights[:, None]
    error = (rated * (out.pad.float() - batch.pad.nan_to_num()).square()).sum()
    return loss + pad_weight * error / rated.sum().clamp_min(1e-6)


def _cross_entropy(logits: Tensor, fold: Examples, *, smoothing: float = 0.0) -> Tensor:
    """Cross-entropy of each example, shape (N,), nat: the sum over its vocabularies."""
    parts = zip(logits.split(fold.sizes, dim=1), fold.labels.split(fold.sizes, dim=1), strict=True)
    each = [functional.cross_entropy(*part, label_smoothing=smoothing, reduction="none") for part in parts]
    return torch.stack(each).sum(dim=0)


def forward(network: DeepID, fold: Examples) -> tuple[Tensor, Tensor | None]:
    """Logits and PAD (None without a PAD head) of a fold, without gradients."""
    with torch.no_grad():
        parts = [
            network(batch.images, *batch.features)
            for batch in (fold.take(rows) for rows in torch.arange(len(fold.images)).split(256))
        ]
    pads = [part.pad for part in parts if part.pad is not None]
    return torch.cat([part.logits for part in parts]), torch.cat(pads) if pads else None


def _curve_row(
    network: DeepID, fold: Examples, name: str, epoch: int, anchors: NDArray[np.float32]
) -> dict[str, Any]:
    """One row of the learning curves, in evaluation mode and without augmentation; shares by the first vocabulary."""
    every, pad = forward(network, fold)
    logits, target = every[:, : fold.sizes[0]], fold.labels[:, : fold.sizes[0]].argmax(dim=1)
    mapped = (torch.softmax(logits, dim=1).numpy() @ anchors) if pad is None else pad.numpy()
    return {
        "version": network.architecture["version"],
        "epoch": epoch,
        "fold": name,
        "loss": float(_cross_entropy(every, fold).mean()),
        "recognition": float((logits.argmax(dim=1) == target).double().mean()),
        "classification": float((map_to_emotion(mapped, anchors) == target.numpy()).mean()),
    }


def augment(batch: Examples, config: TrainConfig, generator: torch.Generator) -> Examples:
    """Change faces; hide texture, and motion with the face at the onset, at random.

    Features stay those of the unmirrored face: the label does not depend on the side, and a mirrored
    histogram cannot be derived from a histogram alone.
    """
    images = augment_faces(batch.images, config, generator)
    features = batch.features
    if features:
        texture, flow, flow_mask, onsets = features
        num = len(images)
        keep_texture = (torch.rand(num, 1, generator=generator) >= config.feature_dropout).float()
        keep_flow = (torch.rand(num, generator=generator) >= config.feature_dropout).float()
        features = (
            texture * keep_texture,
            flow * keep_flow[:, None],
            flow_mask * keep_flow,
            augment_faces(onsets, config, generator),
        )
    return replace(batch, images=images, features=features)
