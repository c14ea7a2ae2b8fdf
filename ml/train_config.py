"""Parameters of training, apart from the trainer so that reading a configuration does not import torch.

Belongs here: `TrainConfig`. Stays out: everything that acts on it (``ml.train``).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TrainConfig:
    """Parameters of a training run; every field has an effect on the weights.

    Parameters
    ----------
    epochs : int
        Passes over the training fold at most.
    batch_size : int
    lr : float
        Learning rate of AdamW.
    weight_decay : float
    patience : int
        Stop after this many epochs without a validation loss lower by at least 0.001 nat.
    texture_components : int
        Principal components of the texture, fitted on the training fold.
    pad_weight : float
        lambda: weight of the PAD error in the loss of ``semantic``.
    beta : float
        Weight of the squared PAD distance in the logits of ``semantic``.
    mirror : float
        Probability of mirroring a training face.
    shift_px : int
        Largest shift of a training face each way, px of the 48 px input.
    gain : float
        Deviation of the random contrast gain around 1.
    noise : float
        Deviation of the added noise, in deviations of the image.
    feature_dropout : float
        Probability of hiding an example's texture, and likewise its flow, in training, so that the model
        still answers for stills and for bare faces.
    unshared, batch_norm, dropout
        Options of `ml.deepid.DeepID`.
    num_threads : int
        Threads of the run; part of what makes it reproducible to the bit. More than one pays only on idle
        cores: beside other work the threads wait for each other (measured: 4 times slower at load 5).
    """

    epochs: int = 30
    batch_size: int = 32
    lr: float = 1e-3
    weight_decay: float = 1e-2
    patience: int = 6
    texture_components: int = 32
    pad_weight: float = 1.0
    beta: float = 1.0
    mirror: float = 0.5
    shift_px: int = 2
    gain: float = 0.1
    noise: float = 0.05
    feature_dropout: float = 0.2
    unshared: bool = False
    batch_norm: bool = False
    dropout: float = 0.0
    num_threads: int = 1

    def __post_init__(self) -> None:
        positive = ("epochs", "batch_size", "lr", "patience", "num_threads")
        for name in positive:
            if getattr(self, name) <= 0:
                msg = f"{name} is {getattr(self, name)}, expected more than 0"
                raise ValueError(msg)
        not_negative = (
            "weight_decay",
            "texture_components",
            "pad_weight",
            "beta",
            "shift_px",
            "gain",
            "noise",
        )
        for name in not_negative:
            if getattr(self, name) < 0:
                msg = f"{name} is {getattr(self, name)}, expected 0 or more"
                raise ValueError(msg)
        for name in ("mirror", "feature_dropout", "dropout"):
            if not 0.0 <= getattr(self, name) < 1.0:
                msg = f"{name} is {getattr(self, name)}, expected a probability in [0, 1)"
                raise ValueError(msg)
