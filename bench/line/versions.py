"""The same clips as another camera or recorder would have kept them: mirrored, bordered, coded coarser, thinned.

Belongs here: new files of annotated clips, their truth moved along. Stays out: seeing them (``bench.line.faces``), and
how far what is found in them agrees (``bench.line.measure``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from apexline.bench.line.clips import AnnotatedClip, AnnotatedFace
from apexline.features.video import read_frames, write_video

Image = NDArray[np.uint8]

# x264's rate factor of versions that are to look as the original does, and of the one that is coded coarser.
_FINE, _COARSE = 12, 23
_BORDER = 0.25  # of each side, beside the picture
_THINNED_FPS = 15
_EVERY = {"real": 1, "morphed": 5}


@dataclass(frozen=True)
class Version:
    """How a clip is changed.

    Attributes
    ----------
    name : str
    crf : int
    thinned : bool
        Only about 15 frames of a second are kept.
    changed : callable
        Takes an image and gives it as this version shows it.
    moved : callable
        Takes a box (frame, left, top, width, height) and the image's width and height; gives it where it then is.
    """

    name: str
    changed: Callable[[Image], Image]
    moved: Callable[[tuple[float, ...], int, int], tuple[float, ...]]
    crf: int = _FINE
    thinned: bool = False

    def step(self, fps: float) -> int:
        """Every how many frames one is kept."""
        return max(1, round(fps / _THINNED_FPS)) if self.thinned else 1


def _mirrored_box(box: tuple[float, ...], width: int, height: int) -> tuple[float, ...]:
    del height
    frame, left, top, wide, high = box
    return frame, width - left - wide, top, wide, high


def _bordered(image: Image) -> Image:
    rows, cols = (_border(side) for side in image.shape[:2])
    return np.pad(image, ((rows, rows), (cols, cols), (0, 0)))


def _bordered_box(box: tuple[float, ...], width: int, height: int) -> tuple[float, ...]:
    frame, left, top, wide, high = box
    return frame, left + _border(width), top + _border(height), wide, high


def _border(side: int) -> int:
    return round(side * _BORDER)


def _same_box(box: tuple[float, ...], width: int, height: int) -> tuple[float, ...]:
    del width, height
    return box


VERSIONS = (
    Version("mirrored", lambda image: image[:, ::-1], _mirrored_box),
    Version("bordered", _bordered, _bordered_box),
    Version(f"CRF {_COARSE}", lambda image: image, _same_box, crf=_COARSE),
    Version(f"{_THINNED_FPS} fps", lambda image: image, _same_box, thinned=True),
)


def versioned(clips: Sequence[AnnotatedClip]) -> list[AnnotatedClip]:
    """Choose the clips that versions are made of: all real ones and every fifth morphed one."""
    return [
        clip
        for source, every in _EVERY.items()
        for clip in [each for each in clips if each.source == source][::every]
    ]


def write_version(clip: AnnotatedClip, version: Version, folder: Path) -> AnnotatedClip:
    """Write a version of a clip into a folder; return it with its truth moved along."""
    step = version.step(clip.fps)
    path = folder / f"{clip.path.stem}-{version.name.replace(' ', '-')}.mp4"
    fps = clip.fps / step
    size: list[int] = []

    def images() -> Iterator[Image]:
        for frame in read_frames(clip.path):
            if frame.index % step == 0:
                rows, cols = frame.image.shape[:2]
                size[:] = cols, rows
                even = version.changed(frame.image[: rows // 2 * 2, : cols // 2 * 2])
                rows, cols = even.shape[:2]
                yield np.ascontiguousarray(even[: rows // 2 * 2, : cols // 2 * 2])

    write_video(path, images(), fps=fps, crf=version.crf)
    width, height = size
    return replace(
        clip,
        path=path,
        fps=fps,
        num_frames=-(-clip.num_frames // step),
        faces=[_moved(face, version, step, width, height) for face in clip.faces],
    )


def _moved(face: AnnotatedFace, version: Version, step: int, width: int, height: int) -> AnnotatedFace:
    return replace(
        face,
        truth=[
            replace(
                each, onset=-(-each.onset // step), apex=round(each.apex / step), offset=each.offset // step
            )
            for each in face.truth
        ],
        distractors=[
            replace(each, first=-(-each.first // step), last=each.last // step) for each in face.distractors
        ],
        boxes=[
            (box[0] // step, *version.moved(box, width, height)[1:])
            for box in face.boxes
            if box[0] % step == 0
        ],
    )
