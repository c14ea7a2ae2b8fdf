"""What a served model reads and answers, column by column.

Belongs here: how a picture comes out of a request, how predictions become an answer. Stays out: MLflow
(``ml.registry.client``), prediction (``ml.deepid.model``), finding and describing faces (``features``); the
loader module that the registry is given brings them together.
"""

from __future__ import annotations

import base64
import warnings
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any, cast

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from apexline.ml.datasets import CROP_SIZE, INPUT_SIZE
from apexline.ml.emotions import ANSWERS, PAD_AXES
from apexline.ml.norms import nearest_adjectives

if TYPE_CHECKING:
    from apexline.ml.deepid import ExpressionModel, Predictions

NUM_ADJECTIVES = 3
FEATURES_FILE = "features.yaml"  # beside the checkpoint: parameters of the features that it was trained on

# What a request may hold; one of the first two is needed.
INPUTS: Mapping[str, str] = {
    "image": "a face: uint8 grey or BGR array, nested lists, encoded bytes (PNG, JPEG), or base64 of them",
    "clip": "path of a video below the server's folder of clips: an answer for each expression in it",
    "onset": "the same face before its expression, for motion; as `image`",
    "aligned": "true: image and onset are grey faces as the line aligns them, 128 x 128, or 48 x 48 of their middle",
}
# What every answer holds.
NUMBERS: tuple[str, ...] = ("confidence", *(f"p_{name}" for name in ANSWERS), *PAD_AXES)
WORDS: tuple[str, ...] = ("emotion", "mapped_emotion")
LISTS: tuple[str, ...] = ("adjectives", "reasons")
# Where it comes from: for clips the track and the segment's times.
PLACES: tuple[str, ...] = ("onset_s", "apex_s", "offset_s")

COLUMNS: tuple[str, ...] = (
    *("row", "track", *PLACES, "emotion", "confidence", "mapped_emotion"),
    *(*(f"p_{name}" for name in ANSWERS), *PAD_AXES, "adjectives", "abstained", "reasons"),
)

# Encoded pictures that are decoded; the header of each says its size.
_FORMATS = ("PNG", "JPEG", "WEBP", "BMP")
# A decoder goes over all of a JPEG once for every scan, and an empty one takes 31 bytes. Encoders write a dozen.
_JPEG_SCAN, _MAX_JPEG_SCANS = b"\xff\xda", 32

# Bytes that are pixels, row by row, by their number: the columns `image` and `crop` of the lake.
_PIXELS = {side * side: side for side in (INPUT_SIZE, CROP_SIZE)}


def answers(
    model: ExpressionModel, predicted: Predictions, quality: Mapping[str, ArrayLike] | None = None
) -> list[dict[str, Any]]:
    """Say what was predicted of N faces, in words too, and whether to rely on it.

    Parameters
    ----------
    model : ExpressionModel
        Whose limits hold.
    predicted : Predictions
        Of faces, or of changes (`ml.deepid.predict_changes`), which have the answer ``other`` too.
    quality : mapping of str to array_like, shape (N,), optional
        Measures of the faces, as `ml.deepid.abstention.Limits.reasons` takes them.

    Returns
    -------
    list of dict
        emotion (the most probable apparent expression), confidence, mapped_emotion, p_happy, p_angry, p_calm,
        p_scared, p_other, pleasure, arousal, dominance, adjectives (list of str), abstained (bool), reasons (list of
        str).
    """
    of_changes = predicted.probabilities.shape[1] == len(ANSWERS)
    reasons = model.limits.reasons(predicted.confidence, predicted.distance, quality, of_changes=of_changes)
    probabilities = (
        predicted.probabilities if of_changes else np.pad(predicted.probabilities, ((0, 0), (0, 1)))
    )
    return [
        {
            "emotion": str(predicted.emotion[i]),
            "confidence": float(predicted.confidence[i]),
            "mapped_emotion": str(predicted.mapped_emotion[i]),
            **{f"p_{name}": float(probabilities[i, k]) for k, name in enumerate(ANSWERS)},
            **{axis: float(predicted.pad[i, k]) for k, axis in enumerate(PAD_AXES)},
            "adjectives": list(nearest_adjectives(predicted.pad[i], NUM_ADJECTIVES)),
            "abstained": bool(why),
            "reasons": why,
        }
        for i, why in enumerate(reasons)
    ]


def read_image(value: Any) -> NDArray[np.uint8]:
    """Turn what a request holds into pixels.

    Parameters
    ----------
    value : ndarray, nested sequence of int, bytes or str
        A grey or BGR picture as an array or as nested lists; an encoded picture (PNG, JPEG, ...) or the pixels of
        a 48 x 48 or 128 x 128 grey face as bytes, or as base64 of those.

    Returns
    -------
    ndarray, shape (M, N) or (M, N, 3), uint8

    Raises
    ------
    ValueError
        If it is none of those.
    """
    if isinstance(value, str):
        value = _from_base64(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return _from_bytes(bytes(value))
    pixels = np.asarray(value)
    numbers = pixels.dtype.kind in "iu" and pixels.size > 0 and pixels.min() >= 0 and pixels.max() <= 255
    if not numbers or pixels.ndim not in (2, 3) or pixels.shape[2:] not in ((), (1,), (3,)):
        msg = f"image is {pixels.dtype} with shape {pixels.shape}, expected whole numbers 0..255, grey or BGR"
        raise ValueError(msg)
    return (pixels[..., 0] if pixels.shape[2:] == (1,) else pixels).astype(np.uint8, copy=False)


def picture_size(value: Any, *, max_bytes: int) -> tuple[int, int]:
    """Say how large a picture will be that `read_image` makes of a value, without decoding it.

    Parameters
    ----------
    value
        As `read_image` takes it.
    max_bytes : int
        Largest encoded picture, bytes.

    Returns
    -------
    rows, columns : int
        Of an encoded picture by its header.

    Raises
    ------
    ValueError
        If an encoded picture is too large or none that is decoded, or a JPEG has more scans than encoders write.
    """
    if isinstance(value, str):
        if len(value) > 4 * -(-max_bytes // 3):
            msg = f"image is a text of {len(value)} characters, expected the base64 of at most {max_bytes} bytes"
            raise ValueError(msg)
        value = _from_base64(value)
    if isinstance(value, bytes | bytearray | memoryview):
        data = bytes(value)
        if len(data) > max_bytes:
            msg = f"image has {len(data)} bytes, expected at most {max_bytes}; send a smaller picture"
            raise ValueError(msg)
        side = _PIXELS.get(len(data))
        return (side, side) if side is not None else _header_size(data)
    # Lists are counted by their first row: NumPy refuses those whose rows differ.
    rows = _length(value)
    return rows, _length(cast("Sequence[Any]", value)[0]) if rows else 0


def _length(value: Any) -> int:
    return len(cast("Sequence[Any]", value)) if isinstance(value, Sequence | np.ndarray) else 0


def _header_size(data: bytes) -> tuple[int, int]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(BytesIO(data), formats=_FORMATS) as picture:
                cols, rows = picture.size
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        msg = f"image has {len(data)} bytes that decode to too much ({error}); send a smaller picture"
        raise ValueError(msg) from error
    # Pillow raises other errors than its own for some broken headers.
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        raise ValueError(_no_picture(data)) from error
    if data.startswith(b"\xff\xd8") and data.count(_JPEG_SCAN) > _MAX_JPEG_SCANS:
        msg = (
            f"image is a JPEG of {data.count(_JPEG_SCAN)} scans, expected at most {_MAX_JPEG_SCANS}; "
            "encode it anew"
        )
        raise ValueError(msg)
    return rows, cols


def _from_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as error:  # binascii.Error, or characters beyond ASCII
        msg = (
            f"image is a text of {len(text)} characters that is no base64 ({error}); encode the file's bytes"
        )
        raise ValueError(msg) from error


def _no_picture(data: bytes) -> str:
    return (
        f"image has {len(data)} bytes that are no encoded picture ({', '.join(_FORMATS)}), nor the {sorted(_PIXELS)} "
        "of a 48 x 48 or 128 x 128 grey face"
    )


def _from_bytes(data: bytes) -> NDArray[np.uint8]:
    side = _PIXELS.get(len(data))
    if side is not None:
        return np.frombuffer(data, np.uint8).reshape(side, side)
    # IMREAD_ANYCOLOR: grey stays grey. An empty buffer is an assertion of OpenCV's.
    found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_ANYCOLOR) if data else None
    if found is None:
        raise ValueError(_no_picture(data))
    return found.astype(np.uint8, copy=False)
