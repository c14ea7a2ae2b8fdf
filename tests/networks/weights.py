"""Weights of a DeepID that has learned nothing, with norms that have seen something: fresh ones would hide a fault."""

import torch

from apexline.ml.deepid import DeepID


def random_network(num_classes=4, **architecture):
    """A torch network of random weights, ready to answer."""
    torch.manual_seed(0)
    made = DeepID(num_classes, **architecture).eval()
    for norm in made.norms if made.architecture["batch_norm"] else ():
        channels = norm.running_mean.shape
        norm.running_mean.copy_(torch.randn(channels) * 0.3)
        norm.running_var.copy_(torch.rand(channels) + 0.5)
        with torch.no_grad():
            norm.weight.copy_(torch.randn(channels))
            norm.bias.copy_(torch.randn(channels) * 0.3)
    return made


def weights_of(network):
    """Arrays by name."""
    return {name: value.numpy() for name, value in network.state_dict().items()}


def random_weights(**architecture):
    """Both at once."""
    return weights_of(random_network(**architecture))
