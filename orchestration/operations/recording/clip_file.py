"""A clip while it is recorded, and how it comes into the landing folder.

Belongs here: the file under its unfinished name, its packets, its sidecar, and what a killed recorder left. Stays out:
which packets belong to it (``recorder``).

Packets are stored as they came, not encoded anew. What is recorded as a transport stream is whole up to its last packet
even where its writer was killed.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import av
from av.packet import Packet
from av.video.stream import VideoStream

_IN_TRANSPORT_STREAMS = ("h264", "hevc", "mpeg1video", "mpeg2video", "mpeg4")
_PART = ".part"
# A transport stream of few packets is not known for one: packets that mean nothing go to its end.
_FEWEST_PACKETS = 64
_NULL_PACKET = b"\x47\x1f\xff\x10" + b"\xff" * 184
_STAMP = "%Y%m%dT%H%M%S%f"
_LEFT = re.compile(r"\.(?P<camera>[A-Za-z0-9][A-Za-z0-9.-]*)_(?P<stamp>\d{8}T\d{12})Z\.(?:ts|mkv)\.part")


class ClipFile:
    """A clip that grows under a name that the landing sensor leaves alone.

    Parameters
    ----------
    folder : Path
        The landing folder.
    camera : str
    stream : VideoStream
        Whose packets come.
    began : float
        When its first picture was taken, as far as is known by now, s since the epoch.
    """

    def __init__(self, folder: Path, camera: str, stream: VideoStream, *, began: float) -> None:
        self._is_transport_stream = stream.codec_context.name in _IN_TRANSPORT_STREAMS
        suffix, kind = (".ts", "mpegts") if self._is_transport_stream else (".mkv", "matroska")
        self.path = _free_path(folder, camera, datetime.fromtimestamp(began, UTC), suffix)
        self.num_frames = 0
        self._container = av.open(str(self.path), "w", format=kind)
        self._stream = self._container.add_stream_from_template(stream)
        self._first: int | None = None
        self._last = -1

    def add(self, packet: Packet) -> None:
        """Store a packet; its stamps count from the clip's first."""
        dts = packet.dts if packet.dts is not None else packet.pts
        assert dts is not None  # the recorder asks for a stamp first  # noqa: S101
        if self._first is None:
            self._first = dts
        # Stamps of a muxer rise; a camera's may repeat.
        dts = max(dts - self._first, self._last + 1)
        shown = packet.pts - self._first if packet.pts is not None else dts
        packet.dts, packet.pts = dts, max(shown, dts)
        self._last = dts
        packet.stream = self._stream
        self._container.mux_one(packet)
        self.num_frames += 1

    def close(self) -> None:
        """End the file; it keeps its unfinished name."""
        self._container.close()
        missing = _FEWEST_PACKETS - self.path.stat().st_size // len(_NULL_PACKET)
        if self._is_transport_stream and missing > 0:
            with self.path.open("ab") as file:
                file.write(_NULL_PACKET * missing)

    def discard(self) -> None:
        """Delete what could not be written to its end."""
        with suppress(OSError):  # the disk that is full is why it goes
            self._container.close()
        self.path.unlink(missing_ok=True)

    def publish(self, manifest: Mapping[str, str], began: float) -> Path:
        """Give a closed clip to the landing folder; returns its path there.

        Parameters
        ----------
        manifest : mapping of str to str
            ``camera``, ``purpose``, ``legal_basis``.
        began : float
            When its first picture was taken, s since the epoch.
        """
        return publish(self.path, manifest, began)


def _free_path(folder: Path, camera: str, moment: datetime, suffix: str) -> Path:
    """Return where a clip may grow: a clock that was set back must not overwrite what waits."""
    while True:
        name = f"{camera}_{moment:{_STAMP}}Z{suffix}"
        part = folder / f".{name}{_PART}"
        if not (part.exists() or (folder / name).exists()):
            return part
        moment += timedelta(microseconds=1)


def publish(part: Path, manifest: Mapping[str, str], began: float) -> Path:
    """Write the sidecar, then give the closed clip its name: killed at any moment, no clip is left without one."""
    moment = datetime.fromtimestamp(began, UTC)
    clip = part.with_name(part.name.removeprefix(".").removesuffix(_PART))
    sidecar = clip.with_suffix(".json")
    aside = sidecar.with_name(f".{sidecar.name}{_PART}")
    aside.write_text(json.dumps({**manifest, "captured_at": moment.isoformat()}))
    aside.replace(sidecar)
    part.rename(clip)
    # The one that changed last tells the sensor that the other is whole: it need not let the clip rest.
    os.utime(sidecar)
    return clip


def publish_left(folder: Path, manifest: Mapping[str, str]) -> list[tuple[Path, int]]:
    """Publish what a killed recorder of this camera left; returns the clips, each with its number of pictures.

    What holds no picture is deleted.
    """
    camera = manifest["camera"]
    found: list[tuple[Path, int]] = []
    for part in sorted(folder.glob(f".{camera}_*{_PART}")):
        left = _LEFT.fullmatch(part.name)
        if left is None or left["camera"] != camera:
            continue
        if not (count := _num_pictures(part)):
            part.unlink()
            continue
        began = datetime.strptime(left["stamp"], _STAMP).replace(tzinfo=UTC).timestamp()
        found.append((publish(part, manifest, began), count))
    return found


def _num_pictures(path: Path) -> int:
    try:
        with av.open(str(path)) as container:
            return sum(1 for packet in container.demux(video=0) if packet.size)
    except (av.FFmpegError, IndexError):  # cut before its first picture
        return 0
