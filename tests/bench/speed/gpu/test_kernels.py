"""The GPU check on a machine without one: its cases run on the host, only the clock is made up."""

import numpy as np
import pytest

from apexline.bench.speed.gpu import kernels as gpu


def slow_clock(call) -> float:
    call()
    return 0.5


@pytest.mark.usefixtures("on_host")
def test_every_case_agrees_with_the_cpu(monkeypatch):
    monkeypatch.setattr(gpu, "_SWEEPS", 9)
    rows = gpu.kernel_rows(gpu.cases(gpu.grey_images(2, (30, 40)), np.asarray), slow_clock, 1e6)
    assert len(rows) == 10
    assert {row["as the CPU"] for row in rows} == {"yes"}
    sweeps = next(row for row in rows if row["kernel"].startswith("9 sweeps"))
    assert sweeps["ms"] == 500
    assert sweeps["Mpx/s"] == pytest.approx(2 * 30 * 40 / 0.5 / 1e6)
    assert sweeps["GB/s"] == pytest.approx(7 * 4 * 2 * 30 * 40 * 9 / 0.5 / 1e9)
    assert sweeps["of a copy"] == pytest.approx(sweeps["GB/s"] * 1e3)


def test_a_bit_is_enough_to_disagree():
    values = np.array([1.0, 3.0], np.float32)
    near = np.nextafter(values, 4, dtype=np.float32)
    assert gpu.agree(values, values.copy(), 0.0)
    assert not gpu.agree(near, values, 0.0)
    assert gpu.agree(near, values, 1e-5)
    assert not gpu.agree(values + 0.1, values, 1e-5)
    assert not gpu.agree(values.astype(np.float64), values, 1e-5)
    assert not gpu.agree(values[:1], values, 1e-5)


def test_a_copy_counts_its_bytes_twice(monkeypatch):
    monkeypatch.setattr(gpu, "_COPY_BYTES", 1000)
    assert gpu.copy_bandwidth(np, slow_clock) == 4000


def test_images_wander_by_a_pixel():
    images = gpu.grey_images(4, (600, 700))
    assert images.shape == (4, 600, 700)
    np.testing.assert_array_equal(images[1, :-1, :], images[2, 1:, :])
