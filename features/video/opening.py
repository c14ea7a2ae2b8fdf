"""Video files opened: the stream that is read, its packets, its pictures as the decoder gives them.

Belongs here: what FFmpeg may open, choosing the stream, errors of single packets. Stays out: what a container's bytes
say by themselves (``containers``), times (``timeline``).
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import cast

import av
import av.container
import av.packet
import av.stream
import av.video.frame
import av.video.stream

from apexline.features.video.containers import (
    DAMAGE,
    UnreadableVideo,
    explain_unopenable,
    refusing,
    shortfall,
)
from apexline.features.video.limits import held_limits

# Only containers that hold media, and only a descriptor that is open already: no playlist, container or name that
# reads like an address leads FFmpeg to another file or host. The bare streams at the end refer to nothing either.
_OPEN_OPTIONS = {
    "format_whitelist": "mov,matroska,avi,mpegts,mpeg,asf,flv,ogg,mp3,wav,aac,flac,mxf,dhav,"
    "h264,hevc,mpegvideo,m4v,mjpeg",
    "protocol_whitelist": "fd",
}
# Pictures that stand for a recording, as a sleeve or a row of thumbnails does.
_NO_RECORDING = av.stream.Disposition.attached_pic | av.stream.Disposition.timed_thumbnails


@contextmanager
def open_video(
    path: Path,
) -> Generator[tuple[av.container.InputContainer, av.video.stream.VideoStream]]:
    """Open a file and the stream that is its recording: of those that are long the largest; or say why not."""
    with _open_container(path) as container:
        stream = _choose(path, container)
        # Several threads would decode ahead: they gain nothing where clips are processed side by side.
        stream.codec_context.thread_count = 1
        stream.codec_context.options = _codec_options()
        width, height = stream.codec_context.width, stream.codec_context.height
        held_limits().check(path, "max_pixels", width * height, f"pixels in a picture ({width} x {height})")
        # Each picture tells which packet it came from.
        stream.codec_context.copy_opaque = True
        yield container, stream


@contextmanager
def _open_container(path: Path) -> Generator[av.container.InputContainer]:
    limits = held_limits()
    with ExitStack() as stack:
        # Python opens it: a file that is missing or may not be read is no damaged one, and says so itself.
        file = stack.enter_context(path.open("rb"))
        # Decoders look at the first packets before anybody can ask for the size of the pictures.
        options = {**_OPEN_OPTIONS, **_codec_options(), "fd": str(file.fileno())}
        options["max_streams"] = str(limits.max_streams + 1)
        try:
            container = stack.enter_context(av.open("fd:", options=options, metadata_errors="replace"))
        except DAMAGE as error:
            raise UnreadableVideo(path, *explain_unopenable(path)) from error
        limits.check(path, "max_streams", len(container.streams), "streams")
        yield container


def _codec_options() -> dict[str, str]:
    return {"max_pixels": str(held_limits().max_pixels)}


def _choose(path: Path, container: av.container.InputContainer) -> av.video.stream.VideoStream:
    streams = [s for s in container.streams.video if not s.disposition & _NO_RECORDING]
    if not streams:
        if missing := shortfall(path):
            raise UnreadableVideo(path, "truncated", missing)
        kinds = ", ".join(sorted({s.type for s in container.streams})) or "none"
        raise UnreadableVideo(
            path, "no_video_stream", f"saw streams: {kinds}; expected one with video, send that file"
        )
    # PyAV gives no codec context where FFmpeg knows no decoder for the stream's fourcc.
    known = [s for s in streams if cast("object", s.codec_context) is not None]
    if not known:
        raise UnreadableVideo(
            path,
            "unreadable_codec",
            "no decoder knows the stream's codec; re-encode it, for example as H.264",
        )
    if len(known) == 1:
        return known[0]
    lengths = _lengths(path, known)
    enough = max(lengths.values()) / 2
    return max(
        (s for s in known if lengths[s.index] >= enough),
        key=lambda s: (s.codec_context.width * s.codec_context.height, lengths[s.index]),
    )


def _lengths(path: Path, streams: list[av.video.stream.VideoStream]) -> dict[int, float]:
    """Return the time from the first to the last packet of each stream, s; headers often say none, or a wrong one."""
    spans = {stream.index: (math.inf, -math.inf) for stream in streams}
    with _open_container(path) as container:
        same = [stream for stream in container.streams.video if stream.index in spans]
        for packet in demux(path, container, *same):
            if (stamp := packet.pts if packet.pts is not None else packet.dts) is not None:
                seconds = float(stamp * packet.time_base)
                first, last = spans[packet.stream_index]
                spans[packet.stream_index] = (min(first, seconds), max(last, seconds))
    return {index: max(last - first, 0) for index, (first, last) in spans.items()}


def demux(
    path: Path,
    container: av.container.InputContainer,
    *streams: av.video.stream.VideoStream,
) -> Iterator[av.packet.Packet[av.video.stream.VideoStream]]:
    """Yield the packets of one stream or several; refuse a file where the next one can't be found.

    Packets without data are left out: FFmpeg's decoders take one for the end.
    """
    packets = cast("Iterator[av.packet.Packet[av.video.stream.VideoStream]]", container.demux(*streams))
    for count in itertools.count():
        with refusing(path, "truncated", f"the packets break off after {count}"):
            packet = next(packets, None)
        if packet is None:
            return
        held_limits().check(path, "max_frames", count + 1, "packets or more")
        if packet.size:
            yield packet


def decode_packets(
    path: Path,
    container: av.container.InputContainer,
    stream: av.video.stream.VideoStream,
    failed: Counter[str],
) -> Iterator[av.video.frame.VideoFrame]:
    """Decode packet by packet, so that one that does not decode costs only itself and is counted in `failed`.

    Parameters
    ----------
    failed : Counter of str
        FFmpeg's words for the packets that did not decode.
    """
    for number, packet in enumerate(demux(path, container, stream)):
        # A list of its own: PyAV tells such objects apart by their identity.
        packet.opaque = [number]
        pictures = _decode(stream, packet, failed)
        held_limits().check(path, "max_packet_frames", len(pictures), "pictures in one packet")
        yield from pictures
    yield from _decode(stream, None, failed)


def number_of_packet(picture: av.video.frame.VideoFrame) -> int:
    """Return the number of the packet that a picture of `decode_packets` came from, 0-based; -1: not told."""
    mark = cast("list[int] | None", picture.opaque)
    return -1 if mark is None else mark[0]


def _decode(
    stream: av.video.stream.VideoStream,
    packet: av.packet.Packet[av.video.stream.VideoStream] | None,
    failed: Counter[str],
) -> list[av.video.frame.VideoFrame]:
    try:
        return stream.decode(packet)
    except DAMAGE as error:
        failed[getattr(error, "strerror", None) or str(error)] += 1
        return []
