"""Where blocks of faces are computed: on a GPU or on the CPU, by what this machine has shown.

Belongs here: trying both on the first block, and going on without a device that fails. Stays out: what is computed
(``flow``, ``modc``), and which namespaces there are (``backend``).

Both give the same bits, so that a stream may change its place from one block to the next.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from time import perf_counter
from types import MappingProxyType
from typing import NamedTuple, TypeVar, get_args

from apexline.features.backend import (
    Device,
    DeviceUnavailable,
    Namespace,
    device_namespace,
    has_gpu,
    is_of_cupy,
)
from apexline.features.validation import one_of

_log = logging.getLogger(__name__)

T = TypeVar("T")
# Fewer faces than this hide launches and transfers behind nothing: they are no trial.
TRIAL_SIZE = 32
# Crops of all faces in view that are described together, 16 kB each: with many in view still several frames of each,
# and on a device so many of each that it is busy.
_CROPS_ON_CPU, _CROPS_ON_DEVICE = 256, 4096


class Trial(NamedTuple):
    """What one block took on the CPU and on the device, s, and why the device was given up since, if it was."""

    num_faces: int
    cpu_s: float
    cuda_s: float
    failure: str = ""

    @property
    def pays(self) -> bool:
        """Whether blocks are computed on the device."""
        return not self.failure and self.cuda_s < self.cpu_s


# by stage, for this process
_trials: dict[str, Trial] = {}


class Placement:
    """Computes the blocks of one stage where they are to be computed.

    Parameters
    ----------
    stage : str
        Blocks of a stage are alike: one trial in a process tells for all of them.
    device : {"auto", "cpu", "cuda"}
        ``auto`` takes a GPU where the first block of `TRIAL_SIZE` faces or more took less time there, transfers
        included, and goes on without it, saying so in the log, where it fails later. ``cuda`` stops there.

    Raises
    ------
    DeviceUnavailable
        If ``cuda`` is asked for and CuPy sees no device.
    ValueError
        If the device is unknown.
    """

    def __init__(self, stage: str, device: Device) -> None:
        one_of("device", device, get_args(Device))
        self._stage = stage
        self._device = "cpu" if device == "auto" and not has_gpu() else device
        self._cpu = device_namespace("cpu")
        self._cuda = None if self._device == "cpu" else device_namespace("cuda")

    @property
    def is_open(self) -> bool:
        """Whether a block may be computed on a device: not where there is none, none is wanted or it did not pay."""
        trial = _trials.get(self._stage)
        return self._device == "cuda" or (self._device == "auto" and (trial is None or trial.pays))

    def compute(self, count: int, block: Callable[[Namespace], T]) -> T:
        """Return what `block` gives for the namespace chosen; it takes and gives host arrays.

        Parameters
        ----------
        count : int
            Faces in the block.
        block : callable

        Raises
        ------
        DeviceUnavailable
            If the device fails and ``cuda`` is asked for.
        """
        if self._device == "cuda":
            return self._on_device(block)
        if self._device == "cpu":
            return block(self._cpu)
        trial = _trials.get(self._stage)
        try:
            if trial is None and count >= TRIAL_SIZE:
                return self._try_both(count, block)
            if trial is not None and trial.pays:
                return self._on_device(block)
        except DeviceUnavailable as error:
            _trials[self._stage] = (trial or Trial(count, 0.0, 0.0))._replace(failure=str(error))
            _log.warning(
                "%s goes on on the CPU, which gives the same numbers, slower: %s", self._stage, error
            )
        return block(self._cpu)

    def _try_both(self, count: int, block: Callable[[Namespace], T]) -> T:
        self._on_device(block)  # compiles the kernels
        start = perf_counter()
        self._on_device(block)
        cuda_s = perf_counter() - start
        block(self._cpu)
        start = perf_counter()
        found = block(self._cpu)
        _trials[self._stage] = Trial(count, perf_counter() - start, cuda_s)
        return found

    def _on_device(self, block: Callable[[Namespace], T]) -> T:
        try:
            return block(self._cuda)
        except Exception as error:
            if not is_of_cupy(error):
                raise
            message = f"the GPU failed with {type(error).__name__}: {error}"
            raise DeviceUnavailable(message) from error


def crops_at_once() -> int:
    """Crops of a clip, of all its faces, that are described together on this machine; rows do not depend on it."""
    return _CROPS_ON_DEVICE if has_gpu() else _CROPS_ON_CPU


def device_trials() -> Mapping[str, Trial]:
    """Return the trials of this process, by stage."""
    return MappingProxyType(_trials)
