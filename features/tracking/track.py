"""The track of one face: where it is, what a detection corrects of it, and the frames that wait for one.

Belongs here: the state of one face. Stays out: several faces, searching and what comes out of it (``tracker``).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from apexline.features.faces import Detection, apply_transform
from apexline.features.tracking.orientation import Orientation
from apexline.features.video import Frame

if TYPE_CHECKING:
    from apexline.features.tracking.config import TrackConfig


def track_id_of(clip_key: str, ordinal: int) -> str:
    """Return the id of a clip's track by its number: 12 hexadecimal digits, the same in every rerun."""
    return hashlib.sha256(f"{clip_key}:{ordinal}".encode()).hexdigest()[:12]


@dataclass(frozen=True)
class HeldFrame:
    """A face in one frame, held back until a detection confirms it.

    Attributes
    ----------
    frame : int
        Frame index, 0-based.
    time_s : float
        Presentation time, s.
    gray : ndarray, shape (M, N), uint8
    box : ndarray, shape (4,)
        Left, top, width, height, px.
    landmarks : ndarray, shape (5, 2)
        (row, col), px.
    score : float
        Score of the last detection, 0..1.
    detected : bool
        Whether the face was detected in this frame.
    """

    frame: int
    time_s: float
    gray: NDArray[np.uint8]
    box: NDArray[np.float64]
    landmarks: NDArray[np.float64]
    score: float
    detected: bool

    def moved(self, box_shift: NDArray[np.float64], landmark_shift: NDArray[np.float64]) -> HeldFrame:
        """The same frame with box (4,) and landmarks (5, 2) shifted, px."""
        return replace(self, box=self.box + box_shift, landmarks=self.landmarks + landmark_shift)


@dataclass(eq=False)
class FaceTrack:
    """State of one track; box (4,), left, top, width, height, and landmarks (5, 2), (row, col), in px."""

    box: NDArray[np.float64]
    landmarks: NDArray[np.float64]
    score: float
    # ByteTrack's number, None until it has seen the face twice.
    tracker_id: int | None
    # Set with the first frame that comes out.
    track_id: str | None = None
    ordinal: int = -1
    num_detections: int = 0
    num_missed: int = 0
    lost: bool = False
    held: list[HeldFrame] = field(default_factory=list["HeldFrame"])
    orientation: Orientation = field(default_factory=Orientation)
    # Landmarks when a detection last corrected them.
    detected_landmarks: NDArray[np.float64] | None = None

    @property
    def side(self) -> float:
        """Longer side of the box, px."""
        return float(max(self.box[2:]))

    def propagate(self, matrix: NDArray[np.float64] | None) -> None:
        """Carry box and landmarks to the next frame by a similarity on (col, row, 1), (2, 3); None: it is lost."""
        self.lost = matrix is None
        if matrix is None:
            return
        zoom = float(np.hypot(matrix[0, 0], matrix[1, 0]))
        centre = self.box[1::-1] + self.box[:1:-1] / 2
        centre = apply_transform(matrix, centre[None])[0]
        sides = self.box[2:] * zoom
        self.box = np.concatenate([centre[::-1] - sides / 2, sides])
        self.landmarks = apply_transform(matrix, self.landmarks)

    def is_still(self, config: TrackConfig) -> bool:
        """Whether a face that has proved itself is where the last detection left it."""
        if self.detected_landmarks is None or self.num_detections < config.min_detections:
            return False
        moved = (self.landmarks - self.detected_landmarks)[:3]
        return float(np.hypot(*moved.T).max()) < config.still_motion * self.side

    def hold(self, frame: Frame, *, detected: bool) -> None:
        """Hold this frame back until a detection confirms it."""
        self.held.append(
            HeldFrame(frame.index, frame.time_s, frame.gray, self.box, self.landmarks, self.score, detected)
        )

    def update(self, detection: Detection, config: TrackConfig) -> None:
        """Correct the track by a detection, in this frame and in the frames held back."""
        self.num_detections += 1
        self.num_missed = 0
        self.score = detection.score
        box_residual = np.asarray(detection.box) - self.box
        landmark_residual = detection.landmarks - self.landmarks
        # Eyes and nose only; the largest, because a turning head moves the nose alone.
        disagreement = float(np.hypot(*landmark_residual[:3].T).max()) / self.side
        gain = 1.0 if self.lost else min(1.0, disagreement / config.max_disagreement)
        # The first detections weigh alike (a running mean), later ones at least by the configured gain.
        gain = max(gain, config.correction, 1 / self.num_detections)
        self.box = self.box + gain * box_residual
        self.landmarks = self.landmarks + gain * landmark_residual
        if self.lost:
            # How the face got here is unknown; the frames before it were followed well.
            self.lost = False
        elif self.track_id is None and gain < 1:
            # Nothing came out yet: correct from the beginning, without a drift.
            self.held = [frame.moved(gain * box_residual, gain * landmark_residual) for frame in self.held]
        else:
            self._spread(gain * box_residual, gain * landmark_residual)
        self.detected_landmarks = self.landmarks

    def _spread(self, box_shift: NDArray[np.float64], landmark_shift: NDArray[np.float64]) -> None:
        """Let a correction grow evenly over the frames since the last detection."""
        last_detected = max((n for n, frame in enumerate(self.held) if frame.detected), default=-1)
        num_steps = len(self.held) - last_detected
        for n in range(last_detected + 1, len(self.held)):
            part = (n - last_detected) / num_steps
            self.held[n] = self.held[n].moved(part * box_shift, part * landmark_shift)
