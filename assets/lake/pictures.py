"""What the pictures of a clip were like, as far as it says why faces or segments could not be found in them.

Belongs here: measuring while a clip is tracked, keeping it in the footer of ``face_tracks``, and the judgement. Stays
out: words (``assets.explain``), and what is wrong with single frames of a face (``features.tracking``).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field

from apexline.assets.lake.storage import Lake
from apexline.features import FeatureConfig, least_fps
from apexline.features.faces import Light, grey_levels, too_bad_for_faces
from apexline.features.video import Frame

_KEY = b"apexline.pictures"
# s between pictures whose light is measured.
_EVERY_S = 0.5


@dataclass(frozen=True)
class Pictures:
    """Pictures of a clip.

    Attributes
    ----------
    fps : float
        Frames per second by the median time from one frame to the next; 0 for a single frame.
    grey, contrast : float
        Mean of the pictures' mean grey levels and of their standard deviations, 0..255.
    faceless : bool
        Whether there were pictures, and no face was followed in them.
    """

    fps: float
    grey: float
    contrast: float
    faceless: bool

    @property
    def light(self) -> Light:
        """What is wrong with the light, where no face was found; empty where it would do."""
        return too_bad_for_faces(self.grey, self.contrast) if self.faceless else ""

    def is_too_slow(self, features: FeatureConfig) -> bool:
        """Tell whether expressions can't be followed at this frame rate."""
        return 0 < self.fps < least_fps(features)


@dataclass
class PictureMeter:
    """Measures the frames of a clip as they pass."""

    _steps: Counter[float] = field(default_factory=Counter[float])
    _grey: float = 0.0
    _contrast: float = 0.0
    _measured: int = 0

    def watch(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        """Yield the frames."""
        last_s = next_s = None
        for frame in frames:
            if last_s is not None:
                self._steps[round(frame.time_s - last_s, 4)] += 1
            last_s = frame.time_s
            if next_s is None or frame.time_s >= next_s:
                next_s = frame.time_s + _EVERY_S
                grey, contrast = grey_levels(frame.gray)
                self._grey, self._contrast = self._grey + grey, self._contrast + contrast
                self._measured += 1
            yield frame

    def footer(self, *, faceless: bool) -> dict[bytes, bytes]:
        """Return what is kept in the footer of ``face_tracks``."""
        count = max(1, self._measured)
        faceless = faceless and self._measured > 0
        found = Pictures(self._fps(), self._grey / count, self._contrast / count, faceless)
        return {_KEY: json.dumps(asdict(found)).encode()}

    def _fps(self) -> float:
        half, passed = sum(self._steps.values()) / 2, 0
        for step, count in sorted(self._steps.items()):
            passed += count
            if passed >= half:
                return 1 / step if step > 0 else 0.0
        return 0.0


def pictures_of(lake: Lake, camera_day: str, clip_id: str) -> Pictures | None:
    """Return what a tracked clip's pictures were like; None of a clip that was tracked before version 0.2.0."""
    kept = lake.footer("face_tracks", clip_id, camera_day=camera_day).get(_KEY)
    return None if kept is None else Pictures(**json.loads(kept))
