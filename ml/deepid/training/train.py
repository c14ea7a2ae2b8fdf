"""One compact trainer for the three versions of the network.

Belongs here: what is trained with which examples and weights, and what surrounds the loop (``loop``).
Stays out: the network (``ml.deepid.network``), the checkpoint (``ml.deepid.model``), logging (``ml.registry.client``).
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from apexline.ml.config import TrainConfig as TrainConfig
from apexline.ml.datasets import ExpressionDataset, Split, assert_disjoint
from apexline.ml.deepid.frozen import FrozenDeepID
from apexline.ml.deepid.model import ExpressionModel, code_version
from apexline.ml.deepid.network import DeepID, standardise
from apexline.ml.deepid.reducer import FeatureReducer
from apexline.ml.deepid.training.loop import Examples, TrainingLoop
from apexline.ml.emotions import EMOTIONS, PAD_AXES


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
    weights: ArrayLike | None = None,
    start: FrozenDeepID | None = None,
    feature_version: str = "",
    pad_space_hash: str = "",
    resume: Path | None = None,
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
        PAD position of each emotion, -1..1, in the order of `ml.emotions.EMOTIONS`.
    weights : array_like, shape (N,), optional
        How much each example counts in the loss, non-negative; 1 each if absent. `class_balance` multiplies it.
    start : FrozenDeepID, optional
        Trained network whose matching weights are loaded; what it lacks begins at random, but change as classes do.
    feature_version, pad_space_hash : str
        Provenance of the inputs, stored in the checkpoint.
    resume : Path, optional
        File that holds the state after each epoch and is removed at the end. Where it is left from a broken run of
        the same arguments the training goes on from there, to the same weights.

    Returns
    -------
    run : TrainingRun

    Raises
    ------
    ml.datasets.splits.SplitLeakageError
        If a subject lies in two folds.
    ValueError
        If the anchors or weights are not as above, ``semantic`` finds no rated PAD in the training fold,
        `start` has layers of other sizes, or `resume` was left by other arguments.
    """
    started = time.perf_counter()
    anchors = np.asarray(pad_anchors, np.float32)
    _check_request(data, split, version, anchors)
    with _reproducible(seed, config.num_threads):
        folds = {"train": data.take(split.train), "valid": data.take(split.valid)}
        reducer = None if version == "baseline" else _fit_reducer(folds["train"], config, seed)
        loss_weights = _loss_weights(folds["train"].labels, weights, split.train, config)
        batches = {
            "train": Examples.of(folds["train"], reducer, loss_weights),
            "valid": Examples.of(folds["valid"], reducer),
        }
        network = _make_network(version, reducer, config, anchors)
        if start is not None:
            load_matching_weights(network, start)
        curves, best_epoch = _run(network, batches, split, config, seed, anchors, resume)
    model = ExpressionModel(
        network=network.frozen(),
        reducer=reducer,
        temperature=1.0,
        pad_anchors=anchors,
        config=asdict(config),
        seed=seed,
        feature_version=feature_version,
        split_hash=split.split_hash,
        pad_space_hash=pad_space_hash,
        code_version=code_version(),
        synthetic=data.synthetic,
    ).calibrated(folds["valid"])
    return TrainingRun(model, curves, best_epoch, time.perf_counter() - started, config)


def train_words(
    images: NDArray[np.uint8],
    labels: NDArray[np.float32],
    split: Split,
    *,
    sizes: tuple[int, ...],
    config: TrainConfig,
    seed: int,
    resume: Path | None = None,
) -> tuple[DeepID, int]:
    """Train the plain network on all words of several vocabularies at once.

    What tells disgust from anger, and surprise from fear, serves classes that leave those words out; read them with
    `ml.deepid.network.DeepID.select_classes`. Early stopping, arithmetic and `resume` are those of `train_deepid`.

    Parameters
    ----------
    images : ndarray, shape (N, 48, 48), uint8
    labels : ndarray, shape (N, C)
        Soft labels, the vocabularies side by side; each sums to 1.
    split : Split
        Row indices into `images`; the test fold is not read.
    sizes : tuple of int
        Words of each vocabulary, C together; each has a softmax of its own and counts equally.
    config : TrainConfig
    seed : int
    resume : Path, optional

    Returns
    -------
    network : DeepID
        With C classes.
    best_epoch : int
        0-based.
    """
    with _reproducible(seed, config.num_threads):
        loss_weights = _loss_weights(labels[split.train], None, split.train, config)
        batches = {
            name: _words_examples(images[rows], labels[rows], sizes, weights)
            for name, rows, weights in (("train", split.train, loss_weights), ("valid", split.valid, None))
        }
        network = DeepID(
            num_classes=sum(sizes), batch_norm=config.batch_norm, dropout=config.dropout, width=config.width
        )
        # Anchors place words in curves that nobody draws here.
        nowhere = np.zeros((sizes[0], len(PAD_AXES)), np.float32)
        _, best_epoch = _run(network, batches, split, config, seed, nowhere, resume)
    return network.eval(), best_epoch


def _words_examples(
    images: NDArray[np.uint8],
    labels: NDArray[np.float32],
    sizes: tuple[int, ...],
    weights: NDArray[np.float32] | None,
) -> Examples:
    num = len(images)
    return Examples(
        images=standardise(images),
        features=(),
        labels=torch.from_numpy(labels),
        pad=torch.full((num, len(PAD_AXES)), torch.nan),
        weights=torch.ones(num) if weights is None else torch.from_numpy(weights),
        sizes=sizes,
    )


def _run(
    network: DeepID,
    batches: dict[str, Examples],
    split: Split,
    config: TrainConfig,
    seed: int,
    anchors: NDArray[np.float32],
    resume: Path | None,
) -> tuple[list[dict[str, Any]], int]:
    """Run the loop, from its file where one was left; return curves and best epoch."""
    loop = TrainingLoop(network, batches, config, seed, anchors)
    if resume is not None:
        loop.resume_from(resume, key=_run_key(network, config, seed, split, batches["train"]))
    return loop.run()


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
        width=config.width,
    )
    if version == "semantic":
        network.anchors.copy_(torch.from_numpy(anchors))
    return network


def load_matching_weights(network: DeepID, start: FrozenDeepID) -> None:
    """Copy the weights of `start` into the layers of the same name, in place.

    Raises
    ------
    ValueError
        If a layer of the same name has another shape.
    """
    own = network.state_dict()
    given = {name: torch.from_numpy(value) for name, value in start.weights.items()}
    # What change looks like begins as what a face looks like: for both, the hidden units say it.
    begun = {f"change_{name}": value for name, value in given.items() if name.startswith("classes.")}
    shared = {name: v for name, v in (begun | given).items() if name in own and name != "anchors"}
    differing = {name: tuple(value.shape) for name, value in shared.items() if value.shape != own[name].shape}
    if differing:
        msg = (
            f"start has the layers {differing}, expected {[tuple(own[name].shape) for name in differing]}; "
            "give both networks the same width and options"
        )
        raise ValueError(msg)
    network.load_state_dict({**own, **shared})


def _loss_weights(
    labels: NDArray[np.float32], weights: ArrayLike | None, train: NDArray[np.intp], config: TrainConfig
) -> NDArray[np.float32]:
    """Weight of each training example in the loss, mean 1."""
    given = np.ones(len(labels)) if weights is None else np.asarray(weights, np.float64)[train]
    if not bool((given >= 0).all()) or not given.any():
        msg = f"weights run from {given.min():.3g} to {given.max():.3g}; expected non-negative ones, some above 0"
        raise ValueError(msg)
    counts = given @ labels  # examples of each class, soft ones by their shares
    per_class = np.zeros(len(counts))
    per_class[counts > 0] = counts[counts > 0] ** -config.class_balance
    loss_weights = given * (labels @ per_class)
    return (loss_weights / loss_weights.mean()).astype(np.float32)


def _run_key(network: DeepID, config: TrainConfig, seed: int, split: Split, train: Examples) -> str:
    """Digest of everything that a training depends on."""
    described = (network.architecture, config, seed, split.split_hash, code_version())
    digest = hashlib.sha256(repr(described).encode())
    examples = (train.images, *train.features, train.labels, train.pad, train.weights)
    for array in (*network.state_dict().values(), *examples):
        digest.update(array.contiguous().numpy().tobytes())
    return digest.hexdigest()


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
