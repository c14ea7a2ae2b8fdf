"""Faces over time: detect now and then, follow in between, align steadily, and say which frames are usable.

Belongs here: what becomes of the faces of a clip, smoothing and the reasons for dropping a frame. Stays out: what a
single frame shows (``features.faces``), what the crops mean, and any link between tracks: an id is good inside its
clip only.

How a track comes about
-----------------------
From frame to frame the eyes and the nose of each face are followed by optical flow (``landmark_flow``). At every
check, a few times per second, the detector looks again at each face; frames are searched for other faces
rarely, and in full more rarely (``search``). ByteTrack [1]_ says which detection of a search continues which
face. Frames are held back until a detection confirms them, so a track ends with the last frame where the face
was seen, and a blip never comes out. The hold is also the lag of the smoothing: a detection's disagreement with
the followed landmarks is spread over the frames since the detection before, so that the alignment never jumps.
All intervals are times, not numbers of frames.

References
----------
.. [1] Zhang et al.: ByteTrack: multi-object tracking by associating every detection box. ECCV 2022.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from apexline.features.faces import (
    Box,
    Detection,
    FaceConfig,
    FaceDetector,
    FaceQuality,
    Light,
    Window,
    bad_light,
    box_iou,
    crop_similarity,
    make_detector,
    measure_quality,
    warp_face,
)
from apexline.features.tracking.config import TrackConfig
from apexline.features.tracking.landmark_flow import track_landmarks
from apexline.features.tracking.orientation import Turned
from apexline.features.tracking.search import TIME_TOLERANCE_S, MotionSearch
from apexline.features.tracking.track import FaceTrack, HeldFrame, track_id_of
from apexline.features.video import Frame

DropReason = Turned | Light | Literal["low_score", "too_small", "out_of_frame", "off_pose", "blurred"]

# The corners of the part of the crop that has to lie inside of the frame, brows to mouth, col + i row.
_FACE_CORNERS = (24 + 28j, 104 + 28j, 24 + 100j, 104 + 100j)
# A face that is no longer seen is searched about its last place, in a square of this many box sides.
_SEARCH_SIDES = 2.5
# Intersection over union from which on two boxes are one face.
_DUPLICATE_IOU = 0.6
# Faces that are followed at a time, the largest of a search first: the work per frame is bounded, whatever it shows.
_MOST_FACES = 64


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
    box : Box
        px.
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
        Empty when kept, else ``upside_down``, ``sideways``, ``low_score``, ``too_small``, ``out_of_frame``,
        ``off_pose``, ``blurred``, or, where the light leaves no detail, ``too_dark``, ``too_bright``, ``low_contrast``.
    crop : ndarray, shape (128, 128), uint8, or None
        Aligned grey face; None when dropped.
    """

    track_id: str
    frame: int
    time_s: float
    box: Box
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

    Memory is bounded by the frames held back, those of ``(min_detections + max_missed) * check_s`` at most,
    and does not grow with the clip. No more than 64 faces are followed at a time: while there are so many, others
    are not searched for.

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
    tracker = FaceTracker(faces, tracks, clip_key, detector or make_detector(faces))
    for frame, is_last in _mark_last(frames):
        # The last frame is always checked: a detection has to confirm the frames before it.
        yield from tracker.update(frame, check=is_last)
    yield from tracker.flush()


class FaceTracker:
    """The state of `track_faces` between two frames.

    Parameters
    ----------
    faces : FaceConfig
    tracks : TrackConfig
    clip_key : str
        As for `track_faces`.
    detector : FaceDetector
    """

    def __init__(self, faces: FaceConfig, tracks: TrackConfig, clip_key: str, detector: FaceDetector) -> None:
        # Here and not at the top: ByteTrack brings packages that take longer to import than everything else
        # that reads this module's names.
        from apexline.features.tracking.association import Association

        self._faces_config = faces
        self._config = tracks
        self._clip_key = clip_key
        self._detector = detector
        self._association = Association(
            start_score=tracks.start_score, min_iou=tracks.min_iou, memory=tracks.max_missed + 1
        )
        self._motion_search = MotionSearch(
            min_face_px=faces.min_face_px, search_s=tracks.search_s, still_search_s=tracks.still_search_s
        )
        self._tracks: list[FaceTrack] = []
        self._num_tracks = 0
        self._previous: NDArray[np.uint8] | None = None
        # The first frame is checked.
        self._check_time_s = -math.inf
        self._next_frame = 0
        # What came out of each track, with the track's ordinal, until nothing can precede it any more.
        self._released: list[tuple[int, TrackedFace]] = []

    def update(self, frame: Frame, *, check: bool = False) -> list[TrackedFace]:
        """Take the next frame.

        Parameters
        ----------
        frame : Frame
            Later than the one before.
        check : bool, optional
            Whether the detector has to look at this frame even if no check is due.

        Returns
        -------
        list of TrackedFace
            Those that became final, ordered by frame, then by the tracks' beginning.
        """
        if self._previous is not None:
            motions = track_landmarks(
                self._previous,
                frame.gray,
                [track.landmarks for track in self._tracks],
                [track.box for track in self._tracks],
            )
            for track, motion in zip(self._tracks, motions, strict=True):
                track.propagate(motion)
        self._previous = frame.gray
        # A face seen only once is not worth a search of its own.
        self._tracks = [track for track in self._tracks if not track.lost or track.num_detections > 1]
        if check or self._is_due(frame.time_s) or any(track.lost for track in self._tracks):
            self._check_time_s = frame.time_s
            self._check(frame)
        else:
            for track in self._tracks:
                track.hold(frame, detected=False)
        self._next_frame = frame.index + 1
        return self._take_settled()

    def flush(self) -> list[TrackedFace]:
        """End of the clip: what is still to come out; frames that no detection confirmed are discarded."""
        self._tracks = []
        return self._take_settled()

    def _is_due(self, time_s: float) -> bool:
        """Whether the faces should be looked at again."""
        since = time_s - self._check_time_s + TIME_TOLERANCE_S
        if since < self._config.check_s or since >= self._config.still_check_s:
            return since >= self._config.check_s
        still = all(track.is_still(self._config) for track in self._tracks)
        return not (self._tracks and still)

    def _take_settled(self) -> list[TrackedFace]:
        """Take out the frames that no frame still held back can precede."""
        earliest = min(
            (track.held[0].frame for track in self._tracks if track.held), default=self._next_frame
        )
        self._released.sort(key=lambda row: (row[1].frame, row[0]))
        num_settled = sum(row[1].frame < earliest for row in self._released)
        settled, self._released = self._released[:num_settled], self._released[num_settled:]
        return [tracked for _, tracked in settled]

    def _check(self, frame: Frame) -> None:
        """Look again at the known faces, search for others, and let go of those that are gone."""
        detected = self._confirm(frame)
        confirmed = list(detected.values())
        found = self._search(
            frame,
            known=[detection.box for detection in confirmed],
            missing=[track for track in self._tracks if track not in detected],
        )
        tracker_ids = self._association.match([*confirmed, *found])
        for track, tracker_id in zip(detected, tracker_ids, strict=False):
            track.tracker_id = tracker_id
        missed = {track.tracker_id: track for track in self._tracks if track not in detected}
        for detection, tracker_id in zip(found, tracker_ids[len(confirmed) :], strict=True):
            track = None if tracker_id is None else missed.get(tracker_id)
            if track is None and (tracker_id is not None or detection.score >= self._config.start_score):
                track = FaceTrack(np.asarray(detection.box), detection.landmarks, detection.score, tracker_id)
            if track is not None:
                detected[track] = detection
        waiting = [track for track in self._tracks if track not in detected and self._may_wait(track)]
        for track, detection in detected.items():
            track.update(detection, self._config)
            track.orientation.note(detection)
            track.hold(frame, detected=True)
            if track.num_detections >= self._config.min_detections:
                track.orientation.look(self._detector, frame.image, detection, frame.time_s)
                self._release(track)
        for track in waiting:
            track.hold(frame, detected=False)
        self._tracks = [*detected, *waiting]

    def _confirm(self, frame: Frame) -> dict[FaceTrack, Detection]:
        """What the detector sees where the faces have been followed to, or were lost a frame ago."""
        if not self._tracks:
            return {}
        boxes = [_as_box(track.box) for track in self._tracks]
        detected: dict[FaceTrack, Detection] = {}
        for track, detection in zip(self._tracks, self._detector.confirm(frame.image, boxes), strict=True):
            # Two that were led to one face: the first keeps it.
            if detection is not None and all(
                box_iou(detection.box, other.box) < _DUPLICATE_IOU for other in detected.values()
            ):
                detected[track] = detection
        return detected

    def _search(self, frame: Frame, *, known: list[Box], missing: list[FaceTrack]) -> list[Detection]:
        """Faces besides the known ones: where a search is due, and about the last places of missing faces."""
        if len(known) >= _MOST_FACES:
            return []
        due = self._motion_search.window(frame.gray, frame.time_s, known)
        windows = [] if due is None else [due]
        windows += [_surroundings(track.box) for track in missing if not _covers(due, track.box)]
        found: list[Detection] = []
        for window in windows:
            found += self._detector.detect(
                frame.image,
                window=window,
                known=known + [detection.box for detection in found],
                most=_MOST_FACES,
            )
        room = _MOST_FACES - len(known)
        return found if len(found) <= room else sorted(found, key=lambda face: -face.size_px)[:room]

    def _may_wait(self, track: FaceTrack) -> bool:
        """Whether a face that was not seen may still come back."""
        track.num_missed += 1
        # A face that has not proved itself gets no second chance.
        allowed = self._config.max_missed if track.track_id is not None else 0
        return not track.lost and track.num_missed <= allowed

    def _release(self, track: FaceTrack) -> None:
        """Let the frames held back come out."""
        if track.track_id is None:
            track.ordinal = self._num_tracks
            self._num_tracks += 1
            track.track_id = track_id_of(self._clip_key, track.ordinal)
        turned = track.orientation.turned
        self._released += [(track.ordinal, self._finish(track.track_id, held, turned)) for held in track.held]
        track.held = []

    def _finish(self, track_id: str, held: HeldFrame, turned: Turned) -> TrackedFace:
        """Align a face, measure it, and judge whether the frame is usable."""
        box = _as_box(held.box)
        turn, shift = crop_similarity(held.landmarks)
        crop = warp_face(held.gray, turn, shift)
        quality = measure_quality(crop, box, held.landmarks)
        corners = [(corner - shift) / turn for corner in _FACE_CORNERS]
        reason = turned or self._drop_reason(held, corners, quality, crop)
        return TrackedFace(
            track_id=track_id,
            frame=held.frame,
            time_s=held.time_s,
            box=box,
            landmarks=held.landmarks,
            detector_score=held.score,
            detected=held.detected,
            quality=quality,
            kept=not reason,
            drop_reason=reason,
            crop=None if reason else crop,
        )

    def _drop_reason(
        self, held: HeldFrame, corners: Iterable[complex], quality: FaceQuality, crop: NDArray[np.uint8]
    ) -> DropReason:
        config = self._config
        rows, cols = held.gray.shape
        inside = all(0 <= z.imag <= rows - 1 and 0 <= z.real <= cols - 1 for z in corners)
        if held.score < config.keep_score:
            return "low_score"
        if quality.size_px < self._faces_config.min_face_px:
            return "too_small"
        if not inside:
            return "out_of_frame"
        if abs(quality.yaw) > config.max_yaw or abs(quality.roll_deg) > config.max_roll_deg:
            return "off_pose"
        if quality.blur < config.min_blur:
            return bad_light(crop, quality.blur) or "blurred"
        return ""


def _as_box(sides: NDArray[np.float64]) -> Box:
    left, top, width, height = sides.tolist()
    return Box(left, top, width, height)


def _surroundings(box: NDArray[np.float64]) -> Window:
    """Square about a face; it may reach beyond the frame's right and lower edges."""
    centre, half = box[:2] + box[2:] / 2, _SEARCH_SIDES / 2 * float(max(box[2:]))
    left, top = np.maximum(np.round(centre - half), 0).astype(int).tolist()
    right, bottom = np.maximum(np.round(centre + half), 0).astype(int).tolist()
    return Window(top, bottom, left, right)


def _covers(window: Window | None, box: NDArray[np.float64]) -> bool:
    """Whether a box's centre lies in a window."""
    if window is None:
        return False
    col, row = box[:2] + box[2:] / 2
    return bool(window.top <= row < window.bottom and window.left <= col < window.right)


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
