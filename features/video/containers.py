"""Video containers as bytes: whether a file is whole by its own length fields, and why one can't be read.

Belongs here: what is told without decoding, and which errors mean damage. Stays out: packets, frames and times
(``reader``).
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Literal

import av.error

UnreadableReason = Literal[
    "zero_bytes",
    "truncated",
    "not_a_video",
    "no_video_stream",
    "unreadable_codec",
    "joined_files",
    "limit_exceeded",
    "decoder_crashed",
]

_ISO_FIRST_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")
_ISO_BOXES = frozenset(
    {
        *_ISO_FIRST_BOXES,
        *(b"moof", b"mfra", b"sidx", b"ssix", b"styp", b"emsg", b"prft"),  # of fragments
        *(b"pnot", b"pdin", b"meta", b"udta", b"uuid", b"PICT", b"junk"),
    }
)
_ASF_HEADER = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_FLV_HEADER, _FLV_TAGS = b"FLV\x01", b"\x08\x09\x12"
_MATROSKA_EBML_ID = b"\x1a\x45\xdf\xa3"
_MATROSKA_SEGMENT_ID = b"\x18\x53\x80\x67"
# What PyAV raises for damaged content. FFmpeg's demuxers and decoders give nearly every error code that they have,
# "operation not permitted", "input/output error" and "out of memory" (a size that is nonsense) among them.
DAMAGE = (av.error.FFmpegError, ArithmeticError, LookupError, MemoryError, OSError, RuntimeError, ValueError)


class UnreadableVideo(ValueError):  # noqa: N818  (the name says what happened; callers catch it by this name)
    """A file that cannot go down the line.

    Attributes
    ----------
    reason : str
        Machine-readable: ``zero_bytes``, ``truncated``, ``not_a_video``, ``no_video_stream``, ``unreadable_codec``,
        ``joined_files`` (only the first of them would be read), ``limit_exceeded`` (it asks for more than a setting
        allows) or ``decoder_crashed``.
    detail : str
        What was seen, for a person.
    """

    def __init__(self, path: Path, reason: UnreadableReason, detail: str) -> None:
        super().__init__(f"{path.name}: {reason}: {detail}")
        self.reason: UnreadableReason = reason
        self.detail = detail
        self._path = path

    def __reduce__(self) -> tuple[type[UnreadableVideo], tuple[Path, UnreadableReason, str]]:
        """Let a worker process hand it over: exceptions are pickled with the message as their only argument."""
        return type(self), (self._path, self.reason, self.detail)


@contextmanager
def refusing(path: Path, reason: UnreadableReason, doing: str) -> Generator[None]:
    """Raise `UnreadableVideo` where the block's calls into PyAV find damage; `doing` says what it was about."""
    try:
        yield
    except UnreadableVideo:
        raise
    except DAMAGE as error:
        detail = f"{doing}: {error}; send the file again, or re-encode it"
        raise UnreadableVideo(path, reason, detail) from error


def explain_unopenable(path: Path) -> tuple[UnreadableReason, str]:
    """Reason and detail, as `UnreadableVideo` takes them, for a file that no demuxer opens."""
    if missing := shortfall(path):
        return "truncated", missing
    with path.open("rb") as file:
        head = file.read(16)
    if head[4:8] in _ISO_FIRST_BOXES or head[:4] in (_MATROSKA_EBML_ID, b"RIFF"):
        return (
            "truncated",
            "the header of a video is there, its index or first packets are not; send the whole file",
        )
    return "not_a_video", f"starts with {head[:8]!r}; expected an MP4, MOV, MKV, AVI or similar container"


def check_not_empty(path: Path) -> None:
    """Refuse a file without a single byte."""
    if path.stat().st_size == 0:
        raise UnreadableVideo(path, "zero_bytes", "the file is empty; send it again")


def shortfall(path: Path) -> str | None:
    """Say what the container's own length fields miss, None where they miss nothing.

    They explain why a file can't be read. By themselves they prove nothing: recorders write wrong ones, and
    telephones append data of their own. A file whose pictures are all there is sound whatever they say.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(12)
        if head[4:8] in _ISO_FIRST_BOXES:
            declared, has_index = _iso_extent(file, size)
            if not has_index and declared <= size:
                return "no moov box (the index of an MP4 or MOV); the recorder stopped before it finished"
        elif head[:4] == b"RIFF":
            declared = _riff_extent(file, size)
        elif head[:4] == _MATROSKA_EBML_ID:
            declared = _matroska_extent(file, size)
        else:
            return None
    if declared > size:
        return f"saw {size} bytes, the container declares at least {declared}; send the whole file"
    return None


def check_one_recording(path: Path) -> None:
    """Refuse files joined byte by byte whose demuxer ends with the first: the others would be lost without a word."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(16)
        if head[4:8] in _ISO_FIRST_BOXES:
            kinds = [kind for kind, _ in _iso_boxes(file, size)]
            # Streams in fragments repeat their index, and are read to their end.
            joined = kinds.count(b"moov") > 1 and b"moof" not in kinds
        elif head.startswith(_FLV_HEADER):
            joined = _flv_goes_on(file, size)
        else:
            joined = head == _ASF_HEADER and _asf_goes_on(file, size)
    if joined:
        detail = "several recordings were joined into it, only the first can be read; send each as a file of its own"
        raise UnreadableVideo(path, "joined_files", detail)


def _flv_goes_on(file: IO[bytes], size: int) -> bool:
    """Tell whether another FLV begins where the first one's tags end."""
    at = 13  # the header and the first length behind
    while at + 15 <= size:
        file.seek(at)
        tag = file.read(4)
        if tag[:1] not in _FLV_TAGS:
            return tag == _FLV_HEADER
        at += 15 + int.from_bytes(tag[1:], "big")
    return False


def _asf_goes_on(file: IO[bytes], size: int) -> bool:
    """Tell whether another ASF begins behind the first one's objects."""
    at = 0
    while at + 24 <= size:
        file.seek(at)
        kind, length = file.read(16), int.from_bytes(file.read(8), "little")
        if kind == _ASF_HEADER and at:
            return True
        if length < 24:  # one that was written as a live stream
            return False
        at += length
    return False


def _iso_extent(file: IO[bytes], size: int) -> tuple[int, bool]:
    """Bytes that the top-level boxes of an MP4 or MOV declare, and whether its index (moov) is there."""
    at, has_index = 0, False
    for kind, end in _iso_boxes(file, size):
        has_index |= kind == b"moov"
        at = end
    return at, has_index


def _iso_boxes(file: IO[bytes], size: int) -> Iterator[tuple[bytes, int]]:
    """Yield kind and end of each top-level box of an MP4 or MOV."""
    at = 0
    while at + 8 <= size:
        file.seek(at)
        length, kind = int.from_bytes(file.read(4), "big"), file.read(4)
        if length == 1:
            length = int.from_bytes(file.read(8), "big")
        elif length == 0:
            length = size - at
        # A nonsensical length would never end, and what no box is called is no box: data of the recorder's own.
        if length < 8 or kind not in _ISO_BOXES:
            return
        at += length
        yield kind, at


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


def _matroska_extent(file: IO[bytes], size: int) -> int:
    """Bytes that an MKV or WebM declares in its segment header; 0 where it was written as a live stream."""
    file.seek(4)
    header_length = _ebml_number(file)
    if header_length is None or header_length > size:
        return 0
    file.seek(header_length, 1)
    if file.read(4) != _MATROSKA_SEGMENT_ID:
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
