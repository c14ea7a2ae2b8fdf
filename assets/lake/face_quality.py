"""Measures of faces in the lake, by which models abstain and are compared group by group.

Belongs here: looking up size, sharpness, pose and length of tracks. Stays out: measuring (``features``), the groups
that training examples belong to (``assets.training``), limits and scores (``ml``).
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from apexline.assets.lake.crops import columns_of_track
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
    columns = ["track_id", "frame", "time_s", "kept", *QUALITY]
    table = lake.read("face_tracks", clip_id, camera_day=camera_day, columns=columns)
    kept = table.filter(pc.field("kept"))
    rows = {track_id: columns_of_track(kept, track_id) for track_id, _ in wanted}
    found: Measures = {}
    for track_id, frame in wanted:
        own = rows[track_id]
        if own["frame"].size:
            nearest = int(np.argmin(np.abs(own["frame"] - frame)))
            measured = {name: float(own[name][nearest]) for name in QUALITY}
            found[track_id, frame] = measured | {"track_s": float(own["time_s"][-1] - own["time_s"][0])}
    return found
