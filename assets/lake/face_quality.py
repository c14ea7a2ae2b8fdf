"""Measures of faces in the lake, by which models abstain and are compared group by group.

Belongs here: looking up size, sharpness, pose and length of tracks, and the groups that training examples belong to.
Stays out: measuring (``features``), limits and scores (``ml``).
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from assets.lake.storage import Lake
from assets.training.training_set import NAME, camera_days
from ml.datasets.examples import INPUT_SIZE
from ml.evaluation.slices import light_groups, size_groups

# Face (128, 128) uint8 and its measures by (track_id, frame).
Crops = dict[tuple[str, int], NDArray[np.uint8]]
Measures = dict[tuple[str, int], Mapping[str, float]]

QUALITY = ("size_px", "blur", "yaw", "roll_deg")
_UNKNOWN = "unknown"


def measures_at(lake: Lake, camera_day: str, clip_id: str, wanted: Sequence[tuple[str, int]]) -> Measures:
    """Look up the quality of the faces that `crops_at` gives for the same frames, and how long each was followed.

    Returns
    -------
    dict
        size_px, blur, yaw, roll_deg and track_s by (track_id, frame); a track without kept frames is absent.
    """
    columns = ["track_id", "frame", "time_s", "kept", *QUALITY]
    table = lake.read("face_tracks", clip_id, camera_day=camera_day, columns=columns)
    kept = table.filter(pc.field("kept")).to_pandas()
    found: Measures = {}
    for track_id, rows in kept.groupby("track_id"):
        times, frames = rows["time_s"].to_numpy(), rows["frame"].to_numpy()
        values = rows[list(QUALITY)].to_numpy()
        for frame in (frame for track, frame in wanted if track == track_id):
            nearest = values[np.argmin(np.abs(frames - frame))].tolist()
            found[str(track_id), frame] = {
                **dict(zip(QUALITY, nearest, strict=True)),
                "track_s": float(times[-1] - times[0]),
            }
    return found


def describe_examples(lake: Lake) -> tuple[dict[str, NDArray[np.str_]], dict[str, NDArray[np.float64]]]:
    """Say of every training example, in their order, which groups it belongs to and how good its face is.

    Returns
    -------
    groups : dict
        ``source`` (camera), ``size`` and ``light`` by example.
    quality : dict
        size_px, blur, yaw, roll_deg and track_s by example; NaN where the example comes from no clip of the lake.
    """
    columns = ["clip_id", "track_id", "frame", "image"]
    rows = lake.read("training_set", NAME, columns=columns).to_pylist()
    days = {clip: day for day in camera_days(lake) for clip in lake.names("face_tracks", camera_day=day)}
    wanted: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for row in rows:
        wanted[row["clip_id"]].append((row["track_id"], row["frame"]))
    found = {
        (clip_id, *key): each
        for clip_id, frames in wanted.items()
        if clip_id in days
        for key, each in measures_at(lake, days[clip_id], clip_id, frames).items()
    }
    measures = [found.get((row["clip_id"], row["track_id"], row["frame"]), {}) for row in rows]
    quality = {
        name: np.array([each.get(name, math.nan) for each in measures]) for name in (*QUALITY, "track_s")
    }
    images = np.frombuffer(b"".join(row["image"] for row in rows), np.uint8)
    # A camera-day is called <YYYY-MM-DD>_<camera>.
    cameras = [days.get(row["clip_id"], f"_{_UNKNOWN}").partition("_")[2] for row in rows]
    groups = {
        "source": np.array(cameras),
        "size": size_groups(quality["size_px"]),
        "light": light_groups(images.reshape(-1, INPUT_SIZE, INPUT_SIZE)),
    }
    return groups, quality
