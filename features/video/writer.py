"""Frames to a video file.

Belongs here: encoding that gives equal bytes for equal frames. Stays out: reading (``features.video.reader``).
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from itertools import chain
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray


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
    # One thread, no random identifiers, and no macroblock tree, whose AVX-512 code in x264 gives now and
    # then other bits for the same pictures: equal input gives equal bytes.
    options = {"fflags": "+bitexact"}
    if Path(path).suffix in (".mp4", ".mov"):
        options["movflags"] = "+faststart"
    with av.open(str(path), mode="w", options=options) as container:
        stream = container.add_stream(
            "libx264",
            rate=Fraction(fps).limit_denominator(100_000),
            options={"crf": str(crf), "x264-params": "mbtree=0"},
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
