import logging
import time
import types

import pytest

from apexline.features import placement as module
from apexline.features.backend import DeviceUnavailable
from apexline.features.placement import TRIAL_SIZE, Placement, crops_at_once, device_trials

CPU, CUDA = "cpu", "cuda"


class OutOfMemoryError(MemoryError):
    __module__ = "cupy.cuda.memory"


@pytest.fixture(autouse=True)
def no_trials(monkeypatch):
    monkeypatch.setattr(module, "_trials", {})


@pytest.fixture
def gpu(monkeypatch):
    """A machine with a GPU: namespaces are the names of the devices."""
    monkeypatch.setattr(module, "has_gpu", lambda: True)
    monkeypatch.setattr(module, "device_namespace", lambda device: device)


class Block:
    """A block of work that takes `slow_s` on one device and keeps where it ran."""

    def __init__(self, slow=None, slow_s=0.01, fails_on=None, error=None):
        self.ran = []
        self.slow, self.slow_s, self.fails_on, self.error = slow, slow_s, fails_on, error

    def __call__(self, xp):
        self.ran.append(xp)
        if xp == self.fails_on:
            raise self.error
        if xp == self.slow:
            time.sleep(self.slow_s)
        return f"by {xp}"


def test_a_machine_without_a_gpu_computes_on_the_cpu(monkeypatch):
    monkeypatch.setattr(module, "has_gpu", lambda: False)
    where = Placement("texture", "auto")
    assert not where.is_open
    assert where.compute(256, lambda xp: xp.asarray([1.0]).sum()) == 1.0
    assert device_trials() == {}


def test_unknown_device_names_the_choices():
    with pytest.raises(ValueError, match="expected one of auto, cpu, cuda"):
        Placement("texture", "tpu")


@pytest.mark.parametrize(("slow", "then"), [(CPU, CUDA), (CUDA, CPU)])
def test_auto_takes_what_was_faster_on_the_first_block(gpu, slow, then):
    where, block = Placement("texture", "auto"), Block(slow)
    assert where.is_open
    assert where.compute(TRIAL_SIZE, block) == "by cpu"
    assert set(block.ran) == {CPU, CUDA}
    assert where.is_open == (then == CUDA)
    assert device_trials()["texture"].pays == (then == CUDA)
    # a second stream of the stage asks for no other trial; another stage is tried by itself
    second = Block()
    assert Placement("texture", "auto").compute(TRIAL_SIZE, second) == f"by {then}"
    assert second.ran == [then]
    assert Placement("flow", "auto").is_open


def test_what_the_first_call_on_the_device_takes_does_not_count(gpu):
    calls = []

    def block(xp):
        calls.append(xp)
        time.sleep(0.05 if calls == [CUDA] else 0.01 if xp == CPU else 0.0)

    Placement("texture", "auto").compute(TRIAL_SIZE, block)
    assert device_trials()["texture"].pays


def test_a_few_faces_are_no_trial(gpu):
    block = Block(CPU)
    assert Placement("texture", "auto").compute(TRIAL_SIZE - 1, block) == "by cpu"
    assert block.ran == [CPU]
    assert device_trials() == {}


def test_cpu_and_cuda_are_taken_at_their_word(gpu):
    for device in (CPU, CUDA):
        block = Block(slow=device)
        assert Placement("texture", device).compute(256, block) == f"by {device}"
        assert block.ran == [device]
    assert Placement("texture", CUDA).is_open
    assert not Placement("texture", CPU).is_open


@pytest.mark.parametrize("tried", [False, True])
def test_auto_goes_on_without_a_device_that_fails_and_says_why(gpu, caplog, tried):
    where = Placement("texture", "auto")
    if tried:
        where.compute(TRIAL_SIZE, Block(slow=CPU))
    failing = Block(fails_on=CUDA, error=OutOfMemoryError("17 bytes"))
    with caplog.at_level(logging.WARNING):
        assert where.compute(TRIAL_SIZE, failing) == "by cpu"
    assert "OutOfMemoryError: 17 bytes" in caplog.text
    assert "17 bytes" in device_trials()["texture"].failure
    after = Block()
    assert where.compute(TRIAL_SIZE, after) == "by cpu"
    assert after.ran == [CPU]
    assert not where.is_open


def test_cuda_stops_where_the_device_fails(gpu):
    with pytest.raises(DeviceUnavailable, match="OutOfMemoryError: 17 bytes"):
        Placement("texture", CUDA).compute(256, Block(fails_on=CUDA, error=OutOfMemoryError("17 bytes")))


@pytest.mark.parametrize("device", ["auto", CUDA])
def test_a_fault_of_the_code_is_no_fault_of_the_device(gpu, device):
    with pytest.raises(ZeroDivisionError):
        Placement("texture", device).compute(256, Block(fails_on=CUDA, error=ZeroDivisionError()))


def test_modules_of_the_device_library_are_told_by_their_names():
    for name, expected in {"cupy_backends.cuda.api.runtime": True, "cupy": True, "cupyx": False}.items():
        error = types.new_class("Failed", (Exception,))
        error.__module__ = name
        assert module.is_of_cupy(error()) is expected


def test_a_device_gets_blocks_that_are_a_trial_with_many_faces_in_view(gpu, monkeypatch):
    assert crops_at_once() >= 64 * TRIAL_SIZE
    monkeypatch.setattr(module, "has_gpu", lambda: False)
    assert crops_at_once() < 1_000  # 16 kB each
