"""Faces over time: detect now and then, follow in between, align steadily, and say which frames are usable.

Belongs here: association, following, smoothing and the reasons for dropping a frame. Stays out: what a single
frame shows (faces.py), what the crops mean, and any link between tracks: an id is good inside its clip only.

How a track comes about
-----------------------
Every k-th frame is searched for faces. In between, the eyes and the nose of each face are followed by optical
flow, and ByteTrack [1]_ says which detection continues which face. Frames are held back until a detection
confirms them, so a track ends with the last frame where the face was seen, and a blip never comes out. The
hold is also the lag of the smoothing: a detection's disagreement with the followed landmarks is spread over
the frames since the detection before, so that the alignment never jumps.

References
----------
.. [1] Zhang et al.: ByteTrack: multi-object tracking by associating every detection box. ECCV 2022.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Literal, cast

import cv2
import numpy as np
import supervision as sv
from numpy.typing import NDArray
from trackers import ByteTrackTracker

from features.faces import (
    Detection,
    FaceConfig,
    FaceDetector,
    FaceQuality,
    align_face,
    apply_transform,
    crop_transform,
    invert_transform,
    make_detector,
    measure_quality,
)
from features.video import Frame

DropReason = Literal["", "low_score", "too_small", "out_of_frame", "off_pose", "blurred"]

# Followed points, (row, col) in the aligned crop: a band from the eyes to the tip of the nose. The mouth and,
# less so, the brows move with expression, the outline with the background: a taller band takes up 1.5 times
# as much of a synthetic smile.
_FOLLOWED = np.stack(
    np.meshgrid(np.arange(42.0, 67.0, 6.0), np.arange(34.0, 95.0, 6.0), indexing="ij"), axis=-1
).reshape(-1, 2)
# The part of the crop that has to lie inside of the frame: brows to mouth.
_FACE_CORNERS = np.array([[28.0, 24.0], [28.0, 104.0], [100.0, 24.0], [100.0, 104.0]])
# The surroundings of a face, in box sides, are brought to this many px before following: the cost does not
# depend on the face's size, and a face may move by a third of itself from frame to frame.
_PATCH_MARGIN = 1.7
_PATCH_SIDE = 160
_WINDOW = (15, 15)
_NUM_PYRAMID_LEVELS = 3
# px of the patch: a point that does not come back to where it started has lost its grip.
_MAX_ROUND_TRIP = 0.5
_MAX_MISFIT = 1.0
_MIN_FOLLOWED_SHARE = 0.35
# A face does not grow or shrink by more from one frame to the next.
_MAX_ZOOM = 1.25
# ByteTrack forgets a face that was neither followed nor detected for this many frames.
_TRACKER_MEMORY = 3


@dataclass(frozen=True)
class TrackConfig:
    """How detections become tracks, and which frames of a track are kept.

    Attributes
    ----------
    start_score : float
        Detector score that a new track starts with, 0..1.
    keep_score : float
        Frames whose last detection scored less are dropped as ``low_score``, 0..1.
    min_detections : int
        Detections before anything of a track comes out.
    max_missed : int
        Detections in a row that may miss a face before its track ends; the frames since its last detection
        are then discarded.
    min_iou : float
        Overlap of a detection with the followed face that it continues, 0..1.
    correction : float
        Least share of a detection's disagreement with the followed landmarks that is taken over, 0..1. Small
        is steady, large follows the detector's noise.
    max_disagreement : float
        Disagreement of an eye or the nose, in box sides, from which on the detection counts in full: the head
        has turned, or following has slipped. Below, the share grows in proportion.
    min_blur : float
        Least variance of the Laplacian of the crop, grey^2.
    max_yaw : float
        Largest pose proxy, see `features.faces.FaceQuality`.
    max_roll_deg : float
        Largest roll, degrees.
    """

    start_score: float = 0.9
    keep_score: float = 0.8
    min_detections: int = 3
    max_missed: int = 2
    min_iou: float = 0.2
    correction: float = 0.2
    max_disagreement: float = 0.08
    min_blur: float = 10.0
    max_yaw: float = 0.3
    max_roll_deg: float = 40.0

    def __post_init__(self) -> None:
        for name in ("start_score", "keep_score", "min_iou", "correction"):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                msg = f"tracks.{name} is {value}; expected 0..1"
                raise ValueError(msg)
        if self.min_detections < 1 or self.max_missed < 0:
            msg = (
                f"tracks.min_detections is {self.min_detections}, tracks.max_missed {self.max_missed}; "
                "expected at least 1 and 0"
            )
            raise ValueError(msg)


@dataclass(frozen=True)
class TrackedFace:
    """One face in one frame.

    Attributes
    ----------
    track_id : str
        12 hexadecimal digits; links to nothing outside of the clip.
    frame : int
        Frame index in the clip, 0-based.
    time_s : float
        Presentation time from the clip's start, s.
    box : tuple of float
        Left, top, width, height, px.
    landmarks : ndarray, shape (5, 2), float64
        Smoothed (row, col) of left eye, right eye, nose, left and right mouth corner, px.
    detector_score : float
        Score of the last detection, 0..1.
    detected : bool
        Whether the face was detected in this frame; otherwise it was followed.
    quality : FaceQuality
    kept : bool
        Whether the frame is good enough for features.
    drop_reason : str
        Empty when kept, else ``low_score``, ``too_small``, ``out_of_frame``, ``off_pose`` or ``blurred``.
    crop : ndarray, shape (128, 128), uint8, or None
        Aligned grey face; None when dropped.
    """

    track_id: str
    frame: int
    time_s: float
    box: tuple[float, float, float, float]
    landmarks: NDArray[np.float64]
    detector_score: float
    detected: bool
    quality: FaceQuality
    kept: bool
    drop_reason: DropReason
    crop: NDArray[np.uint8] | None


def track_faces(
    frames: Iterable[Frame],
    *,
    faces: FaceConfig,
    tracks: TrackConfig,
    clip_key: str,
    detector: FaceDetector | None = None,
) -> Iterator[TrackedFace]:
    """Find and follow the faces of a clip.

    Memory is bounded by the frames held back, ``(min_detections + max_missed) * detect_every`` at most, and
    does not grow with the clip.

    Parameters
    ----------
    frames : iterable of Frame
        In display order; frames may be missing.
    faces : FaceConfig
    tracks : TrackConfig
    clip_key : str
        The clip's content hash. Track ids are derived from it: a rerun gives the same ids, another clip
        other ones.
    detector : FaceDetector, optional
        Used in place of the one that `faces` names.

    Yields
    ------
    TrackedFace
        In order of frames, within a frame in order of the tracks' beginning.
    """
    line = _FaceLine(faces, tracks, clip_key, detector or make_detector(faces))
    for frame, is_last in _mark_last(frames):
        # The last frame is always searched: a detection has to confirm the frames before it.
        line.push(frame, search=is_last)
        yield from line.drain()
    line.close()
    yield from line.drain()


@dataclass(frozen=True)
class _Moment:
    """A face in one frame, held back until a detection confirms it."""

    frame: int
    time_s: float
    gray: NDArray[np.uint8]
    box: NDArray[np.float64]
    landmarks: NDArray[np.float64]
    score: float
    detected: bool

    def moved(self, box_shift: NDArray[np.float64], landmark_shift: NDArray[np.float64]) -> _Moment:
        return replace(self, box=self.box + box_shift, landmarks=self.landmarks + landmark_shift)


@dataclass
class _Face:
    """A face that is being followed."""

    box: NDArray[np.float64]
    landmarks: NDArray[np.float64]
    score: float
    # ByteTrack's number, None until it has seen the face twice.
    tracker_id: int | None
    # Set with the first frame that comes out.
    track_id: str | None = None
    ordinal: int = -1
    num_detections: int = 1
    num_missed: int = 0
    lost: bool = False
    held: list[_Moment] = field(default_factory=list["_Moment"])

    @property
    def side(self) -> float:
        return float(max(self.box[2:]))

    def follow(self, before: NDArray[np.uint8], now: NDArray[np.uint8]) -> None:
        """Carry box and landmarks from one frame to the next, or mark the face as lost."""
        matrix = follow_similarity(before, now, self.landmarks, self.box)
        self.lost = matrix is None
        if matrix is None:
            return
        zoom = float(np.hypot(matrix[0, 0], matrix[1, 0]))
        centre = self.box[1::-1] + self.box[:1:-1] / 2
        centre = apply_transform(matrix, centre[None])[0]
        sides = self.box[2:] * zoom
        self.box = np.concatenate([centre[::-1] - sides / 2, sides])
        self.landmarks = apply_transform(matrix, self.landmarks)

    def hold(self, frame: Frame, gray: NDArray[np.uint8], *, detected: bool) -> None:
        self.held.append(
            _Moment(frame.index, frame.time_s, gray, self.box, self.landmarks, self.score, detected)
        )

    def confirm(self, detection: Detection, config: TrackConfig) -> None:
        """Take a detection into account, in this frame and in the frames held back."""
        self.num_detections += 1
        self.num_missed = 0
        self.score = detection.score
        box_error = np.asarray(detection.box) - self.box
        landmark_error = detection.landmarks - self.landmarks
        # Eyes and nose only; the largest, because a turning head moves the nose alone.
        disagreement = float(np.hypot(*landmark_error[:3].T).max()) / self.side
        share = 1.0 if self.lost else min(1.0, disagreement / config.max_disagreement)
        # The first detections weigh alike (a running mean), later ones at least by the configured share.
        share = max(share, config.correction, 1 / self.num_detections)
        self.box = self.box + share * box_error
        self.landmarks = self.landmarks + share * landmark_error
        if self.lost:
            # How the face got here is unknown; the frames before it were followed well.
            self.lost = False
        elif self.track_id is None and share < 1:
            # Nothing came out yet: correct from the beginning, without a drift.
            self.held = [moment.moved(share * box_error, share * landmark_error) for moment in self.held]
        else:
            self._spread(share * box_error, share * landmark_error)

    def _spread(self, box_shift: NDArray[np.float64], landmark_shift: NDArray[np.float64]) -> None:
        """Let a correction grow evenly over the frames since the last detection."""
        last_detected = max((n for n, moment in enumerate(self.held) if moment.detected), default=-1)
        num_steps = len(self.held) - last_detected
        for n in range(last_detected + 1, len(self.held)):
            part = (n - last_detected) / num_steps
            self.held[n] = self.held[n].moved(part * box_shift, part * landmark_shift)


class _FaceLine:
    """The state of `track_faces` between two frames."""

    def __init__(self, faces: FaceConfig, tracks: TrackConfig, clip_key: str, detector: FaceDetector) -> None:
        self._faces_config = faces
        self._config = tracks
        self._clip_key = clip_key
        self._detector = detector
        self._association = _Association(tracks)
        self._live: list[_Face] = []
        self._num_tracks = 0
        self._before: NDArray[np.uint8] | None = None
        # The first frame is searched.
        self._frames_since_search = faces.detect_every
        self._next_frame = 0
        self._ready: list[tuple[int, TrackedFace]] = []

    def push(self, frame: Frame, *, search: bool) -> None:
        gray = cv2.cvtColor(frame.image, cv2.COLOR_BGR2GRAY).astype(np.uint8, copy=False)
        if self._before is not None:
            for face in self._live:
                face.follow(self._before, gray)
        self._before = gray
        self._frames_since_search += 1
        due = self._frames_since_search >= self._faces_config.detect_every
        # A face seen only once is not worth a search of its own.
        self._live = [face for face in self._live if not face.lost or face.num_detections > 1]
        if search or due or any(face.lost for face in self._live):
            self._frames_since_search = 0
            self._search(frame, gray)
        else:
            self._association.update_followed(self._live)
            for face in self._live:
                face.hold(frame, gray, detected=False)
        self._next_frame = frame.index + 1

    def drain(self) -> Iterator[TrackedFace]:
        """Yield the frames that no face still held back can precede."""
        earliest = min((face.held[0].frame for face in self._live if face.held), default=self._next_frame)
        self._ready.sort(key=lambda row: (row[1].frame, row[0]))
        num_settled = sum(row[1].frame < earliest for row in self._ready)
        settled, self._ready = self._ready[:num_settled], self._ready[num_settled:]
        for _, tracked in settled:
            yield tracked

    def close(self) -> None:
        """End of the clip: what no detection confirmed is discarded."""
        self._live = []

    def _search(self, frame: Frame, gray: NDArray[np.uint8]) -> None:
        detections = self._detector.detect(frame.image)
        by_id = {face.tracker_id: face for face in self._live if face.tracker_id is not None}
        live: list[_Face] = []
        for detection, tracker_id in self._association.match(detections):
            face = None if tracker_id is None else by_id.pop(tracker_id, None)
            if face is not None:
                face.confirm(detection, self._config)
            elif tracker_id is not None or detection.score >= self._config.start_score:
                face = _Face(np.asarray(detection.box), detection.landmarks, detection.score, tracker_id)
            else:
                continue
            face.hold(frame, gray, detected=True)
            live.append(face)
        for face in by_id.values():
            face.num_missed += 1
            # A face that has not proved itself gets no second chance.
            allowed = self._config.max_missed if face.track_id is not None else 0
            if not face.lost and face.num_missed <= allowed:
                face.hold(frame, gray, detected=False)
                live.append(face)
        self._live = live
        for face in live:
            if face.held[-1].detected and face.num_detections >= self._config.min_detections:
                self._release(face)

    def _release(self, face: _Face) -> None:
        if face.track_id is None:
            face.ordinal = self._num_tracks
            self._num_tracks += 1
            digest = hashlib.sha256(f"{self._clip_key}:{face.ordinal}".encode())
            face.track_id = digest.hexdigest()[:12]
        self._ready += [(face.ordinal, self._finish(face.track_id, moment)) for moment in face.held]
        face.held = []

    def _finish(self, track_id: str, moment: _Moment) -> TrackedFace:
        left, top, width, height = (float(side) for side in moment.box)
        box = (left, top, width, height)
        crop = align_face(moment.gray, moment.landmarks)
        quality = measure_quality(crop, box, moment.landmarks)
        reason = self._drop_reason(moment, quality)
        return TrackedFace(
            track_id=track_id,
            frame=moment.frame,
            time_s=moment.time_s,
            box=box,
            landmarks=moment.landmarks,
            detector_score=moment.score,
            detected=moment.detected,
            quality=quality,
            kept=not reason,
            drop_reason=reason,
            crop=None if reason else crop,
        )

    def _drop_reason(self, moment: _Moment, quality: FaceQuality) -> DropReason:
        config = self._config
        corners = apply_transform(invert_transform(crop_transform(moment.landmarks)), _FACE_CORNERS)
        inside = (corners >= 0).all() and (corners <= np.array(moment.gray.shape) - 1).all()
        if moment.score < config.keep_score:
            return "low_score"
        if quality.size_px < self._faces_config.min_face_px:
            return "too_small"
        if not inside:
            return "out_of_frame"
        if abs(quality.yaw) > config.max_yaw or abs(quality.roll_deg) > config.max_roll_deg:
            return "off_pose"
        return "blurred" if quality.blur < config.min_blur else ""


class _Association:
    """ByteTrack, fed with detections where a frame was searched and with followed boxes elsewhere."""

    def __init__(self, config: TrackConfig) -> None:
        self._tracker = ByteTrackTracker(
            lost_track_buffer=_TRACKER_MEMORY,
            frame_rate=30.0,
            track_activation_threshold=config.start_score,
            high_conf_det_threshold=config.start_score,
            minimum_iou_threshold=config.min_iou,
            minimum_consecutive_frames=2,
        )

    def match(self, detections: list[Detection]) -> list[tuple[Detection, int | None]]:
        """Each detection with ByteTrack's number for its face, None where it has none yet."""
        ids = self._update([detection.box for detection in detections], [d.score for d in detections])
        return list(zip(detections, ids, strict=True))

    def update_followed(self, faces: list[_Face]) -> None:
        """Tell where the faces have got to, and learn the numbers of new ones."""
        # Following is surer than ByteTrack's own extrapolation: the boxes count as certain.
        ids = self._update([face.box for face in faces], [1.0] * len(faces))
        for face, tracker_id in zip(faces, ids, strict=True):
            face.tracker_id = tracker_id

    def _update(
        self, boxes: list[NDArray[np.float64]] | list[tuple[float, ...]], scores: list[float]
    ) -> list[int | None]:
        corners = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
        corners = np.hstack([corners[:, :2], corners[:, :2] + corners[:, 2:]])
        rows = np.arange(len(corners))
        # ByteTrack reorders; the row number travels along.
        answer = self._tracker.update(
            sv.Detections(xyxy=corners, confidence=np.asarray(scores, dtype=np.float64), data={"row": rows})
        )
        ids: list[int | None] = [None] * len(corners)
        numbers = answer.tracker_id if answer.tracker_id is not None else []
        for row, tracker_id in zip(answer.data.get("row", []), numbers, strict=True):
            ids[int(row)] = int(tracker_id) if tracker_id >= 0 else None
        return ids


def follow_similarity(
    before: NDArray[np.uint8],
    now: NDArray[np.uint8],
    landmarks: NDArray[np.float64],
    box: NDArray[np.float64],
) -> NDArray[np.float64] | None:
    """Rigid motion of a face from one frame to the next, from points around eyes and nose.

    Parameters
    ----------
    before, now : ndarray, shape (M, N), uint8
        Successive grey frames.
    landmarks : ndarray, shape (5, 2)
        (row, col) in `before`, px.
    box : ndarray, shape (4,)
        Left, top, width, height in `before`, px.

    Returns
    -------
    ndarray, shape (2, 3), or None
        Similarity on (col, row, 1), px; None where too few points agree.
    """
    side = float(max(box[2:])) * _PATCH_MARGIN
    centre = landmarks[:3].mean(axis=0)
    first = np.maximum(np.round(centre - side / 2), 0).astype(int)
    last = np.minimum(np.round(centre + side / 2), before.shape).astype(int)
    if (last - first < _WINDOW).any():
        return None
    scale = _PATCH_SIDE / side
    points = apply_transform(invert_transform(crop_transform(landmarks)), _FOLLOWED)
    # (row, col) px of the frame -> (col, row) px of the patch, whose pixel centres scale about their edges
    origin = first - 0.5 + 0.5 / scale
    start = ((points - origin) * scale)[:, ::-1].astype(np.float32)
    end, agree = _follow_points(_cut(before, first, last, scale), _cut(now, first, last, scale), start)
    if agree.sum() < _MIN_FOLLOWED_SHARE * len(_FOLLOWED):
        return None
    # OpenCV seeds this random sampling itself, always alike: the same frames give the same bytes.
    fitted, used = cast(
        "tuple[NDArray[np.float64] | None, NDArray[np.uint8]]",
        cv2.estimateAffinePartial2D(
            start[agree], end[agree], method=cv2.RANSAC, ransacReprojThreshold=_MAX_MISFIT
        ),
    )
    if fitted is None or used.sum() < _MIN_FOLLOWED_SHARE * len(_FOLLOWED):
        return None
    zoom = float(np.hypot(fitted[0, 0], fitted[1, 0]))
    if not 1 / _MAX_ZOOM < zoom < _MAX_ZOOM:
        return None
    # Patch px back to frame px: p -> origin + p / scale on both sides of the motion.
    linear, shift = fitted[:, :2], fitted[:, 2]
    offset = origin[::-1]
    return np.column_stack([linear, shift / scale + offset - linear @ offset])


def _cut(
    image: NDArray[np.uint8], first: NDArray[np.int_], last: NDArray[np.int_], scale: float
) -> NDArray[np.uint8]:
    region = image[first[0] : last[0], first[1] : last[1]]
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return cv2.resize(region, None, fx=scale, fy=scale, interpolation=method).astype(np.uint8, copy=False)


def _follow_points(
    before: NDArray[np.uint8], now: NDArray[np.uint8], start: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Pyramidal Lucas-Kanade there and back; which points return to where they started."""
    forth, found, _ = cv2.calcOpticalFlowPyrLK(
        before, now, start, start.copy(), winSize=_WINDOW, maxLevel=_NUM_PYRAMID_LEVELS - 1
    )
    back, found_back, _ = cv2.calcOpticalFlowPyrLK(
        now, before, forth, forth.copy(), winSize=_WINDOW, maxLevel=_NUM_PYRAMID_LEVELS - 1
    )
    round_trip = np.hypot(*(back - start).T)
    agree = (found[:, 0] > 0) & (found_back[:, 0] > 0) & (round_trip < _MAX_ROUND_TRIP)
    return forth.astype(np.float32, copy=False), agree


def _mark_last(frames: Iterable[Frame]) -> Iterator[tuple[Frame, bool]]:
    """Each frame with whether it is the last one."""
    stream = iter(frames)
    frame = next(stream, None)
    for following in stream:
        if frame is not None:
            yield frame, False
        frame = following
    if frame is not None:
        yield frame, True
