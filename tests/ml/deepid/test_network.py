import numpy as np
import pytest
import torch
from torch.nn import functional

from apexline.ml.deepid.network import VERSIONS, DeepID, map_sizes, standardise
from tests.reference import deepid as reference


def make(version: str, **options) -> DeepID:
    torch.manual_seed(0)
    sizes = {} if version == "baseline" else {"texture_size": 5, "flow_size": 3}
    return DeepID(version=version, **sizes, **options).eval()


def inputs(num: int = 3) -> tuple[torch.Tensor, ...]:
    generator = torch.Generator().manual_seed(1)
    shapes = ((num, 1, 48, 48), (num, 5), (num, 3))
    return (*(torch.randn(shape, generator=generator) for shape in shapes), torch.ones(num))


def test_the_baseline_has_322304_parameters():
    assert sum(p.numel() for p in DeepID().parameters()) == 322_304


def test_maps_are_those_of_the_paper():
    assert map_sizes(48) == (45, 22, 20, 10, 8, 4, 3)
    network = DeepID()
    assert network.from_pool3.in_features == 800
    assert network.from_conv4.in_features == 900


def test_the_smallest_input_is_31_px():
    assert map_sizes(31)[-1] == 1
    with pytest.raises(ValueError, match="input_size is 30 px"):
        map_sizes(30)


def test_forward_equals_a_slow_loop():
    network = make("baseline", input_size=31)
    image = torch.randn(2, 1, 31, 31, generator=torch.Generator().manual_seed(2))
    weights = {name: value.detach().numpy().astype(float) for name, value in network.state_dict().items()}
    expected = [reference.logits(each[0].numpy().astype(float), weights) for each in image]
    with torch.no_grad():
        np.testing.assert_allclose(network(image).logits.numpy(), expected, atol=1e-5)


def test_the_bypass_of_eq_25_reaches_the_output():
    network = make("baseline")
    image = inputs()[0]
    before = network(image).logits
    with torch.no_grad():
        network.from_conv4.weight.zero_()  # only pool3 is left
    after = network(image).logits
    assert not torch.allclose(before, after)
    assert after.std(dim=0).max() > 0


@pytest.mark.parametrize("version", VERSIONS)
def test_a_network_rebuilds_from_its_architecture_and_weights(version: str):
    network = make(version, dropout=0.3, batch_norm=True, unshared=True, beta=0.5)
    twin = DeepID(**network.architecture).eval()
    twin.load_state_dict(network.state_dict())
    ours, theirs = network(*inputs()), twin(*inputs())
    assert torch.equal(ours.logits, theirs.logits)
    assert (ours.pad is None) == (version != "semantic")


def test_the_baseline_ignores_features():
    image, *features = inputs()
    network = make("baseline")
    assert torch.equal(network(image).logits, network(image, *features).logits)


def test_absent_features_are_zeros():
    image, texture, flow, mask = inputs()
    network = make("features")
    zeros = network(image, 0 * texture, 0 * flow, 0 * mask).logits
    assert torch.equal(network(image).logits, zeros)
    assert not torch.equal(network(image, texture, flow, mask).logits, zeros)
    assert not torch.equal(network(image, 0 * texture, 0 * flow, mask).logits, zeros)  # the mask bit counts


def test_semantic_logits_hold_the_squared_distance_to_each_anchor():
    network = make("semantic", beta=0.7)
    plain = make("semantic", beta=0.0)
    anchors = torch.tensor([[0.5, 0, 0], [0, 0.5, 0], [0, 0, 0.5], [-0.5, -0.5, 0]])
    network.anchors.copy_(anchors)
    plain.anchors.copy_(anchors)
    with torch.no_grad():
        ours, bare = network(*inputs()), plain(*inputs())
    assert ours.pad is not None
    assert torch.equal(ours.pad, bare.pad)
    assert ours.pad.abs().max() <= 1
    for row in range(3):
        for emotion in range(4):
            distance = ((ours.pad[row] - anchors[emotion]) ** 2).sum()
            expected = bare.logits[row, emotion] - 0.7 * distance
            assert ours.logits[row, emotion] == pytest.approx(float(expected), abs=1e-6)


def test_unshared_kernels_that_are_equal_convolve():
    shared, unshared = make("baseline"), make("baseline", unshared=True)
    with torch.no_grad():
        kernel = shared.conv4.weight.reshape(100, -1)
        unshared.conv4.weight.copy_(kernel.expand(9, -1, -1))
        unshared.conv4.bias.copy_(shared.conv4.bias[:, None].expand(-1, 9))
        maps = torch.randn(2, 50, 4, 4)
        torch.testing.assert_close(unshared.conv4(maps), functional.conv2d(maps, *shared.conv4.parameters()))


def test_unshared_kernels_differ_by_position():
    network = make("baseline", unshared=True)
    response = network.conv4(torch.ones(1, 50, 4, 4))
    assert response[0, 0].unique().numel() == 9


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"version": "paper"}, "version is 'paper'"),
        ({"version": "baseline", "texture_size": 3}, "expected 0 and 0 for 'baseline'"),
        ({"version": "features"}, "at least one positive"),
        ({"input_size": 20}, "too small"),
    ],
)
def test_impossible_networks_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        DeepID(**arguments)


def test_standardised_faces_do_not_depend_on_light():
    rng = np.random.default_rng(0)
    face = rng.integers(0, 100, (2, 48, 48), np.uint8)
    torch.testing.assert_close(standardise(2 * face + 30), standardise(face))


def test_standardised_face_by_hand():
    face = np.zeros((1, 2, 2), np.uint8)
    face[0, 0] = 100  # mean 50, deviation 50
    torch.testing.assert_close(standardise(face), torch.tensor([[[[1.0, 1.0], [-1.0, -1.0]]]]))


def test_a_flat_face_stays_flat():
    assert not standardise(np.full((1, 48, 48), 77, np.uint8)).any()


def test_width_multiplies_the_channels_in_whole_sixteens():
    wide = make("baseline", width=1.5)
    assert [conv.out_channels for conv in (wide.conv1, wide.conv2, wide.conv3, wide.conv4)] == [
        48,
        64,
        80,
        160,
    ]
    assert wide.architecture["width"] == 1.5


def test_norms_see_pooled_maps():
    network = make("baseline", batch_norm=True)
    seen = []
    for norm in network.norms:
        norm.register_forward_pre_hook(lambda _, given: seen.append(given[0].shape[-1]))
    network(inputs()[0])
    assert seen == [22, 10, 4, 3]


def test_what_moves_is_judged_by_its_change():
    torch.manual_seed(0)
    network = DeepID(version="features", texture_size=2, flow_size=3).eval()
    faces, onsets = torch.randn(2, 2, 1, 48, 48)
    blank = torch.zeros(2, 2), torch.zeros(2, 3)
    moving = torch.tensor([1.0, 0.0])
    still = network(faces, *blank, torch.zeros(2), onsets).logits
    changed = network(faces, *blank, moving, onsets).logits
    torch.testing.assert_close(changed[1], still[1])
    assert not torch.allclose(changed[0], still[0])
    # Without a change nothing is left to answer from.
    with torch.no_grad():
        network.from_features.weight.zero_()
        same = network(faces, *blank, torch.ones(2), faces).logits
    torch.testing.assert_close(same, network.change_classes.bias.expand(2, -1))


def test_a_network_can_answer_with_some_of_its_classes():
    torch.manual_seed(0)
    network = DeepID(num_classes=7, batch_norm=True).eval()
    faces = torch.randn(3, 1, 48, 48)
    chosen = network.select_classes([5, 0, 2])
    torch.testing.assert_close(chosen(faces).logits, network(faces).logits[:, [5, 0, 2]])
    assert chosen.architecture["num_classes"] == 3
    semantic = DeepID(version="semantic", texture_size=2).select_classes([0, 3])
    assert (semantic.change_classes.out_features, len(semantic.anchors)) == (2, 2)
    assert not chosen.training
