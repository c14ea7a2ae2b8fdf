"""Which detection continues which face.

Belongs here: ByteTrack and its conventions. Stays out: following, and when a track begins and ends
(``tracker``).
"""

from __future__ import annotations

import numpy as np
import supervision as sv
from trackers import ByteTrackTracker

from apexline.features.faces import Detection


class Association:
    """ByteTrack [1]_, fed with the detections of each check.

    Parameters
    ----------
    start_score : float
        Detector score that a new face starts with, 0..1; detections below only continue one.
    min_iou : float
        Overlap of a detection with the face that it continues, 0..1.
    memory : int
        Checks after which a face that was not detected is forgotten.

    References
    ----------
    .. [1] Zhang et al.: ByteTrack: multi-object tracking by associating every detection box. ECCV 2022.
    """

    def __init__(self, *, start_score: float, min_iou: float, memory: int) -> None:
        # ByteTrack counts frames of 1/30 s; here a frame is a check.
        self._tracker = ByteTrackTracker(
            lost_track_buffer=memory,
            frame_rate=30.0,
            track_activation_threshold=start_score,
            high_conf_det_threshold=start_score,
            minimum_iou_threshold=min_iou,
            minimum_consecutive_frames=2,
        )

    def match(self, detections: list[Detection]) -> list[int | None]:
        """ByteTrack's number for the face of each detection, None where it has none yet."""
        corners = np.array([d.box for d in detections], dtype=np.float64).reshape(-1, 4)
        corners[:, 2:] += corners[:, :2]
        scores = np.array([d.score for d in detections], dtype=np.float64)
        # ByteTrack reorders; the row number travels along.
        rows = np.arange(len(detections))
        answer = self._tracker.update(sv.Detections(xyxy=corners, confidence=scores, data={"row": rows}))
        ids: list[int | None] = [None] * len(detections)
        numbers = answer.tracker_id if answer.tracker_id is not None else []
        for row, tracker_id in zip(answer.data.get("row", []), numbers, strict=True):
            ids[int(row)] = int(tracker_id) if tracker_id >= 0 else None
        return ids
