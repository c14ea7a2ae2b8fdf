"""Annotated faces with the curves and answers of their tracks, as the line computes them.

Belongs here: one pass over each clip, and which track is of which face. Stays out: truth (``bench.line.clips``),
learning and measuring.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from apexline.bench.line.clips import ANY_FACE, UNDECIDED, AnnotatedClip, AnnotatedFace
from apexline.bench.line.versions import VERSIONS, write_version
from apexline.bench.spotting.extract import TrackRows, extract
from apexline.features import FeatureConfig, track_curves
from apexline.features.spotting import TrackCurves

# A box of a track is a face's where their middles are this near, in sides of the face, and the frames these many.
_NEAR, _NEAR_FRAMES = 0.6, 12
_EVERY = 3


@dataclass(frozen=True, eq=False)
class LineFace:
    """A face as the line sees it.

    Attributes
    ----------
    clip : AnnotatedClip
    face : AnnotatedFace
    stretches : sequence of TrackCurves
        Of all tracks of the face.
    logits : mapping of int to ndarray, shape (4,)
        What the shipped model says of the face in each frame that was kept.
    """

    clip: AnnotatedClip
    face: AnnotatedFace
    stretches: Sequence[TrackCurves]
    logits: Mapping[int, NDArray[np.float32]]

    @property
    def seen(self) -> NDArray[np.bool_]:
        """Frames of the clip in which the face was kept, shape (num_frames,)."""
        mask = np.zeros(self.clip.num_frames, bool)
        mask[[frame for frame in self.logits if frame < mask.size]] = True
        return mask

    def within(self, kinds: frozenset[str] = UNDECIDED) -> NDArray[np.bool_]:
        """Frames of the clip inside distractors of these kinds, shape (num_frames,)."""
        mask = np.zeros(self.clip.num_frames, bool)
        for each in self.face.distractors:
            if each.kind in kinds:
                mask[each.first : each.last + 1] = True
        return mask

    @property
    def changing(self) -> NDArray[np.bool_]:
        """Frames of the clip inside annotated changes, shape (num_frames,)."""
        mask = np.zeros(self.clip.num_frames, bool)
        for each in self.face.truth:
            mask[each.onset : each.offset + 1] = True
        return mask


def see_faces(clips: Sequence[AnnotatedClip]) -> list[LineFace]:
    """Run the line's streams over the clips, on all cores; faces in which nothing was tracked have no stretches."""
    found = extract([clip.path for clip in clips], baselines=False, answers=True)
    return [face for clip, tracks in zip(clips, found, strict=True) for face in _faces_of(clip, tracks)]


def see_versions(clips: Sequence[AnnotatedClip]) -> dict[str, list[LineFace]]:
    """Run the line's streams over the versions of the clips; faces of each, by name, in the order of their clips."""
    found: dict[str, list[LineFace]] = {}
    for version in VERSIONS:
        with TemporaryDirectory() as folder:
            found[version.name] = see_faces([write_version(clip, version, Path(folder)) for clip in clips])
    return found


def _faces_of(clip: AnnotatedClip, tracks: Sequence[TrackRows]) -> Iterator[LineFace]:
    owners = [face_of(clip, track) for track in tracks]
    for face in clip.faces:
        own = [track for track, owner in zip(tracks, owners, strict=True) if owner == face.name]
        seen = [track for track in own if "flow" in track.tables]
        config = FeatureConfig()
        yield LineFace(
            clip,
            face,
            [
                curves
                for track in seen
                for curves in track_curves(
                    track.tables["texture"], track.tables["flow"], track.tables["words"], config=config
                )
            ],
            {
                int(frame): logits
                for track in seen
                for frame, logits in zip(
                    track.tables["answers"]["frame"], track.tables["answers"]["logits"], strict=True
                )
            },
        )


def face_of(clip: AnnotatedClip, track: TrackRows) -> str | None:
    """Name of the face that most frames of a track lie on; None where that is nobody annotated."""
    boxes = [(face.name, *box) for face in clip.faces for box in face.boxes]
    if not boxes:
        return clip.faces[0].name if len(clip.faces) == 1 else ANY_FACE
    votes = Counter(
        _nearest(boxes, frame, box)
        for frame, box in zip(track.frames[::_EVERY].tolist(), track.boxes[::_EVERY].tolist(), strict=True)
    )
    return votes.most_common(1)[0][0]


def _nearest(
    boxes: Sequence[tuple[str, float, float, float, float, float]], frame: int, box: Sequence[float]
) -> str | None:
    left, top, width, height = box
    best: tuple[float, str] | None = None
    for name, at, x, y, w, h in boxes:
        if abs(at - frame) > _NEAR_FRAMES:
            continue
        apart = max(abs(left + width / 2 - x - w / 2) / w, abs(top + height / 2 - y - h / 2) / h)
        distance = apart + abs(at - frame) / 1000
        if distance < _NEAR and (best is None or distance < best[0]):
            best = (distance, name)
    return None if best is None else best[1]
