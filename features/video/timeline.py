"""When each picture of a video is displayed.

Belongs here: from the stamps of packets to places and times, and which decoded picture has which. Stays out: opening,
decoding (``opening``), pixels (``pictures``).

The rule for times. A picture has its own stamp where that lies after the stamp before it. One that repeats the stamp
before, or alone lies off its neighbours, counts as none. Pictures without a stamp are spread evenly between their
neighbours that have one; where there is no such neighbour they follow each other by the usual step, the median of the
stamps' steps or, where there are none, the stream's average rate. Where stamps jump back (a recorder that started
again, files joined) the clip goes on one usual step after the picture before, and what follows keeps its own
differences. So it does where they jump ahead by more than an hour in a container whose
counter wraps (transport and program streams): to those a step back may look like one of 26 hours ahead.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any, cast

import av.container
import av.format
import av.video.frame
import av.video.stream
import numpy as np
from numpy.typing import NDArray

from apexline.features.video.containers import UnreadableVideo
from apexline.features.video.opening import decode_packets, demux, number_of_packet, open_video

_LONGEST_GAP_S = 3600.0
# A step back of the decoding stamps is a new start at a key picture, elsewhere only from so much on.
_NEW_START_S = 1.0
_ASSUMED_RATE = 25


@dataclass(frozen=True, eq=False)
class Timeline:
    """Places and times of a video's pictures.

    Attributes
    ----------
    seconds : ndarray, shape (N,), float64
        Time of each displayed picture from the first one, s, strictly increasing.
    keys : tuple of int
        Stamps to seek for the last groups of pictures, the last one first.
    only_one_key : bool
        There is no other.
    restarts : bool
        Stamps jump back on the way.
    cut : bool
        The last packet is not whole.
    near_end : int or None
        A last picture that is stamped earlier shows that the end is missing.
    places : ndarray of int64 or None
        Place of each packet in the order of the file, -1 where it is not displayed.
    order : ndarray of int64 or None
        Place of each picture in the order in which the decoder gives them. Without either of the two (AVI stores no
        presentation times) the n-th picture, decoded or failed, is the n-th.
    last : VideoFrame or None
        The last picture, where finding the times took decoding them all.
    """

    seconds: NDArray[np.float64]
    keys: tuple[int, ...] = ()
    only_one_key: bool = False
    restarts: bool = False
    cut: bool = False
    near_end: int | None = None
    places: NDArray[np.int64] | None = None
    order: NDArray[np.int64] | None = None
    last: av.video.frame.VideoFrame | None = None

    def place(self, picture: av.video.frame.VideoFrame, num_decoded: int, num_failed: int) -> int | None:
        """Return the place of a picture, None where it has none; given how many came or failed before it."""
        if self.places is not None:
            number = number_of_packet(picture)
            place = int(self.places[number]) if 0 <= number < len(self.places) else -1
            return None if place < 0 else place
        if self.order is not None:
            return int(self.order[num_decoded]) if num_decoded < len(self.order) else None
        place = num_decoded + num_failed
        return place if place < len(self.seconds) else None


@dataclass(frozen=True)
class _Packets:
    """What the packets of a stream say, in the order of the file; no stamps where a packet is not displayed."""

    shown: list[bool]
    pts: list[int | None]
    dts: list[int | None]
    keys: list[bool]
    whole: list[bool]


def read_timeline(
    path: Path, container: av.container.InputContainer, stream: av.video.stream.VideoStream
) -> Timeline:
    """Read every packet, and only where stamps are missing or repeat decode them too, to lay out the pictures' times.

    Parameters
    ----------
    container, stream
        As `open_video` gives them, nothing read yet.

    Raises
    ------
    UnreadableVideo
        If the packets break off, there is none, or no picture decodes where that is needed.
    """
    packets = _read_packets(path, container, stream)
    if not any(packets.shown):
        detail = "the video stream holds no packet; the recorder stopped before the first frame was stored"
        raise UnreadableVideo(path, "truncated", detail)
    numbers = np.flatnonzero(packets.shown)
    clock = _Clock.of(container, stream)
    # AVI stores no presentation times: FFmpeg makes them up, in decoding order.
    by_order = container.format.name == "avi" or all(packets.pts[number] is None for number in numbers)
    told = packets.dts if by_order else packets.pts
    stamps = [stamp for number in numbers if (stamp := told[number]) is not None]
    if len(stamps) == len(numbers):
        if by_order and all(before < after for before, after in pairwise(stamps)):
            return Timeline(clock.seconds(stamps), **_groups(packets))
        if not by_order and (displayed := _displayed(stamps, numbers, packets, clock)) is not None:
            return _stamped(stamps, numbers, displayed, packets, clock)
    return _decode_order(path, packets, clock, trusted=not by_order)


def _read_packets(
    path: Path, container: av.container.InputContainer, stream: av.video.stream.VideoStream
) -> _Packets:
    packets = _Packets([], [], [], [], [])
    for packet in demux(path, container, stream):
        # What lies outside the container's edit list is decoded and never displayed.
        packets.shown.append(not packet.is_discard)
        packets.pts.append(packet.pts)
        packets.dts.append(packet.dts)
        packets.keys.append(packet.is_keyframe)
        packets.whole.append(not packet.is_corrupt)
    return packets


def _groups(packets: _Packets) -> dict[str, Any]:
    """Return where the last groups of pictures begin and whether the last one is whole, as `Timeline` takes it."""
    keys = [number for number, key in enumerate(packets.keys) if key and packets.shown[number]]
    # Formats seek by either stamp; the smaller one never lands behind the key picture.
    stamps = [
        min(stamp for stamp in (packets.pts[number], packets.dts[number]) if stamp is not None)
        for number in keys[-3:]
    ]
    return {"keys": tuple(reversed(stamps)), "only_one_key": len(keys) < 2, "cut": not packets.whole[-1]}


@dataclass(frozen=True)
class _Clock:
    """How the stamps of a stream become seconds: its time base, usual step and longest gap, in ticks."""

    time_base: float
    step: float
    longest_gap: float

    @classmethod
    def of(cls, container: av.container.InputContainer, stream: av.video.stream.VideoStream) -> _Clock:
        time_base = float(stream.time_base or 1)
        rate = float(stream.average_rate or stream.guessed_rate or _ASSUMED_RATE)
        wraps = bool(container.format.flags & av.format.Flags.ts_discont.value)
        return cls(time_base, 1 / (rate * time_base), _LONGEST_GAP_S / time_base if wraps else math.inf)

    def seconds(self, stamps: Sequence[int | None]) -> NDArray[np.float64]:
        """Lay out pictures in the order of display by the rule above; shape (N,), from 0, strictly increasing."""
        known = _believed(stamps)
        # Whole numbers of any size: stamps of damaged files lie as far apart as 64 bits allow.
        gaps = [
            (cast("int", stamps[after]) - cast("int", stamps[before]), after - before)
            for before, after in pairwise(known)
        ]
        steps = [gap / num for gap, num in gaps if gap > 0]
        step = median(steps) if steps else self.step
        longest_gap = max(self.longest_gap, 100 * step)
        if known:
            ahead = [gap if 0 < gap <= longest_gap else num * step for gap, num in gaps]
            at = np.concatenate([[0.0], np.cumsum(ahead, dtype=np.float64)])
            places = np.arange(len(stamps))
            ticks = np.interp(places, known, at)
            ticks[: known[0]] = (places[: known[0]] - known[0]) * step
            ticks[known[-1] + 1 :] = at[-1] + (places[known[-1] + 1 :] - known[-1]) * step
        else:
            ticks = np.arange(len(stamps)) * step
        seconds = (ticks - ticks[0]) * self.time_base
        for place in range(1, len(seconds)) if np.any(np.diff(seconds) <= 0) else ():
            seconds[place] = max(seconds[place], np.nextafter(seconds[place - 1], np.inf))
        return seconds


def _believed(stamps: Sequence[int | None]) -> list[int]:
    """Return the places whose stamp counts: not one that repeats, or that alone lies off its neighbours."""
    told = [(place, stamp) for place, stamp in enumerate(stamps) if stamp is not None]
    believed: list[int] = []
    before: int | None = None
    for index, (place, stamp) in enumerate(told):
        if before is not None:
            following = [each for _, each in told[index + 1 : index + 3]]
            behind = stamp < before and bool(following) and before < following[0]
            far_ahead = bool(following) and all(before < each < stamp for each in following)
            if stamp == before or behind or far_ahead:
                continue
        believed.append(place)
        before = stamp
    return believed


def _displayed(
    stamps: Sequence[int], numbers: NDArray[np.int64], packets: _Packets, clock: _Clock
) -> NDArray[np.int64] | None:
    """Put packets into the order of display, each piece between two new starts by itself; None where stamps repeat."""
    starts = [0]
    latest: int | None = None
    for index, number in enumerate(numbers):
        if (stamp := packets.dts[number]) is None:
            continue
        back = 0 if latest is None else latest - stamp
        if back > (0 if packets.keys[number] else _NEW_START_S / clock.time_base):
            starts.append(index)
        latest = stamp
    pts = np.asarray(stamps, dtype=np.int64)
    pieces = [
        begin + np.argsort(pts[begin:end], kind="stable") for begin, end in pairwise([*starts, len(pts)])
    ]
    if any(np.any(np.diff(pts[piece]) == 0) for piece in pieces):
        return None
    return np.concatenate(pieces)


def _stamped(
    stamps: Sequence[int],
    numbers: NDArray[np.int64],
    displayed: NDArray[np.int64],
    packets: _Packets,
    clock: _Clock,
) -> Timeline:
    """Lay out packets that all have a stamp, without decoding any."""
    places = np.full(len(packets.shown), -1, np.int64)
    places[numbers[displayed]] = np.arange(len(displayed))
    ordered = [stamps[index] for index in displayed]
    return Timeline(
        clock.seconds(ordered),
        **_groups(packets),
        restarts=any(before > after for before, after in pairwise(ordered)),
        near_end=ordered[-3:][0],
        places=places,
    )


def _decode_order(path: Path, packets: _Packets, clock: _Clock, *, trusted: bool) -> Timeline:
    """Lay out the pictures in the order in which the decoder gives them; `trusted`: their stamps are of display."""
    numbers: list[int] = []
    stamps: list[int | None] = []
    last: av.video.frame.VideoFrame | None = None
    num_sound = 0
    with open_video(path) as (container, stream):
        codec = stream.codec_context.name
        for last in decode_packets(path, container, stream, Counter()):
            numbers.append(number_of_packet(last))
            stamps.append(last.pts if trusted else None)
            num_sound += not last.is_corrupt
    if last is None or num_sound == 0:
        raise UnreadableVideo(path, "unreadable_codec", f"no frame of codec {codec} decodes")
    # A packet that no picture came of keeps its place, before the pictures of later packets.
    lost = sorted(set(np.flatnonzero(packets.shown).tolist()) - set(numbers))
    before = np.searchsorted(np.maximum.accumulate(numbers), lost, side="right")
    came = np.arange(len(numbers))
    order = came + np.searchsorted(before, came, side="right")
    laid: list[int | None] = [None] * (len(numbers) + len(lost))
    for place, stamp in zip(order, stamps, strict=True):
        laid[place] = stamp
    return Timeline(clock.seconds(laid), cut=not packets.whole[-1], order=order, last=last)
