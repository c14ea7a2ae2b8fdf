"""Curves of a program whose costs are known."""

import shutil

import pytest

from apexline.bench.speed.video import curves

pytestmark = pytest.mark.skipif(
    shutil.which("taskset") is None, reason="binding a process to a core takes taskset"
)


def test_faces_and_sizes_are_told_with_what_each_clip_costs(monkeypatch, tmp_path, clip, quick_peer):
    monkeypatch.setattr(curves, "_NUM_FACES", (1, 4))
    monkeypatch.setattr(curves, "_SIZES", ((64, 64), (128, 96)))
    faces = curves.by_faces([quick_peer], clip, tmp_path)
    sizes = curves.by_size([quick_peer], clip, tmp_path)
    assert [(row["faces"], row["ms a face-frame"]) for row in faces] == [(1, 100), (4, 25)]
    assert [(row["size"], row["megapixels"]) for row in sizes] == [("64x64", 0.004096), ("128x96", 0.012288)]
    for row in (*faces, *sizes):
        assert (row["method"], row["ms a frame"], row["faces found"]) == ("quick", 100, 2)
        assert 2 < row["cpu ms a frame"] < 20  # .05 s for 12 frames, in ticks of .01 s


def test_two_processes_are_added_and_bound_to_two_cores(monkeypatch, tmp_path, clip, quick_peer):
    cores = []
    start = type(quick_peer).start
    monkeypatch.setattr(
        type(quick_peer), "start", lambda self, core=0: cores.append(core) or start(self, min(core, 0))
    )
    rows = curves.by_processes([quick_peer], [clip, clip], tmp_path)
    assert [(row["processes"], row["frames/s"], row["x one process"]) for row in rows] == [
        (1, 10, 1),
        (2, 20, 2),
    ]
    assert cores == [0, 1]


def test_each_method_has_a_law_of_its_own():
    rows = [
        {"method": name, "faces": n, "ms a frame": c * n**p}
        for name, c, p in (("one", 3.0, 1.0), ("two", 5.0, 0.5))
        for n in (1, 4, 16)
    ]
    found = {row["method"]: (row["c"], row["p"]) for row in curves.laws(rows, x="faces", y="ms a frame")}
    assert found["one"] == pytest.approx((3.0, 1.0))
    assert found["two"] == pytest.approx((5.0, 0.5))
