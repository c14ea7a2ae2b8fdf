"""The stream of a camera: opening it, its packets, whether its pictures have changed.

Belongs here: what FFmpeg is told about a URL, and what its packets say. Stays out: when to connect again
(``recorder``), where packets go (``clip_file``).
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

_CAMERA_DEVICES = "/dev/"
# Cameras stay with what they were set to: one key picture a second tells whether that changed.
_LOOK_S = 1.0


class StreamLost(ConnectionError):  # noqa: N818  (it says what is the matter)
    """A stream ended, stalled, or could not be opened."""


def name_without_secret(url: str) -> str:
    """Return a URL as it may be logged: without user, password and query."""
    parts = urlsplit(url)
    if not parts.netloc:
        return url
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


@contextmanager
def opened(url: str, *, stall_s: float) -> Generator[tuple[InputContainer, VideoStream]]:
    """Open the first video stream of a URL or a device.

    Parameters
    ----------
    stall_s : float
        For how long nothing may come, s; to open it may take twice as long.

    Raises
    ------
    StreamLost
        Where that fails, or in the block the stream stalls or breaks.
    """
    try:
        with av.open(url, timeout=(2 * stall_s, stall_s), **_options(url)) as container:
            if not container.streams.video:
                msg = f"{name_without_secret(url)} has no video stream"
                raise StreamLost(msg)
            stream = container.streams.video[0]
            if stream.codec_context.name == "rawvideo":
                msg = f"{url} sends raw pictures, which no clip holds; set the camera to MJPEG or H.264"
                raise StreamLost(msg)
            yield container, stream
    except av.FFmpegError as error:
        # FFmpeg's own words name the URL, password and all.
        msg = f"{name_without_secret(url)}: {type(error).__name__}: {error.strerror}"
        raise StreamLost(msg) from None


def _options(url: str) -> dict[str, Any]:
    if url.startswith(_CAMERA_DEVICES):
        return {"format": "v4l2", "options": {"input_format": "mjpeg"}}
    if url.startswith(("rtsp:", "rtsps:")):
        return {"options": {"rtsp_transport": "tcp"}}  # over UDP, routers drop what is sent in bursts
    return {}


def packets_of(container: InputContainer, stream: VideoStream) -> Iterator[Packet]:
    """Yield the packets of a stream that hold a picture and say when it is shown."""
    for packet in container.demux(stream):
        if packet.size:  # the last one is empty
            yield packet


class FormatWatch:
    """Size and layout of a stream's pictures, looked at in key pictures.

    Parameters
    ----------
    stream : VideoStream
        Whose own description stays as it was when the stream was opened.
    """

    def __init__(self, stream: VideoStream) -> None:
        described = stream.codec_context
        self._decoder = av.CodecContext.create(described.name, "r")
        self._decoder.extradata = described.extradata
        self._looked_s = -_LOOK_S
        self._last: tuple[int, int, str] | None = None
        self._only_keys = True

    def passed(self) -> None:
        """Note a picture that is no key picture."""
        self._only_keys = False

    def changed(self, packet: Packet, moment_s: float) -> bool:
        """Tell whether a key picture differs from the one before.

        Where each picture is one, one a second is looked at. One that does not decode says nothing.
        """
        if self._only_keys and moment_s - self._looked_s < _LOOK_S:
            return False
        self._looked_s = moment_s
        found = self._decoded(packet)
        changed = found is not None and self._last not in (None, found)
        self._last = found or self._last
        return changed

    def _decoded(self, packet: Packet) -> tuple[int, int, str] | None:
        try:
            frames: list[Any] = [*self._decoder.decode(packet), *self._decoder.decode(None)]
        except av.FFmpegError:  # the clip keeps the packet, and what reads it counts the loss
            frames = []
        self._decoder.flush_buffers()
        return next(((each.width, each.height, each.format.name) for each in frames), None)
