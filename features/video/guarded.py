"""Video files in, timed frames out, with a process between: what reads a file from anywhere can harm nobody.

Belongs here: what the rest of Apexline calls, and what it makes of the answers of the decoding process. Stays out:
decoding (``reader``, which runs in that process), the process itself (``decoding_process``).

FFmpeg opens nothing but the file's descriptor that it is handed. A process that takes too long or dies is one
`UnreadableVideo`; the next clip gets another.
"""

from __future__ import annotations

import errno
import os
import stat
from collections import Counter
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, Final, Literal, cast, get_args

import av.video.reformatter
import numpy as np

from apexline.features.video.containers import UnreadableReason, UnreadableVideo
from apexline.features.video.decoding_process import (
    DecoderStopped,
    DecodingProcess,
    Patience,
    decoding_process,
)
from apexline.features.video.limits import VideoLimits, limits_in_force
from apexline.features.video.messages import BadAnswer, Head, Kind, counts_of, new_picture, value_of
from apexline.features.video.pictures import Frame, Images, Picture
from apexline.features.video.reader import VideoInfo

_TYPES: Final[Mapping[str, Any]] = {"str": str, "int": int, "float": float}


def probe_video(path: str | Path) -> VideoInfo:
    """Read a video's format and the exact presentation time of every frame.

    All packets are read, only the last group of pictures is decoded: enough to see that the end is there.

    Parameters
    ----------
    path : str or Path
        A local video file.

    Returns
    -------
    VideoInfo

    Raises
    ------
    UnreadableVideo
        With the reason in ``reason``.
    OSError
        If there is no such file, or it may not be read.
    DecodingUnavailable
        If the decoding process can't be started.
    """
    path, limits = Path(path), limits_in_force()
    with _asked(path, "info", limits) as (process, patience):
        values = _text(Kind.INFO, path, process, process.answer(patience), patience)
        described: dict[str, Any] = {
            each.name: value_of(values, each.name, _TYPES[str(each.type)])
            for each in fields(VideoInfo)
            if each.name != "timestamps"
        }
        timestamps = np.empty(value_of(values, "num_frames", int, high=limits.max_frames))
        process.fill([timestamps.data.cast("B")], patience)
        if not (np.isfinite(timestamps).all() and (np.diff(timestamps) >= 0).all()):
            message = "an answer held times that are none"
            raise BadAnswer(message)
        process.at_rest = True
    return VideoInfo(**described, timestamps=timestamps)


class FrameReader(Iterator[Frame]):
    """Iterator over the frames of a video that survives lost ones; made by `read_frames`.

    Attributes
    ----------
    num_read : int
        Frames yielded so far.
    num_corrupt : int
        Frames left out so far because they did not decode, or not without damage. The frames that follow keep the
        index and time that `probe_video` gives them; once the iterator ends, `num_read` and `num_corrupt` add up to
        ``VideoInfo.num_frames``. AVI alone stores no presentation times: there the frames after a lost one may
        move up.
    reasons : Counter of str
        Why, once the iterator ended: ``corrupt: ...`` or ``not decoded: ...``, with the frames that each cost; they
        add up to `num_corrupt`.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        self.num_read = self.num_corrupt = 0
        self.reasons: Counter[str] = Counter()
        self._frames = self._receive()

    def __next__(self) -> Frame:
        return next(self._frames)

    def _receive(self) -> Iterator[Frame]:
        limits = limits_in_force()
        converters = {name: av.video.reformatter.VideoReformatter() for name in ("bgr24", "gray")}
        with _asked(self._path, "frames", limits) as (process, patience):
            left_s, next_index = limits.read_s, 0
            while True:
                given_s = patience.left_s
                head = process.answer(patience, max_pixels=limits.max_pixels)
                if head.kind not in (Kind.PLANES, Kind.IMAGES):
                    break
                if head.place < next_index:
                    message = f"frame {head.place} came after frame {next_index - 1}"
                    raise BadAnswer(message)
                picture = _picture(self._path, process, head, patience, converters)
                next_index = head.place + 1
                self.num_read += 1
                self.num_corrupt = head.num_corrupt
                yield Frame(head.place, head.time_s, picture)
                left_s -= given_s - patience.left_s
                patience = (
                    Patience(limits.stall_s, "stall_s")
                    if left_s > limits.stall_s
                    else Patience(left_s, "read_s")
                )
            values = _text(Kind.END, self._path, process, head, patience)
            self.num_corrupt = value_of(values, "num_corrupt", int, high=limits.max_frames)
            self.reasons = counts_of(values, "reasons")
            process.at_rest = True


def read_frames(path: str | Path) -> FrameReader:
    """Stream the frames of a video in display order; memory does not grow with the clip.

    Parameters
    ----------
    path : str or Path
        A local video file.

    Returns
    -------
    FrameReader
        Iterator over `Frame`; index and time agree exactly with ``probe_video(path).timestamps``. Corrupt
        frames are skipped and counted in ``num_corrupt``.

    Raises
    ------
    UnreadableVideo
        At the first frame, if the file cannot be opened as a video; later, if its packets break off or a limit is
        reached.
    OSError
        At the first frame, if there is no such file, or it may not be read.
    DecodingUnavailable
        At the first frame, if the decoding process can't be started.
    """
    return FrameReader(path)


@contextmanager
def _asked(
    path: Path, wanted: Literal["info", "frames"], limits: VideoLimits
) -> Generator[tuple[DecodingProcess, Patience]]:
    """Ask a decoding process about a file; what goes wrong with it in the block is `UnreadableVideo`."""
    try:
        with _opened(path, limits) as (file, num_bytes), decoding_process(limits.memory_bytes) as process:
            process.ask({"wanted": wanted, "limits": asdict(limits)}, file)
            yield process, Patience(limits.probe_budget_s(num_bytes), "probe_s")
    except DecoderStopped as stopped:
        raise UnreadableVideo(path, stopped.reason, stopped.detail) from stopped
    except BadAnswer as error:
        raise UnreadableVideo(path, "decoder_crashed", f"the decoding process broke off: {error}") from error


@contextmanager
def _opened(path: Path, limits: VideoLimits) -> Generator[tuple[int, int]]:
    """Descriptor and size, bytes, of a file. Pipes and devices, whose opening may never end, are refused."""
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    try:
        status = os.fstat(file)
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(status.st_mode):
            raise UnreadableVideo(path, "not_a_video", "it is a pipe, socket or device; expected a file")
        limits.check(path, "max_bytes", status.st_size, "bytes")
        yield file, status.st_size
    finally:
        os.close(file)


def _text(
    wanted: Kind, path: Path, process: DecodingProcess, head: Head, patience: Patience
) -> dict[str, Any]:
    """Receive an answer's text; raise what it says, unless it is the wanted one."""
    values = process.text(head, patience)
    if head.kind == wanted:
        return values
    detail = value_of(values, "detail", str)
    reason = value_of(values, "reason", str) if head.kind == Kind.UNREADABLE else None
    if reason in get_args(UnreadableReason):
        process.at_rest = True
        raise UnreadableVideo(path, cast("UnreadableReason", reason), detail)
    message = f"{path.name}: the decoding process failed where it should not; please report it: {detail}"
    raise RuntimeError(message)


def _picture(
    path: Path,
    process: DecodingProcess,
    head: Head,
    patience: Patience,
    converters: Mapping[str, av.video.reformatter.VideoReformatter],
) -> Picture | Images:
    """Receive what is displayed of a frame."""
    if head.kind == Kind.PLANES:
        decoded = new_picture(head)
        process.fill([memoryview(plane) for plane in decoded.planes], patience)
        return Picture(path, decoded, (head.width, head.height), 90 * head.rotation, converters)
    bgr24 = np.empty((head.height, head.width, 3), np.uint8)
    gray = np.empty((head.height, head.width), np.uint8)
    process.fill([bgr24.data.cast("B"), gray.data.cast("B")], patience)
    return Images(bgr24, gray)
