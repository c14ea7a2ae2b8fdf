"""A session runs a network on the caller's thread, in a forked process too."""

import os
from pathlib import Path

import numpy as np
import pytest
from onnxruntime.capi.onnxruntime_pybind11_state import NoSuchFile

from apexline.networks import Session, Trunk, trunk
from tests.networks.weights import random_weights


def test_a_session_starts_no_thread():
    threads = Path("/proc/self/task")
    before = sorted(threads.iterdir())
    session = Session(trunk._graph(random_weights()).SerializeToString(), ["total"])
    assert session(np.zeros((1, 1, 48, 48), np.float32))[0].shape == (1, 160)
    assert sorted(threads.iterdir()) == before


def test_what_was_opened_before_a_fork_answers_alike_after_it():
    opened = Trunk(random_weights())
    face = np.random.default_rng(0).normal(size=(1, 48, 48)).astype(np.float32)
    here = opened(face)[0].tobytes()
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, opened(face)[0].tobytes())
        os._exit(0)
    assert os.read(read, 4096) == here
    assert os.waitpid(child, 0)[1] == 0


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(NoSuchFile, match=r"none\.onnx"):
        Session(tmp_path / "none.onnx", ["total"])
