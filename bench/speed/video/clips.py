"""Clips to measure on: faces multiplied, pictures enlarged, any length, and frames for a peer that reads no video.

Belongs here: writing them from one filmed clip. Stays out: what is measured on them.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path

import av
import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from apexline.features import spot_clip
from apexline.features.video import Frame, probe_video, read_frames, write_video

FPS = 25
_NUM_CLIPS = 6
_FRAMES = 120


def single_face_clips(folder: Path) -> list[Path]:
    """Clips of different performers, in a fixed order."""
    clips = pd.read_csv(folder / "clips.csv").drop_duplicates("performer", keep="last")
    return [folder / name for name in clips["clip"].head(_NUM_CLIPS)]


def expressive_clip(folder: Path) -> Path:
    """The first of `single_face_clips` in which an expression is found; without one there is nothing to answer."""
    return next(clip for clip in single_face_clips(folder) if spot_clip(clip))


def cycle_frames(clip: Path) -> Iterator[Frame]:
    """Frames of a clip, again and again, forth and back, so that nothing jumps."""
    frames = list(read_frames(clip))
    return cycle([*frames, *frames[-2:0:-1]])


def tiled(clip: Path, faces: int, folder: Path) -> Path:
    """Write a clip that shows the face of another one in rows and columns."""
    side = round(faces**0.5)
    path = folder / f"{clip.stem}-{faces}.mp4"
    images = (frame.image for frame in islice(cycle_frames(clip), _FRAMES))
    write_video(path, (np.tile(image, (side, side, 1)) for image in images), fps=FPS)
    return path


def enlarged(clip: Path, width: int, height: int, folder: Path) -> Path:
    """Write a clip whose face stands in the middle of a larger picture."""
    path = folder / f"{clip.stem}-{width}x{height}.mp4"
    images = (frame.image for frame in islice(cycle_frames(clip), _FRAMES))
    write_video(path, (with_border(image, width, height) for image in images), fps=FPS)
    return path


def with_border(image: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """Put a picture in the middle of a larger one, whose border goes on with the picture's own."""
    down, right = height - image.shape[0], width - image.shape[1]
    edges = (down // 2, down - down // 2, right // 2, right - right // 2)
    return cv2.copyMakeBorder(image, *edges, cv2.BORDER_REPLICATE).astype(np.uint8, copy=False)


def lengthened(clip: Path, num_frames: int, folder: Path) -> Path:
    """Write a clip that plays another one forth and back, as often as `num_frames` take.

    One round is encoded, and its packets are written again and again: two hours take seconds and no memory.
    """
    round_frames = 2 * probe_video(clip).num_frames - 2
    rounds, rest = divmod(num_frames, round_frames)
    path = folder / f"{clip.stem}-long{num_frames}.mp4"
    parts = [_played(clip, round_frames, folder)] * rounds
    if rest:
        parts.append(_played(clip, rest, folder))
    _join(path, parts)
    return path


def _played(clip: Path, num_frames: int, folder: Path) -> Path:
    path = folder / f"{clip.stem}-{num_frames}.mp4"
    write_video(path, (frame.image for frame in islice(cycle_frames(clip), num_frames)), fps=FPS)
    return path


def _join(path: Path, parts: list[Path]) -> None:
    """Write the packets of clips of one encoder one after the other."""
    with av.open(str(path), mode="w") as target:
        stream, shift = None, 0
        for part in parts:
            with av.open(str(part)) as source:
                [video] = source.streams.video
                stream = stream or target.add_stream_from_template(video)
                for packet in source.demux(video):
                    if packet.pts is None or packet.dts is None:  # the end of the file
                        continue
                    packet.stream, packet.pts, packet.dts = stream, packet.pts + shift, packet.dts + shift
                    target.mux(packet)
                shift += video.duration or 0


def as_frames(clip: Path, num_frames: int, folder: Path) -> Path:
    """Write the first frames of a clip as one array, uint8, N x H x W x 3, RGB."""
    path = folder / f"{clip.stem}-{num_frames}.npy"
    if not path.exists():
        images = [frame.image[..., ::-1] for frame in islice(read_frames(clip), num_frames)]
        np.save(path, np.stack(images))
    return path
