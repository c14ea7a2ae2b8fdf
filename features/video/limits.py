"""How much a video may ask for before it is refused.

Belongs here: the limits, their defaults, how the environment sets them. Stays out: who holds to them (``opening``,
``timeline`` and ``reader`` inside the decoding process, ``guarded`` outside).

The decoding process, which is told its limits, imports this too: that must take no time.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final

from apexline.features.video.containers import UnreadableVideo

_PREFIX = "APEXLINE_VIDEO_"


class DecodingUnavailable(OSError):  # noqa: N818  (it says what is the matter)
    """Videos can't be decoded on this machine as it is set up; nothing is wrong with a clip."""


@dataclass(frozen=True)
class VideoLimits:
    """Each is set by an environment variable, ``APEXLINE_VIDEO_`` and its name in capitals.

    Attributes
    ----------
    max_bytes : int
        Size of a file, bytes.
    max_pixels : int
        Width times height of a picture as it is stored, px.
    max_duration_s : float
        What a container declares, and what its times span, s. The default lets a day's recording run over.
    max_frames : int
        Pictures of a clip, declared or counted.
    max_streams : int
        Streams of a container, of any kind.
    max_packet_frames : int
        Pictures that a single packet of data gives.
    max_probe_pixels : int
        Pixels that a probe decodes of the last group of pictures, px. A group that holds more is taken in without a
        look at its end: what does not decode is counted when the clip is read.
    memory_bytes : int
        What the decoding process may take for a clip, bytes: address space beyond its own code.
    probe_s, probe_bytes_per_s : float
        Time for a probe, and for finding a clip's times before its first frame: so many seconds, s, and one more for
        each so many bytes of the file, bytes/s.
    stall_s : float
        Time for one more frame, s.
    read_s : float
        Time that a reader waits for the frames of a clip altogether, s.
    """

    max_bytes: int = 200_000_000_000
    max_pixels: int = 36_000_000
    max_duration_s: float = 90_000.0
    max_frames: int = 5_400_000
    max_streams: int = 64
    max_packet_frames: int = 64
    max_probe_pixels: int = 4_000_000_000
    memory_bytes: int = 1_610_612_736
    probe_s: float = 20.0
    probe_bytes_per_s: float = 1_000_000.0
    stall_s: float = 20.0
    read_s: float = 21_600.0

    def check(self, path: Path, name: str, seen: float, unit: str) -> None:
        """Raise `UnreadableVideo` where a file has more of something than the limit of this name allows."""
        limit: float = getattr(self, name)
        if seen > limit:
            detail = (
                f"saw {round(seen, 3):,} {unit}; expected at most {limit:,}, by the setting {setting(name)}"
            )
            raise UnreadableVideo(path, "limit_exceeded", detail)

    def probe_budget_s(self, num_bytes: int) -> float:
        """Time for probing a file of this size, s."""
        return self.probe_s + num_bytes / self.probe_bytes_per_s


_held: Final = ContextVar("limits that videos are read within", default=VideoLimits())  # noqa: B039  (it is frozen)


def held_limits() -> VideoLimits:
    """Return the limits that this process reads a video within."""
    return _held.get()


@contextmanager
def holding_to(limits: VideoLimits) -> Generator[None]:
    """Read videos within other limits than the defaults."""
    token = _held.set(limits)
    try:
        yield
    finally:
        _held.reset(token)


def setting(name: str) -> str:
    """Name of the environment variable that sets a limit."""
    return _PREFIX + name.upper()


def limits_in_force() -> VideoLimits:
    """Return the limits that the environment sets.

    Raises
    ------
    DecodingUnavailable
        If a variable holds no positive number.
    """
    given: dict[str, float] = {}
    for each in fields(VideoLimits):
        text = os.environ.get(setting(each.name))
        if text is not None:
            given[each.name] = _positive(setting(each.name), text, whole=isinstance(each.default, int))
    return VideoLimits(**given)  # type: ignore[arg-type]


def _positive(name: str, text: str, *, whole: bool) -> float:
    try:
        value = int(text) if whole else float(text)
    except ValueError:
        value = 0
    if not 0 < value < float("inf"):
        kind = "a whole number" if whole else "a number"
        message = f"{name} is {text!r}; expected {kind} above 0, or leave it unset"
        raise DecodingUnavailable(message)
    return value
