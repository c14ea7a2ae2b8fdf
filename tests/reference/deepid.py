"""The network of Fig. 3 position by position, for baseline weights."""

import numpy as np


def convolve(maps: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """Valid convolution of (C, M, M) with (O, C, k, k)."""
    size = weight.shape[-1]
    side = maps.shape[-1] - size + 1
    out = np.zeros((len(weight), side, side))
    for row in range(side):
        for col in range(side):
            patch = maps[:, row : row + size, col : col + size]
            for channel in range(len(weight)):
                out[channel, row, col] = (patch * weight[channel]).sum() + bias[channel]
    return out


def pool(maps: np.ndarray) -> np.ndarray:
    """Maximum over 2 x 2 blocks; an odd last row or column is left out."""
    side = maps.shape[-1] // 2
    out = np.zeros((len(maps), side, side))
    for row in range(side):
        for col in range(side):
            out[:, row, col] = maps[:, 2 * row : 2 * row + 2, 2 * col : 2 * col + 2].max(axis=(1, 2))
    return out


def logits(image: np.ndarray, weights: dict[str, np.ndarray]) -> np.ndarray:
    """Class scores of one image, shape (S, S), before eq. 26."""
    maps = image[None]
    for name in ("conv1", "conv2", "conv3"):
        maps = pool(np.maximum(convolve(maps, weights[f"{name}.weight"], weights[f"{name}.bias"]), 0))
    top = np.maximum(convolve(maps, weights["conv4.weight"], weights["conv4.bias"]), 0)
    total = (
        weights["from_pool3.weight"] @ maps.ravel()
        + weights["from_conv4.weight"] @ top.ravel()
        + weights["from_pool3.bias"]
    )
    return (
        weights["classes.weight"] @ np.maximum(total, 0) + weights["classes.bias"]
    )  # eq. 25, then the output
