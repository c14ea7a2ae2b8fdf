"""Processes that answer for clips: the line, and its peers."""

import shutil
import sys

import pytest

from apexline.bench.paths import ROOT
from apexline.bench.speed.video import asked
from apexline.bench.speed.video.asked import Runner, line

binds_to_cores = pytest.mark.skipif(
    shutil.which("taskset") is None, reason="binding a process to a core takes taskset"
)


@binds_to_cores
def test_a_process_answers_for_the_line_of_another_checkout_whole_and_by_stage(clip, tmp_path):
    (tmp_path / "src").symlink_to(ROOT / "src")  # of a commit at which the runner lay elsewhere
    with line(checkout=tmp_path) as runner:
        whole = runner.run(clip)
        stages = runner.run(clip, task="stages")
        named = runner.run(clip, task="answers")
    assert whole["frames"] == stages["frames"] == named["frames"] == 12
    assert named["faces"] == 0
    assert named["seconds"] > 0
    assert whole["seconds"] > 0
    # The process that decodes is counted.
    assert whole["cpu_s"] > 0
    assert 50 < whole["peak_mib"] <= named["peak_mib"]
    assert {"decode", "track and align", "texture", "flow", "words"} <= stages.keys()


@binds_to_cores
def test_a_process_that_ends_is_reported():
    ending = [sys.executable, "-c", "raise SystemExit(3)"]
    with Runner(ending) as broken, pytest.raises(RuntimeError, match="ended with code 3; run it by hand"):
        broken.answer()


@binds_to_cores
def test_a_peer_gets_few_frames_and_its_time_is_its_own(clip, tmp_path, quick_peer):
    with quick_peer.start() as runner:
        first = quick_peer.run(runner, clip, tmp_path, peer_frames=2)
        *_, last = (quick_peer.run(runner, clip, tmp_path, peer_frames=4) for _ in range(6))
    assert (first["frames"], first["clip"]) == (2, str(clip))
    assert asked.rate(last) == pytest.approx(10)
    assert 0.03 < last["cpu_s"] < 0.2  # of the last clip alone, in ticks of .01 s


def test_peers_that_are_not_there_are_named_with_what_installs_them(monkeypatch, tmp_path, quick_peer):
    absent = type(quick_peer.peer)("absent", ("no",), tmp_path / "not there", "absent-env")
    monkeypatch.setattr(asked, "VIDEO_PEERS", (quick_peer.peer, absent))
    assert [each.name for each in asked.installed_peers()] == ["quick"]
    assert asked.missing_peers() == [{"method": "absent: not installed, run `make absent-env`"}]
