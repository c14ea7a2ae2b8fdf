"""Grey images made ready for coding: the 8-bit check and the filters that stand before texture codes.

Belongs here: filters that map 8-bit grey images to 8-bit grey images. Stays out: alignment of faces
(``features.faces``) and any descriptor.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
from numba import njit
from numpy.typing import NDArray

from apexline.features.backend import Array, Namespace, is_numpy, namespace, replicate_pad
from apexline.features.validation import one_of

Prefilter = Literal["none", "gaussian", "tan_triggs"]

# Gaussian of sigma 1 as integers that sum to 256: the same grey values on every backend.
_GAUSSIAN_Q8 = (1, 14, 62, 102, 62, 14, 1)
_FAR, _OUTER, _INNER, _MIDDLE = _GAUSSIAN_Q8[:4]


def as_uint8(xp: Namespace, images: Array) -> Array:
    """Grey images as uint8, shape kept.

    Raises
    ------
    TypeError, ValueError
        If the images are not integers, or exceed 0..255.
    """
    if images.dtype == xp.uint8:
        return images
    if not xp.isdtype(images.dtype, "integral"):
        message = f"images are {images.dtype}; expected uint8 grey levels 0..255: round and cast them first"
        raise TypeError(message)
    low, high = int(xp.min(images)), int(xp.max(images))
    if not (low >= 0 and high <= 255):
        message = f"grey levels span {low}..{high}; expected 0..255: rescale to 8 bits"
        raise ValueError(message)
    return xp.astype(images, xp.uint8)


def prefilter_images(images: Array, *, method: Prefilter = "gaussian") -> Array:
    """Smooth or normalise grey images before coding.

    Parameters
    ----------
    images : array, shape (..., M, N), uint8
        Grey images.
    method : {"none", "gaussian", "tan_triggs"}
        ``gaussian`` has sigma 1 px in fixed point (equal bits everywhere); ``tan_triggs`` is gamma .2, the
        difference of Gaussians 1.4 and 2.0 px and contrast equalisation of Tan and Triggs (IEEE TIP 2010),
        mapped to 0..255 around 128.

    Returns
    -------
    array, shape (..., M, N), uint8

    Raises
    ------
    TypeError, ValueError
        If the images are not 8-bit grey, or the method is unknown.
    """
    xp = namespace(images)
    one_of("prefilter", method, get_args(Prefilter))
    images = as_uint8(xp, images)
    if method == "none":
        return images
    if method == "tan_triggs":
        return _tan_triggs(xp, images)
    if is_numpy(images):
        # (..., M, N) -> (T, M, N) and back
        stack = np.ascontiguousarray(images.reshape((-1, *images.shape[-2:])))
        smooth = np.empty_like(stack)
        _smooth_stack(stack, smooth)
        return smooth.reshape(images.shape)
    total = _convolve(xp, xp.astype(images, xp.int32), _GAUSSIAN_Q8)
    return xp.astype((total + 32768) // 65536, xp.uint8)


def _convolve(xp: Namespace, images: Array, kernel: Sequence[float]) -> Array:
    """Separable symmetric filter over the last two axes, replicated borders, unnormalised."""
    radius = len(kernel) // 2
    height, width = images.shape[-2:]
    padded = replicate_pad(xp, images, radius)
    tall: Array = sum((padded[..., i : i + height, :] * w for i, w in enumerate(kernel)), start=0)
    return sum((tall[..., i : i + width] * w for i, w in enumerate(kernel)), start=0)


def _gaussian_kernel(sigma: float) -> list[float]:
    radius = int(np.ceil(3 * sigma))
    weights = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    return [float(weight) for weight in weights / weights.sum()]


def _tan_triggs(xp: Namespace, images: Array) -> Array:
    values = (xp.astype(images, xp.float32) / 255.0) ** 0.2
    values = _convolve(xp, values, _gaussian_kernel(1.4)) - _convolve(xp, values, _gaussian_kernel(2.0))
    # the two-stage contrast equalisation of Tan and Triggs, alpha = .1, tau = 10
    tiny = float(np.finfo(np.float32).tiny)
    spread = xp.mean(xp.abs(values) ** 0.1, axis=(-2, -1), keepdims=True) ** 10
    values = values / xp.maximum(spread, xp.full_like(spread, tiny))
    capped = xp.minimum(xp.abs(values), xp.full_like(values, 10.0))
    spread = xp.mean(capped**0.1, axis=(-2, -1), keepdims=True) ** 10
    values = 10.0 * xp.tanh(values / xp.maximum(spread, xp.full_like(spread, tiny)) / 10.0)
    return xp.astype(xp.round(127.5 + 12.7 * values), xp.uint8)


@njit(cache=True, nogil=True)
def _smooth_stack(images: NDArray[np.uint8], smooth: NDArray[np.uint8]) -> None:
    frames, height, width = images.shape
    # one row smoothed downwards, with its ends repeated on either side: no border within the loops
    tall = np.empty(width + 6, dtype=np.uint32)
    for t in range(frames):
        image, last = images[t], height - 1
        for y in range(height):
            a, b, c = image[max(y - 3, 0)], image[max(y - 2, 0)], image[max(y - 1, 0)]
            e, f, g = image[min(y + 1, last)], image[min(y + 2, last)], image[min(y + 3, last)]
            d, into, out = image[y], tall[3 : 3 + width], smooth[t, y]
            for x in range(width):
                into[x] = _weigh(a[x], b[x], c[x], d[x], e[x], f[x], g[x])
            tall[:3] = into[0]
            tall[3 + width :] = into[width - 1]
            for x in range(width):
                total = _weigh(
                    tall[x], tall[x + 1], tall[x + 2], tall[x + 3], tall[x + 4], tall[x + 5], tall[x + 6]
                )
                out[x] = np.uint8((total + np.uint32(32768)) >> np.uint32(16))


@njit(cache=True, nogil=True)
def _weigh(a: int, b: int, c: int, d: int, e: int, f: int, g: int) -> np.uint32:
    """Seven values by the weights of `_GAUSSIAN_Q8`."""
    return np.uint32(_MIDDLE * d + _INNER * (c + e) + _OUTER * (b + f) + _FAR * (a + g))
