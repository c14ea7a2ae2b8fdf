"""Looping images of a face segment, for the rating page.

Belongs here: encoding frames to one animated image. Stays out: reading crops from the lake (assets and
orchestration do that) and the page (``survey.app``).
"""

from __future__ import annotations

from io import BytesIO

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

# Signatures of the formats that browsers loop or show by themselves.
_SIGNATURES = ((b"GIF8", 0, "image/gif"), (b"\x89PNG", 0, "image/png"), (b"WEBP", 8, "image/webp"))


def encode_loop(crops: ArrayLike, fps: float, *, quality: int = 90) -> bytes:
    """Encode grey frames as an animated WebP that loops forever.

    Parameters
    ----------
    crops : array_like, shape (T, M, N), uint8
        Aligned face crops in order, T >= 1.
    fps : float
        Frames per second of the recording; it is shown at that speed.
    quality : int
        0..100; 100 still loses a little.

    Returns
    -------
    bytes
        The image file. Frame times are rounded to whole milliseconds without adding up an error.

    Raises
    ------
    ValueError
        If there is no frame, the frames are not grey uint8, or `fps` is not between 1 and 1000.
    """
    frames = np.asarray(crops)
    if frames.ndim != 3 or not len(frames) or frames.dtype != np.uint8:
        msg = f"saw crops {frames.dtype} {frames.shape}, expected uint8 (frames, rows, columns), not empty"
        raise ValueError(msg)
    if not 1 <= fps <= 1000:
        msg = f"saw {fps} frames per second, expected 1..1000"
        raise ValueError(msg)
    ticks: NDArray[np.int64] = np.rint(np.arange(len(frames) + 1) * 1000 / fps).astype(np.int64)
    first, *rest = (Image.fromarray(frame).convert("RGB") for frame in frames)
    file = BytesIO()
    first.save(
        file,
        format="WEBP",
        save_all=True,
        append_images=rest,
        duration=np.diff(ticks).tolist(),
        loop=0,
        quality=quality,
    )
    return file.getvalue()


def still_of(image: bytes) -> bytes:
    """Return the middle frame of a looping image (WebP): what a rater sees who stops it."""
    with Image.open(BytesIO(image)) as loop:
        loop.seek(getattr(loop, "n_frames", 1) // 2)
        file = BytesIO()
        loop.convert("RGB").save(file, format="WEBP", quality=90)
    return file.getvalue()


def media_type(image: bytes) -> str:
    """Return the media type of a GIF, PNG or WebP file by its signature.

    Raises
    ------
    ValueError
        If it is none of these.
    """
    for signature, place, kind in _SIGNATURES:
        if image[place : place + len(signature)] == signature:
            return kind
    msg = f"saw an image that starts with {image[:12]!r}, expected GIF, PNG or WebP; make it with encode_loop"
    raise ValueError(msg)
