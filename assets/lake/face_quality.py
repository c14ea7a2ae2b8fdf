"""Measures of faces in the lake, by which models abstain and are compared group by group.

Belongs here: looking up size, sharpness, pose and length of tracks. Stays out: measuring (``features``), the groups
that training examples belong to (``assets.training``), limits and scores (``ml``).
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from apexline.assets.lake.crops import TrackRows
from apexline.assets.lake.storage import Lake

# Face (128, 128) uint8 and its measures by (track_id, frame).
Crops = dict[tuple[str, int], NDArray[np.uint8]]
Measures = dict[tuple[str, int], Mapping[str, float]]

QUALITY = ("size_px", "blur", "yaw", "roll_deg")


def measures_at(lake: Lake, camera_day: str, clip_id: str, wanted: Sequence[tuple[str, int]]) -> Measures:
    """Look up the quality of the faces that `crops_at` gives for the same frames, and how long each was followed.

    Returns
    -------
    dict
        size_px, blur, yaw, roll_deg and track_s by (track_id, frame); a track without kept frames is absent.
    """
    frames_of: dict[str, list[int]] = {}
    for track_id, frame in wanted:
        frames_of.setdefault(track_id, []).append(frame)
    found: dict[tuple[str, int], dict[str, float]] = {}
    spans: dict[str, tuple[float, float]] = {}
    columns = ["track_id", "frame", "time_s", "kept", *QUALITY]
    for batch in lake.iter_batches("face_tracks", clip_id, camera_day=camera_day, columns=columns):
        kept = pa.table(batch).filter(pc.field("kept"))
        by_track = TrackRows(kept)
        for track_id in frames_of.keys() & kept["track_id"].unique().to_pylist():
            own = by_track.of(track_id)
            spans[track_id] = (spans.get(track_id, own["time_s"])[0], own["time_s"][-1])
            for frame in frames_of[track_id]:
                nearest = int(np.argmin(np.abs(own["frame"] - frame)))
                known = found.get((track_id, frame))
                if known is None or abs(own["frame"][nearest] - frame) < abs(known["frame"] - frame):
                    found[track_id, frame] = {name: float(own[name][nearest]) for name in ("frame", *QUALITY)}
    return {
        (track_id, frame): {name: values[name] for name in QUALITY}
        | {"track_s": float(spans[track_id][1] - spans[track_id][0])}
        for (track_id, frame), values in found.items()
    }
