"""Why a clip has faces without a curve, or none: what stood in the way.

Belongs here: reasons that need no drawing, as `apexline score` says them of every clip. Stays out: why a track that was
searched has the segments that it has (``wording``).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from apexline.assets.lake import (
    Lake,
    LakeClip,
    Pictures,
    TrackRows,
    deciding_columns,
    each_readable,
    pictures_of,
)
from apexline.assets.parameters import Parameters
from apexline.features import FeatureConfig, least_fps, track_curves

_DROPPED = {
    "low_score": "the detector was not sure enough",
    "too_small": "the face was too small",
    "out_of_frame": "the face was partly out of the frame",
    "off_pose": "the head was turned away",
    "blurred": "the face was blurred",
    "too_dark": "the face was too dark",
    "too_bright": "the face was too bright",
    "low_contrast": "the face had too little contrast",
    "upside_down": "the face was upside down",
    "sideways": "the face lay on its side",
}
_REMEDIES = {
    "too_dark": "; light the place, or raise the camera's exposure",
    "too_bright": "; lower the camera's exposure",
    "low_contrast": "; look for haze, a dirty lens or a wrong gain",
    "upside_down": "; turn the camera's picture, or set its rotation",
    "sideways": "; turn the camera's picture, or set its rotation",
}
# Faces that a detector sees, and that say nothing before the picture is turned.
_TURNED = {each: _DROPPED[each] + _REMEDIES[each] for each in ("upside_down", "sideways")}
_NO_FACES = {
    "too_dark": "too dark to find faces",
    "too_bright": "too bright to find faces",
    "low_contrast": "too little contrast to find faces",
}


def unfound(clip: LakeClip, parameters: Parameters) -> list[str]:
    """Say why a clip has faces without a curve, or no face; nothing where every face could be searched.

    Parameters
    ----------
    clip : LakeClip
        As `assets.lake.clip_stages.process_clip` gives it, with the same parameters.
    parameters : Parameters
    """
    found = clip_obstacles(clip, parameters)
    rows = clip.lake.read("face_tracks", clip.clip_id, camera_day=clip.camera_day, columns=["track_id"])
    tracks: list[str] = rows["track_id"].unique().to_pylist()
    if not tracks:
        return [f"no face was followed; {each}" for each in found] or [
            f"no face was followed. {what_a_face_needs(parameters)}"
        ]
    if found:
        return found
    searched = {
        track_id
        for track_id, columns in deciding_columns(clip.lake, clip.camera_day, clip.clip_id)
        if track_curves(*columns, config=parameters.features)
    }
    return [
        f"track {track_id}: {unusable_headline(drop_reasons(clip, track_id))}"
        for track_id in tracks
        if track_id not in searched
    ]


def what_a_face_needs(parameters: Parameters) -> str:
    """Say what a face needs in order to be followed."""
    config = parameters.features
    return (
        f"A face is followed once it was seen {config.tracks.min_detections} times, at least "
        f"{config.faces.min_face_px:g} px large, with a detector score of {config.tracks.start_score:g} or more."
    )


def clip_obstacles(clip: LakeClip, parameters: Parameters) -> list[str]:
    """Say what in a clip's pictures stands in the way of finding faces or segments."""
    pictures = pictures_of(clip.lake, clip.camera_day, clip.clip_id)
    return [] if pictures is None else obstacles_in(pictures, parameters.features)


def obstacles_of_days(lake: Lake, camera_days: Iterable[str], parameters: Parameters) -> list[str]:
    """Say of each clip that has one what stands in the way of finding faces or segments in it."""
    clips = [
        LakeClip(lake, day, clip_id)
        for day in camera_days
        for clip_id in lake.names("face_tracks", camera_day=day)
    ]
    found = each_readable(
        lambda clip: (clip, [*clip_obstacles(clip, parameters), *_turned_faces(clip)]), clips
    )
    return [f"{clip.clip_id} of {clip.camera_day}: {each}" for clip, said in found for each in said]


def obstacles_in(pictures: Pictures, features: FeatureConfig) -> list[str]:
    """Say what in a clip's pictures stands in the way of finding faces or segments; nothing where all is well."""
    found: list[str] = []
    if pictures.is_too_slow(features):
        needed = math.ceil(10 * least_fps(features)) / 10
        found.append(
            f"frame rate too low: saw {pictures.fps:.3g} fps, needs at least {needed:g} fps; "
            "set the recorder to more"
        )
    if pictures.light:
        levels = (
            f"saw a mean grey level of {pictures.grey:.0f} of 255 and a contrast of {pictures.contrast:.0f}"
        )
        found.append(f"{_NO_FACES[pictures.light]}: {levels}{_REMEDIES[pictures.light]}")
    return found


def unusable_headline(frames: Mapping[str, int], obstacles: Sequence[str] = ()) -> str:
    """Say why no curve could be taken of a track; where something stood in the way of all, that."""
    if obstacles:
        return f"no segment: {'; '.join(obstacles)}"
    dropped = {reason: count for reason, count in frames.items() if reason}
    total = sum(frames.values())
    if not dropped:
        return f"no segment: {total} usable frame{'' if total == 1 else 's'}, too few for a curve"
    worst = max(dropped, key=lambda reason: dropped[reason])
    why = _DROPPED.get(worst, worst.replace("_", " ")) + _REMEDIES.get(worst, "")
    return f"no segment: too few usable frames; in {dropped[worst]} of {total} {why}"


def drop_reasons(clip: LakeClip, track_id: str) -> dict[str, int]:
    """Count the frames of a track by drop reason; that of usable ones is empty."""
    columns = ["track_id", "drop_reason"]
    rows = clip.lake.read("face_tracks", clip.clip_id, camera_day=clip.camera_day, columns=columns)
    return dict(Counter(TrackRows(rows).of(track_id)["drop_reason"].tolist()))


def _turned_faces(clip: LakeClip) -> Iterator[str]:
    rows = clip.lake.read("face_tracks", clip.clip_id, camera_day=clip.camera_day, columns=["drop_reason"])
    counts = Counter(rows["drop_reason"].to_pylist())
    yield from (f"in {counts[each]} face frames {why}" for each, why in _TURNED.items() if counts[each])
