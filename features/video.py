"""Video files in, timed frames out: probing, streaming decode, and an encoder for clips made here.

Belongs here: containers, codecs, presentation timestamps, rotation metadata, broken files. Stays out: faces,
features, and where clips are stored.

Everything goes through PyAV. Measured on one core it decodes to BGR as fast as OpenCV (1.4 against 1.3 ms a
frame at 640x360, 9.9 against 9.8 ms at 1080p), and unlike OpenCV it hands out exact presentation timestamps
and never a frame that the container marks as not for display.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import IO, Literal, cast

import av
import av.container
import av.error
import av.stream
import av.video.frame
import av.video.stream
import numpy as np
from numpy.typing import NDArray

UnreadableReason = Literal["zero_bytes", "truncated", "not_a_video", "no_video_stream", "unreadable_codec"]

# Only containers that hold media, and only local files: FFmpeg would otherwise follow a playlist in a text
# file to other files and hosts.
_OPEN_OPTIONS = {
    "format_whitelist": "mov,matroska,avi,mpegts,mpeg,asf,flv,ogg,mp3,wav,aac,flac",
    "protocol_whitelist": "file",
}
_ISO_FIRST_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")
_MATROSKA_EBML_ID = b"\x1a\x45\xdf\xa3"
_MATROSKA_SEGMENT_ID = b"\x18\x53\x80\x67"


class UnreadableVideo(ValueError):  # noqa: N818  (the name says what happened; callers catch it by this name)
    """A file that cannot go down the line.

    Attributes
    ----------
    reason : str
        Machine-readable: ``zero_bytes``, ``truncated``, ``not_a_video``, ``no_video_stream`` or
        ``unreadable_codec``.
    detail : str
        What was seen, for a person.
    """

    def __init__(self, path: Path, reason: UnreadableReason, detail: str) -> None:
        super().__init__(f"{path.name}: {reason}: {detail}")
        self.reason: UnreadableReason = reason
        self.detail = detail


@dataclass(frozen=True)
class VideoInfo:
    """What a probe learns about a video.

    Attributes
    ----------
    codec : str
        FFmpeg's name of the codec, such as ``h264``.
    width, height : int
        Size of a frame as displayed, rotation applied, px.
    num_frames : int
        Frames that are displayed.
    fps : float
        Mean rate from the timestamps, 1/s.
    duration_s : float
        Last minus first timestamp plus one frame, s.
    rotation : int
        Clockwise rotation that the metadata asks for, one of 0, 90, 180, 270 degrees.
    timestamps : ndarray, shape (num_frames,), float64
        Presentation time of each frame from the first one, s, increasing.
    """

    codec: str
    width: int
    height: int
    num_frames: int
    fps: float
    duration_s: float
    rotation: int
    timestamps: NDArray[np.float64]


@dataclass(frozen=True)
class Frame:
    """One decoded frame.

    Attributes
    ----------
    index : int
        Position among the displayed frames of the clip, 0-based.
    time_s : float
        Presentation time from the clip's first frame, s.
    image : ndarray, shape (M, N, 3), uint8
        Blue, green, red; rotation applied.
    """

    index: int
    time_s: float
    image: NDArray[np.uint8]


@dataclass(frozen=True)
class _Timeline:
    """Presentation timestamps of the displayed packets, sorted, in units of the stream's time base."""

    pts: NDArray[np.int64]
    # Where to seek for the last group of pictures; 0 or less than every stamp is fine.
    last_key: int
    only_one_key: bool
    seconds: NDArray[np.float64]
    # AVI stores no presentation times (FFmpeg makes them up in decoding order): there the n-th decoded frame
    # is simply the n-th.
    by_order: bool


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
    FileNotFoundError
        If there is no such file.
    """
    path = Path(path)
    _check_complete(path)
    with _open_video(path) as (container, stream):
        timeline = _read_timeline(path, container, stream)
        last = _decode_end(path, container, stream, timeline)
        rotation = _clockwise_rotation(last)
        width, height = last.width, last.height
        codec = stream.codec_context.name
    if rotation in (90, 270):
        width, height = height, width
    num_frames = len(timeline.seconds)
    span_s = float(timeline.seconds[-1])
    fps = (num_frames - 1) / span_s if num_frames > 1 else float(stream.average_rate or 25)
    return VideoInfo(
        codec=codec,
        width=width,
        height=height,
        num_frames=num_frames,
        fps=fps,
        duration_s=span_s + 1 / fps,
        rotation=rotation,
        timestamps=timeline.seconds,
    )


class FrameReader(Iterator[Frame]):
    """Iterator over the frames of a video that survives corrupt ones; made by `read_frames`.

    Attributes
    ----------
    num_corrupt : int
        Frames skipped so far because they did not decode. Their indices are left out, so the frames that
        follow keep the index and time that `probe_video` gives them; once the iterator ends, frames yielded
        and `num_corrupt` add up to ``VideoInfo.num_frames``. AVI alone stores no presentation times: there
        the frames after a lost one move up.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        self.num_corrupt = 0
        self._frames = self._decode()

    def __next__(self) -> Frame:
        return next(self._frames)

    def _decode(self) -> Iterator[Frame]:
        # A second opening because a demuxed container cannot be rewound reliably in every format.
        with _open_video(self._path) as (container, stream):
            timeline = _read_timeline(self._path, container, stream)
        next_index = 0
        with _open_video(self._path) as (container, stream):
            for decoded in _decode_packets(container, stream):
                index = _frame_index(decoded, timeline, next_index)
                if index is None or index < next_index:
                    continue
                if decoded.is_corrupt:
                    # Ordered timelines count the corrupt frame, so that the next one keeps its place.
                    next_index = index + 1 if timeline.by_order else next_index
                    self.num_corrupt += timeline.by_order
                    continue
                self.num_corrupt += index - next_index
                next_index = index + 1
                yield Frame(index, float(timeline.seconds[index]), _to_bgr(decoded))
        self.num_corrupt += len(timeline.pts) - next_index


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
        At the first frame, if the file cannot be opened as a video.
    """
    return FrameReader(path)


def write_video(
    path: str | Path, frames: Iterable[NDArray[np.uint8]], *, fps: float | Fraction, crf: int = 18
) -> None:
    """Encode frames as H.264 in a container chosen by the file's suffix; the same input gives the same bytes.

    Parameters
    ----------
    path : str or Path
        Target; ``.mp4``, ``.mov`` or ``.mkv``.
    frames : iterable of ndarray, shape (M, N, 3), uint8
        Blue, green, red; M and N even. Consumed as a stream.
    fps : float or Fraction
        Frames per second.
    crf : int, optional
        x264's constant rate factor, 0 (lossless) .. 51.

    Raises
    ------
    ValueError
        If there is no frame, or a frame is not an even-sized uint8 BGR image like the first.
    """
    stream_of_frames = iter(frames)
    first = next(stream_of_frames, None)
    if first is None:
        msg = f"{path}: saw no frame; give write_video at least one"
        raise ValueError(msg)
    _check_image(first, first.shape)
    rows, cols = first.shape[:2]
    # One thread and no random identifiers: equal input gives equal bytes.
    options = {"fflags": "+bitexact"}
    if Path(path).suffix in (".mp4", ".mov"):
        options["movflags"] = "+faststart"
    with av.open(str(path), mode="w", options=options) as container:
        stream = container.add_stream(
            "libx264", rate=Fraction(fps).limit_denominator(100_000), options={"crf": str(crf)}
        )
        stream.width, stream.height, stream.pix_fmt = cols, rows, "yuv420p"
        stream.codec_context.thread_count = 1
        # Two seconds between key frames: seeking near the end, as the probe does, stays cheap.
        stream.codec_context.gop_size = max(1, round(2 * float(fps)))
        for image in chain([first], stream_of_frames):
            _check_image(image, first.shape)
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="bgr24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))


@contextmanager
def _open_video(
    path: Path,
) -> Generator[tuple[av.container.InputContainer, av.video.stream.VideoStream]]:
    """Open a file and its first real video stream, or say why not."""
    try:
        container = av.open(str(path), options=_OPEN_OPTIONS, metadata_errors="replace")
    except (av.error.InvalidDataError, av.error.ArgumentError, av.error.EOFError) as error:
        raise UnreadableVideo(path, *_why_unopenable(path)) from error
    with container:
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
        yield container, stream


def _why_unopenable(path: Path) -> tuple[UnreadableReason, str]:
    with path.open("rb") as file:
        head = file.read(16)
    if head[4:8] in _ISO_FIRST_BOXES or head[:4] in (_MATROSKA_EBML_ID, b"RIFF"):
        return (
            "truncated",
            "the header of a video is there, its index or first packets are not; send the whole file",
        )
    return "not_a_video", f"starts with {head[:8]!r}; expected an MP4, MOV, MKV, AVI or similar container"


def _check_complete(path: Path) -> None:
    """Refuse what the container's own length fields show to be cut, without decoding."""
    size = path.stat().st_size
    if size == 0:
        raise UnreadableVideo(path, "zero_bytes", "the file is empty; send it again")
    with path.open("rb") as file:
        head = file.read(12)
        if head[4:8] in _ISO_FIRST_BOXES:
            declared, has_index = _iso_extent(file, size)
            if not has_index and declared <= size:
                detail = "no moov box (the index of an MP4 or MOV); the recorder stopped before it finished"
                raise UnreadableVideo(path, "truncated", detail)
        elif head[:4] == b"RIFF":
            declared = _riff_extent(file, size)
        elif head[:4] == _MATROSKA_EBML_ID:
            declared = _matroska_extent(file)
        else:
            return
    if declared > size:
        detail = f"saw {size} bytes, the container declares at least {declared}; send the whole file"
        raise UnreadableVideo(path, "truncated", detail)


def _iso_extent(file: IO[bytes], size: int) -> tuple[int, bool]:
    """Bytes that the top-level boxes of an MP4 or MOV declare, and whether its index (moov) is there."""
    at, has_index = 0, False
    while at + 8 <= size:
        file.seek(at)
        length = int.from_bytes(file.read(4), "big")
        has_index |= file.read(4) == b"moov"
        if length == 1:
            length = int.from_bytes(file.read(8), "big")
        elif length == 0:
            length = size - at
        # A nonsensical length would never end; what follows it is for the demuxer to judge.
        if length < 8:
            break
        at += length
    return at, has_index


def _riff_extent(file: IO[bytes], size: int) -> int:
    """Bytes that the RIFF chunks of an AVI declare (large files have several)."""
    at = 0
    while at + 8 <= size:
        file.seek(at)
        if file.read(4) != b"RIFF":
            break
        length = int.from_bytes(file.read(4), "little")
        # A recorder that never finished leaves 0: nothing is declared.
        if length == 0:
            break
        at += 8 + length
    return at


def _matroska_extent(file: IO[bytes]) -> int:
    """Bytes that an MKV or WebM declares in its segment header; 0 where it was written as a live stream."""
    file.seek(4)
    header_length = _ebml_number(file)
    file.seek(header_length or 0, 1)
    if header_length is None or file.read(4) != _MATROSKA_SEGMENT_ID:
        return 0
    segment_length = _ebml_number(file)
    return 0 if segment_length is None else file.tell() + segment_length


def _ebml_number(file: IO[bytes]) -> int | None:
    """Variable-length integer: as many leading zero bits as further bytes; all ones means unknown."""
    first = file.read(1)
    if not first or first[0] == 0:
        return None
    num_bytes = 9 - first[0].bit_length()
    value = int.from_bytes(first + file.read(num_bytes - 1), "big") & ((1 << (7 * num_bytes)) - 1)
    return None if value == (1 << (7 * num_bytes)) - 1 else value


def _read_timeline(
    path: Path, container: av.container.InputContainer, stream: av.video.stream.VideoStream
) -> _Timeline:
    """Demux every packet and keep the presentation times of those that are displayed."""
    pts: list[int] = []
    keys: list[int] = []
    try:
        for packet in container.demux(stream):
            stamp = packet.pts if packet.pts is not None else packet.dts
            # The last packet of a demux is an empty one without any stamp; discarded ones lie outside the
            # container's edit list and are never displayed.
            if stamp is None or packet.is_discard:
                continue
            pts.append(stamp)
            if packet.is_keyframe:
                # Formats seek by either stamp; the smaller one never lands behind the key frame.
                keys = [*keys[:1], min(stamp, packet.dts if packet.dts is not None else stamp)]
    except av.error.InvalidDataError as error:
        raise UnreadableVideo(
            path, "truncated", f"the packets break off after {len(pts)}: {error}"
        ) from error
    if not pts:
        detail = "the video stream holds no packet; the recorder stopped before the first frame was stored"
        raise UnreadableVideo(path, "truncated", detail)
    ordered = np.unique(np.asarray(pts, dtype=np.int64))
    seconds = (ordered - ordered[0]).astype(np.float64) * float(stream.time_base or 1)
    return _Timeline(
        ordered,
        keys[-1] if keys else int(ordered[0]),
        len(keys) < 2,
        seconds,
        by_order=container.format.name == "avi",
    )


def _decode_end(
    path: Path,
    container: av.container.InputContainer,
    stream: av.video.stream.VideoStream,
    timeline: _Timeline,
) -> av.video.frame.VideoFrame:
    """Decode the last group of pictures and return its last frame; refuse a file whose end is broken."""
    container.seek(timeline.last_key, stream=stream, backward=True)
    last: av.video.frame.VideoFrame | None = None
    num_sound = 0
    for decoded in _decode_packets(container, stream):
        last = decoded
        num_sound += not decoded.is_corrupt
    if last is None and timeline.only_one_key:
        raise UnreadableVideo(
            path, "unreadable_codec", f"no frame of codec {stream.codec_context.name} decodes"
        )
    if last is None or num_sound == 0 or _ends_early(last, timeline):
        detail = "the last frames do not decode although the container lists them; send the whole file"
        raise UnreadableVideo(path, "truncated", detail)
    return last


def _ends_early(last: av.video.frame.VideoFrame, timeline: _Timeline) -> bool:
    # One corrupt frame at the very end is a blemish; more is a missing end.
    return not timeline.by_order and last.pts is not None and last.pts < timeline.pts[-3:][0]


def _decode_packets(
    container: av.container.InputContainer, stream: av.video.stream.VideoStream
) -> Iterator[av.video.frame.VideoFrame]:
    """Decode packet by packet, so that a packet that does not decode costs only itself."""
    for packet in container.demux(stream):
        try:
            decoded = packet.decode()
        except av.error.InvalidDataError:
            # The caller sees the gap in the presentation times and counts it.
            continue
        yield from decoded


def _frame_index(decoded: av.video.frame.VideoFrame, timeline: _Timeline, next_index: int) -> int | None:
    """Position of a decoded frame on the timeline, None when the container does not list it."""
    if timeline.by_order:
        return next_index if next_index < len(timeline.pts) else None
    if decoded.pts is None:
        return None
    index = int(np.searchsorted(timeline.pts, decoded.pts))
    return index if index < len(timeline.pts) and timeline.pts[index] == decoded.pts else None


def _clockwise_rotation(decoded: av.video.frame.VideoFrame) -> int:
    # The display matrix counts counterclockwise; players honour quarter turns only.
    return round(-decoded.rotation / 90) % 4 * 90


def _to_bgr(decoded: av.video.frame.VideoFrame) -> NDArray[np.uint8]:
    image = cast("NDArray[np.uint8]", decoded.to_ndarray(format="bgr24"))
    quarter_turns = _clockwise_rotation(decoded) // 90
    return np.ascontiguousarray(np.rot90(image, -quarter_turns)) if quarter_turns else image


def _check_image(image: NDArray[np.uint8], expected_shape: tuple[int, ...]) -> None:
    good = (
        image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3 and image.shape == expected_shape
    )
    if not good or image.shape[0] % 2 or image.shape[1] % 2:
        msg = (
            f"saw a frame of shape {image.shape}, {image.dtype}; expected uint8 (M, N, 3) with even M and N, "
            f"all alike (first: {expected_shape}); crop or pad it"
        )
        raise ValueError(msg)
