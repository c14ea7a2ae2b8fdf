"""Faces of the public sets through the line's own tracker and aligner, kept on disk for the next run.

Belongs here: pixels and features of `bench.recognition.run`. Stays out: labels (``ml.datasets.ferplus``,
``ml.datasets.posed``) and training. Every crop goes through `features.faces.alignment.align_face` and
`ml.datasets.examples.face_image`, as it does when a clip is scored.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from apexline.bench.paths import CONFIGS
from apexline.features import FeatureConfig, load_config, segment_features
from apexline.features.faces import Box, FaceConfig, MtcnnDetector, align_face
from apexline.features.tracking import track_faces
from apexline.features.video import read_frames
from apexline.ml.datasets import face_image

CONFIG = CONFIGS / "default.yaml"
CODE_VERSION = "1"
NUM_PROCESSES = 2

# FER2013 images are 48 px face boxes: the line's output network looks at a margin around them, enlarged.
_FER_SIDE = 48
_ENLARGED = 2
_MARGIN_PX = 8
_FER_BOX = (0.06, 0.02, 0.88, 0.98)  # left, top, width, height in sides of the image
_FER_LEAST_SCORE = 0.3
# Median landmarks of FER2013's train images, (row, col) px: for faces in which the network sees none.
_FER_LANDMARKS = np.array([[17.9, 14.5], [17.8, 32.7], [28.2, 23.5], [37.3, 16.1], [37.2, 31.3]])


@dataclass(frozen=True, eq=False)
class ClipFaces:
    """Faces and features of annotated segments, one row per segment and frame shown.

    Parameters
    ----------
    segment : ndarray, shape (N,), int
        Row of the table of segments.
    at : ndarray, shape (N,), str
        ``apex``: middle of the apex; ``rise``, ``fall``: between onset or offset and it; ``onset``: calm before it.
    images : ndarray, shape (N, 48, 48), uint8
    texture : ndarray, shape (N, H), float32
    flow : ndarray, shape (N, F), float32
        Motion since onset, px of the crop.
    """

    segment: NDArray[np.intp]
    at: NDArray[np.str_]
    images: NDArray[np.uint8]
    texture: NDArray[np.float32]
    flow: NDArray[np.float32]

    @property
    def onsets(self) -> NDArray[np.uint8]:
        """Face at the onset of each row's segment, shape (N, 48, 48)."""
        calm = np.flatnonzero(self.at == "onset")
        by_segment = np.zeros(self.segment.max() + 1, np.intp)
        by_segment[self.segment[calm]] = calm
        return self.images[by_segment[self.segment]]


def ferplus_faces(images: Path, cache: Path) -> NDArray[np.uint8]:
    """Aligned faces of all FER2013 images, shape (N, 48, 48), uint8, in the file's order."""

    def make() -> dict[str, NDArray[Any]]:
        stack = np.load(images, allow_pickle=False)["images"]
        parts = [stack[start : start + 1000] for start in range(0, len(stack), 1000)]
        return {"images": np.concatenate(list(_in_processes(_align_ferplus, parts)))}

    return cached(cache, f"ferplus-{digest(images)}", make)["images"]


def stills_faces(folder: Path, names: Iterable[str], cache: Path) -> dict[str, NDArray[Any]]:
    """Aligned faces of posed stills: images, shape (N, 48, 48), and texture, shape (N, H), in the order of `names`.

    Raises
    ------
    ValueError
        If a still has no face.
    """
    paths = [folder / name for name in names]

    def make() -> dict[str, NDArray[Any]]:
        parts = list(
            _in_processes(_align_stills, [paths[start : start + 50] for start in range(0, len(paths), 50)])
        )
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    return cached(cache, f"stills-{digest(folder / 'ratings.csv', _config_key())}", make)


def clip_faces(folder: Path, segments: pd.DataFrame, cache: Path) -> ClipFaces:
    """Faces and features of segments about their apex, and of calm at their onset, as the line sees them."""

    def make() -> dict[str, NDArray[Any]]:
        parts = [(folder / name, part) for name, part in segments.groupby("clip", sort=False)]
        found = list(_in_processes(_segments_of_clip, parts))
        return {name: np.concatenate([each[name] for each in found]) for name in found[0]}

    return ClipFaces(**cached(cache, f"clips-{digest(folder / 'segments.csv', _config_key())}", make))


def digest(*parts: Path | str) -> str:
    """Name for what depends on these files and texts, 16 hex digits."""
    made = hashlib.sha256(CODE_VERSION.encode())
    for part in parts:
        made.update(part.encode() if isinstance(part, str) else part.read_bytes())
    return made.hexdigest()[:16]


def cached(cache: Path, name: str, make: Callable[[], dict[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
    """Read the arrays of this name from the cache, or make and keep them."""
    path = cache / f"{name}.npz"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        aside = path.with_suffix(".part.npz")
        np.savez(aside, allow_pickle=False, **make())
        aside.replace(path)
    with np.load(path, allow_pickle=False) as stored:
        return {key: stored[key] for key in stored.files}


def _in_processes(work: Callable[[Any], Any], parts: list[Any]) -> Iterable[Any]:
    """Yield the results in order; each process on one thread."""
    with ProcessPoolExecutor(NUM_PROCESSES, get_context("spawn"), initializer=_one_thread) as pool:
        yield from pool.map(work, parts)


def _one_thread() -> None:
    cv2.setNumThreads(1)


def _align_ferplus(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    detector = MtcnnDetector(FaceConfig(min_score=_FER_LEAST_SCORE))
    return np.stack([face_image(align_face(image, _ferplus_landmarks(detector, image))) for image in images])


def _ferplus_landmarks(detector: MtcnnDetector, image: NDArray[np.uint8]) -> NDArray[np.float64]:
    side = _FER_SIDE * _ENLARGED
    large = cv2.resize(image, (side, side), interpolation=cv2.INTER_CUBIC)
    large = cv2.copyMakeBorder(large, *(_MARGIN_PX,) * 4, cv2.BORDER_REPLICATE)
    left, top, width, height = (fraction * side for fraction in _FER_BOX)
    box = Box(left + _MARGIN_PX, top + _MARGIN_PX, width, height)
    found = detector.confirm(cv2.cvtColor(large, cv2.COLOR_GRAY2BGR), [box])[0]
    if found is None:
        return _FER_LANDMARKS
    # Pixel areas scale about their edges, not their centres.
    return (found.landmarks - _MARGIN_PX + 0.5) / _ENLARGED - 0.5


def _align_stills(paths: list[Path]) -> dict[str, NDArray[Any]]:
    config = load_config(CONFIG)
    detector = MtcnnDetector(config.faces)
    crops: list[NDArray[np.uint8]] = []
    for path in paths:
        image = cv2.imread(str(path))
        faces = [] if image is None else detector.detect(image)
        if not faces:
            msg = f"{path} shows no face to the line's detector; expected an image of one face"
            raise ValueError(msg)
        grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        crops.append(align_face(grey, max(faces, key=lambda face: face.size_px).landmarks))
    texture = [segment_features(None, crop, config=config)[0] for crop in crops]
    return {"images": face_image(np.stack(crops)), "texture": np.stack(texture)}


def _segments_of_clip(part: tuple[Path, pd.DataFrame]) -> dict[str, NDArray[Any]]:
    path, segments = part
    config = load_config(CONFIG)
    key = hashlib.sha256(path.read_bytes()).hexdigest()
    faces = track_faces(read_frames(path), faces=config.faces, tracks=config.tracks, clip_key=key)
    crops: dict[int, NDArray[np.uint8]] = {}
    for face in faces:
        if face.crop is not None:
            crops.setdefault(face.frame, face.crop)  # these clips show one face
    rows = [row for segment in segments.itertuples() for row in _rows(segment, crops, config)]
    return {name: np.asarray([row[name] for row in rows]) for name in rows[0]}


def _rows(segment: Any, crops: dict[int, NDArray[np.uint8]], config: FeatureConfig) -> list[dict[str, Any]]:
    frames = {
        "apex": segment.shown,
        "rise": (segment.onset + 2 * segment.apex) // 3,
        "fall": (2 * segment.apex_end + segment.offset) // 3,
        "onset": segment.onset,
    }
    lost = sorted({frame for frame in frames.values() if frame not in crops})
    if lost:
        msg = f"{segment.clip}: no face kept in frames {lost}, expected one in each that is annotated"
        raise ValueError(msg)
    onset = crops[segment.onset]
    rows: list[dict[str, Any]] = []
    for at, frame in frames.items():
        texture, flow = segment_features(onset, crops[frame], config=config)
        rows.append(
            {
                "segment": segment.Index,
                "at": at,
                "images": face_image(crops[frame]),
                "texture": texture,
                "flow": flow,
            }
        )
    return rows


def _config_key() -> str:
    """Describe what of the parameters decides about crops and features."""
    config = load_config(CONFIG)
    return repr((config.faces, config.tracks, config.texture, config.flow))
