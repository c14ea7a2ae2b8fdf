"""A network of many words is read as a model of the four emotions."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from apexline.ml.config import TrainConfig
from apexline.ml.deepid.network import DeepID
from apexline.ml.deepid.temperature import fit_temperature
from apexline.ml.deepid.training.reader import balanced_reader, calibrated_reader
from apexline.ml.emotions import EMOTIONS


@pytest.fixture
def network():
    torch.manual_seed(0)
    return DeepID(7).eval()


@pytest.fixture
def request_(anchors, split):
    return {"pad_anchors": anchors, "config": TrainConfig(), "seed": 3, "split_hash": split.split_hash}


def test_four_words_are_read_in_their_order_and_calibrated(network, data, split, request_):
    valid = data.take(split.valid)
    model = calibrated_reader(network, (6, 0, 3, 1), valid, **request_)
    assert (model.seed, model.split_hash, model.reducer) == (3, split.split_hash, None)
    whole = replace(model, network=network.frozen())
    np.testing.assert_allclose(
        model.logits(data.images)[0], whole.logits(data.images)[0][:, [6, 0, 3, 1]], atol=1e-5
    )
    assert model.temperature == fit_temperature(model.logits(valid.images)[0], valid.labels)


def test_all_words_are_heard_for_each_emotion(network, data, request_):
    # the words that are no emotion tell the classes apart: whatever the first four say
    before = network.state_dict()["classes.weight"].clone()
    model = balanced_reader(network, data.images, data.targets, **request_)
    assert model.network.architecture["num_classes"] == len(EMOTIONS)
    assert torch.equal(network.classes.weight, before)
    logits, _ = replace(model, network=network.frozen()).logits(data.images)
    heard, _ = model.logits(data.images)
    # an affine function of all seven words and of nothing else
    design = np.hstack([logits, np.ones((len(logits), 1))])
    left, *_ = np.linalg.lstsq(design, heard, rcond=None)
    np.testing.assert_allclose(design @ left, heard, atol=1e-3)
    assert np.abs(left[4:7]).max() > 1e-3


def test_rare_emotions_count_as_much_as_frequent_ones(network, data, request_):
    frequent = np.concatenate([np.arange(48), *[np.flatnonzero(data.targets == 0)] * 9])
    model, skewed = (
        balanced_reader(network, data.images[rows], data.targets[rows], **request_)
        for rows in (np.arange(48), frequent)
    )
    expected, found = (each.predict(data.images).probabilities.mean(axis=0) for each in (model, skewed))
    # ten times as many of one emotion, weighed down to the same: a prior would move its mean towards .77
    np.testing.assert_allclose(found, expected, atol=0.05)


def test_an_emotion_without_faces_is_refused(network, data, request_):
    with pytest.raises(ValueError, match="no validation face is angry or scared; expected some of each"):
        balanced_reader(network, data.images, np.tile([0, 2], 24), **request_)
