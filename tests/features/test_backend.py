"""Namespaces, devices and the shared array idioms."""

import types

import array_api_strict
import numpy as np
import pytest
import torch

from apexline.features import backend as module
from apexline.features.backend import (
    DeviceUnavailable,
    count_indices,
    device_namespace,
    has_gpu,
    is_numpy,
    namespace,
    replicate_pad,
    to_numpy,
)


def test_namespace_of_mixed_arrays_is_refused():
    with pytest.raises(TypeError):
        namespace(np.zeros(2), array_api_strict.zeros(2))


def test_only_numpy_arrays_take_the_compiled_path():
    assert is_numpy(np.zeros(2), np.ones(3))
    assert not is_numpy(np.zeros(2), torch.zeros(2))


def test_arrays_come_back_to_the_host(backend):
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    host = to_numpy(backend.array(values))
    assert isinstance(host, np.ndarray)
    np.testing.assert_array_equal(host, values)


def test_counting_equals_bincount(backend, rng):
    indices = rng.integers(0, 9, (4, 50))
    counted = backend.host(count_indices(namespace(backend.array(indices)), backend.array(indices), 12))
    np.testing.assert_array_equal(counted, np.bincount(indices.ravel(), minlength=12))


def test_padding_repeats_the_border(backend, rng):
    values = rng.normal(size=(2, 3, 4))
    padded = backend.host(replicate_pad(namespace(backend.array(values)), backend.array(values), 2))
    np.testing.assert_array_equal(padded, np.pad(values, ((0, 0), (2, 2), (2, 2)), mode="edge"))


def test_cpu_is_always_there():
    assert device_namespace("cpu").asarray([1.0]).sum() == 1.0


@pytest.fixture
def fake_cupy(monkeypatch):
    """Stand in for CuPy on a machine without it; `count` devices, or an error when None."""

    def install(count):
        class CUDARuntimeError(RuntimeError):
            pass

        def device_count():
            if count is None:
                raise CUDARuntimeError
            return count

        runtime = types.SimpleNamespace(getDeviceCount=device_count, CUDARuntimeError=CUDARuntimeError)
        cupy = types.SimpleNamespace(cuda=types.SimpleNamespace(runtime=runtime))
        monkeypatch.setattr(module.importlib.util, "find_spec", lambda name: object())
        monkeypatch.setattr(module.importlib, "import_module", lambda name: cupy if name == "cupy" else name)

    return install


@pytest.mark.parametrize(("count", "expected"), [(0, False), (2, True), (None, False)])
def test_a_gpu_is_what_cupy_sees(fake_cupy, count, expected):
    fake_cupy(count)
    assert has_gpu() is expected


def test_each_device_has_a_namespace(fake_cupy):
    fake_cupy(1)
    assert device_namespace("cuda") == "array_api_compat.cupy"
    assert device_namespace("cpu") == "array_api_compat.numpy"


def test_cuda_without_a_device_says_what_to_do(monkeypatch):
    monkeypatch.setattr(module.importlib.util, "find_spec", lambda name: None)
    assert not has_gpu()
    with pytest.raises(DeviceUnavailable, match=r"install the \[gpu\] extra"):
        device_namespace("cuda")


def test_arrays_of_cupy_and_torch_find_their_way_to_the_host(monkeypatch):
    fake = types.SimpleNamespace(get=lambda: np.ones(2))
    monkeypatch.setattr(module.array_api_compat, "is_cupy_array", lambda array: array is fake)
    np.testing.assert_array_equal(to_numpy(fake), [1, 1])
    np.testing.assert_array_equal(to_numpy(torch.ones(2, requires_grad=True)), [1, 1])
