"""The line's side of `bench.speed.video`: runs clips that it is told on standard input, on one thread."""

import json
import sys
import time
from functools import cache, partial
from pathlib import Path

import cv2
import torch

from apexline.assets.lake import process_clip
from apexline.assets.scoring import score_segments
from apexline.features import FeatureConfig, spot_clip
from apexline.features.expression import ExpressionStream
from apexline.features.flow import FlowStream
from apexline.features.modc import TextureStream
from apexline.features.tracking import track_faces
from apexline.features.video import read_frames
from apexline.ml.deepid import ExpressionModel, load_pretrained


def main() -> None:
    """Answer each line of JSON (``clip``, ``task``) by one with seconds, frames and peak memory."""
    cv2.setNumThreads(1)
    for line in sys.stdin:
        request = json.loads(line)
        clip = Path(request["clip"])
        answer = _TASKS[request["task"]](clip)
        print(json.dumps({**answer, "peak_mib": _peak_mib()}), flush=True)


def _peak_mib() -> float:
    """Largest resident memory of this program so far; `getrusage` would count the program that started it."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def _whole(clip: Path) -> dict[str, float]:
    started = time.perf_counter()
    spot_clip(clip, config=FeatureConfig(device="cpu"))
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "frames": sum(1 for _ in read_frames(clip))}


def _named(clip: Path) -> dict[str, float]:
    """As `apexline score` does: crops kept in a temporary folder, segments named by the shipped model."""
    config, model = FeatureConfig(device="cpu"), _model()
    started = time.perf_counter()
    with process_clip(clip, features=config) as processed:
        score_segments(model, processed, features=config)
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "frames": sum(1 for _ in read_frames(clip))}


@cache
def _model() -> ExpressionModel:
    torch.set_num_threads(1)
    return load_pretrained().model


def _stages(clip: Path) -> dict[str, float]:
    """Stage by stage, what the one hands to the other kept in memory."""
    config = FeatureConfig(device="cpu")
    answer: dict[str, float] = {}
    started = time.perf_counter()

    def lap(stage: str) -> None:
        nonlocal started
        answer[stage] = time.perf_counter() - started
        started = time.perf_counter()

    frames = list(read_frames(clip))
    lap("decode")
    faces = list(track_faces(iter(frames), faces=config.faces, tracks=config.tracks, clip_key="0" * 64))
    kept = [face for face in faces if face.crop is not None]
    lap("track and align")
    makers = {
        "texture": partial(TextureStream, config.texture, config.device),
        "flow": partial(FlowStream, config.flow, config.device),
        "words": ExpressionStream,
    }
    for stage, make in makers.items():
        streams = {face.track_id: make() for face in kept}
        for face in kept:
            streams[face.track_id].push(face.crop, face.frame, face.time_s)
        lap(stage)
    return {**answer, "frames": len(frames)}


_TASKS = {"segments": _whole, "answers": _named, "stages": _stages}


if __name__ == "__main__":
    main()
