"""Motion of the face's regions over the crops of one track, frame by frame, with bounded memory.

Belongs here: the parameters of motion over time, its rows (the value columns of the table ``flow_features``)
and the state that one track needs. Stays out: the solvers (``solver``), registration
(``features.registration``) and finding segments (``features.spotting``).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, NonNegativeFloat, PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass as pydantic_dataclass

from apexline.features.backend import Array, Device, Namespace, to_numpy
from apexline.features.flow.polar import flow_angle
from apexline.features.flow.region_motion import region_motion
from apexline.features.flow.solver import Stencil, horn_schunck, horn_schunck_pyramid
from apexline.features.placement import Placement
from apexline.features.registration import (
    Motion,
    Registrar,
    face_regions,
    matching_gains,
    region_window,
    rigid_window,
)
from apexline.features.rows import Block, BlockStream, join_columns

# Flow is computed where a region is, and as far around as its smoothness reaches, px of the crop.
_MARGIN = 10
# Crops that are registered and solved together on the CPU: as images and fields they take 180 kB each.
_CROPS_AT_ONCE = 16

Solver = Literal["single", "pyramid"]
Reference = Literal["first", "anchored"]


@pydantic_dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class FlowConfig:
    """Motion of the face's regions against a reference crop.

    Attributes
    ----------
    solver : {"single", "pyramid"}
        Single-level Horn-Schunck, or the warping pyramid for motion beyond a pixel.
    alpha, num_sweeps, stencil
        As in `features.flow.solver.horn_schunck`.
    num_levels, num_warps, median
        As in `features.flow.solver.horn_schunck_pyramid`.
    registration : {"none", "translation", "affine"}
        How crops are brought onto the reference.
    match_gain : bool
        Scale each crop to the reference's mean over the skin that expressions move least.
    subtract_nose : bool
        Take the mean flow of the nose away, as the head's.
    reference : {"first", "anchored"}
        The track's first crop; or a crop that is taken anew, its displacement carried over, once it is older
        than `anchor_s` and the face is still, or once a crop does not resemble it any more.
    anchor_s : float
        Age of the reference after which a still face gives a new one, s.
    still_px_s : float
        Largest speed of any region of a still face, px/s of the crop.
    min_correlation : float
        A crop that correlates less with the reference does not resemble it: the head has turned, the light
        has changed or something stands before the face.
    hoof_bins : int
        Orientations of the flow histogram.
    """

    solver: Solver = "pyramid"
    alpha: PositiveFloat = 15.0
    num_sweeps: PositiveInt = 20
    stencil: Stencil = "cross"
    num_levels: PositiveInt = 3
    num_warps: PositiveInt = 1
    median: Literal[0, 3, 5] = 0
    registration: Motion = "translation"
    match_gain: bool = True
    subtract_nose: bool = True
    reference: Reference = "anchored"
    anchor_s: PositiveFloat = 8.0
    still_px_s: NonNegativeFloat = 6.0
    min_correlation: Annotated[float, Field(ge=-1, le=1)] = 0.5
    hoof_bins: PositiveInt = 8


@dataclass(frozen=True)
class FlowRow:
    """Value columns of the table ``flow_features``.

    Attributes
    ----------
    frame : int
        Frame index, 0-based.
    time_s : float
        Presentation time, s.
    roi : str
        Region of the face, see `features.registration.regions.face_regions`.
    drow, dcol : float
        Mean displacement against the reference, px of the crop.
    magnitude : float
        Module OV, eq. (19), px of the crop.
    angle : float
        Polar angle of (dcol, drow), rad, 0..2 pi.
    speed : float
        Change of the displacement since the previous frame by real time, px/s; 0 in the first frame.
    hoof : tuple of float
        Magnitude-weighted histogram of orientations, px.
    """

    frame: int
    time_s: float
    roi: str
    drow: float
    dcol: float
    magnitude: float
    angle: float
    speed: float
    hoof: tuple[float, ...]


class FlowStream(BlockStream[FlowRow]):
    """Motion of one track's face regions against a reference crop; holds that crop and the last motion.

    Parameters
    ----------
    config : FlowConfig
    device : {"auto", "cpu", "cuda"}
        Where flow is computed, see `features.placement.Placement`.
    """

    row_type = FlowRow

    def __init__(self, config: FlowConfig, device: Device = "auto") -> None:
        self._config = config
        self._placement = Placement("flow", device)
        self._window = region_window(_MARGIN)
        regions = {name: region.within(self._window) for name, region in face_regions().items()}
        nose = regions.pop("nose")
        self._head = nose if config.subtract_nose else None
        self._regions = regions
        self._registrar: Registrar | None = None
        self._reference: Array = None
        self._anchor_time_s = 0.0
        # displacement of the reference crop itself, and of the last frame, (R, 2) px
        self._anchor_displacement: NDArray[np.float64] = np.zeros((len(regions), 2))
        self._previous: tuple[float, NDArray[np.float64]] | None = None

    def push_block(
        self, crops: NDArray[np.uint8], frames: NDArray[np.int64], times_s: NDArray[np.float64]
    ) -> Block:
        """Take the next crops; return one row per region of each, in the order of `face_regions`."""
        runs: list[dict[str, NDArray[Any]]] = []
        done, resembles = 0, True
        at_once = len(crops) if self._placement.is_open else _CROPS_AT_ONCE
        while done < len(crops):
            ahead = slice(done, done + at_once)
            images, resembles = self._register(crops[ahead], times_s[ahead], renew=not resembles)
            run = slice(done, done + len(images))
            runs.append(self._describe(images, frames[run], times_s[run]))
            done = run.stop
            if self._may_anchor(float(times_s[done - 1]), runs[-1]["speed"][-len(self._regions) :]):
                assert self._previous is not None
                self._anchor_displacement = self._previous[1]
                self._anchor(crops[done - 1], float(times_s[done - 1]))
        columns = join_columns(runs) if runs else self._no_columns()
        return Block(columns, np.repeat(np.arange(len(crops)), len(self._regions)))

    def flush_block(self) -> Block:
        """No row is held back."""
        return self.push_block(np.empty((0, 0, 0), np.uint8), np.empty(0, np.int64), np.empty(0))

    def _no_columns(self) -> dict[str, NDArray[Any]]:
        bins = np.empty((0, self._config.hoof_bins), np.float32)
        return self._columns(np.empty(0, np.int64), np.empty(0), np.empty((0, 2)), np.empty(0), bins)

    def _anchor(self, crop: NDArray[np.uint8], time_s: float) -> Registrar:
        self._registrar = Registrar(crop, motion=self._config.registration)
        self._reference = crop.astype(np.float32)
        self._anchor_time_s = time_s
        return self._registrar

    def _is_old(self, time_s: float) -> bool:
        return self._config.reference == "anchored" and time_s - self._anchor_time_s > self._config.anchor_s

    def _may_anchor(self, time_s: float, speed: NDArray[np.float64]) -> bool:
        return self._is_old(time_s) and float(speed.max()) < self._config.still_px_s

    def _register(
        self, crops: NDArray[np.uint8], times_s: NDArray[np.float64], *, renew: bool
    ) -> tuple[list[NDArray[np.float32]], bool]:
        """Bring the next crops that have one reference onto it; and whether the crop after them resembles it.

        Where the first one does not, it is the reference. A crop after which the reference may be old is the last.
        """
        registrar, first_s = self._registrar, float(times_s[0])
        if registrar is None:
            registrar = self._anchor(crops[0], first_s)
        images: list[NDArray[np.float32]] = []
        for crop, time_s in zip(crops, times_s.tolist(), strict=True):
            if not renew:
                registered = registrar.register(crop)
                resembles = registered.correlation >= self._config.min_correlation
                if resembles or self._config.reference == "first":
                    images.append(registered.image)
                    if self._is_old(time_s):
                        break
                    continue
                if images:
                    return images, False
            renew = False
            if self._previous is not None:
                self._anchor_displacement = self._previous[1]
            registrar = self._anchor(crop, time_s)
            images.append(registrar.register(crop).image)
        return images, True

    def _describe(
        self, images: list[NDArray[np.float32]], frames: NDArray[np.int64], times_s: NDArray[np.float64]
    ) -> dict[str, NDArray[Any]]:
        """Columns of registered crops with one reference."""
        # Pooled on the host: sums on a device have an order of their own, and rows have one form.
        means, histograms = region_motion(
            self._solve(images),
            tuple(self._regions.values()),
            head=self._head,
            num_bins=self._config.hoof_bins,
        )
        # (N, R, 2)
        displacement = self._anchor_displacement + means.astype(np.float64)
        speed = self._speeds(displacement, times_s)
        self._previous = float(times_s[-1]), displacement[-1]
        # (N, R, bins) -> (N*R, bins)
        bins = histograms.reshape((-1, histograms.shape[-1]))
        return self._columns(frames, times_s, displacement.reshape((-1, 2)), speed.ravel(), bins)

    def _columns(
        self,
        frames: NDArray[np.int64],
        times_s: NDArray[np.float64],
        displacement: NDArray[np.float64],
        speed: NDArray[np.float64],
        histograms: NDArray[np.float32],
    ) -> dict[str, NDArray[Any]]:
        drow, dcol = displacement.T
        return {
            "frame": np.repeat(frames, len(self._regions)),
            "time_s": np.repeat(times_s, len(self._regions)),
            "roi": np.tile(np.array(list(self._regions), dtype=object), len(frames)),
            "drow": drow,
            "dcol": dcol,
            "magnitude": np.hypot(drow, dcol),
            "angle": flow_angle(drow, dcol),
            "speed": speed,
            "hoof": histograms,
        }

    def _solve(self, images: list[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Flow from the reference to each image over the window of the regions, (N, 2, M, N)."""
        window = self._window.slices
        gains = [1.0] * len(images)
        if self._config.match_gain:
            gains = matching_gains(images, self._reference, rigid_window())
        moving = np.stack([image[window] * gain for image, gain in zip(images, gains, strict=True)])
        cut = self._reference[window], moving
        return self._placement.compute(len(images), partial(_solved, *cut, self._config))

    def _speeds(self, displacement: NDArray[np.float64], times_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Speeds of the regions, (N, R), px/s; 0 in the first frame and where time stands still."""
        before_s, before = self._previous or (float(times_s[0]), displacement[0])
        steps_s = np.diff(times_s, prepend=before_s)[:, None]
        moved = np.linalg.norm(np.diff(displacement, axis=0, prepend=before[None]), axis=2)
        return np.divide(moved, steps_s, out=np.zeros_like(moved), where=steps_s > 0)


def _solved(
    reference: NDArray[np.float32], moving: NDArray[np.float32], config: FlowConfig, xp: Namespace
) -> NDArray[np.float32]:
    return to_numpy(solve_flow(xp.asarray(reference), xp.asarray(moving), config=config))


def solve_flow(reference: Array, moving: Array, *, config: FlowConfig) -> Array:
    """Flow by the configured solver from a reference to images (..., M, N), shape (..., 2, M, N), px."""
    if config.solver == "single":
        return horn_schunck(
            reference, moving, alpha=config.alpha, num_sweeps=config.num_sweeps, stencil=config.stencil
        )
    return horn_schunck_pyramid(
        reference,
        moving,
        alpha=config.alpha,
        num_levels=config.num_levels,
        num_warps=config.num_warps,
        num_sweeps=config.num_sweeps,
        median=config.median,
        stencil=config.stencil,
    )
