"""Motion of the face's regions over the crops of one track, frame by frame, with bounded memory.

Belongs here: the parameters of motion over time, its rows (the value columns of the table ``flow_features``)
and the state that one track needs. Stays out: the solvers (``solver``), registration
(``features.registration``) and finding segments (``features.spotting``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, NonNegativeFloat, PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass as pydantic_dataclass

from apexline.features.backend import Array, Device, device_namespace, to_numpy
from apexline.features.flow.polar import flow_angle
from apexline.features.flow.region_motion import region_motion
from apexline.features.flow.solver import Stencil, horn_schunck, horn_schunck_pyramid
from apexline.features.registration import (
    Motion,
    Registrar,
    face_regions,
    match_gain,
    region_window,
    rigid_window,
)

# Flow is computed where a region is, and as far around as its smoothness reaches, px of the crop.
_MARGIN = 10

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


class FlowStream:
    """Motion of one track's face regions against a reference crop; holds that crop and the last motion.

    Parameters
    ----------
    config : FlowConfig
    device : {"auto", "cpu", "cuda"}
        Where flow is computed, see `features.backend.device_namespace`.
    """

    def __init__(self, config: FlowConfig, device: Device = "auto") -> None:
        self._config = config
        self._xp = device_namespace(device)
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

    def push(self, crop: NDArray[np.uint8], frame: int, time_s: float) -> list[FlowRow]:
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
        list of FlowRow
            One row per region of this frame.
        """
        means, histograms = region_motion(
            self._solve(crop, time_s),
            tuple(self._regions.values()),
            head=self._head,
            num_bins=self._config.hoof_bins,
        )
        displacement = self._anchor_displacement + to_numpy(means).astype(np.float64)
        speed = self._speed(displacement, time_s)
        drow, dcol = displacement.T
        columns = (drow, dcol, np.hypot(drow, dcol), flow_angle(drow, dcol), speed)
        values = zip(
            self._regions,
            *(column.tolist() for column in columns),
            to_numpy(histograms).tolist(),
            strict=True,
        )
        rows = [
            FlowRow(frame, time_s, roi, down, right, module, turn, change, tuple(bins))
            for roi, down, right, module, turn, change, bins in values
        ]
        self._previous = (time_s, displacement)
        if self._may_anchor(time_s, speed):
            self._anchor_displacement = displacement
            self._anchor(crop, time_s)
        return rows

    def flush(self) -> list[FlowRow]:
        """No row is held back."""
        return []

    def _anchor(self, crop: NDArray[np.uint8], time_s: float) -> Registrar:
        self._registrar = Registrar(crop, motion=self._config.registration)
        self._reference = self._xp.asarray(crop.astype(np.float32))
        self._anchor_time_s = time_s
        return self._registrar

    def _may_anchor(self, time_s: float, speed: NDArray[np.float64]) -> bool:
        old = time_s - self._anchor_time_s > self._config.anchor_s
        return self._config.reference == "anchored" and old and float(speed.max()) < self._config.still_px_s

    def _solve(self, crop: NDArray[np.uint8], time_s: float) -> Array:
        registrar = self._registrar if self._registrar is not None else self._anchor(crop, time_s)
        registered = registrar.register(crop)
        if self._config.reference == "anchored" and registered.correlation < self._config.min_correlation:
            if self._previous is not None:
                self._anchor_displacement = self._previous[1]
            registered = self._anchor(crop, time_s).register(crop)
        image = self._xp.asarray(registered.image)
        if self._config.match_gain:
            image = match_gain(image, self._reference, rigid_window())
        return solve_flow(
            self._reference[self._window.slices], image[self._window.slices], config=self._config
        )

    def _speed(self, displacement: NDArray[np.float64], time_s: float) -> NDArray[np.float64]:
        if self._previous is None or time_s <= self._previous[0]:
            return np.zeros(displacement.shape[0])
        return np.linalg.norm(displacement - self._previous[1], axis=1) / (time_s - self._previous[0])


def solve_flow(reference: Array, moving: Array, *, config: FlowConfig) -> Array:
    """Flow by the configured solver, shape (2, M, N), px."""
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
