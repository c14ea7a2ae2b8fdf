import base64

import cv2
import numpy as np
import pytest

from apexline.ml.config import TrainConfig
from apexline.ml.deepid.abstention import Limits
from apexline.ml.deepid.train import train_deepid
from apexline.ml.registry.request import COLUMNS, PLACES, answers, read_image


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
