"""The DeepID expression network (eq. 25-26, Fig. 3) in its three versions, as it learns.

Belongs here: layers, shapes, the forward pass. Stays out: optimisation (``ml.deepid.training``), answering
(``ml.deepid.frozen``), what surrounds the network in a checkpoint (``ml.deepid.model``), data.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from apexline import networks
from apexline.ml.deepid.frozen import FrozenDeepID

Version = Literal["baseline", "features", "semantic"]
VERSIONS: tuple[str, ...] = get_args(Version)

_KERNELS = (4, 3, 3, 2)
_CHANNELS = (30, 40, 50, 100)
_HIDDEN = 160
_NUM_PAD = 3


class DeepIDOutput(NamedTuple):
    """Class logits, shape (N, C), PAD, shape (N, 3) in [-1, 1] (None without a PAD head), and an embedding.

    The embedding is the third maps averaged over the quarters of the face, shape (N, 4 K): where a picture is unlike a
    face, it is unlike that of faces.
    """

    logits: Tensor
    pad: Tensor | None
    embedding: Tensor


class DeepID(nn.Module):
    """Four valid convolutions with a bypass into a layer of 160 units, Fig. 3.

    ``hidden = relu(W1 vec(pool3) + W2 vec(conv4) + b)`` is eq. 25; eq. 26 is the softmax over the logits,
    left to the loss and to the caller.

    Versions: ``baseline`` sees the face only; ``features`` adds ``W3 [texture, flow, mask]`` inside eq. 25's
    sum and, where motion is known, takes from the hidden units what they are for the face at the onset: what is left
    is the change, not who shows it, and has an output layer of its own. ``semantic`` also predicts PAD (tanh) from the
    hidden units and lets the logits see it: ``logit_c -= beta * |PAD - anchor_c|**2``.

    Parameters
    ----------
    num_classes : int
        N_E of eq. 26.
    input_size : int
        Height and width of the input, px; 48 gives the maps 45, 22, 20, 10, 8, 4, 3 of Fig. 3.
    version : {"baseline", "features", "semantic"}
    texture_size, flow_size : int
        Length of the reduced texture and of the flow vector; must be 0 for ``baseline``.
    beta : float
        Weight of the squared PAD distance in the logits of ``semantic``; 0 keeps PAD out of them.
    unshared : bool
        Give each output position of the fourth convolution its own kernels, as DeepID did.
    batch_norm : bool
        Normalise after each pooling and after the fourth convolution; not in the paper.
    dropout : float
        Probability of dropping a hidden unit in training; not in the paper.
    width : float
        Factor on the number of channels, rounded up to whole sixteens, which vector units like; 1 is the
        paper's 30, 40, 50, 100.

    Raises
    ------
    ValueError
        If the version is unknown, the input is too small or the sizes do not fit the version.

    References
    ----------
    .. [1] Li et al. (2021), doi 10.18280/ts.380213, section 3.1.
    .. [2] Sun, Wang, Tang (2014). Deep learning face representation from predicting 10,000 classes. CVPR.
       Only the layer layout is taken from there: this network recognises apparent expressions.

    Examples
    --------
    >>> import torch
    >>> from apexline.ml.deepid import DeepID
    >>> output = DeepID()(torch.zeros(2, 1, 48, 48))
    >>> tuple(output.logits.shape), tuple(output.embedding.shape)
    ((2, 4), (2, 200))
    """

    anchors: Tensor

    def __init__(
        self,
        num_classes: int = 4,
        input_size: int = 48,
        version: str = "baseline",
        *,
        texture_size: int = 0,
        flow_size: int = 0,
        beta: float = 1.0,
        unshared: bool = False,
        batch_norm: bool = False,
        dropout: float = 0.0,
        width: float = 1.0,
    ) -> None:
        super().__init__()
        if version not in VERSIONS:
            msg = f"version is {version!r}, expected one of {VERSIONS}"
            raise ValueError(msg)
        if (version == "baseline") != (texture_size + flow_size == 0):
            msg = (
                f"version {version!r} with texture_size={texture_size} and flow_size={flow_size}; "
                "expected 0 and 0 for 'baseline', at least one positive for the others"
            )
            raise ValueError(msg)
        self.architecture: dict[str, Any] = {
            "num_classes": num_classes,
            "input_size": input_size,
            "version": version,
            "texture_size": texture_size,
            "flow_size": flow_size,
            "beta": beta,
            "unshared": unshared,
            "batch_norm": batch_norm,
            "dropout": dropout,
            "width": width,
        }
        sizes = map_sizes(input_size)
        channels = _CHANNELS if width == 1.0 else tuple(16 * math.ceil(width * c / 16) for c in _CHANNELS)
        before = (1, *channels[:-1])
        self.conv1, self.conv2, self.conv3 = (
            nn.Conv2d(before[i], channels[i], _KERNELS[i]) for i in range(3)
        )
        self.conv4 = (
            LocallyConnected2d(before[3], channels[3], _KERNELS[3], output_size=sizes[-1])
            if unshared
            else nn.Conv2d(before[3], channels[3], _KERNELS[3])
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(c) if batch_norm else nn.Identity() for c in channels)
        self.from_pool3 = nn.Linear(channels[2] * sizes[-2] ** 2, _HIDDEN)  # W1 and b of eq. 25
        self.from_conv4 = nn.Linear(channels[3] * sizes[-1] ** 2, _HIDDEN, bias=False)  # W2 of eq. 25
        if version != "baseline":
            self.from_features = nn.Linear(texture_size + flow_size + 1, _HIDDEN, bias=False)
        self.dropout = nn.Dropout(dropout)
        self.classes = nn.Linear(_HIDDEN, num_classes)
        if version != "baseline":
            self.change_classes = nn.Linear(_HIDDEN, num_classes)
        if version == "semantic":
            self.pad_head = nn.Linear(_HIDDEN, _NUM_PAD)
            self.change_pad = nn.Linear(_HIDDEN, _NUM_PAD)
            self.register_buffer("anchors", torch.zeros(num_classes, _NUM_PAD))
        # Max pooling is vectorised over channels in this layout: a training step takes half the time.
        self.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue] - stub lacks it

    def forward(
        self,
        images: Tensor,
        texture: Tensor | None = None,
        flow: Tensor | None = None,
        flow_mask: Tensor | None = None,
        onsets: Tensor | None = None,
    ) -> DeepIDOutput:
        """Compute logits and PAD.

        Parameters
        ----------
        images : Tensor, shape (N, 1, S, S)
            Standardised faces, see `standardise`.
        texture : Tensor, shape (N, texture_size), optional
            Reduced texture; absent is zeros (the training mean).
        flow : Tensor, shape (N, flow_size), optional
            Scaled flow, zeros for stills; absent is zeros.
        flow_mask : Tensor, shape (N,), optional
            1 where `flow` was observed; absent is zeros.
        onsets : Tensor, shape (N, 1, S, S), optional
            Standardised faces at the onset, read where `flow_mask` is 1. The last four are ignored by ``baseline``.

        Returns
        -------
        output : DeepIDOutput
        """
        total, embedding = self._trunk(images)
        if self.architecture["version"] == "baseline":
            return DeepIDOutput(self.classes(self.dropout(functional.relu(total))), None, embedding)
        described = self._features(len(images), texture, flow, flow_mask)
        hidden = functional.relu(total + self.from_features(described))
        semantic = self.architecture["version"] == "semantic"
        units = self.dropout(hidden)
        logits, position = self.classes(units), self.pad_head(units) if semantic else None
        if flow_mask is not None and onsets is not None and bool(flow_mask.any()):
            moving = torch.nonzero(flow_mask)[:, 0]
            calm, _ = self._trunk(onsets[moving])
            units = self.dropout(hidden[moving] - functional.relu(calm))
            logits = logits.index_copy(0, moving, self.change_classes(units))
            if position is not None:
                position = position.index_copy(0, moving, self.change_pad(units))
        if position is None:
            return DeepIDOutput(logits, None, embedding)
        pad = torch.tanh(position)
        distance = (pad[:, None, :] - self.anchors[None]).square().sum(dim=2)  # (N, C)
        return DeepIDOutput(logits - self.architecture["beta"] * distance, pad, embedding)

    def _trunk(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Eq. 25's sum over a face, shape (N, 160), and `DeepIDOutput.embedding`."""
        maps = images.contiguous(memory_format=torch.channels_last)
        for conv, norm in zip((self.conv1, self.conv2, self.conv3), self.norms, strict=False):
            # relu(pool(x)) equals pool(relu(x)) and rectifies a quarter of the pixels.
            # Pooling before the norm leaves it a quarter of the work.
            maps = functional.relu(norm(functional.max_pool2d(conv(maps), 2)))
        top = functional.relu(self.norms[3](self.conv4(maps)))
        # (N, C, M, M) -> (N, C*M*M)
        total = self.from_pool3(maps.flatten(1)) + self.from_conv4(top.flatten(1))
        return total, functional.adaptive_avg_pool2d(maps, 2).flatten(1)

    def trunk_layers(self) -> nn.ModuleList:
        """Return everything below the hidden units: what a face looks like, whatever is asked about it."""
        return nn.ModuleList(
            [self.conv1, self.conv2, self.conv3, self.conv4, self.norms, self.from_pool3, self.from_conv4]
        )

    def frozen(self) -> FrozenDeepID:
        """Return the network as it answers by now; what is learned later does not reach it."""
        weights = {name: value.numpy().copy() for name, value in self.state_dict().items()}
        return FrozenDeepID(self.architecture, weights)

    def select_classes(self, classes: Sequence[int]) -> DeepID:
        """Return the network that answers with some of its classes alone, in the order given."""
        architecture: dict[str, Any] = {**self.architecture, "num_classes": len(classes)}
        chosen = DeepID(**architecture)
        state = self.state_dict()
        by_class = ("classes.", "change_classes.", "anchors")
        rows = {name: value[list(classes)] for name, value in state.items() if name.startswith(by_class)}
        chosen.load_state_dict({**state, **rows})
        return chosen.train(self.training)

    def _features(
        self, num: int, texture: Tensor | None, flow: Tensor | None, flow_mask: Tensor | None
    ) -> Tensor:
        like = self.from_features.weight
        sizes = (self.architecture["texture_size"], self.architecture["flow_size"], 1)
        given = (texture, flow, None if flow_mask is None else flow_mask[:, None])
        parts = [
            like.new_zeros(num, size) if part is None else part
            for part, size in zip(given, sizes, strict=True)
        ]
        return torch.cat(parts, dim=1)


class LocallyConnected2d(nn.Module):
    """Valid convolution whose kernels are not shared between positions.

    Parameters
    ----------
    in_channels, out_channels, kernel_size : int
    output_size : int
        Height and width of the output, px.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, *, output_size: int) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.output_size = output_size
        fan_in = in_channels * kernel_size**2
        positions = output_size**2
        bound = fan_in**-0.5  # the bound nn.Conv2d draws from
        self.weight = nn.Parameter(torch.empty(positions, out_channels, fan_in).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(out_channels, positions).uniform_(-bound, bound))

    def forward(self, maps: Tensor) -> Tensor:
        """Map (N, in_channels, M, M) to (N, out_channels, output_size, output_size)."""
        patches = functional.unfold(maps, self.kernel_size)  # (N, fan_in, positions)
        out = torch.einsum("nip,poi->nop", patches, self.weight) + self.bias
        return out.reshape(len(maps), -1, self.output_size, self.output_size)


def map_sizes(input_size: int) -> tuple[int, ...]:
    """Side of each map: conv1, pool1, conv2, pool2, conv3, pool3, conv4.

    Parameters
    ----------
    input_size : int
        Side of the input, px.

    Returns
    -------
    sizes : tuple of 7 int
        48 gives (45, 22, 20, 10, 8, 4, 3).

    Raises
    ------
    ValueError
        If nothing is left for the fourth convolution.
    """
    sizes: list[int] = []
    side = input_size
    for kernel in _KERNELS[:3]:
        sizes += [side - kernel + 1, (side - kernel + 1) // 2]
        side = sizes[-1]
    sizes.append(side - _KERNELS[3] + 1)
    if sizes[-1] < 1:
        msg = f"input_size is {input_size} px, too small for four convolutions; expected at least 31"
        raise ValueError(msg)
    return tuple(sizes)


def standardise(images: NDArray[np.uint8]) -> Tensor:
    """Turn grey faces into network inputs of zero mean and unit deviation each.

    Parameters
    ----------
    images : ndarray, shape (N, S, S), uint8

    Returns
    -------
    inputs : Tensor, shape (N, 1, S, S), float32
        A flat image becomes zeros.
    """
    return torch.from_numpy(networks.standardise(images))[:, None]
