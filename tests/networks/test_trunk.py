"""The trunk computes what torch's layers do, whatever they look like, face by face."""

import numpy as np
import pytest
import torch

from apexline.networks import Trunk, standardise
from tests.networks.weights import random_network, weights_of

ARCHITECTURES = [
    {},
    {"batch_norm": True, "width": 1.5},
    {"unshared": True},
    {"unshared": True, "batch_norm": True, "input_size": 64},
]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_it_equals_torch(rng, architecture):
    network = random_network(**architecture)
    size = network.architecture["input_size"]
    images = rng.integers(0, 256, (5, size, size), np.uint8)
    with torch.no_grad():
        expected, embedding = network._trunk(torch.from_numpy(standardise(images))[:, None])
    total, maps = Trunk(weights_of(network))(standardise(images))
    assert total.dtype == maps.dtype == np.float32
    assert np.ptp(expected.numpy()) > 0.1
    np.testing.assert_allclose(total, expected, atol=1e-5 * float(expected.abs().max()))
    averaged = torch.nn.functional.adaptive_avg_pool2d(torch.from_numpy(maps), 2).flatten(1)
    np.testing.assert_allclose(averaged, embedding, atol=1e-5 * float(embedding.abs().max()))


def test_faces_have_the_bits_that_they_have_alone(rng):
    trunk = Trunk(weights_of(random_network(batch_norm=True)))
    faces = standardise(rng.integers(0, 256, (7, 48, 48), np.uint8))
    total, maps = trunk(faces)
    for k in range(len(faces)):
        alone = trunk(faces[k : k + 1])
        np.testing.assert_array_equal(alone[0][0], total[k])
        np.testing.assert_array_equal(alone[1][0], maps[k])


def test_no_face_gives_no_row():
    total, maps = Trunk(weights_of(random_network()))(np.empty((0, 48, 48), np.float32))
    assert (total.shape, maps.shape) == ((0, 160), (0, 50, 4, 4))


def test_standardised_faces_are_torchs_and_the_bits_of_each_alone(rng):
    images = rng.integers(0, 256, (9, 48, 48), np.uint8)
    images[0] = 200
    found = standardise(images)
    grey = torch.from_numpy(images.astype(np.float32))
    deviation = grey.std(dim=(1, 2), keepdim=True, correction=0)
    expected = (grey - grey.mean(dim=(1, 2), keepdim=True)) / deviation.clamp_min(4.0)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_array_equal(found[0], 0)
    for k, image in enumerate(images):
        np.testing.assert_array_equal(standardise(image[None])[0], found[k])
