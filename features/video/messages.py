"""What the decoding process and its parent say to each other.

Belongs here: the form of requests and answers, and the checks of an answer. Stays out: processes, waiting and limits of
time (``decoding_process``), what is done for a request (``decoder``).

The parent does not trust the process, which has read a file from anywhere: nothing is unpickled, every length is
bounded before memory is taken for it, every value is checked. A request is a JSON text and the file's descriptor. An
answer is a head of fixed size, then a JSON text (of a probe, an end or an error) or a picture, whose size the parent
works out by itself.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping
from enum import IntEnum
from functools import lru_cache
from struct import Struct
from typing import Any, Final, NamedTuple, TypeVar, cast

import av.video.frame
import numpy as np
from numpy.typing import NDArray

from apexline.features.video.pictures import PLANAR

T = TypeVar("T", int, float, str)

REQUEST_BYTES: Final = 1 << 13
TEXT_BYTES: Final = 1 << 16
_MAGIC: Final = b"apx1"
_SAID: Final = 4000  # characters of an error's message


class Kind(IntEnum):
    """What an answer is."""

    READY = 0  # the process waits for its first request
    INFO = 1  # a probe's text, and the timestamps
    PLANES = 2  # a frame as its decoder gave it, by its planes
    IMAGES = 3  # a frame as it is displayed, in colour and in grey
    END = 4  # text: no more frames
    UNREADABLE = 5  # text: what `UnreadableVideo` says
    FAILED = 6  # text: an error that is the decoding process's own


class BadAnswer(Exception):  # noqa: N818  (it says what was seen)
    """An answer that no sound decoding process gives."""


class Head(NamedTuple):
    """What every answer begins with; what an answer has no use for is 0.

    Attributes
    ----------
    kind : int
        One of `Kind`.
    text_bytes : int
        Length of the text that follows.
    place, num_corrupt : int
        Of a frame: its index, and the frames that were lost before it.
    time_s : float
    width, height : int
        Of the planes or images that follow, px.
    pixel_format, color_range, colorspace, rotation : int
        Of a frame in planes: number of its format; as PyAV has them; clockwise quarter turns.
    """

    kind: int
    text_bytes: int = 0
    place: int = 0
    num_corrupt: int = 0
    time_s: float = 0.0
    width: int = 0
    height: int = 0
    pixel_format: int = 0
    color_range: int = 0
    colorspace: int = 0
    rotation: int = 0


_HEAD: Final = Struct("<4sBIQQdIIBBBB")
HEAD_BYTES: Final = _HEAD.size


def pack(head: Head) -> bytes:
    """Bytes of an answer's head."""
    return _HEAD.pack(_MAGIC, *head)


def pack_text(kind: Kind, values: Mapping[str, Any]) -> bytes:
    """Bytes of an answer that is a text, or begins with one."""
    text = json.dumps({name: _said(value) for name, value in values.items()}).encode()
    return pack(Head(kind, text_bytes=len(text))) + text


def unpack(data: bytes | bytearray, *, max_pixels: int) -> Head:
    """Head of an answer, whose lengths may be trusted."""
    magic, *values = _HEAD.unpack(data)
    head = Head(*values)
    sound = (
        magic == _MAGIC
        and head.kind <= Kind.FAILED
        and head.text_bytes <= TEXT_BYTES
        and head.width * head.height <= max_pixels
        and head.pixel_format < len(PLANAR)
        and head.rotation < 4
        and 0 <= head.time_s < math.inf
    )
    if not sound:
        message = f"an answer began with {head}"
        raise BadAnswer(message)
    return head


def unpack_text(text: bytes | bytearray) -> dict[str, Any]:
    """Names and values of an answer's text."""
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        message = f"an answer was no JSON: {error}"
        raise BadAnswer(message) from error
    if not isinstance(values, dict):
        message = f"an answer held {text[:100]!r}"
        raise BadAnswer(message)
    return cast("dict[str, Any]", values)


def value_of(values: Mapping[str, Any], name: str, kind: type[T], *, high: float = math.inf) -> T:
    """One value of an answer's text, of the expected type and, a number, from 0 to `high`."""
    value = values.get(name)
    # Exactly this type: a bool is an int, too.
    sound = type(value) is kind and (isinstance(value, str) or 0 <= cast("float", value) <= high)
    if not sound:
        message = f"an answer held {name} = {value!r}; expected {kind.__name__} from 0 to {high}"
        raise BadAnswer(message)
    return cast("T", value)


def counts_of(values: Mapping[str, Any], name: str) -> Counter[str]:
    """Numbers by word, of an answer's text."""
    counts = values.get(name)
    if not isinstance(counts, dict):
        message = f"an answer held {name} = {counts!r}; expected numbers by word"
        raise BadAnswer(message)
    return Counter({word: value_of(counts, word, int) for word in counts})


def described(decoded: av.video.frame.VideoFrame, head: Head) -> Head:
    """Return the head with what `new_picture` needs to know of a picture."""
    return head._replace(
        width=decoded.width,
        height=decoded.height,
        pixel_format=PLANAR.index(decoded.format.name),
        color_range=decoded.color_range,
        colorspace=decoded.colorspace,
    )


def planes_of(decoded: av.video.frame.VideoFrame) -> list[memoryview]:
    """Bytes of each plane, in lines as long as those of `new_picture`; valid until the next call."""
    sent: list[memoryview] = []
    for given, (line_size, laid_out) in zip(
        decoded.planes, _laid_out(decoded.format.name, decoded.width, decoded.height), strict=True
    ):
        if given.line_size == line_size:
            sent.append(memoryview(given))
            continue
        lines = np.frombuffer(memoryview(given), np.uint8).reshape(-1, given.line_size)
        length = min(given.line_size, line_size)
        laid_out[:, :length] = lines[:, :length]
        sent.append(laid_out.data.cast("B"))
    return sent


def new_picture(head: Head) -> av.video.frame.VideoFrame:
    """Picture as described, whose planes are to be filled."""
    if not head.width * head.height:
        message = f"an answer began with {head}"
        raise BadAnswer(message)
    picture = av.VideoFrame(head.width, head.height, PLANAR[head.pixel_format])
    picture.color_range, picture.colorspace = head.color_range, head.colorspace
    return picture


@lru_cache(maxsize=1)
def _laid_out(pixel_format: str, width: int, height: int) -> list[tuple[int, NDArray[np.uint8]]]:
    """Length of a line, bytes, and room for all lines, of each plane of a new picture."""
    planes = av.VideoFrame(width, height, pixel_format).planes
    return [(each.line_size, np.zeros((each.height, each.line_size), np.uint8)) for each in planes]


def _said(value: Any) -> Any:
    return value[:_SAID] if isinstance(value, str) else value
