from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from apexline.ml.datasets.examples import ExpressionDataset, face_image, one_hot, strings
from apexline.ml.emotions import EMOTIONS


def test_face_image_averages_two_by_two_blocks_of_the_inner_96_pixels():
    crop = np.zeros((128, 128), np.uint8)
    crop[16:18, 16:18] = [[10, 20], [30, 40]]
    crop[110:112, 110:112] = 200
    crop[:16] = crop[112:] = 255  # the rim must not count
    image = face_image(crop)
    assert image.shape == (48, 48)
    assert image[0, 0] == 25
    assert image[47, 47] == 200
    assert int(image.sum()) == 225


def test_face_image_of_the_mirror_is_the_mirrored_face_image(rng_crops: np.ndarray):
    np.testing.assert_array_equal(face_image(rng_crops[..., ::-1]), face_image(rng_crops)[..., ::-1])


def test_face_image_equals_a_slow_loop(rng_crops: np.ndarray):
    crop = rng_crops[0, 0].astype(int)
    expected = np.zeros((48, 48))
    for row in range(48):
        for col in range(48):
            top, left = 16 + 2 * row, 16 + 2 * col
            expected[row, col] = crop[top : top + 2, left : left + 2].mean()
    assert np.abs(face_image(rng_crops)[0, 0] - expected).max() <= 0.5  # rounding to whole grey values


def test_face_image_keeps_leading_axes(rng_crops: np.ndarray):
    assert face_image(rng_crops).shape == (2, 3, 48, 48)
    assert face_image(np.zeros((0, 128, 128), np.uint8)).shape == (0, 48, 48)


@pytest.mark.parametrize("crops", [np.zeros((128, 128), np.float32), np.zeros((127, 128), np.uint8)])
def test_face_image_refuses_other_crops(crops: np.ndarray):
    with pytest.raises(ValueError, match="expected uint8 .*align_face"):
        face_image(crops)


def test_one_hot_follows_the_order_of_emotions():
    np.testing.assert_array_equal(one_hot(["scared", "happy"]), [[0, 0, 0, 1], [1, 0, 0, 0]])
    with pytest.raises(ValueError, match=r"unknown emotions \['sad'\]"):
        one_hot(["sad"])


def test_targets_and_take_follow_rows(data: ExpressionDataset):
    part = data.take(np.array([5, 2]))
    assert len(part) == 2
    assert part.ids.tolist() == ["example-005", "example-002"]
    assert part.targets.tolist() == [1, 2]
    assert part.synthetic
    assert EMOTIONS[part.targets[0]] == "angry"


def test_flow_or_nan_marks_stills(data: ExpressionDataset):
    assert np.isnan(data.flow_or_nan[data.flow_mask == 0]).all()
    np.testing.assert_array_equal(data.flow_or_nan[data.flow_mask == 1], data.flow[data.flow_mask == 1])


@pytest.mark.parametrize(
    ("name", "spoil", "message"),
    [
        ("images", lambda a: a.astype(np.float32), "images have dtype float32"),
        ("images", lambda a: a[:, :40], "images has shape"),
        ("labels", lambda a: a * 2, r"labels row \d+ is .* sum to 1"),
        ("labels", lambda a: a[:-1], "labels has shape"),
        ("pad", lambda a: a * 2, "pad reaches 1"),
        ("texture", lambda a: -a, "texture falls to"),
        ("texture", lambda a: a * np.nan, "texture holds NaN"),
        ("flow", lambda a: a * np.inf, "flow holds NaN"),
        ("flow", lambda a: a + 1, "flow is not zero where flow_mask is 0"),
        ("onsets", lambda a: a + np.uint8(1), "onsets are not zero where flow_mask is 0"),
        ("onsets", lambda a: a[:, :40], "onsets has shape"),
        ("flow_mask", lambda a: a * 0.5, "flow_mask holds"),
        ("subjects", lambda a: a[:-1], "subjects has shape"),
        ("ids", lambda a: np.full_like(a, "same"), "ids repeat"),
    ],
)
def test_dataset_names_the_array_that_is_wrong(data: ExpressionDataset, name, spoil, message):
    with np.errstate(invalid="ignore"):
        spoiled = spoil(getattr(data, name))
    with pytest.raises(ValueError, match=message):
        replace(data, **{name: spoiled})


@pytest.fixture
def rng_crops() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (2, 3, 128, 128), np.uint8)


def test_long_columns_of_strings_stay_whole():
    column = pd.Series(["angry", "neutral", "fear"] * 4000)
    assert set(strings(column).tolist()) == {"angry", "neutral", "fear"}
