"""The GPU check on a machine without one: its cases run on the host, only the clock is made up."""

import numpy as np
import pytest

from apexline.bench.speed import gpu
from apexline.features.backend import has_gpu


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


def test_the_line_is_measured_on_both_devices(still_crops):
    rows = gpu.line_rows(still_crops[:5], device="cpu")
    assert [row["line"] for row in rows] == ["texture rows", "flow rows"]
    assert all(row["largest difference"] == 0 for row in rows)
    text = gpu.page("Title", rows, rows)
    assert text.startswith("# Title\n")
    assert text.count("| texture rows |") == 2


@pytest.mark.skipif(has_gpu(), reason="there is a GPU")
def test_without_a_gpu_it_says_so_and_fails(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["apexline.bench.speed.gpu"])
    assert gpu.main() == 1
    assert capsys.readouterr().err.startswith("gpu-check: nothing measured, this machine lacks ")
