"""When each picture of a video is displayed.

Belongs here: from the stamps of packets to times, and which decoded picture has which. Stays out: opening, decoding
(``opening``), pixels (``pictures``).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import av.container
import av.video.frame
import av.video.stream
import numpy as np
from numpy.typing import NDArray

from apexline.features.video.containers import UnreadableVideo
from apexline.features.video.limits import DEFAULT_LIMITS, VideoLimits
from apexline.features.video.opening import demux


@dataclass(frozen=True)
class Timeline:
    """Presentation timestamps of the displayed packets, sorted, in units of the stream's time base."""

    pts: NDArray[np.int64]
    # Where to seek for the last group of pictures; 0 or less than every stamp is fine.
    last_key: int
    only_one_key: bool
    seconds: NDArray[np.float64]
    # AVI stores no presentation times (FFmpeg makes them up in decoding order): there the n-th decoded frame
    # is simply the n-th.
    by_order: bool


def read_timeline(
    path: Path,
    container: av.container.InputContainer,
    stream: av.video.stream.VideoStream,
    *,
    limits: VideoLimits = DEFAULT_LIMITS,
) -> Timeline:
    """Demux every packet and keep the presentation times of those that are displayed."""
    pts: list[int] = []
    keys: list[int] = []
    for packet in demux(path, container, stream):
        stamp = packet.pts if packet.pts is not None else packet.dts
        # The last packet of a demux is an empty one without any stamp; discarded ones lie outside the
        # container's edit list and are never displayed.
        if stamp is None or packet.is_discard:
            continue
        pts.append(stamp)
        limits.check(path, "max_frames", len(pts), "pictures or more")
        if packet.is_keyframe:
            # Formats seek by either stamp; the smaller one never lands behind the key frame.
            keys = [*keys[:1], min(stamp, packet.dts if packet.dts is not None else stamp)]
    if not pts:
        detail = "the video stream holds no packet; the recorder stopped before the first frame was stored"
        raise UnreadableVideo(path, "truncated", detail)
    ordered = np.unique(np.asarray(pts, dtype=np.int64))
    seconds = (ordered - ordered[0]).astype(np.float64) * float(stream.time_base or 1)
    limits.check(path, "max_duration_s", float(seconds[-1]), "s from the first picture to the last")
    return Timeline(
        ordered,
        keys[-1] if keys else int(ordered[0]),
        len(keys) < 2,
        seconds,
        by_order=container.format.name == "avi",
    )


def frame_index(decoded: av.video.frame.VideoFrame, timeline: Timeline, next_index: int) -> int | None:
    """Position of a decoded frame on the timeline, None when the container does not list it."""
    if timeline.by_order:
        return next_index if next_index < len(timeline.pts) else None
    if decoded.pts is None:
        return None
    index = int(np.searchsorted(timeline.pts, decoded.pts))
    return index if index < len(timeline.pts) and timeline.pts[index] == decoded.pts else None
