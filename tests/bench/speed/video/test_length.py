"""Lengths of a clip, by a program whose costs are known."""

import shutil

import pytest

from apexline.bench.speed.video import length

binds_to_cores = pytest.mark.skipif(
    shutil.which("taskset") is None, reason="binding a process to a core takes taskset"
)


@binds_to_cores
def test_each_length_is_run_and_its_clip_removed(tmp_path, clip, quick_peer):
    rows = length.measure_lengths(quick_peer, (20, 40), clip, tmp_path)
    assert [(row["frames"], row["video s"], row["s"]) for row in rows] == [(20, 0.8, 2), (40, 1.6, 4)]
    for row in rows:
        assert row["cpu s a 1,000 frames"] == pytest.approx(1e3 * row["cpu_s"] / row["frames"])
        assert row["peak MiB"] > 1
    assert not list(tmp_path.glob("*long*"))


@binds_to_cores
def test_a_long_clip_is_compared_with_shorter_ones_that_run_meanwhile(tmp_path, clip, quick_peer):
    [row] = length.measure_beside(quick_peer, (80,), clip, tmp_path, frames=20)
    assert (row["frames"], row["s"]) == (80, 8)
    # each clip takes the same CPU time, so that one of four times as many frames takes a quarter for each
    assert row["of that of 10,000 frames"] == pytest.approx(0.25, rel=0.5)
    assert not list(tmp_path.glob("*long*"))


@binds_to_cores
def test_a_method_that_stops_early_is_reported(monkeypatch, tmp_path, clip, quick_peer):
    early = type(quick_peer)
    run = early.run
    monkeypatch.setattr(early, "run", lambda *args, **more: run(*args, **more) | {"frames": 7})
    with pytest.raises(RuntimeError, match="quick saw 7 frames of 20"):
        length.measure_lengths(quick_peer, (20,), clip, tmp_path)


def test_what_a_frame_costs_is_compared_with_one_length_and_what_it_adds_is_a_law(tmp_path):
    rows = [
        {"task": "length", "method": "m", "frames": n, "cpu_s": 2 + 0.01 * n, "peak MiB": 700.0}
        | {"cpu s a 1,000 frames": 10 + 2000 / n}
        for n in (1_000, 10_000, 100_000)
    ]
    shares = [row["of that of 10,000 frames"] for row in length.compared(rows, frames=10_000)]
    assert shares == pytest.approx([12 / 10.2, 1, 10.02 / 10.2])
    laws = {row["law"]: (row["c"], row["p"]) for row in length._laws(rows)}
    assert laws["cpu_s = c + p * (frames)"] == pytest.approx((2, 0.01))
    assert laws["peak MiB = c + p * (frames)"] == pytest.approx((700, 0), abs=1e-6)
    length.write_length_page([*rows, {"task": "length", "method": "absent: not installed"}], tmp_path)
    page = (tmp_path / "speed_length.md").read_text(encoding="utf-8")
    assert "| m | 10,000 |" in page
    assert "absent: not installed" in page
