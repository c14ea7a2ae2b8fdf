"""Rows of every curve that the spotters of `bench.spotting.run` look at, clip by clip, on all cores.

Belongs here: one decode and one tracking of each clip, the streams of ours, of the paper and of published
baselines over its crops. Stays out: what a method makes of its rows (``bench.spotting.methods``).
"""

import hashlib
import multiprocessing
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from apexline.bench.paths import CONFIGS
from apexline.bench.spotting.answers import AnswerRow, AnswerStream
from apexline.bench.spotting.mdmd import MdmdStream
from apexline.features import FeatureConfig, load_config
from apexline.features.expression import ExpressionRow, ExpressionStream
from apexline.features.flow import FlowRow, FlowStream
from apexline.features.modc import TextureConfig, TextureRow, TextureStream
from apexline.features.tracking import track_faces
from apexline.features.video import read_frames

MODC_KINDS = ("sl", "sr", "cod")
PEER_KINDS = ("dcp", "hog", "lbp")

# Moilanen 2014: LBP in 6 x 6 blocks, the third that differs most, faces aligned and not registered further
MOILANEN = TextureConfig(
    kinds=("sl",), peers=("lbp",), grid=(6, 6), pooling="top_third", prefilter="none", registration="none"
)

Columns = Mapping[str, NDArray[Any]]

_TEXTURE_COLUMNS = ("frame", "time_s", "kind", "difference")
_FLOW_COLUMNS = ("frame", "time_s", "roi", "drow", "dcol", "speed")
_MDMD_COLUMNS = ("frame", "time_s", "difference")
_COLUMNS: Mapping[type, tuple[str, ...]] = {
    TextureRow: _TEXTURE_COLUMNS,
    FlowRow: _FLOW_COLUMNS,
    ExpressionRow: ("frame", "time_s", "words"),
    AnswerRow: ("frame", "logits"),
}


@dataclass(frozen=True, eq=False)
class TrackRows:
    """What one pass over a clip leaves of one track.

    Attributes
    ----------
    track_id : str
    frames : ndarray, shape (T,), int64
        Frames in which the face was tracked.
    boxes : ndarray, shape (T, 4), float64
        Left, top, width, height, px.
    tables : mapping of str to columns
        ``texture``, ``flow`` and ``words`` of ours; ``answers``, the shipped model's logits; ``paper_texture`` and
        ``paper_flow``; ``moilanen`` and ``mdmd``.
    """

    track_id: str
    frames: NDArray[np.int64]
    boxes: NDArray[np.float64]
    tables: Mapping[str, Columns]


class _Stream(Protocol):
    def push(self, crop: NDArray[np.uint8], frame: int, time_s: float) -> Sequence[Any]: ...

    def flush(self) -> Sequence[Any]: ...


def default_config() -> FeatureConfig:
    """Our parameters by the hand-made rule, with every texture that is compared."""
    config = load_config(CONFIGS / "default.yaml")
    return replace(
        config,
        texture=replace(config.texture, kinds=MODC_KINDS, peers=PEER_KINDS),
        segments=replace(config.segments, rule="curves"),
        device="cpu",
    )


def paper_config() -> FeatureConfig:
    """The paper to the letter."""
    return replace(load_config(CONFIGS / "paper.yaml"), device="cpu")


def extract(
    paths: Sequence[Path], *, baselines: bool = True, answers: bool = False
) -> Iterator[list[TrackRows]]:
    """Yield the tracks of each clip, in order of the paths; clips are shared out among the cores.

    Parameters
    ----------
    paths : sequence of Path
    baselines : bool
        Whether the paper's streams and the published baselines run beside ours.
    answers : bool
        Whether the shipped model is asked about every face.
    """
    context = multiprocessing.get_context("forkserver")
    workers = min(os.cpu_count() or 1, max(1, len(paths)))
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_start_worker) as pool:
        yield from pool.map(extract_clip, paths, [baselines] * len(paths), [answers] * len(paths))


def extract_clip(path: Path, baselines: bool = True, answers: bool = False) -> list[TrackRows]:
    """Decode and track one clip and run all streams over the crops of each track.

    Raises
    ------
    features.video.reader.UnreadableVideo
        If the clip cannot be read.
    """
    config = default_config()
    with path.open("rb") as file:
        clip_key = hashlib.file_digest(file, "sha256").hexdigest()
    streams: dict[str, dict[str, _Stream]] = {}
    rows: dict[str, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
    places: dict[str, list[tuple[int, tuple[float, ...]]]] = defaultdict(list)
    for face in track_faces(read_frames(path), faces=config.faces, tracks=config.tracks, clip_key=clip_key):
        places[face.track_id].append((face.frame, face.box))
        if face.crop is None:
            continue
        if face.track_id not in streams:
            streams[face.track_id] = _streams(config, baselines, answers)
        for name, stream in streams[face.track_id].items():
            rows[face.track_id][name].extend(stream.push(face.crop, face.frame, face.time_s))
    for track_id, opened in streams.items():
        for name, stream in opened.items():
            rows[track_id][name].extend(stream.flush())
    return [
        TrackRows(
            track_id,
            np.array([frame for frame, _ in places[track_id]]),
            np.array([box for _, box in places[track_id]], dtype=np.float64),
            {name: _columns(table) for name, table in rows[track_id].items()},
        )
        for track_id in places
    ]


def _streams(config: FeatureConfig, baselines: bool, answers: bool) -> dict[str, _Stream]:
    device = config.device
    own: dict[str, _Stream] = {
        "texture": TextureStream(config.texture, device),
        "flow": FlowStream(config.flow, device),
        "words": ExpressionStream(),
    }
    if answers:
        own["answers"] = AnswerStream()
    if not baselines:
        return own
    paper = paper_config()
    return own | {
        "paper_texture": TextureStream(paper.texture, paper.device),
        "paper_flow": FlowStream(paper.flow, paper.device),
        "moilanen": TextureStream(MOILANEN, device),
        "mdmd": MdmdStream(),
    }


def _columns(rows: Sequence[Any]) -> dict[str, NDArray[Any]]:
    names = _COLUMNS.get(type(rows[0]), _MDMD_COLUMNS) if rows else _MDMD_COLUMNS
    return {name: np.array([getattr(row, name) for row in rows]) for name in names}


def _start_worker() -> None:
    # one clip a core: threads inside would only get into each other's way
    cv2.setNumThreads(1)
    threadpool_limits(1)
