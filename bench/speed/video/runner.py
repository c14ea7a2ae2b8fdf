"""The line's side of `bench.speed.video.run`: runs clips that it is told on standard input, on one thread."""

import json
import sys
import time
from collections import defaultdict
from functools import cache, partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from apexline.assets.lake import process_clip
from apexline.assets.scoring import score_segments
from apexline.features import FeatureConfig, spot_clip
from apexline.features.expression import ExpressionStream
from apexline.features.flow import FlowStream
from apexline.features.modc import TextureStream
from apexline.features.tracking import TrackedFace, track_faces
from apexline.features.video import probe_video, read_frames
from apexline.ml.deepid import ExpressionModel, load_pretrained


def main() -> None:
    """Answer each line of JSON (``clip``, ``task``, ``device``) by one with seconds and frames."""
    cv2.setNumThreads(1)
    for line in sys.stdin:
        request = json.loads(line)
        clip = Path(request["clip"])
        answer = _TASKS[request["task"]](clip, FeatureConfig(device=request["device"]))
        print(json.dumps(answer), flush=True)


def _whole(clip: Path, config: FeatureConfig) -> dict[str, float]:
    started = time.perf_counter()
    spot_clip(clip, config=config)
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "frames": probe_video(clip).num_frames}


def _named(clip: Path, config: FeatureConfig) -> dict[str, float]:
    """As `apexline score` does: crops kept in a temporary folder, segments named by the shipped model."""
    model = _model()
    started = time.perf_counter()
    with process_clip(clip, features=config) as processed:
        segments = len(score_segments(model, processed, features=config))
        lake, clip_id, camera_day = processed.lake, processed.clip_id, processed.camera_day
        faces = lake.read("face_tracks", clip_id, camera_day=camera_day, columns=["frame"]).num_rows
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "frames": probe_video(clip).num_frames, "faces": faces, "segments": segments}


@cache
def _model() -> ExpressionModel:
    return load_pretrained().model


def _stages(clip: Path, config: FeatureConfig) -> dict[str, float]:
    """Stage by stage, what the one hands to the other kept in memory."""
    answer: dict[str, float] = {}
    started = time.perf_counter()

    def lap(stage: str) -> None:
        nonlocal started
        answer[stage] = time.perf_counter() - started
        started = time.perf_counter()

    frames = list(read_frames(clip))
    lap("decode")
    faces = list(track_faces(iter(frames), faces=config.faces, tracks=config.tracks, clip_key="0" * 64))
    blocks = _blocks(faces)
    lap("track and align")
    makers = {
        "texture": partial(TextureStream, config.texture, config.device),
        "flow": partial(FlowStream, config.flow, config.device),
        "words": ExpressionStream,
    }
    for stage, make in makers.items():
        for block in blocks:
            make().push_block(*block)
        lap(stage)
    return {**answer, "frames": len(frames)}


def _blocks(faces: list[TrackedFace]) -> list[tuple[NDArray[Any], ...]]:
    """Crops (N, 128, 128), frames and times of each track."""
    by_track: dict[str, list[TrackedFace]] = defaultdict(list)
    for face in faces:
        if face.crop is not None:
            by_track[face.track_id].append(face)
    return [
        (
            np.stack([face.crop for face in own if face.crop is not None]),
            np.array([face.frame for face in own]),
            np.array([face.time_s for face in own]),
        )
        for own in by_track.values()
    ]


_TASKS = {"segments": _whole, "answers": _named, "stages": _stages}


if __name__ == "__main__":
    main()
