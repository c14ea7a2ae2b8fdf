"""The network scores what torch's does."""

import numpy as np
import pytest
import torch

from apexline.features.expression import LABELS_WORDS, RATERS_WORDS, network, shipped_network
from apexline.features.expression.network import WordNetwork
from apexline.ml.datasets import RATERS_WORDS as RATERS_WORDS_LEARNED
from apexline.ml.datasets import face_image
from apexline.ml.datasets.ferplus import ORIGINAL_WORDS
from apexline.ml.deepid.network import standardise
from tests.networks.weights import random_network, random_weights, weights_of

WORDS = len(RATERS_WORDS) + len(LABELS_WORDS)


@pytest.fixture
def crops(rng):
    return rng.integers(0, 256, (5, 128, 128), np.uint8)


@pytest.mark.parametrize("width", [1.0, 1.5])
def test_it_equals_torch(crops, width):
    made = random_network(WORDS, batch_norm=True, width=width)
    with torch.no_grad():
        expected = made(standardise(np.stack([face_image(crop) for crop in crops]))).logits.numpy()
    found = WordNetwork(weights_of(made))(crops)
    assert found.dtype == np.float32
    assert np.ptp(expected) > 0.1
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_a_batch_has_the_bits_of_its_faces_one_by_one(crops):
    scored = WordNetwork(random_weights(num_classes=WORDS, batch_norm=True))
    np.testing.assert_array_equal(scored(crops), np.concatenate([scored(crop[None]) for crop in crops]))
    assert scored(crops[:0]).shape == (0, WORDS)


def test_a_flat_crop_is_not_amplified():
    scored = WordNetwork(random_weights(num_classes=WORDS, batch_norm=True))
    flat = np.full((2, 128, 128), 90, np.uint8)
    flat[1] = 200
    logits = scored(flat)
    assert np.isfinite(logits).all()
    np.testing.assert_array_equal(logits[0], logits[1])


def test_missing_weights_say_how_to_make_them(monkeypatch, tmp_path):
    monkeypatch.setattr(network, "WEIGHTS", tmp_path / "words.safetensors")
    shipped_network.cache_clear()
    with pytest.raises(FileNotFoundError, match=r"words\.safetensors is missing; .*bench\.recognition\.ship"):
        shipped_network()


def test_the_shipped_network_scores_both_vocabularies_that_were_learned(crops):
    assert shipped_network()(crops).shape == (5, WORDS)
    assert RATERS_WORDS == RATERS_WORDS_LEARNED
    assert LABELS_WORDS == ORIGINAL_WORDS
