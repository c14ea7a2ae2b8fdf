"""Video files opened: the stream that is read, its packets, its pictures as the decoder gives them.

Belongs here: what FFmpeg may open, choosing the stream, errors of single packets. Stays out: what a container's bytes
say by themselves (``containers``), times (``timeline``).
"""

from __future__ import annotations

import itertools
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

from apexline.features.video.containers import DAMAGE, UnreadableVideo, explain_unopenable, refusing
from apexline.features.video.limits import DEFAULT_LIMITS, VideoLimits

# Only containers that hold media, and only a descriptor that is open already: a playlist, a container or a name that
# reads like an address leads FFmpeg to no other file or host.
_OPEN_OPTIONS = {
    "format_whitelist": "mov,matroska,avi,mpegts,mpeg,asf,flv,ogg,mp3,wav,aac,flac",
    "protocol_whitelist": "fd",
}


@contextmanager
def open_video(
    path: Path, *, limits: VideoLimits = DEFAULT_LIMITS
) -> Generator[tuple[av.container.InputContainer, av.video.stream.VideoStream]]:
    """Open a file and its first real video stream, or say why not."""
    # Formats hand what they don't know to the decoders that look at the first packets.
    codec_options = {"max_pixels": str(limits.max_pixels)}
    with ExitStack() as stack:
        # Python opens it: a file that is missing or may not be read is no damaged one, and says so itself.
        file = stack.enter_context(path.open("rb"))
        options = {**_OPEN_OPTIONS, **codec_options, "fd": str(file.fileno())}
        options["max_streams"] = str(limits.max_streams + 1)
        try:
            container = stack.enter_context(av.open("fd:", options=options, metadata_errors="replace"))
        except DAMAGE as error:
            raise UnreadableVideo(path, *explain_unopenable(path)) from error
        limits.check(path, "max_streams", len(container.streams), "streams")
        # Cover art of an audio file is a video stream too.
        streams = [
            s for s in container.streams.video if not s.disposition & av.stream.Disposition.attached_pic
        ]
        if not streams:
            kinds = ", ".join(sorted({s.type for s in container.streams})) or "none"
            raise UnreadableVideo(
                path, "no_video_stream", f"saw streams: {kinds}; expected one with video, send that file"
            )
        stream = streams[0]
        # PyAV gives no codec context where FFmpeg knows no decoder for the stream's fourcc.
        if cast("object", stream.codec_context) is None:
            raise UnreadableVideo(
                path,
                "unreadable_codec",
                "no decoder knows the stream's codec; re-encode it, for example as H.264",
            )
        # Several threads would decode ahead: they gain nothing where clips are processed side by side.
        stream.codec_context.thread_count = 1
        stream.codec_context.options = codec_options
        width, height = stream.codec_context.width, stream.codec_context.height
        limits.check(path, "max_pixels", width * height, f"pixels in a picture ({width} x {height})")
        yield container, stream


def demux(
    path: Path, container: av.container.InputContainer, stream: av.video.stream.VideoStream
) -> Iterator[av.packet.Packet[av.video.stream.VideoStream]]:
    """Yield the stream's packets; refuse a file where the next one can't be found."""
    packets = container.demux(stream)
    for count in itertools.count():
        with refusing(path, "truncated", f"the packets break off after {count}"):
            packet = next(packets, None)
        if packet is None:
            return
        yield packet


def decode_packets(
    path: Path,
    container: av.container.InputContainer,
    stream: av.video.stream.VideoStream,
    *,
    limits: VideoLimits = DEFAULT_LIMITS,
) -> Iterator[av.video.frame.VideoFrame]:
    """Decode packet by packet, so that a packet that does not decode costs only itself."""
    for packet in demux(path, container, stream):
        try:
            decoded = packet.decode()
        except DAMAGE:
            # The caller sees the gap in the presentation times and counts it.
            continue
        limits.check(path, "max_packet_frames", len(decoded), "pictures of one packet")
        yield from decoded
