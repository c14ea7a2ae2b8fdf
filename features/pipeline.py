"""The features as one line: from a clip, or from its rows, to segments.

Belongs here: what assets and notebooks call. Stays out: the computations (the folders of ``features``), curves from
rows (``stored_rows``), parameters (``config``) and storage.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apexline.features.backend import Namespace, to_numpy
from apexline.features.config import FeatureConfig
from apexline.features.expression import ExpressionStream
from apexline.features.faces import CROP_SIZE
from apexline.features.flow import FlowStream
from apexline.features.modc import TextureStream, texture_histograms
from apexline.features.placement import Placement, Trial, crops_at_once, device_trials
from apexline.features.rows import Block, Columns, join_columns
from apexline.features.spotting import Decision, Segment, explain, spot
from apexline.features.stored_rows import track_curves
from apexline.features.tracking import TrackedFace, track_faces
from apexline.features.video import read_frames

_Stream = TextureStream | FlowStream | ExpressionStream

# A track that has been silent for this many frames has ended.
_FRAMES_OUT_OF_SIGHT = 250
# Crops that devices are tried with, and their frames per second.
_TRIED, _TRIED_FPS = 256, 25.0
# What segments are found in and explained by; the other columns take several times as much memory.
DECIDING_COLUMNS = {
    "texture_features": ("frame", "time_s", "kind", "difference"),
    "flow_features": ("frame", "time_s", "roi", "drow", "dcol"),
    "expression_features": ("frame", "words"),
}


def find_segments(
    texture_rows: Columns,
    flow_rows: Columns,
    word_rows: Columns | None = None,
    *,
    track_id: str,
    config: FeatureConfig,
) -> list[Segment]:
    """Expression segments of one track from its stored rows.

    Parameters
    ----------
    texture_rows, flow_rows, word_rows
        As in `track_curves`; rows of this track only.
    track_id : str
    config : FeatureConfig

    Returns
    -------
    list of Segment
        In order of time.

    Raises
    ------
    ValueError
        As `track_curves`, and if the learned rule is asked without `word_rows`.
    """
    return [
        segment
        for curves in track_curves(texture_rows, flow_rows, word_rows, config=config)
        for segment in spot(curves, track_id=track_id, config=config.segments)
    ]


def explain_segments(
    texture_rows: Columns,
    flow_rows: Columns,
    word_rows: Columns | None = None,
    *,
    track_id: str,
    config: FeatureConfig,
) -> list[Decision]:
    """What `find_segments` decides of each stretch of a track, and on which grounds; arguments and errors as there."""
    return [
        explain(curves, track_id=track_id, config=config.segments)
        for curves in track_curves(texture_rows, flow_rows, word_rows, config=config)
    ]


def segment_features(
    onset_crop: NDArray[np.uint8] | None, apex_crop: NDArray[np.uint8], *, config: FeatureConfig
) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
    """What classifiers see of a segment: texture at the apex and motion from onset to apex.

    Parameters
    ----------
    onset_crop : ndarray, shape (128, 128), uint8, or None
        Crop at the onset; None for a still, which has no motion.
    apex_crop : ndarray, shape (128, 128), uint8
    config : FeatureConfig

    Returns
    -------
    texture : ndarray, shape (H,), float32
        MODC block histograms of the first configured kind.
    flow : ndarray, shape (F,), float32, or None
        For each region (row, col) displacement and HOOF, px of the crop.
    """
    first_kind = replace(config.texture, kinds=config.texture.kinds[:1])

    def histograms(xp: Namespace) -> NDArray[np.float32]:
        return to_numpy(texture_histograms(xp.asarray(apex_crop), config=first_kind))

    texture = Placement("texture", config.device).compute(1, histograms).ravel()
    if onset_crop is None:
        return texture, None
    stream = FlowStream(config.flow, config.device)
    stream.push(onset_crop, 0, 0.0)
    rows = stream.push(apex_crop, 1, 1.0)
    values = [value for row in rows for value in (row.drow, row.dcol, *row.hoof)]
    return texture, np.asarray(values, dtype=np.float32)


def spot_clip(path: str | Path, *, config: FeatureConfig | None = None) -> list[Segment]:
    """Expression segments of a video file: decode, track, describe and spot in one pass.

    Parameters
    ----------
    path : str or Path
        Video file.
    config : FeatureConfig, optional
        Our defaults where left out.

    Returns
    -------
    list of Segment
        Ordered by onset. Memory follows the number of rows, not of pixels.

    Raises
    ------
    features.video.reader.UnreadableVideo
        If the file cannot be read.

    Examples
    --------
    >>> from apexline.features import spot_clip
    >>> for segment in spot_clip("entrance.mp4"):
    ...     print(segment.track_id, segment.onset_s, segment.apex_s, segment.offset_s)
    Traceback (most recent call last):
    FileNotFoundError: [Errno 2] No such file or directory: 'entrance.mp4'
    """
    config = FeatureConfig() if config is None else config
    rows = _RowsByTrack(config)
    with Path(path).open("rb") as file:
        clip_key = hashlib.file_digest(file, "sha256").hexdigest()
    for face in track_faces(read_frames(path), faces=config.faces, tracks=config.tracks, clip_key=clip_key):
        rows.push(face)
    found = [
        segment
        for track_id, tables in rows.columns().items()
        for segment in find_segments(*tables, track_id=track_id, config=config)
    ]
    return sorted(found, key=lambda segment: (segment.onset, segment.track_id))


def try_devices(config: FeatureConfig) -> Mapping[str, Trial]:
    """Describe drawn crops, and return what texture and flow took on the CPU and on a device, where there is one."""
    rng = np.random.default_rng(0)
    still = rng.integers(16, 240, (CROP_SIZE, CROP_SIZE))
    # alike, so that motion is measured against one of them
    crops = (still + rng.integers(-8, 9, (_TRIED, CROP_SIZE, CROP_SIZE))).astype(np.uint8)
    frames = np.arange(_TRIED)
    for stream in (TextureStream(config.texture, "auto"), FlowStream(config.flow, "auto")):
        stream.push_block(crops, frames, frames / _TRIED_FPS)
    return device_trials()


class _RowsByTrack:
    """Runs the streams of each track and keeps what segments are found in; a track out of sight gives them back."""

    def __init__(self, config: FeatureConfig) -> None:
        self._config = config
        self._at_once = crops_at_once()
        self._waiting: list[TrackedFace] = []
        self._open: dict[str, tuple[int, tuple[_Stream, ...]]] = {}
        # for each stream the columns of its blocks
        self._kept: dict[str, list[list[dict[str, NDArray[Any]]]]] = {}

    def push(self, face: TrackedFace) -> None:
        """Take the next face of the clip; one without a crop has nothing to say."""
        if face.crop is not None:
            self._waiting.append(face)
        if len(self._waiting) >= self._at_once:
            self._describe()

    def columns(self) -> dict[str, list[dict[str, NDArray[Any]]]]:
        """Columns of texture, flow and words of each track, in the order in which the tracks began."""
        self._describe()
        self._close(before=None)
        return {track_id: [join_columns(blocks) for blocks in kept] for track_id, kept in self._kept.items()}

    def _describe(self) -> None:
        waiting, self._waiting = self._waiting, []
        by_track: dict[str, list[TrackedFace]] = defaultdict(list)
        for face in waiting:
            by_track[face.track_id].append(face)
        for track_id, faces in by_track.items():
            _, streams = self._open.get(track_id) or (0, self._streams())
            crops = np.stack([face.crop for face in faces if face.crop is not None])
            frames = np.array([face.frame for face in faces])
            times_s = np.array([face.time_s for face in faces])
            self._keep(track_id, [stream.push_block(crops, frames, times_s) for stream in streams])
            self._open[track_id] = faces[-1].frame, streams
        if waiting:
            self._close(before=waiting[-1].frame - _FRAMES_OUT_OF_SIGHT)

    def _streams(self) -> tuple[_Stream, ...]:
        config = self._config
        return (
            TextureStream(config.texture, config.device),
            FlowStream(config.flow, config.device),
            ExpressionStream(),
        )

    def _keep(self, track_id: str, blocks: list[Block]) -> None:
        kept = self._kept.setdefault(track_id, [[] for _ in DECIDING_COLUMNS])
        for columns, names, block in zip(kept, DECIDING_COLUMNS.values(), blocks, strict=True):
            columns.append({name: block.columns[name] for name in names})

    def _close(self, *, before: int | None) -> None:
        for track_id, (last, streams) in list(self._open.items()):
            if before is None or last < before:
                self._keep(track_id, [stream.flush_block() for stream in streams])
                del self._open[track_id]
