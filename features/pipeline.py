"""The features as one line: from a clip, or from its rows, to segments.

Belongs here: what assets and notebooks call. Stays out: the computations (the folders of ``features``), curves from
rows (``stored_rows``), parameters (``config``) and storage.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable
from dataclasses import fields, replace
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apexline.features.backend import device_namespace, to_numpy
from apexline.features.config import FeatureConfig
from apexline.features.expression import ExpressionRow, ExpressionStream
from apexline.features.flow import FlowRow, FlowStream
from apexline.features.modc import TextureRow, TextureStream, texture_histograms
from apexline.features.spotting import Decision, Segment, explain, spot
from apexline.features.stored_rows import Columns, track_curves
from apexline.features.tracking import track_faces
from apexline.features.video import read_frames

_Stream = TextureStream | FlowStream | ExpressionStream

# A track that has been silent for this many frames has ended.
_FRAMES_OUT_OF_SIGHT = 250
# Rows of a track that wait to be packed: enough that packing costs nothing, few enough that memory stays flat.
_PACKED_ROWS = 2048


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
    xp = device_namespace(config.device)
    first_kind = replace(config.texture, kinds=config.texture.kinds[:1])
    texture = to_numpy(texture_histograms(xp.asarray(apex_crop), config=first_kind)).ravel()
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
    texture = _RowsByTrack(lambda: TextureStream(config.texture, config.device))
    flow = _RowsByTrack(lambda: FlowStream(config.flow, config.device))
    words = _RowsByTrack(ExpressionStream)
    with Path(path).open("rb") as file:
        clip_key = hashlib.file_digest(file, "sha256").hexdigest()
    for face in track_faces(read_frames(path), faces=config.faces, tracks=config.tracks, clip_key=clip_key):
        if face.crop is not None:
            texture.push(face.track_id, face.crop, face.frame, face.time_s)
            flow.push(face.track_id, face.crop, face.frame, face.time_s)
            words.push(face.track_id, face.crop, face.frame, face.time_s)
    texture_rows, word_rows = texture.columns(), words.columns()
    found = [
        segment
        for track_id, flow_rows in flow.columns().items()
        for segment in find_segments(
            texture_rows[track_id], flow_rows, word_rows[track_id], track_id=track_id, config=config
        )
    ]
    return sorted(found, key=lambda segment: (segment.onset, segment.track_id))


class _RowsByTrack:
    """Runs one stream per track and keeps the rows, packed; a track out of sight gives its stream back."""

    def __init__(self, make_stream: Callable[[], _Stream]) -> None:
        self._make_stream = make_stream
        self._open: dict[str, tuple[int, _Stream]] = {}
        self._rows: dict[str, list[TextureRow | FlowRow | ExpressionRow]] = defaultdict(list)
        # rows as column arrays, in order: some 3 kB a frame instead of the 7 that row objects take
        self._packed: dict[str, list[dict[str, NDArray[Any]]]] = defaultdict(list)

    def push(self, track_id: str, crop: NDArray[np.uint8], frame: int, time_s: float) -> None:
        stream = self._open[track_id][1] if track_id in self._open else self._make_stream()
        self._open[track_id] = frame, stream
        self._rows[track_id].extend(stream.push(crop, frame, time_s))
        if len(self._rows[track_id]) >= _PACKED_ROWS:
            self._pack(track_id)
        self._close(before=frame - _FRAMES_OUT_OF_SIGHT)

    def columns(self) -> dict[str, dict[str, NDArray[Any]]]:
        """Rows of each track as column arrays."""
        self._close(before=None)
        for track_id in self._rows:
            self._pack(track_id)
        return {
            track_id: {name: np.concatenate([each[name] for each in packed]) for name in packed[0]}
            for track_id, packed in self._packed.items()
        }

    def _pack(self, track_id: str) -> None:
        rows = self._rows[track_id]
        if rows:
            names = [each.name for each in fields(rows[0])]
            values = zip(*map(attrgetter(*names), rows), strict=True)
            self._packed[track_id].append(
                {name: np.asarray(column) for name, column in zip(names, values, strict=True)}
            )
            rows.clear()

    def _close(self, *, before: int | None) -> None:
        for track_id, (last, stream) in list(self._open.items()):
            if before is None or last < before:
                self._rows[track_id].extend(stream.flush())
                del self._open[track_id]
