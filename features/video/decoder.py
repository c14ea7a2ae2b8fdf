"""The program of the decoding process: reads untrusted files for the process that started it.

Belongs here: the loop over requests, what the process denies itself, what it sends of a frame. Stays out: decoding
(``reader``), the form of messages (``messages``), the parent's side (``decoding_process``, ``guarded``).

``python -m apexline.features.video.decoder MEMORY_BYTES``, with a socket as standard input and a pipe as standard
output. It ends with its parent, whatever it is doing.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import re
import resource
import select
import signal
import socket
import sys
import threading
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any, Final

import av.logging
import numpy as np

from apexline.features.video.containers import UnreadableVideo
from apexline.features.video.limits import VideoLimits, held_limits, holding_to, setting
from apexline.features.video.messages import (
    REQUEST_BYTES,
    Head,
    Kind,
    described,
    pack,
    pack_text,
    planes_of,
)
from apexline.features.video.opening import decode_packets, open_video
from apexline.features.video.pictures import Frame, Picture
from apexline.features.video.reader import FrameReader, probe_video

_OPEN_FILES: Final = 32
_PICTURES_LOOKED_AT: Final = 8
_REFUSED_SIZE: Final = re.compile(r"[Pp]icture size (\d+)x(\d+)")
_PR_SET_NO_NEW_PRIVS: Final = 38


def main() -> None:
    """Answer one request after the other until there is nobody to ask."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = os.dup(1)
    os.dup2(2, 1)  # what a library prints is no answer
    requests = socket.socket(fileno=os.dup(0))
    threading.Thread(target=_end_with_parent, args=(requests,), daemon=True).start()
    _confine(int(sys.argv[1]))
    # Where nobody listens any more there is nothing to say.
    with suppress(BrokenPipeError):
        _serve(requests, answers)


def _serve(requests: socket.socket, answers: int) -> None:
    _send(answers, [pack(Head(Kind.READY))])
    while True:
        request, files, _, _ = socket.recv_fds(requests, REQUEST_BYTES, 1)
        if not request:
            return
        asked = json.loads(request)
        with holding_to(VideoLimits(**asked["limits"])):
            for pieces in _answers(asked["wanted"], files[0]):
                _send(answers, pieces)
        os.close(files[0])


def _end_with_parent(requests: socket.socket) -> None:
    """End where the other end of the socket is closed, as it is when the parent dies."""
    hung_up = select.poll()
    hung_up.register(requests, 0)
    hung_up.poll()
    os._exit(0)


def _confine(memory_bytes: int) -> None:
    """Give up what decoding a file does not need; `memory_bytes` come on top of what there is by now."""
    # PyAV imports these when they are first needed, which is too late.
    for module in (
        "av.audio.codeccontext",
        "av.audio.stream",
        "av.subtitles.codeccontext",
        "av.subtitles.stream",
    ):
        importlib.import_module(module)
    own_bytes = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    for limit, value in (
        (resource.RLIMIT_AS, own_bytes + memory_bytes),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, _OPEN_FILES),
    ):
        resource.setrlimit(limit, (value, value))
    ctypes.CDLL(None).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def _answers(wanted: str, file: int) -> Iterator[Sequence[bytes | memoryview]]:
    """All answers to a request, each in pieces."""
    path = Path(f"/proc/self/fd/{file}")
    try:
        if wanted == "info":
            values = asdict(probe_video(path))
            timestamps = np.ascontiguousarray(values.pop("timestamps"))
            yield pack_text(Kind.INFO, values), _bytes_of(timestamps)
        else:
            frames = FrameReader(path)
            for frame in frames:
                yield _frame_answer(frame, num_corrupt=frames.num_corrupt)
            yield [pack_text(Kind.END, {"num_corrupt": frames.num_corrupt, "reasons": frames.reasons})]
    except UnreadableVideo as error:
        told = _limited(path, error) or error
        yield [pack_text(Kind.UNREADABLE, {"reason": told.reason, "detail": told.detail})]
    except MemoryError:
        told = _lacked_memory(path)
        yield [pack_text(Kind.UNREADABLE, {"reason": told.reason, "detail": told.detail})]
    except Exception:
        yield [pack_text(Kind.FAILED, {"detail": traceback.format_exc()})]


def _frame_answer(frame: Frame, *, num_corrupt: int) -> Sequence[bytes | memoryview]:
    """A frame as its decoder gave it or, where the parent could not convert it to the same bits, converted."""
    head = Head(Kind.PLANES, place=frame.index, num_corrupt=num_corrupt, time_s=frame.time_s)
    picture = frame.picture
    if isinstance(picture, Picture) and picture.is_plain:
        head = described(picture.decoded, head._replace(rotation=picture.rotation // 90))
        return pack(head), *planes_of(picture.decoded)
    height, width = frame.gray.shape
    head = head._replace(kind=Kind.IMAGES, width=width, height=height)
    return (
        pack(head),
        _bytes_of(np.ascontiguousarray(frame.image)),
        _bytes_of(np.ascontiguousarray(frame.gray)),
    )


def _limited(path: Path, error: UnreadableVideo) -> UnreadableVideo | None:
    """Say what of a file that did not decode was above a limit; FFmpeg only says that something did not work."""
    if error.reason == "limit_exceeded":
        return None
    if isinstance(error.__cause__, MemoryError):
        return _lacked_memory(path)
    av.logging.set_level(av.logging.ERROR)
    with av.logging.Capture() as said:
        try:
            with open_video(path) as (container, stream):
                for _ in islice(decode_packets(path, container, stream, Counter()), _PICTURES_LOOKED_AT):
                    pass
        except UnreadableVideo as again:
            if again.reason == "limit_exceeded":
                return again
        finally:
            av.logging.set_level(None)
    for _, _, words in said:
        if (size := _REFUSED_SIZE.match(words)) is not None:
            width, height = map(int, size.groups())
            try:
                held_limits().check(
                    path, "max_pixels", width * height, f"pixels in a picture ({width} x {height})"
                )
            except UnreadableVideo as limited:
                return limited
    return None


def _lacked_memory(path: Path) -> UnreadableVideo:
    # FFmpeg asks for senseless amounts where a size is damaged, too.
    detail = (
        f"it asks for more memory than the {held_limits().memory_bytes:,} bytes that {setting('memory_bytes')} "
        "allows; a damaged file may, too"
    )
    return UnreadableVideo(path, "limit_exceeded", detail)


def _bytes_of(array: np.ndarray[Any, Any]) -> memoryview:
    return array.data.cast("B")


def _send(answers: int, pieces: Sequence[bytes | memoryview]) -> None:
    left = [memoryview(piece) for piece in pieces if len(piece)]
    while left:
        count = os.writev(answers, left)
        while left and count >= left[0].nbytes:
            count -= left.pop(0).nbytes
        if left:
            left[0] = left[0][count:]


if __name__ == "__main__":
    main()
