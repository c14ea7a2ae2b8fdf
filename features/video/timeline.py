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
from array import array
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

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
# FFmpeg's own mark of a packet or picture without a stamp.
_NO_STAMP = np.iinfo(np.int64).min


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


@dataclass(frozen=True, eq=False)
class _Packets:
    """What the packets of a stream say, in the order of the file: `_NO_STAMP` where one has none; all shape (N,)."""

    shown: NDArray[np.bool_]
    pts: NDArray[np.int64]
    dts: NDArray[np.int64]
    keys: NDArray[np.bool_]
    whole: NDArray[np.bool_]


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
    if not packets.shown.any():
        detail = "the video stream holds no packet; the recorder stopped before the first frame was stored"
        raise UnreadableVideo(path, "truncated", detail)
    numbers = np.flatnonzero(packets.shown)
    clock = _Clock.of(container, stream)
    # AVI stores no presentation times: FFmpeg makes them up, in decoding order.
    by_order = container.format.name == "avi" or bool(np.all(packets.pts[numbers] == _NO_STAMP))
    stamps = (packets.dts if by_order else packets.pts)[numbers]
    if np.all(stamps != _NO_STAMP):
        if by_order and _ascend(stamps):
            return Timeline(clock.seconds(stamps), **_groups(packets))
        if not by_order and (displayed := _displayed(stamps, numbers, packets, clock)) is not None:
            return _stamped(stamps, numbers, displayed, packets, clock)
    return _decode_order(path, packets, clock, trusted=not by_order)


def _read_packets(
    path: Path, container: av.container.InputContainer, stream: av.video.stream.VideoStream
) -> _Packets:
    # Eight bytes a number: lists of a day's recording would outgrow all else that reading it takes.
    pts, dts = array("q"), array("q")
    shown, keys, whole = array("b"), array("b"), array("b")
    for packet in demux(path, container, stream):
        # What lies outside the container's edit list is decoded and never displayed.
        shown.append(not packet.is_discard)
        pts.append(_stamp(packet.pts))
        dts.append(_stamp(packet.dts))
        keys.append(packet.is_keyframe)
        whole.append(not packet.is_corrupt)
    return _Packets(
        np.asarray(shown, np.bool_),
        np.asarray(pts),
        np.asarray(dts),
        np.asarray(keys, np.bool_),
        np.asarray(whole, np.bool_),
    )


def _stamp(told: int | None) -> int:
    return _NO_STAMP if told is None else told


def _ascend(stamps: NDArray[np.int64]) -> bool:
    return bool(np.all(stamps[:-1] < stamps[1:]))


def _apart(later: NDArray[np.int64], earlier: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return how far stamps lie apart, 0 where not `later`; those of damaged files lie as far as 64 bits allow."""
    ticks = np.zeros(len(later))
    np.subtract(
        later.view(np.uint64), earlier.view(np.uint64), out=ticks, where=later > earlier, casting="unsafe"
    )
    return ticks


def _groups(packets: _Packets) -> dict[str, Any]:
    """Return where the last groups of pictures begin and whether the last one is whole, as `Timeline` takes it."""
    keys = np.flatnonzero(packets.keys & packets.shown)
    # Formats seek by either stamp; the smaller one never lands behind the key picture.
    told = np.stack([packets.pts[keys[-3:]], packets.dts[keys[-3:]]])
    stamps = np.min(told, axis=0, initial=np.iinfo(np.int64).max, where=told != _NO_STAMP)
    return {
        "keys": tuple(stamps[::-1].tolist()),
        "only_one_key": len(keys) < 2,
        "cut": not packets.whole[-1],
    }


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

    def seconds(self, stamps: NDArray[np.int64]) -> NDArray[np.float64]:
        """Lay out pictures in the order of display by the rule above; shape (N,), from 0, strictly increasing."""
        known = _believed(stamps)
        ticks, step = self._ticks(stamps[known], np.diff(known))
        if len(known) < len(stamps):
            ticks = _spread(ticks, known, step, num=len(stamps))
        ticks -= ticks[0]
        ticks *= self.time_base
        for place in range(1, len(ticks)) if np.any(np.diff(ticks) <= 0) else ():
            ticks[place] = max(ticks[place], np.nextafter(ticks[place - 1], np.inf))
        return ticks

    def _ticks(
        self, stamps: NDArray[np.int64], pictures: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], float]:
        """Lay out stamps that count, so many pictures apart, from 0, and return the usual step of a picture too."""
        gaps = _apart(stamps[1:], stamps[:-1])
        steps = (gaps / pictures)[gaps > 0]
        step = float(np.median(steps, overwrite_input=True)) if len(steps) else self.step
        del steps
        odd = (gaps == 0) | (gaps > max(self.longest_gap, 100 * step))
        gaps[odd] = pictures[odd] * step
        return np.concatenate([np.zeros(min(1, len(stamps))), np.cumsum(gaps, dtype=np.float64)]), step


def _spread(
    ticks: NDArray[np.float64], known: NDArray[np.int64], step: float, *, num: int
) -> NDArray[np.float64]:
    """Give `num` pictures their ticks, from those at the places `known`; where there are none, a step apart."""
    places = np.arange(num, dtype=np.float64)
    if not len(known):
        return places * step
    spread = np.interp(places, known, ticks)
    spread[: known[0]] = (places[: known[0]] - known[0]) * step
    spread[known[-1] + 1 :] = ticks[-1] + (places[known[-1] + 1 :] - known[-1]) * step
    return spread


def _believed(stamps: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the places whose stamp counts: not one that repeats, or that alone lies off its neighbours."""
    places = np.flatnonzero(stamps != _NO_STAMP)
    told = stamps[places]
    if _ascend(told):
        return places
    # Read as Python's numbers, one at a time.
    values = told.data
    believed = np.ones(len(told), np.bool_)
    before = values[0]
    for index in range(1, len(values)):
        stamp, following = values[index], values[index + 1 : index + 3]
        behind = stamp < before and len(following) > 0 and before < following[0]
        far_ahead = len(following) > 0 and all(before < each < stamp for each in following)
        if stamp == before or behind or far_ahead:
            believed[index] = False
        else:
            before = stamp
    return places[believed]


def _displayed(
    stamps: NDArray[np.int64], numbers: NDArray[np.int64], packets: _Packets, clock: _Clock
) -> NDArray[np.int64] | None:
    """Put packets into the order of display, each piece between two new starts by itself; None where stamps repeat."""
    starts = _new_starts(numbers, packets, clock)
    pieces = [
        begin + np.argsort(stamps[begin:end], kind="stable")
        for begin, end in pairwise([0, *starts, len(stamps)])
    ]
    if any(np.any(np.diff(stamps[piece]) == 0) for piece in pieces):
        return None
    return np.concatenate(pieces)


def _new_starts(numbers: NDArray[np.int64], packets: _Packets, clock: _Clock) -> list[int]:
    """Return where among the packets that are displayed the stamps of decoding jump back."""
    told = np.flatnonzero(packets.dts[numbers] != _NO_STAMP)
    dts = packets.dts[numbers[told]]
    back = np.flatnonzero(dts[1:] < dts[:-1]) + 1
    too_far = np.where(packets.keys[numbers[told[back]]], 0, _NEW_START_S / clock.time_base)
    return told[back[_apart(dts[back - 1], dts[back]) > too_far]].tolist()


def _stamped(
    stamps: NDArray[np.int64],
    numbers: NDArray[np.int64],
    displayed: NDArray[np.int64],
    packets: _Packets,
    clock: _Clock,
) -> Timeline:
    """Lay out packets that all have a stamp, without decoding any."""
    ordered = stamps[displayed]
    seconds = clock.seconds(ordered)
    places = np.full(len(packets.shown), -1, np.int64)
    places[numbers[displayed]] = np.arange(len(displayed))
    return Timeline(
        seconds,
        **_groups(packets),
        restarts=bool(np.any(ordered[:-1] > ordered[1:])),
        near_end=int(ordered[-3:][0]),
        places=places,
    )


def _decode_order(path: Path, packets: _Packets, clock: _Clock, *, trusted: bool) -> Timeline:
    """Lay out the pictures in the order in which the decoder gives them; `trusted`: their stamps are of display."""
    numbers, stamps = array("q"), array("q")
    last: av.video.frame.VideoFrame | None = None
    num_sound = 0
    with open_video(path) as (container, stream):
        codec = stream.codec_context.name
        for last in decode_packets(path, container, stream, Counter()):
            numbers.append(number_of_packet(last))
            stamps.append(_stamp(last.pts if trusted else None))
            num_sound += not last.is_corrupt
    if last is None or num_sound == 0:
        raise UnreadableVideo(path, "unreadable_codec", f"no frame of codec {codec} decodes")
    # A packet that no picture came of keeps its place, before the pictures of later packets.
    lost = np.setdiff1d(np.flatnonzero(packets.shown), numbers)
    before = np.searchsorted(np.maximum.accumulate(numbers), lost, side="right")
    came = np.arange(len(numbers))
    order = came + np.searchsorted(before, came, side="right")
    laid = np.full(len(numbers) + len(lost), _NO_STAMP)
    laid[order] = stamps
    return Timeline(clock.seconds(laid), cut=not packets.whole[-1], order=order, last=last)
