"""Where arrays live: the namespace of an array, and that of a device.

Belongs here: choosing an array namespace once per public function, moving arrays between host and device, and
the two array-API idioms that several algorithms share (replicated borders, counting by index). Stays out: any
algorithm, which device pays (``placement``), and any import of CuPy at module level (a machine without a GPU has none).
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any, Literal

import array_api_compat
import numpy as np
from numpy.typing import NDArray

# An array of any namespace (NumPy, CuPy, torch, array_api_strict): the standard has no common static type.
Array = Any
Namespace = Any
Device = Literal["auto", "cpu", "cuda"]


class DeviceUnavailable(RuntimeError):
    """The configured device does not exist on this machine, or failed."""


def namespace(*arrays: Array) -> Namespace:
    """Array namespace that all arguments share.

    Raises
    ------
    TypeError
        If the arrays come from different namespaces (a host and a device array, say), or are no arrays.
    """
    # NumPy itself follows the standard; asking costs as much as a small kernel
    return np if is_numpy(*arrays) else array_api_compat.array_namespace(*arrays)


def is_numpy(*arrays: Array) -> bool:
    """Whether every argument is a NumPy array, so that the compiled CPU kernels apply."""
    return all(isinstance(array, np.ndarray) for array in arrays)


def is_cupy(*arrays: Array) -> bool:
    """Whether every argument is a CuPy array, so that the CUDA kernels apply."""
    return all(array_api_compat.is_cupy_array(array) for array in arrays)


def to_numpy(array: Array) -> NDArray[Any]:
    """Array on the host; no copy where it is there already."""
    if isinstance(array, np.ndarray):
        return array
    if array_api_compat.is_cupy_array(array):
        return array.get()
    if array_api_compat.is_torch_array(array):
        return array.detach().cpu().numpy()
    return np.asarray(array)


def has_gpu() -> bool:
    """Whether CuPy is installed and sees a device."""
    if importlib.util.find_spec("cupy") is None:
        return False
    cupy: Any = importlib.import_module("cupy")
    try:
        return int(cupy.cuda.runtime.getDeviceCount()) > 0
    except cupy.cuda.runtime.CUDARuntimeError:
        return False


def is_of_cupy(error: BaseException) -> bool:
    """Whether CuPy raised this: out of memory, a launch that failed, a kernel that does not compile, a lost device."""
    return type(error).__module__.partition(".")[0] in {"cupy", "cupy_backends"}


def device_namespace(device: Literal["cpu", "cuda"]) -> Namespace:
    """Namespace of the arrays of a device.

    Raises
    ------
    DeviceUnavailable
        If CuPy sees no CUDA device.
    """
    if device == "cuda" and not has_gpu():
        message = (
            "device is 'cuda' but CuPy sees no CUDA device; install the [gpu] extra on a machine with a GPU, "
            "or set device: auto"
        )
        raise DeviceUnavailable(message)
    module: Any = importlib.import_module(f"array_api_compat.{'cupy' if device == 'cuda' else 'numpy'}")
    return module


def replicate_pad(xp: Namespace, array: Array, width: int) -> Array:
    """Pad the last two axes by repeating the border: ``(..., M, N) -> (..., M + 2w, N + 2w)``."""
    rows = [array[..., :1, :]] * width + [array] + [array[..., -1:, :]] * width
    tall = xp.concat(rows, axis=-2)
    return xp.concat([tall[..., :1]] * width + [tall] + [tall[..., -1:]] * width, axis=-1)


def count_indices(xp: Namespace, indices: Array, length: int) -> Array:
    """Occurrences of 0..length-1 in integer indices, shape (length,): ``bincount`` by the array standard.

    The standard has neither ``bincount`` nor scatter-add; sorting and searching gives the same counts.
    """
    ordered = xp.sort(xp.reshape(indices, (-1,)))
    edges = xp.arange(length + 1, dtype=ordered.dtype, device=array_api_compat.device(ordered))
    found = xp.searchsorted(ordered, edges)
    return found[1:] - found[:-1]
