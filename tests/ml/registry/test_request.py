import base64
import struct
import zlib

import cv2
import numpy as np
import pytest

from apexline.ml.config import TrainConfig
from apexline.ml.deepid.abstention import Limits
from apexline.ml.deepid.training.train import train_deepid
from apexline.ml.registry.request import COLUMNS, PLACES, answers, picture_size, read_image


@pytest.fixture(scope="module")
def model(data, split, anchors):
    config = TrainConfig(epochs=1)
    return train_deepid(data, split, version="baseline", config=config, seed=0, pad_anchors=anchors).model


@pytest.fixture(scope="module")
def grey() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (20, 30), np.uint8)


def test_an_answer_says_what_was_predicted(model, data):
    predicted = model.predict(data.images[:6])
    found = answers(model, predicted)
    assert [each["emotion"] for each in found] == predicted.emotion.tolist()
    np.testing.assert_array_equal([each["confidence"] for each in found], predicted.confidence)
    np.testing.assert_array_equal(
        [[each[f"p_{name}"] for name in ("happy", "angry", "calm", "scared")] for each in found],
        predicted.probabilities,
    )
    np.testing.assert_array_equal(
        [[each[axis] for axis in ("pleasure", "arousal", "dominance")] for each in found], predicted.pad
    )
    assert {(len(each["adjectives"]), each["abstained"], len(each["reasons"])) for each in found} == {
        (3, False, 0)
    }
    assert [*("row", "track", *PLACES), *found[0]] == list(COLUMNS)


def test_an_answer_says_why_it_abstains(model, data):
    from dataclasses import replace

    unsure = replace(model, limits=Limits(min_confidence=1.0))
    found = answers(unsure, unsure.predict(data.images[:2]), {"size_px": [10.0, 100.0]})
    assert [each["abstained"] for each in found] == [True, True]
    assert [each["reasons"] for each in found] == [["small", "low confidence"], ["low confidence"]]


@pytest.mark.parametrize(
    "form", [lambda x: x, lambda x: x.tolist(), lambda x: list(x), lambda x: x[..., None]]
)
def test_arrays_and_lists_are_pictures(grey, form):
    np.testing.assert_array_equal(read_image(form(grey)), grey)


@pytest.mark.parametrize("form", [bytes, bytearray, lambda x: base64.b64encode(x).decode()])
@pytest.mark.parametrize("side", [48, 128])
def test_bytes_of_a_face_are_its_pixels(form, side):
    face = np.random.default_rng(1).integers(0, 256, (side, side), np.uint8)
    np.testing.assert_array_equal(read_image(form(face.tobytes())), face)


@pytest.mark.parametrize("channels", [1, 3])
def test_encoded_pictures_are_decoded(channels):
    picture = np.random.default_rng(2).integers(0, 256, (20, 30, channels), np.uint8).squeeze()
    encoded = cv2.imencode(".png", picture)[1].tobytes()
    for form in (encoded, base64.b64encode(encoded).decode()):
        found = read_image(form)
        assert found.dtype == np.uint8
        np.testing.assert_array_equal(found, picture)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("no base64!", "text of 10 characters that is no base64"),
        (b"123", r"3 bytes that are no encoded picture .* \[2304, 16384\]"),
        (b"", "0 bytes that are no encoded picture"),
        (np.zeros((4, 4)), r"float64 with shape \(4, 4\), expected whole numbers"),
        ([[1, 300]], "expected whole numbers 0..255"),
        ([1, 2, 3], r"int64 with shape \(3,\)"),
        (np.zeros((4, 4, 2), np.uint8), r"uint8 with shape \(4, 4, 2\)"),
        ([], r"float64 with shape \(0,\)"),
    ],
)
def test_what_is_no_picture_is_refused(value, message):
    with pytest.raises(ValueError, match=message):
        read_image(value)


@pytest.mark.parametrize("shape", [(20, 30), (20, 30, 3)])
def test_the_size_of_a_picture_is_known_before_it_is_decoded(shape):
    picture = np.random.default_rng(2).integers(0, 256, shape, np.uint8)
    forms = [picture, picture.tolist(), list(picture)]
    for extension in (".png", ".jpg", ".webp", ".bmp"):
        encoded = cv2.imencode(extension, picture)[1].tobytes()
        forms += [encoded, bytearray(encoded), base64.b64encode(encoded).decode()]
    assert {picture_size(form, max_bytes=10**6) for form in forms} == {(20, 30)}
    assert {read_image(form).shape[:2] for form in forms} == {(20, 30)}
    assert picture_size(bytes(48 * 48), max_bytes=10**6) == (48, 48)


def png(rows, cols):
    """Return a PNG whose header promises a size and whose data hold nothing."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", cols, rows, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b""))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (png(10_000, 10_000), "that decode to too much"),
        (png(30_000, 30_000), "that decode to too much"),
        (png(2**31 - 1, 2**31 - 1), "that decode to too much"),
        (png(20, 20) + bytes(2000), "expected at most 1000; send a smaller picture"),
        ("A" * 4000, "text of 4000 characters, expected the base64 of at most 1000 bytes"),
        ("ä" * 8, "no base64"),
        (b"", "0 bytes that are no encoded picture"),
        (b"GIF89a" + bytes(60), "66 bytes that are no encoded picture"),
        (b"\x89PNG\r\n\x1a\n", "no encoded picture"),
        (b"II*\0" + bytes(60), "no encoded picture"),
    ],
)
def test_a_picture_that_would_cost_too_much_is_told_by_its_header(value, message):
    with pytest.raises(ValueError, match=message):
        picture_size(value, max_bytes=1000)


def test_a_jpeg_of_endless_scans_is_refused():
    # Each costs a pass over the whole picture and takes 31 bytes: 1 MB of them took minutes.
    encoded = cv2.imencode(".jpg", np.full((64, 64), 120, np.uint8), [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[
        1
    ].tobytes()
    assert picture_size(encoded, max_bytes=10**6) == (64, 64)
    last = encoded[encoded.rfind(b"\xff\xda") : -2]
    with pytest.raises(ValueError, match=r"JPEG of 1\d\d scans, expected at most 32; encode it anew"):
        picture_size(encoded[:-2] + 100 * last + encoded[-2:], max_bytes=10**6)


@pytest.mark.parametrize("value", [None, 7, {}, [], [[]], [1, 2], ["a", "b"], object()])
def test_what_is_no_picture_is_left_to_the_reader(value):
    assert picture_size(value, max_bytes=1000)[1] <= 1
    with pytest.raises(ValueError, match="expected whole numbers"):
        read_image(value)
