"""Augmentation that makes faces look like surveillance: over the whole batch at once, no loop over images.

Belongs here: random changes of standardised faces, each switched off by a strength of 0. Stays out: texture and flow
features, whose hiding is the trainer's (``ml.deepid.training.train``).

Blur and loss of resolution are linear along rows and columns, so each is a pair of matrix products with matrices that
are computed once.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from apexline.ml.config import TrainConfig

_BLUR_PX = (0.5, 0.8, 1.2, 1.6)  # deviations of the Gaussian, px of the 48 px input
_KEPT_SIDE = (0.8, 0.6, 0.45, 0.33)  # of the resolution
_BLOCK = 8
# Smallest and largest quantisation step at zero frequency, in deviations of the image: JPEG qualities 50 to 10 at a
# deviation of 50 grey values.
_COARSENESS = (0.2, 1.2)
_LARGEST_OCCLUSION = 0.5  # of the side
_MIN_DEVIATION = 1e-3


def augment_faces(images: Tensor, config: TrainConfig, generator: torch.Generator) -> Tensor:
    """Change faces at random, each on its own.

    In this order: mirror and shift; turn and zoom; blur or loss of resolution; block coding; occlusion; gain; noise.

    Parameters
    ----------
    images : Tensor, shape (N, 1, S, S), float32
        Faces as `ml.deepid.network.standardise` gives them.
    config : TrainConfig
        Strengths; a strength of 0 draws no random numbers.
    generator : torch.Generator

    Returns
    -------
    images : Tensor, shape (N, 1, S, S), float32
        Standardised again wherever a step could change mean or deviation, as scoring would.
    """
    images = _mirror_and_shift(images, config, generator)
    if config.rotation_deg or config.zoom:
        images = _rotate_and_zoom(images, config, generator)
    if config.soften:
        images = _soften(images, config.soften, generator)
    if config.blocks:
        images = _quantise_blocks(images, config.blocks, generator)
    if config.occlusion:
        images = _occlude(images, config.occlusion, generator)
    if config.rotation_deg or config.zoom or config.soften or config.blocks or config.occlusion:
        images = _restandardise(images)
    images = images * (1.0 + config.gain * torch.randn(len(images), 1, 1, 1, generator=generator))
    return images + config.noise * torch.randn(images.shape, generator=generator)


def _mirror_and_shift(images: Tensor, config: TrainConfig, generator: torch.Generator) -> Tensor:
    num, _, height, width = images.shape

    def shifts() -> Tensor:
        return torch.randint(0, 2 * config.shift_px + 1, (num, 1), generator=generator)

    mirrored = torch.rand(num, 1, generator=generator) < config.mirror
    columns = torch.where(mirrored, torch.arange(width - 1, -1, -1), torch.arange(width)) + shifts()
    rows = torch.arange(height) + shifts()
    padded = functional.pad(images, (config.shift_px,) * 4, mode="replicate")
    # One flat index a pixel: gathering by three indices takes three times as long.
    source = rows[:, :, None] * padded.shape[-1] + columns[:, None, :]
    return padded.flatten(1).gather(1, source.flatten(1)).reshape(images.shape)


def _rotate_and_zoom(images: Tensor, config: TrainConfig, generator: torch.Generator) -> Tensor:
    angle = _uniform_symmetric(len(images), generator) * np.deg2rad(config.rotation_deg)
    scale = torch.exp(_uniform_symmetric(len(images), generator) * np.log1p(config.zoom))
    cos, sin, zero = torch.cos(angle) * scale, torch.sin(angle) * scale, torch.zeros(len(images))
    matrices = torch.stack([cos, -sin, zero, sin, cos, zero], dim=1).reshape(-1, 2, 3)
    grid = functional.affine_grid(matrices, list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, padding_mode="border", align_corners=False)


def _soften(images: Tensor, probability: float, generator: torch.Generator) -> Tensor:
    """Blur some faces, or shrink and enlarge them as a small face in a large frame is."""
    rows = _bernoulli_rows(len(images), probability, generator)
    bank = _low_pass_operators(images.shape[-1])
    operators = bank[torch.randint(0, len(bank), (len(rows),), generator=generator)]  # (K, S, S)
    softened = operators @ images[rows, 0] @ operators.mT
    return images.index_copy(0, rows, softened[:, None])


def _quantise_blocks(images: Tensor, probability: float, generator: torch.Generator) -> Tensor:
    """Round the cosine coefficients of 8 x 8 blocks, steps growing with frequency, as JPEG and H.264 do."""
    rows = _bernoulli_rows(len(images), probability, generator)
    transform, frequency = _block_dct(images.shape[-1])
    low, high = _COARSENESS
    coarseness = low * (high / low) ** torch.rand(len(rows), 1, 1, generator=generator)
    step = coarseness * (1.0 + (frequency[:, None] + frequency[None, :]) / 2)
    # The face lies anywhere on the codec's grid.
    phase = torch.randint(0, _BLOCK, (2,), generator=generator).tolist()
    rolled = torch.roll(images[rows, 0], phase, dims=(1, 2))
    coefficients = transform @ rolled @ transform.mT
    coded = transform.mT @ (torch.round(coefficients / step) * step) @ transform
    return images.index_copy(0, rows, torch.roll(coded, [-p for p in phase], dims=(1, 2))[:, None])


def _occlude(images: Tensor, probability: float, generator: torch.Generator) -> Tensor:
    """Cover a rectangle of some faces with one grey value."""
    rows = _bernoulli_rows(len(images), probability, generator)
    side = images.shape[-1]
    size = torch.rand(len(rows), 2, generator=generator) * _LARGEST_OCCLUSION * side
    first = torch.rand(len(rows), 2, generator=generator) * (side - size)
    position = torch.arange(side)
    inside = (position >= first[..., None]) & (position < (first + size)[..., None])  # (K, 2, S)
    covered = inside[:, 0, :, None] & inside[:, 1, None, :]
    grey = torch.randn(len(rows), 1, 1, generator=generator)
    return images.index_copy(0, rows, torch.where(covered, grey, images[rows, 0])[:, None])


def _restandardise(images: Tensor) -> Tensor:
    deviation, mean = torch.std_mean(images, dim=(2, 3), keepdim=True, correction=0)
    return (images - mean) / deviation.clamp_min(_MIN_DEVIATION)


def _bernoulli_rows(num: int, probability: float, generator: torch.Generator) -> Tensor:
    return torch.nonzero(torch.rand(num, generator=generator) < probability)[:, 0]


def _uniform_symmetric(num: int, generator: torch.Generator) -> Tensor:
    return 2.0 * torch.rand(num, generator=generator) - 1.0


@cache
def _low_pass_operators(side: int) -> Tensor:
    """Matrices, shape (K, S, S), that blur one axis or bring it to a lower resolution and back."""
    position = torch.arange(side)
    distance = (position[:, None] - position[None, :]).float()
    blurs = torch.stack([torch.exp(-0.5 * (distance / px) ** 2) for px in _BLUR_PX])
    blurs = blurs / blurs.sum(dim=2, keepdim=True)
    columns = torch.eye(side)[None]  # (1, S, S): each row of the result is the image of a unit vector
    lowered = [
        functional.interpolate(
            functional.interpolate(columns, round(side * kept), mode="linear", antialias=False),
            side,
            mode="linear",
        )[0].T
        for kept in _KEPT_SIDE
    ]
    return torch.cat([blurs, torch.stack(lowered)])


@cache
def _block_dct(side: int) -> tuple[Tensor, Tensor]:
    """Orthonormal cosine transform of each block along one axis, shape (S, S), and its frequencies, shape (S,)."""
    if side % _BLOCK:
        msg = f"images have a side of {side} px, expected a multiple of {_BLOCK}; set blocks to 0"
        raise ValueError(msg)
    k = torch.arange(_BLOCK, dtype=torch.float32)
    basis = torch.cos(torch.pi * (k[None, :] + 0.5) * k[:, None] / _BLOCK) * (2.0 / _BLOCK) ** 0.5
    basis[0] /= 2.0**0.5
    return torch.block_diag(*[basis] * (side // _BLOCK)), k.repeat(side // _BLOCK)
