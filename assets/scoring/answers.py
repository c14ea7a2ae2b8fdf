"""Faces to answers: what the asset ``segment_scores``, the command ``score`` and a served model share.

Belongs here: bringing crops, features, quality and a model together. Stays out: Dagster, MLflow, how a clip got its
segments (``assets.lake.clip_stages``), what a request looks like (``assets.serving``).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from apexline.assets.lake import LakeClip, crops_in_turn, measures_at
from apexline.features import FeatureConfig, segment_features
from apexline.features.faces import FaceQuality, Light, bad_light
from apexline.ml.datasets import INPUT_SIZE, face_image
from apexline.ml.deepid import Change, predict_changes
from apexline.ml.registry import answers

if TYPE_CHECKING:
    from apexline.ml.deepid import ExpressionModel

# Segments whose faces are in memory together, each with eleven.
_AT_ONCE = 16


@dataclass(frozen=True, eq=False)
class FaceInput:
    """A face to be scored.

    Parameters
    ----------
    crop : ndarray, shape (128, 128) or (48, 48), uint8
        Aligned grey face; the smaller one is taken as the network's input, and has no texture.
    onset : ndarray, shape (128, 128), uint8, or None
        The same face before the expression; None for a still.
    quality : mapping of str to float
        As `ml.deepid.abstention.Limits.reasons` takes them.
    light : str
        What is wrong with the light, as `features.faces.light` judges it; empty where it would do.
    """

    crop: NDArray[np.uint8]
    onset: NDArray[np.uint8] | None = None
    quality: Mapping[str, float] = field(default_factory=dict)
    light: Light = ""


@dataclass(frozen=True, eq=False)
class ChangeInput:
    """A change of expression to be scored.

    Parameters
    ----------
    held, rest : sequence of ndarray, shape (128, 128), uint8
        Crops that hold the expression, the apex first, and crops at rest.
    words : sequence of float
        As in `features.spotting.Segment`.
    quality, light
        Of the apex, as in `FaceInput`.
    """

    held: Sequence[NDArray[np.uint8]]
    rest: Sequence[NDArray[np.uint8]]
    words: Sequence[float]
    quality: Mapping[str, float] = field(default_factory=dict)
    light: Light = ""


def score_faces(
    model: ExpressionModel, faces: Sequence[FaceInput], *, features: FeatureConfig
) -> list[dict[str, Any]]:
    """Answer for faces, in one batch.

    Parameters
    ----------
    model : ExpressionModel
    faces : sequence of FaceInput
    features : FeatureConfig
        Of the features that the model was trained on; used only where it reads any.

    Returns
    -------
    list of dict
        As `ml.registry.request.answers` gives them, in order.
    """
    if not faces:
        return []
    images = np.stack([_image(face.crop) for face in faces])
    texture, flow, onsets = (None,) * 3 if model.reducer is None else _describe(faces, features, model)
    return answers(model, model.predict(images, texture, flow, onsets), _measured(faces))


def score_changes(
    model: ExpressionModel, changes: Sequence[ChangeInput], *, features: FeatureConfig
) -> list[dict[str, Any]]:
    """Answer for changes of expression, in one batch; parameters and answers are those of `score_faces`."""
    if not changes:
        return []
    apexes = [FaceInput(each.held[0], each.rest[0], each.quality, each.light) for each in changes]
    texture, flow = (None, None) if model.reducer is None else _describe(apexes, features, model)[:2]
    judged = [
        Change(
            np.stack([_image(crop) for crop in each.held]),
            np.stack([_image(crop) for crop in each.rest]),
            np.asarray(each.words, np.float32),
        )
        for each in changes
    ]
    return answers(model, predict_changes(model, judged, texture, flow), _measured(apexes))


def _measured(faces: Sequence[FaceInput]) -> dict[str, list[Any]]:
    """Measures of faces as `ml.deepid.abstention.Limits.reasons` takes them."""
    names = {name for face in faces for name in face.quality}
    measured: dict[str, list[Any]] = {
        name: [face.quality.get(name, math.nan) for face in faces] for name in names
    }
    # Reasons are words for people.
    return {**measured, "light": [face.light.replace("_", " ") for face in faces]}


def quality_of(quality: FaceQuality, *, track_s: float = math.nan) -> dict[str, float]:
    """Return the measures of a face under the names that limits know; `track_s` is how long it was followed, s."""
    return {
        "size_px": quality.size_px,
        "blur": quality.blur,
        "yaw": quality.yaw,
        "roll_deg": quality.roll_deg,
        "track_s": track_s,
    }


def score_segments(
    model: ExpressionModel, clip: LakeClip, *, features: FeatureConfig
) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Answer for the segments of a clip, each by what changed from the track's rest to where it is held.

    Parameters
    ----------
    model : ExpressionModel
    clip : LakeClip
        With the tables up to ``expression_segments``.
    features : FeatureConfig
        As in `score_faces`.

    Returns
    -------
    list of (dict, dict)
        Row of ``expression_segments`` and answer of `ml.registry.request.answers`, in the order of that table.
    """
    at = (clip.lake, clip.camera_day, clip.clip_id)
    segments = clip.lake.read("expression_segments", clip.clip_id, camera_day=clip.camera_day).to_pylist()
    measures = measures_at(*at, [(each["track_id"], each["apex"]) for each in segments])
    # Those that are near in time lie in the same rows of the lake.
    order = sorted(range(len(segments)), key=lambda k: segments[k]["apex"])
    turns = [order[first : first + _AT_ONCE] for first in range(0, len(order), _AT_ONCE)]
    crops_of = crops_in_turn(*at, [[key for k in turn for key in _shown(segments[k])] for turn in turns])
    found: dict[int, dict[str, Any]] = {}
    for turn, crops in zip(turns, crops_of, strict=True):
        changes = [_change(segments[k], crops, measures) for k in turn]
        found.update(zip(turn, score_changes(model, changes, features=features), strict=True))
    return [(each, found[k]) for k, each in enumerate(segments)]


def by_time(
    scored: Sequence[tuple[dict[str, Any], dict[str, Any]]],
) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Bring what `score_segments` gives into the order in which segments begin."""
    return sorted(scored, key=lambda each: (each[0]["onset"], each[0]["track_id"]))


def _shown(segment: Mapping[str, Any]) -> list[tuple[str, int]]:
    """Where the faces are by which a segment is judged."""
    return [(segment["track_id"], frame) for frame in (segment["apex"], *segment["held"], *segment["rest"])]


def _change(
    segment: Mapping[str, Any],
    crops: Mapping[tuple[str, int], NDArray[np.uint8]],
    measures: Mapping[tuple[str, int], Mapping[str, float]],
) -> ChangeInput:
    track_id, apex = segment["track_id"], segment["apex"]
    quality = measures.get((track_id, apex), {})
    crop = crops[track_id, apex]
    return ChangeInput(
        # the apex may be one of those held, and counts once
        held=[crops[track_id, frame] for frame in dict.fromkeys((apex, *segment["held"]))],
        rest=[crops[track_id, frame] for frame in segment["rest"]],
        words=segment["words"],
        quality=quality,
        light=bad_light(crop, quality["blur"]) if quality else "",
    )


def _image(crop: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return crop if crop.shape == (INPUT_SIZE, INPUT_SIZE) else face_image(crop)


def _describe(
    faces: Sequence[FaceInput], features: FeatureConfig, model: ExpressionModel
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.uint8]]:
    """Texture (N, H) and flow (N, F) of faces, NaN where a face has none, and its onset's image, (N, 48, 48)."""
    assert model.reducer is not None
    texture = np.full((len(faces), len(model.reducer.texture_mean)), np.nan, np.float32)
    flow = np.full((len(faces), len(model.reducer.flow_mean)), np.nan, np.float32)
    onsets = np.zeros((len(faces), INPUT_SIZE, INPUT_SIZE), np.uint8)
    for k, face in enumerate(faces):
        if face.crop.shape == (INPUT_SIZE, INPUT_SIZE):
            continue
        histograms, motion = segment_features(face.onset, face.crop, config=features)
        _check(histograms, texture.shape[1], "texture")
        texture[k] = histograms
        if face.onset is not None:
            assert motion is not None
            onsets[k] = _image(face.onset)
            _check(motion, flow.shape[1], "flow")
            flow[k] = motion
    return texture, flow, onsets


def _check(values: NDArray[np.float32], size: int, name: str) -> None:
    if len(values) != size:
        msg = f"{name} has {len(values)} values, the model was trained on {size}; train it on the present parameters"
        raise ValueError(msg)
