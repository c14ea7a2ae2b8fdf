"""Decoded pictures as they are displayed: colour or grey, with square pixels, rotated.

Belongs here: what is done to one decoded picture. Stays out: which picture it is, and when (``timeline``), where it
comes from (``reader``).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Protocol, cast

import av.video.frame
import av.video.reformatter
import av.video.stream
import cv2
import numpy as np
from av.video.reformatter import ColorRange
from numpy.typing import NDArray

from apexline.features.video.containers import refusing

_MOST_ASPECT = 4
# Formats whose first plane is luma, one byte a pixel; those over the full range, and grey, which always is.
PLANAR = ("yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "gray")
_FULL_RANGE = {"yuvj420p", "yuvj422p", "yuvj444p", "gray"}
# Matrices from which FFmpeg makes grey of luma alone: unspecified, BT.470BG and SMPTE 170M.
_LUMA_IS_GREY = {2, 5, 6}
# First and last luma of the limited range.
_BLACK, _WHITE = 16, 235


class Convertible(Protocol):
    """A picture that gives its image when it is asked."""

    def convert(self, pixel_format: str) -> NDArray[np.uint8]:
        """Return the displayed picture as ``bgr24``, shape (M, N, 3), or ``gray``, shape (M, N)."""
        ...


class Frame:
    """One frame; the colour of a decoded one is converted only where somebody asks for it.

    Parameters
    ----------
    index, time_s
        As the attributes.
    picture : ndarray, shape (M, N, 3), uint8, or Convertible
        Blue, green, red; or a decoded picture.

    Attributes
    ----------
    index : int
        Position among the displayed frames of the clip, 0-based.
    time_s : float
        Presentation time from the clip's first frame, s.
    """

    def __init__(self, index: int, time_s: float, picture: NDArray[np.uint8] | Convertible) -> None:
        self.index = index
        self.time_s = time_s
        self.picture = picture

    @cached_property
    def image(self) -> NDArray[np.uint8]:
        """Blue, green, red, shape (M, N, 3); square pixels, rotation applied."""
        return self.picture if isinstance(self.picture, np.ndarray) else self.picture.convert("bgr24")

    @cached_property
    def gray(self) -> NDArray[np.uint8]:
        """Luma over the full range 0..255, shape (M, N); square pixels, rotation applied."""
        if isinstance(self.picture, np.ndarray):
            return cv2.cvtColor(self.picture, cv2.COLOR_BGR2GRAY).astype(np.uint8, copy=False)
        return self.picture.convert("gray")


class Picture:
    """A decoded picture, and what its clip's pictures share.

    Parameters
    ----------
    size : (int, int)
        Width and height as displayed, before rotation: one for all pictures of a clip, also where it changes its
        resolution on the way.
    rotation : int
        Clockwise turn of the displayed picture, one of 0, 90, 180, 270 degrees.
    converters : mapping of str to VideoReformatter
        By pixel format. One for each picture takes longer than the conversion of a small picture.
    """

    def __init__(
        self,
        path: Path,
        decoded: av.video.frame.VideoFrame,
        size: tuple[int, int],
        rotation: int,
        converters: Mapping[str, av.video.reformatter.VideoReformatter],
    ) -> None:
        self._path = path
        self.decoded = decoded
        self.size = size
        self.rotation = rotation
        self._converters = converters

    def convert(self, pixel_format: str) -> NDArray[np.uint8]:
        """Return the displayed picture as ``bgr24``, shape (M, N, 3), or ``gray``, shape (M, N)."""
        width, height = self.size
        with refusing(self._path, "unreadable_codec", f"a picture can't be converted to {pixel_format}"):
            if pixel_format == "gray" and self.is_plain and self.decoded.colorspace in _LUMA_IS_GREY:
                image = _grey_of_luma(self.decoded)
            else:
                converted = self._converters[pixel_format].reformat(
                    self.decoded, width=width, height=height, format=pixel_format, threads=1
                )
                image = cast("NDArray[np.uint8]", converted.to_ndarray())
        quarter_turns = self.rotation // 90
        return np.ascontiguousarray(np.rot90(image, -quarter_turns)) if quarter_turns else image

    @property
    def is_plain(self) -> bool:
        """Whether planes, range and matrix are all that its images hang on: whoever has these makes the same bits."""
        decoded = self.decoded
        return (
            # FFmpeg converts these without a look at where colour samples lie between pixels, which PyAV does not tell.
            decoded.format.name in PLANAR
            # Scaling, too, looks at where colour samples lie; PyAV can't set interlacing.
            and self.size == (decoded.width, decoded.height)
            and not decoded.interlaced_frame
            and all(plane.line_size > 0 for plane in decoded.planes)
        )


def _grey_of_luma(decoded: av.video.frame.VideoFrame) -> NDArray[np.uint8]:
    """Grey of a planar picture, the bits that FFmpeg gives in a third of its time."""
    plane = decoded.planes[0]
    lines = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
    luma = lines[: decoded.height, : decoded.width]
    if decoded.format.name in _FULL_RANGE or decoded.color_range == ColorRange.JPEG:
        return np.ascontiguousarray(luma)
    per_level = 255 / (_WHITE - _BLACK)
    # With a line of them: against one number numpy's maximum takes ten times as long.
    above_black = np.maximum(luma, np.full(decoded.width, _BLACK, np.uint8))
    grey = cv2.convertScaleAbs(above_black, alpha=per_level, beta=-_BLACK * per_level)
    return grey.astype(np.uint8, copy=False)


class Images:
    """A picture that was converted before, to the ``bgr24`` and ``gray`` that `convert` gives."""

    def __init__(self, bgr24: NDArray[np.uint8], gray: NDArray[np.uint8]) -> None:
        self._images = {"bgr24": bgr24, "gray": gray}

    def convert(self, pixel_format: str) -> NDArray[np.uint8]:
        """Return the displayed picture as ``bgr24``, shape (M, N, 3), or ``gray``, shape (M, N)."""
        return self._images[pixel_format]


def displayed_size(
    decoded: av.video.frame.VideoFrame, stream: av.video.stream.VideoStream
) -> tuple[int, int]:
    """Return width and height of a picture as displayed, rotation left out: pixels need not be square.

    Their aspect is the container's, as players have it, else the codec's. One beyond 1:4 to 4:1 is taken for nonsense.
    """
    aspect = stream.sample_aspect_ratio or stream.codec_context.sample_aspect_ratio or 1
    if not 1 / _MOST_ASPECT <= aspect <= _MOST_ASPECT:
        aspect = 1
    return max(1, round(decoded.width * aspect)), decoded.height


def clockwise_rotation(decoded: av.video.frame.VideoFrame) -> int:
    """Return the turn that a picture asks for: 0, 90, 180 or 270 degrees."""
    # The display matrix counts counterclockwise; players honour quarter turns only.
    return round(-decoded.rotation / 90) % 4 * 90
