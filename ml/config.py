"""Parameters of models, apart from what acts on them so that reading a configuration does not import torch.

Belongs here: `TrainConfig`, `AbstentionConfig`. Stays out: training and abstaining (``ml.deepid``).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass

# The project's own adjective pairs; their file bears this name.
PROJECT_FORM = "adjective_pairs"

Schedule = Literal["constant", "cosine"]
Keep = Literal["best", "last"]
Precision = Literal["float32", "bfloat16"]
_Share = Annotated[float, Field(ge=0, le=1)]
# Probabilities, shares and decays, all below 1.
_Probability = Annotated[float, Field(ge=0, lt=1)]


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
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
    rotation_deg, zoom : float
        Largest turn of a training face, deg, and largest change of its size as a fraction, either way.
    soften, blocks, occlusion : float
        Probability of blur or lower resolution, of block coding as in H.264, and of a covered rectangle
        (`ml.deepid.training.augment`).
    label_smoothing : float
        Share of every label that is spread evenly over the classes.
    class_balance : float
        Exponent b: a class that has n examples weighs ``n**-b``; 0 leaves the data as they are, 1 balances
        them. A soft label weighs by its shares.
    ema : float
        Decay per step of the running mean of the weights that is kept as the model; 0 keeps the weights themselves.
    schedule : {"constant", "cosine"}
        Learning rate: as it is, or falling to zero over `epochs` after a tenth of an epoch's rise.
    trunk_rate : float
        Learning rate below the hidden units as a share of `lr`. Below 1, for a trunk that has learned from far more
        faces than there are now, batch statistics stay as they came, too.
    keep : {"best", "last"}
        Epoch whose weights are the model: that of the lowest validation loss, or the last, for a validation fold
        too small to tell epochs apart.
    precision : {"float32", "bfloat16"}
        Arithmetic of the training step; scores are always float32.
    width, unshared, batch_norm, dropout
        Options of `ml.deepid.network.DeepID`.
    num_threads : int
        Threads of the run; part of what makes it reproducible to the bit. More than one pays only on idle
        cores: beside other work the threads wait for each other (measured: 4 times slower at load 5).
    """

    epochs: PositiveInt = 30
    batch_size: PositiveInt = 32
    lr: PositiveFloat = 1e-3
    weight_decay: NonNegativeFloat = 1e-2
    patience: PositiveInt = 6
    texture_components: NonNegativeInt = 32
    pad_weight: NonNegativeFloat = 1.0
    beta: NonNegativeFloat = 1.0
    mirror: _Probability = 0.5
    shift_px: NonNegativeInt = 2
    gain: NonNegativeFloat = 0.1
    noise: NonNegativeFloat = 0.05
    feature_dropout: _Probability = 0.2
    rotation_deg: NonNegativeFloat = 0.0
    zoom: NonNegativeFloat = 0.0
    soften: _Probability = 0.0
    blocks: _Probability = 0.0
    occlusion: _Probability = 0.0
    label_smoothing: _Probability = 0.0
    class_balance: NonNegativeFloat = 0.0
    ema: _Probability = 0.0
    schedule: Schedule = "constant"
    trunk_rate: NonNegativeFloat = 1.0
    keep: Keep = "best"
    precision: Precision = "float32"
    width: PositiveFloat = 1.0
    unshared: bool = False
    batch_norm: bool = False
    dropout: _Probability = 0.0
    num_threads: PositiveInt = 1


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class AbstentionConfig:
    """Limits that are stated, and what the learned ones are learned for.

    Parameters
    ----------
    min_face_px : float
        Smallest face, geometric mean of the box sides, px of the frame.
    min_blur : float
        Least variance of the Laplacian of the aligned crop, grey^2.
    max_yaw : float
        Largest pose proxy: nose offset from the eyes' midpoint over the eye distance, 0..1.
    max_roll_deg : float
        Largest angle of the line between the eyes, degrees.
    min_track_s : float
        Shortest time that the face was followed, s.
    coverage : float
        Share of the validation faces that the least confidence lets through.
    typical : float
        Share of the validation faces that count as inside the training range.
    min_change_confidence : float
        Least probability of what a change of expression is called.
    """

    min_face_px: NonNegativeFloat = 32.0
    min_blur: NonNegativeFloat = 10.0
    max_yaw: _Share = 0.25
    max_roll_deg: Annotated[float, Field(ge=0, le=180)] = 30.0
    min_track_s: NonNegativeFloat = 0.5
    coverage: _Share = 0.8
    typical: _Share = 0.99
    min_change_confidence: _Share = 0.4
