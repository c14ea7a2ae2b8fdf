"""A change is judged by all of its faces, and by those alone."""

from dataclasses import replace

import numpy as np
import pytest

from apexline.assets.scoring.answers import ChangeInput, _change, score_changes
from apexline.features.config import FeatureConfig
from apexline.features.expression import RATERS_WORDS
from apexline.ml.datasets import face_image
from apexline.ml.deepid import Change, load_pretrained, predict_changes

GOOD = {"size_px": 90.0, "blur": 300.0, "yaw": 0.0, "roll_deg": 0.0, "track_s": 2.0}


@pytest.fixture(scope="module")
def model():
    found = load_pretrained().model
    # what noise is called does not matter here: only that it is asked as it should be
    return replace(found, limits=replace(found.limits, training_range=None))


@pytest.fixture
def change():
    crops = np.random.default_rng(1).integers(0, 256, (5, 128, 128), np.uint8)
    rise = np.array([3.0 if word == "happiness" else 0.0 for word in RATERS_WORDS])
    return ChangeInput(held=crops[:3], rest=crops[3:], words=rise.tolist(), quality=GOOD)


def test_answers_are_those_of_the_model(model, change):
    [answer, again] = score_changes(model, [change, change], features=FeatureConfig())
    images = [np.stack([face_image(crop) for crop in crops]) for crops in (change.held, change.rest)]
    judged = Change(*images, np.asarray(change.words, np.float32))
    expected = predict_changes(model, [judged])
    assert answer["emotion"] == expected.emotion[0] == "happy"
    assert answer["p_happy"] == pytest.approx(float(expected.probabilities[0, 0]), abs=1e-5)
    assert answer["p_other"] == pytest.approx(float(expected.probabilities[0, 4]), abs=1e-5)
    assert answer["p_calm"] == 0.0
    assert again["confidence"] == pytest.approx(answer["confidence"], abs=1e-5)
    assert (answer["abstained"], answer["reasons"]) == (False, [])


def test_the_apex_comes_first_and_once_though_it_is_among_the_frames_held():
    crops = {("t", frame): np.full((128, 128), frame, np.uint8) for frame in range(6)}
    segment = {"track_id": "t", "apex": 3, "held": [2, 3, 4], "rest": [0, 1], "words": []}
    shown = _change(segment, crops, {})
    assert [int(crop[0, 0]) for crop in shown.held] == [3, 2, 4]
    assert [int(crop[0, 0]) for crop in shown.rest] == [0, 1]


def test_quality_and_light_are_those_of_the_apex(model, change):
    dark = replace(change, quality=GOOD | {"blur": 1.0}, light="too_dark")
    [answer] = score_changes(model, [dark], features=FeatureConfig())
    assert answer["reasons"] == ["too dark"]


def test_a_change_without_words_has_no_other(model, change):
    [answer] = score_changes(model, [replace(change, words=())], features=FeatureConfig())
    assert answer["p_other"] == 0.0
    assert sum(answer[f"p_{each}"] for each in ("happy", "angry", "scared")) == pytest.approx(1)


def test_no_changes_ask_nobody():
    assert score_changes(None, [], features=FeatureConfig()) == []
