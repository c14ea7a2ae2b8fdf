"""What stands before the camera: a face with its place, its sway and all that it does, and the clip as a whole.

Belongs here: what a planned clip is. Stays out: choosing it (``plan``) and drawing it (``clips``).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from apexline.sample.face import Pose
from apexline.sample.life import Event, EventKind
from apexline.sample.schedule import Episode, lid_closing


class Look(Protocol):
    """Whose face it is: a key to its puppet, and where the face lies on the puppet's canvas."""

    @property
    def face_px(self) -> float:
        """Size of the face, geometric mean of the sides of its box, px of the canvas."""
        ...

    @property
    def pivot(self) -> tuple[float, float]:
        """Middle of the face, (x, y) px of the canvas."""
        ...

    def canvas_box(self) -> tuple[float, float, float, float]:
        """Face box x0, y0, x1, y1, px of the canvas."""
        ...


@dataclass(frozen=True)
class Sway:
    """How a head moves all the time, a little.

    Attributes
    ----------
    amplitudes : tuple of float
        x px, y px, roll degrees, size share.
    phases : tuple of float
        Phase of each of these four, rad.
    period_s : float
        Period of x, s; the others have others.
    """

    amplitudes: tuple[float, float, float, float]
    phases: tuple[float, float, float, float]
    period_s: float

    def placement(
        self, time_s: float, pivot: tuple[float, float], centre: tuple[float, float], scale: float
    ) -> NDArray[np.float64]:
        """Affine map, shape (2, 3), that brings the pivot of a canvas near a centre of the frame, at a time."""
        angle = 2 * np.pi * time_s / self.period_s
        speeds = (1.0, 1.31, 0.83, 0.61)
        dx, dy, roll, grow = (
            amplitude * np.sin(speed * angle + phase)
            for amplitude, speed, phase in zip(self.amplitudes, speeds, self.phases, strict=True)
        )
        matrix = np.asarray(cv2.getRotationMatrix2D(pivot, roll, scale * (1 + grow)), np.float64)
        matrix[:, 2] += np.array(centre) + (dx, dy) - pivot
        return matrix


@dataclass(frozen=True)
class Actor:
    """One face of a clip: who, where, how it sways and what it does.

    Attributes
    ----------
    subject : str
        Pseudonymous code of the manifest.
    look : Look
        The face.
    centre : tuple of float
        (x, y) of the face's middle when it does not sway, px.
    face_px : float
        Size of the face, geometric mean of the box sides, px.
    sway : Sway
        How the head moves all the time.
    episodes : tuple of Episode
        Expressions and calm episodes, in order.
    blinks : tuple of int
        First frames of the blinks.
    events : tuple of Event
        Speech, gaze, turns and nods of the head.
    """

    subject: str
    look: Look
    centre: tuple[float, float]
    face_px: float
    sway: Sway
    episodes: tuple[Episode, ...]
    blinks: tuple[int, ...]
    events: tuple[Event, ...] = ()

    @property
    def canvas_scale(self) -> float:
        """Frame pixels per pixel of the puppet's canvas, when the face does not sway."""
        return self.face_px / self.look.face_px

    def pose(self, frame: int) -> Pose:
        """Movements of the face at a frame."""
        pose = Pose(
            blink=max((lid_closing(frame - start) for start in self.blinks), default=0.0),
            talk=self.amount("talk", frame),
            gaze=self.amount("gaze", frame),
        )
        for episode in self.episodes:
            if episode.emotion != "calm" and episode.start < frame < episode.end:
                pose = replace(pose, **{episode.emotion: episode.intensity(frame)})
        return pose

    def amount(self, kind: EventKind, frame: int) -> float:
        """Amount of the events of a kind at a frame; 0 where there is none."""
        return sum(event.at(frame) for event in self.events if event.kind == kind)

    def placement(self, time_s: float) -> NDArray[np.float64]:
        """Affine map, shape (2, 3), from the puppet's canvas to the frame, at a time."""
        return self.sway.placement(time_s, self.look.pivot, self.centre, self.canvas_scale)

    def box(self, time_s: float) -> tuple[float, float, float, float]:
        """Face box at a time, the head not turned: left, top, width, height, px of the frame."""
        x0, y0, x1, y1 = self.look.canvas_box()
        corners = np.array([(x, y, 1.0) for x in (x0, x1) for y in (y0, y1)])
        placed = corners @ self.placement(time_s).T
        left, top = placed.min(axis=0).round(1).tolist()
        width, height = np.ptp(placed, axis=0).round(1).tolist()
        return left, top, width, height


@dataclass(frozen=True)
class ClipPlan:
    """Everything that a clip's pixels and its manifest follow from.

    Attributes
    ----------
    name : str
        File name without suffix.
    camera : str
        Camera of the manifest.
    captured_at : datetime
        Start of the recording, UTC.
    size : tuple of int
        Width and height, px.
    fps, num_frames : int
        Rate and length.
    actors : tuple of Actor
        The faces; the last stands in front.
    backdrop : str
        scikit-image picture behind the faces.
    light_drift, noise, blur : float
        Share by which the exposure drifts; sensor noise, grey levels; Gaussian blur, px.
    crf : int
        x264's constant rate factor.
    seed : int
        Seed of backdrop and noise.
    lights : tuple of Event
        Light and shadow that pass over the picture.
    """

    name: str
    camera: str
    captured_at: datetime
    size: tuple[int, int]
    fps: int
    num_frames: int
    actors: tuple[Actor, ...]
    backdrop: str
    light_drift: float
    noise: float
    blur: float
    crf: int
    seed: int
    lights: tuple[Event, ...] = ()
