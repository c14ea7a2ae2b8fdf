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
from operator import itemgetter
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass as pydantic_dataclass

from apexline.features.backend import Array, Device, device_namespace, namespace, to_numpy
from apexline.features.modc.codes import Base, Kind, Planes, modc_histograms
from apexline.features.modc.differences import Curve, Pooling, chi_square_blocks, pool_blocks
from apexline.features.modc.peers import dcp_histograms, hog_histograms, lbp_histograms
from apexline.features.modc.prefilter import Prefilter, prefilter_images
from apexline.features.registration import Motion, Registrar

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


class TextureStream:
    """Texture differences of one track's crops; holds the histograms of one window and no more.

    A row is final once a frame at the window's far end has come, so rows lag by half a window. The window is
    counted in real time: a frame's partners are the frames nearest to half a window before and after it.

    Parameters
    ----------
    config : TextureConfig
    device : {"auto", "cpu", "cuda"}
        Where histograms are computed, see `features.backend.device_namespace`.
    """

    def __init__(self, config: TextureConfig, device: Device = "auto") -> None:
        self._config = config
        self._xp = device_namespace(device)
        self._registrar: Registrar | None = None
        self._first: tuple[Array, ...] | None = None
        # (frame, time_s, histograms of MODC and of each peer) of the window
        self._buffer: deque[tuple[int, float, tuple[Array, ...]]] = deque()
        self._next = 0

    def push(self, crop: NDArray[np.uint8], frame: int, time_s: float) -> list[TextureRow]:
        """Take the next crop.

        Parameters
        ----------
        crop : ndarray, shape (128, 128), uint8
        frame : int
            Frame index, 0-based; ascending.
        time_s : float
            Presentation time, s.

        Returns
        -------
        list of TextureRow
            The rows that became final, one per frame and kind.
        """
        if self._registrar is None:
            self._registrar = Registrar(crop, motion=self._config.registration)
        image = self._registrar.register(crop).image
        grey = np.clip(np.rint(image), 0, 255).astype(np.uint8)
        grey = self._xp.asarray(grey)
        histograms = (
            texture_histograms(grey, config=self._config),
            *peer_histograms(grey, config=self._config),
        )
        self._first = histograms if self._first is None else self._first
        self._buffer.append((frame, time_s, histograms))
        rows: list[TextureRow] = []
        while self._next < len(self._buffer) and time_s >= self._buffer[self._next][1] + self._half_window_s:
            rows.extend(self._emit())
        return rows

    def flush(self) -> list[TextureRow]:
        """Rows of the last half window, whose far partner is the last frame."""
        rows: list[TextureRow] = []
        while self._next < len(self._buffer):
            rows.extend(self._emit())
        return rows

    @property
    def _half_window_s(self) -> float:
        return self._config.window_s / 2 if self._config.curve != "first" else 0.0

    def _emit(self) -> list[TextureRow]:
        frame, time_s, histograms = self._buffer[self._next]
        if self._config.curve == "first":
            references = self._first or histograms
        else:
            ends = self._nearest(time_s - self._half_window_s), self._nearest(time_s + self._half_window_s)
            references = tuple((before + after) / 2 for before, after in zip(*ends, strict=True))
        pooled: list[float] = []
        blocks: list[list[float]] = []
        for each, reference in zip(histograms, references, strict=True):
            differences = chi_square_blocks(each, reference)
            pooled += to_numpy(pool_blocks(differences, pooling=self._config.pooling)).tolist()
            blocks += to_numpy(differences).tolist()
        self._next += 1
        self._forget(time_s - self._half_window_s)
        values = zip((*self._config.kinds, *self._config.peers), pooled, blocks, strict=True)
        return [TextureRow(frame, time_s, kind, pool, tuple(block)) for kind, pool, block in values]

    def _nearest(self, time_s: float) -> tuple[Array, ...]:
        after = bisect_left(self._buffer, time_s, key=itemgetter(1))
        around = range(max(after - 1, 0), min(after + 1, len(self._buffer)))
        return self._buffer[min(around, key=lambda n: abs(self._buffer[n][1] - time_s))][2]

    def _forget(self, before: float) -> None:
        """Drop frames that no later frame can have as its nearest partner."""
        while self._next > 0 and len(self._buffer) > 1 and self._buffer[1][1] <= before:
            self._buffer.popleft()
            self._next -= 1


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
    return modc_histograms(
        grey[None, ...],
        kind=config.kinds,
        grid=config.grid,
        base=config.base,
        planes=config.planes,
        radii=config.radii,
        prefilter=config.prefilter,
    )[:, 0, ...]


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
