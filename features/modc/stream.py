"""Texture differences over the crops of one track, frame by frame, with bounded memory.

Belongs here: the parameters of texture over time, its rows (the value columns of the table
``texture_features``) and the state that one track needs. Stays out: the codes (``codes``), the distances
(``differences``) and finding segments (``features.spotting``).
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from operator import itemgetter
from typing import Annotated, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass as pydantic_dataclass

from apexline.features.backend import Array, Device, Namespace, namespace, to_numpy
from apexline.features.modc.codes import Base, Kind, Planes, modc_histograms
from apexline.features.modc.differences import Curve, Pooling, chi_square_blocks, pool_blocks
from apexline.features.modc.peers import dcp_histograms, hog_histograms, lbp_histograms
from apexline.features.modc.prefilter import Prefilter, prefilter_images
from apexline.features.placement import Placement
from apexline.features.registration import Motion, Registrar
from apexline.features.rows import Block, BlockStream

# Crops that are described together: their histograms, 130 kB each, lie side by side until they are compared. A device
# needs many to be busy.
_CROPS_AT_ONCE, _CROPS_ON_DEVICE = 16, 256

Peer = Literal["dcp", "lbp", "hog"]

_PEERS: dict[Peer, Callable[..., Array]] = {
    "dcp": dcp_histograms,
    "lbp": lbp_histograms,
    "hog": hog_histograms,
}


@pydantic_dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class TextureConfig:
    """Texture differences over time.

    Attributes
    ----------
    kinds : tuple of str
        MODC kinds, see `features.modc.codes.KINDS`.
    base, planes, radii, grid, prefilter
        As in `features.modc.codes.modc_histograms`.
    registration : {"none", "translation", "affine"}
        How crops are brought onto the track's first crop.
    curve : {"aff", "contrast", "first"}
        What a frame is compared with, see `features.modc.differences.block_differences`.
    pooling : {"mean", "top_third"}
        How blocks make a frame's difference.
    window_s : float
        Length of the window whose ends make the average feature frame, s.
    peers : tuple of str
        Descriptors of other authors (``dcp``, ``lbp``, ``hog``) to compute beside, for a comparison such as
        Table 2 of the paper; they have rows of their own and find no segments.
    """

    kinds: Annotated[tuple[Kind, ...], Field(min_length=1)] = ("sl", "sr")
    base: Base = "paper"
    planes: Planes = "together"
    radii: tuple[PositiveInt, PositiveInt, PositiveInt] = (2, 4, 6)
    grid: tuple[PositiveInt, PositiveInt] = (4, 4)
    prefilter: Prefilter = "gaussian"
    registration: Motion = "translation"
    curve: Curve = "aff"
    pooling: Pooling = "mean"
    window_s: PositiveFloat = 0.34
    peers: tuple[Peer, ...] = ()


@dataclass(frozen=True)
class TextureRow:
    """Value columns of the table ``texture_features``.

    Attributes
    ----------
    frame : int
        Frame index, 0-based.
    time_s : float
        Presentation time, s.
    kind : str
        MODC kind.
    difference : float
        Feature difference Q.
    block_differences : tuple of float
        Chi-square distance of each block, row-major.
    """

    frame: int
    time_s: float
    kind: str
    difference: float
    block_differences: tuple[float, ...]


class _Final(NamedTuple):
    """A frame whose rows are final: its differences (kinds, blocks), and the crop of the block that made it so."""

    frame: int
    time_s: float
    differences: NDArray[np.float32]
    number: int


class TextureStream(BlockStream[TextureRow]):
    """Texture differences of one track's crops; holds the histograms of one window and no more.

    A row is final once a frame at the window's far end has come, so rows lag by half a window. The window is
    counted in real time: a frame's partners are the frames nearest to half a window before and after it.

    Parameters
    ----------
    config : TextureConfig
    device : {"auto", "cpu", "cuda"}
        Where histograms are computed, see `features.placement.Placement`.
    """

    row_type = TextureRow

    def __init__(self, config: TextureConfig, device: Device = "auto") -> None:
        self._config = config
        self._placement = Placement("texture", device)
        self._registrar: Registrar | None = None
        self._first: tuple[NDArray[np.float32], ...] | None = None
        # (frame, time_s, histograms of MODC and of each peer) of the window
        self._buffer: deque[tuple[int, float, tuple[NDArray[np.float32], ...]]] = deque()
        self._next = 0

    def push_block(
        self, crops: NDArray[np.uint8], frames: NDArray[np.int64], times_s: NDArray[np.float64]
    ) -> Block:
        """Take the next crops; return the rows that became final, one per frame and kind."""
        if self._registrar is None:
            self._registrar = Registrar(crops[0], motion=self._config.registration)
        found: list[_Final] = []
        at_once = _CROPS_ON_DEVICE if self._placement.is_open else _CROPS_AT_ONCE
        for start in range(0, len(crops), at_once):
            part = slice(start, start + at_once)
            described = zip(
                frames[part].tolist(), times_s[part].tolist(), self._describe(crops[part]), strict=True
            )
            for number, each in enumerate(described, start):
                found += self._take(each, number)
        return self._block(found)

    def flush_block(self) -> Block:
        """Rows of the last half window, whose far partner is the last frame."""
        found: list[_Final] = []
        while self._next < len(self._buffer):
            found.append(self._emit(0))
        return self._block(found)

    def _describe(self, crops: NDArray[np.uint8]) -> list[tuple[NDArray[np.float32], ...]]:
        """Histograms of MODC, (kinds, 2, rows, cols, bins), and of each peer, for each crop."""
        assert self._registrar is not None
        images = np.stack([self._registrar.register(crop).image for crop in crops])
        np.rint(images, out=images)
        grey = np.clip(images, 0, 255, out=images).astype(np.uint8)
        return self._placement.compute(len(crops), partial(_described, grey, self._config))

    def _take(
        self, described: tuple[int, float, tuple[NDArray[np.float32], ...]], number: int
    ) -> list[_Final]:
        _, time_s, histograms = described
        self._first = histograms if self._first is None else self._first
        self._buffer.append(described)
        found: list[_Final] = []
        while self._next < len(self._buffer) and time_s >= self._buffer[self._next][1] + self._half_window_s:
            found.append(self._emit(number))
        return found

    @property
    def _half_window_s(self) -> float:
        return self._config.window_s / 2 if self._config.curve != "first" else 0.0

    def _emit(self, number: int) -> _Final:
        frame, time_s, histograms = self._buffer[self._next]
        if self._config.curve == "first":
            references = self._first or histograms
        else:
            ends = self._nearest(time_s - self._half_window_s), self._nearest(time_s + self._half_window_s)
            references = tuple((before + after) / 2 for before, after in zip(*ends, strict=True))
        # (kinds, blocks) of MODC, (1, blocks) of each peer
        pairs = zip(histograms, references, strict=True)
        differences = [chi_square_blocks(each, reference) for each, reference in pairs]
        self._next += 1
        self._forget(time_s - self._half_window_s)
        return _Final(frame, time_s, np.concatenate(differences), number)

    def _block(self, found: list[_Final]) -> Block:
        kinds = (*self._config.kinds, *self._config.peers)
        rows, cols = self._config.grid
        # (N, kinds, blocks) -> (N*kinds, blocks)
        blocks = np.empty((len(found), len(kinds), rows * cols), np.float32)
        for k, each in enumerate(found):
            blocks[k] = each.differences
        blocks = blocks.reshape(-1, rows * cols)
        columns = {
            "frame": np.repeat(np.array([each.frame for each in found], np.int64), len(kinds)),
            "time_s": np.repeat(np.array([each.time_s for each in found], np.float64), len(kinds)),
            "kind": np.tile(np.array(kinds, dtype=object), len(found)),
            "difference": pool_blocks(blocks, pooling=self._config.pooling),
            "block_differences": blocks,
        }
        return Block(columns, np.repeat(np.array([each.number for each in found], np.intp), len(kinds)))

    def _nearest(self, time_s: float) -> tuple[NDArray[np.float32], ...]:
        after = bisect_left(self._buffer, time_s, key=itemgetter(1))
        around = range(max(after - 1, 0), min(after + 1, len(self._buffer)))
        return self._buffer[min(around, key=lambda n: abs(self._buffer[n][1] - time_s))][2]

    def _forget(self, before: float) -> None:
        """Drop frames that no later frame can have as its nearest partner."""
        while self._next > 0 and len(self._buffer) > 1 and self._buffer[1][1] <= before:
            self._buffer.popleft()
            self._next -= 1


def _described(
    grey: NDArray[np.uint8], config: TextureConfig, xp: Namespace
) -> list[tuple[NDArray[np.float32], ...]]:
    images = xp.asarray(grey)
    # Compared on the host: sums on a device have an order of their own, and rows have one form.
    own = to_numpy(_histograms(images, config))
    # copies: a view would keep the histograms of all these crops as long as one of them is in the window
    return [
        (own[:, k].copy(), *(to_numpy(each) for each in peer_histograms(images[k, ...], config=config)))
        for k in range(len(grey))
    ]


def texture_histograms(grey: Array, *, config: TextureConfig) -> Array:
    """MODC block histograms of one crop for each configured kind.

    Parameters
    ----------
    grey : array, shape (M, N), uint8
    config : TextureConfig

    Returns
    -------
    array, shape (kinds, 2, rows, cols, bins), float32
    """
    # (M, N) -> (1, M, N), and (kinds, 1, 2, rows, cols, bins) -> (kinds, 2, rows, cols, bins)
    return _histograms(grey[None, ...], config)[:, 0, ...]


def _histograms(images: Array, config: TextureConfig) -> Array:
    """MODC block histograms (kinds, N, 2, rows, cols, bins) of images (N, M, N)."""
    return modc_histograms(
        images,
        kind=config.kinds,
        grid=config.grid,
        base=config.base,
        planes=config.planes,
        radii=config.radii,
        prefilter=config.prefilter,
    )


def peer_histograms(grey: Array, *, config: TextureConfig) -> list[Array]:
    """Block histograms of one crop by each configured peer descriptor.

    Parameters
    ----------
    grey : array, shape (M, N), uint8
    config : TextureConfig

    Returns
    -------
    list of array, shape (1, 1, rows, cols, bins), float32
    """
    if not config.peers:
        return []
    xp = namespace(grey)
    # (M, N) -> (1, M, N)
    images = prefilter_images(xp.expand_dims(grey, axis=0), method=config.prefilter)
    return [xp.expand_dims(_PEERS[name](images, grid=config.grid), axis=1) for name in config.peers]
