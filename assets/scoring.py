"""Faces to answers: what the asset ``segment_scores``, the command ``score`` and a served model share.

Belongs here: bringing crops, features, quality and a model together. Stays out: Dagster, MLflow, the lake, what a
request looks like (``assets.serving``).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from upath import UPath

from assets.intake import hash_file
from features.config import FeatureConfig
from features.faces import FaceQuality
from features.pipeline import segment_features
from features.segments import Segment
from features.tracks import track_faces
from features.video import read_frames
from ml.datasets import INPUT_SIZE, face_image
from ml.serving import answers

if TYPE_CHECKING:
    from ml.expression_model import ExpressionModel

# Face (128, 128) uint8 and its measures by (track_id, frame).
Crops = dict[tuple[str, int], NDArray[np.uint8]]
Measures = dict[tuple[str, int], Mapping[str, float]]


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
        As `ml.abstention.Limits.reasons` takes them.
    """

    crop: NDArray[np.uint8]
    onset: NDArray[np.uint8] | None = None
    quality: Mapping[str, float] = field(default_factory=dict)


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
        As `ml.serving.answers` gives them, in order.
    """
    if not faces:
        return []
    images = np.stack([_image(face.crop) for face in faces])
    texture, flow, onsets = (None,) * 3 if model.reducer is None else _describe(faces, features, model)
    measured = {
        name: [face.quality.get(name, math.nan) for face in faces]
        for name in {name for face in faces for name in face.quality}
    }
    return answers(model, model.predict(images, texture, flow, onsets), measured)


def quality_of(quality: FaceQuality, *, track_s: float = math.nan) -> dict[str, float]:
    """Return the measures of a face under the names that limits know; `track_s` is how long it was followed, s."""
    return {
        "size_px": quality.size_px,
        "blur": quality.blur,
        "yaw": quality.yaw,
        "roll_deg": quality.roll_deg,
        "track_s": track_s,
    }


def segment_faces(segments: Sequence[Any], crops: Crops, measures: Measures) -> list[FaceInput]:
    """Return the face of each segment (an object with track_id, onset, apex) at its apex."""
    return [
        FaceInput(
            crop=crops[each.track_id, each.apex],
            onset=crops[each.track_id, each.onset],
            quality=measures.get((each.track_id, each.apex), {}),
        )
        for each in segments
    ]


def crops_of_clip(
    clip: Path, segments: Sequence[Segment], *, features: FeatureConfig
) -> tuple[Crops, Measures]:
    """Track a clip once more and keep the crops at onsets and apexes: memory stays flat on a long clip.

    Parameters
    ----------
    clip : Path
    segments : sequence of Segment
        As `features.pipeline.spot_clip` found them with the same `features`.
    features : FeatureConfig

    Returns
    -------
    crops : dict
        Crop by the (track_id, frame) asked for; where that frame was dropped, the nearest kept one.
    measures : dict
        Quality by the same keys.
    """
    wanted: dict[str, set[int]] = defaultdict(set)
    for each in segments:
        wanted[each.track_id] |= {each.onset, each.apex}
    distance: dict[tuple[str, int], float] = {}
    crops: Crops = {}
    found: dict[tuple[str, int], FaceQuality] = {}
    seen_s: dict[str, tuple[float, float]] = {}
    faces = track_faces(
        read_frames(clip), faces=features.faces, tracks=features.tracks, clip_key=hash_file(UPath(clip))
    )
    for face in faces:
        if face.crop is None:
            continue
        seen_s[face.track_id] = (seen_s.get(face.track_id, (face.time_s,))[0], face.time_s)
        # A frame inside a segment may have been dropped: its nearest kept neighbour stands in, as in `crops_at`.
        for frame in wanted[face.track_id]:
            key = (face.track_id, frame)
            if abs(face.frame - frame) < distance.get(key, math.inf):
                distance[key], crops[key], found[key] = abs(face.frame - frame), face.crop, face.quality
    followed = {track: last - first for track, (first, last) in seen_s.items()}
    return crops, {key: quality_of(each, track_s=followed[key[0]]) for key, each in found.items()}


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
