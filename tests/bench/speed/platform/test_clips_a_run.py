"""Clips that one run is to take, and how what it takes is shared among them."""

import sys
from types import SimpleNamespace

import pytest
from upath import UPath

from apexline.assets.lake import Lake, stored_camera_days
from apexline.assets.lake.clips import clip_ids
from apexline.bench.speed.platform import clips_a_run


def test_clips_of_one_camera_day_are_taken_in_and_share_what_is_above_the_start(monkeypatch, tmp_path):
    seen = []

    def ingest(home):
        lake = Lake(UPath(home))
        seen.append({day: len(clip_ids(lake, day)) for day in stored_camera_days(lake)})
        return {"cpu_s": 10.0 + 2 * sum(seen[-1].values()), "wall_s": 20.0}

    monkeypatch.setattr(clips_a_run, "_ingest", ingest)
    rows = clips_a_run.measure_clips(tmp_path, (1, 3))
    first = {"2026-03-02_first": 1}
    assert seen[:3] == [{}, first, first]  # a new home, what is done once, the start
    assert seen[3:] == [
        first | {"2026-03-02_gate-1": 1},
        first | {"2026-03-02_gate-1": 1, "2026-03-02_gate-3": 3},
    ]
    assert [(row["clips"], row["cpu_s"]) for row in rows] == [(0, 12), (1, 14), (3, 20)]
    assert [row["cpu s a clip"] for row in rows[1:]] == [2, pytest.approx(8 / 3)]
    assert [row["wall s a clip"] for row in rows[1:]] == [0, 0]


@pytest.fixture
def program(monkeypatch, tmp_path):
    """What stands in for `apexline`; returns a function that writes it."""

    def write(text):
        script = tmp_path / "apexline"
        script.write_text(f"#!{sys.executable}\n{text}")
        script.chmod(0o755)

    monkeypatch.setattr(clips_a_run, "sys", SimpleNamespace(executable=str(tmp_path / "python")))
    return write


def test_the_time_of_the_command_holds_that_of_what_it_starts(program, tmp_path):
    burn = "import time\nwhile time.process_time() < 0.3: pass"
    program(
        "import os, subprocess, sys\n"
        f"assert sys.argv[1:] == ['ingest', '--json'] and os.environ['APEXLINE_HOME'] == {str(tmp_path)!r}\n"
        f"subprocess.run([sys.executable, '-c', {burn!r}], check=True)\n"
    )
    found = clips_a_run._ingest(tmp_path)
    assert 0.3 <= found["cpu_s"] < 2
    assert found["wall_s"] >= 0.3


def test_a_command_that_fails_is_reported(program, tmp_path):
    program("raise SystemExit(3)")
    with pytest.raises(RuntimeError, match="ended with code 3"):
        clips_a_run._ingest(tmp_path)
