"""What answers without torch answers as the network that learned, whatever it looks like."""

import numpy as np
import pytest
import torch

from apexline.ml.deepid.frozen import FrozenDeepID, map_to_emotion
from tests.networks.weights import random_network

FEATURES = {"texture_size": 5, "flow_size": 3}
ARCHITECTURES = [
    {},
    {"num_classes": 15, "unshared": True, "input_size": 37},
    {"version": "features", "batch_norm": True, **FEATURES},
    {"version": "features", "flow_size": 3, "dropout": 0.5},
    {"version": "semantic", "beta": 0.7, "width": 1.5, "batch_norm": True, "unshared": True, **FEATURES},
    {"version": "semantic", "beta": 0.0, "input_size": 31, "texture_size": 5},
]


def inputs(network, num: int = 5) -> list[np.ndarray]:
    """Faces, texture, flow, where it is known, and onsets."""
    rng = np.random.default_rng(1)
    sizes = network.architecture
    faces, onsets = rng.normal(0, 1, (2, num, sizes["input_size"], sizes["input_size"])).astype(np.float32)
    texture, flow = (rng.normal(0, 1, (num, sizes[name])).astype(np.float32) for name in FEATURES)
    return [faces, texture, flow, (np.arange(num) % 2).astype(np.float32), onsets]


def as_torch(arrays: list[np.ndarray]) -> list[torch.Tensor]:
    return [torch.from_numpy(each[:, None] if each.ndim == 3 else each) for each in arrays]


@pytest.mark.parametrize("num_given", [1, 3, 5])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_it_equals_torch(architecture, num_given):
    network = random_network(**architecture)
    if network.architecture["version"] == "semantic":
        network.anchors.copy_(torch.randn(network.anchors.shape))
    given = inputs(network)[:num_given]
    with torch.no_grad():
        expected = network(*as_torch(given))
    found = network.frozen()(*given)
    for name, wanted in expected._asdict().items():
        ours = getattr(found, name)
        if wanted is None:
            assert ours is None
            continue
        assert ours.dtype == np.float32
        np.testing.assert_allclose(ours, wanted, atol=1e-5 * float(wanted.abs().max()), err_msg=name)


@pytest.mark.parametrize("architecture", ARCHITECTURES[::2])
def test_it_is_rebuilt_from_its_parts_and_keeps_its_weights_while_another_learns(architecture):
    network = random_network(**architecture)
    frozen, given = network.frozen(), inputs(network)
    assert frozen.num_parameters == sum(each.numel() for each in network.parameters())
    before = frozen(*given).logits
    with torch.no_grad():
        network.classes.weight.zero_()
    np.testing.assert_array_equal(frozen(*given).logits, before)
    np.testing.assert_array_equal(FrozenDeepID(frozen.architecture, frozen.weights)(*given).logits, before)


def test_no_face_gives_no_row():
    network = random_network(version="semantic", **FEATURES)
    found = network.frozen()(*inputs(network, 0))
    assert (found.logits.shape, found.pad.shape, found.embedding.shape) == ((0, 4), (0, 3), (0, 200))


def test_the_nearest_anchor_names_the_emotion(anchors: np.ndarray):
    pad = np.array([[0.9, 0.4, 0.4], [-0.5, 0.5, 0.0], [0, 0, 0]], np.float32)
    distance = [[np.linalg.norm(p - a) for a in anchors] for p in pad]
    np.testing.assert_array_equal(map_to_emotion(pad, anchors), np.argmin(distance, axis=1))
    np.testing.assert_array_equal(map_to_emotion(anchors, anchors), [0, 1, 2, 3])
