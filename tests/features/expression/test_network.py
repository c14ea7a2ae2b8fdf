"""The network in NumPy scores what torch's does."""

import numpy as np
import pytest
import torch

from apexline.features.expression import LABELS_WORDS, RATERS_WORDS, network, shipped_network
from apexline.features.expression.network import WordNetwork
from apexline.ml.datasets import RATERS_WORDS as RATERS_WORDS_LEARNED
from apexline.ml.datasets import face_image
from apexline.ml.datasets.ferplus import ORIGINAL_WORDS
from apexline.ml.deepid import DeepID
from apexline.ml.deepid.network import standardise

WORDS = len(RATERS_WORDS) + len(LABELS_WORDS)


def random_network(width: float) -> DeepID:
    """Random weights, and norms that have seen something: fresh ones would hide a wrong gain or shift."""
    torch.manual_seed(0)
    made = DeepID(WORDS, batch_norm=True, width=width).eval()
    for norm in made.norms:
        channels = norm.running_mean.shape
        norm.running_mean.copy_(torch.randn(channels) * 0.3)
        norm.running_var.copy_(torch.rand(channels) + 0.5)
        with torch.no_grad():
            norm.weight.copy_(torch.randn(channels))
            norm.bias.copy_(torch.randn(channels) * 0.3)
    return made


def state_of(made: DeepID) -> dict[str, np.ndarray]:
    return {name: value.numpy() for name, value in made.state_dict().items()}


@pytest.fixture
def crops(rng):
    return rng.integers(0, 256, (5, 128, 128), np.uint8)


@pytest.mark.parametrize("width", [1.0, 1.5])
def test_it_equals_torch(crops, width):
    made = random_network(width)
    with torch.no_grad():
        expected = made(standardise(np.stack([face_image(crop) for crop in crops]))).logits.numpy()
    found = WordNetwork.from_state(state_of(made))(crops)
    assert found.dtype == np.float32
    assert np.ptp(expected) > 0.1
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_a_batch_has_the_bits_of_its_faces_one_by_one(crops):
    scored = WordNetwork.from_state(state_of(random_network(1.0)))
    np.testing.assert_array_equal(scored(crops), np.concatenate([scored(crop[None]) for crop in crops]))
    assert scored(crops[:0]).shape == (0, WORDS)


def test_a_flat_crop_is_not_amplified():
    scored = WordNetwork.from_state(state_of(random_network(1.0)))
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
