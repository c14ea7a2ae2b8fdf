"""`apexline ingest`: what is taken in, and what goes to quarantine."""

import errno
import json
import os
from importlib import import_module

import pytest
from upath import UPath

from apexline.assets.ingest.intake import take_in
from apexline.assets.lake.storage import Lake

# The module; the room has an asset of that name.
clip_manifest = import_module("apexline.assets.ingest.clip_manifest")
OPTIONS = "--camera gate-03 --captured-at 2026-03-02T08:15:00 --purpose test --legal-basis consent"
DAY = "2026-03-02_gate-03"


@pytest.fixture
def delivery(tmp_path, deliver, noise_clip, broken_clips):
    """Two good clips, one of them twice, and seven that can't be accepted."""
    folder = tmp_path / "delivery"
    deliver(folder, "first.mp4", noise_clip(seed=0))
    deliver(folder, "second.mp4", noise_clip(seed=1))
    deliver(folder, "second-again.mp4", noise_clip(seed=1))
    for reason, content in broken_clips.items():
        deliver(folder, f"{reason}.mp4", content)
    deliver(folder, "no_manifest.mp4", noise_clip(seed=2), sidecar=False)
    deliver(folder, "missing_field.mp4", noise_clip(seed=3), purpose=None)
    return folder


def test_a_mixed_folder_is_sorted_out(apexline, home, delivery):
    code, out, _ = apexline("ingest", delivery, "--json")
    assert code == 0
    summary = json.loads(out)
    assert (summary["accepted"], summary["duplicates"], summary["tracks"]) == (2, 1, 0)
    reasons = {each["name"].removesuffix(".mp4"): each["reason"] for each in summary["quarantined"]}
    assert len(reasons) == 7
    assert all(name == reason for name, reason in reasons.items())
    assert all(each["detail"] for each in summary["quarantined"])
    assert summary["camera_days"] == [DAY]
    assert len(Lake(home.home_path).names("face_tracks", camera_day=DAY)) == 2
    assert len(list(delivery.iterdir())) == 19  # what was named is copied, not moved

    code, out, _ = apexline("ingest", delivery)
    assert code == 0
    for words in ("accepted", "duplicates", "quarantined", *reasons):
        assert words in out
    code, out, _ = apexline("ingest", delivery, "--json")
    assert (json.loads(out)["accepted"], json.loads(out)["computed"]) == (0, 0)


def test_without_paths_the_landing_folder_is_emptied(apexline, home, deliver, noise_clip):
    landing = home.state_path / "landing"
    deliver(landing, "clip.mp4", noise_clip())
    deliver(landing, "bad.mp4", b"")
    code, out, _ = apexline("ingest --json")
    assert code == 0
    assert (json.loads(out)["accepted"], len(json.loads(out)["quarantined"])) == (1, 1)
    assert list(landing.iterdir()) == []


def test_options_stand_in_for_a_sidecar(apexline, home, deliver, tmp_path, noise_clip):
    clip = deliver(tmp_path / "in", "bare.mp4", noise_clip(), sidecar=False)
    code, out, _ = apexline("ingest", clip, OPTIONS, "--json")
    assert code == 0
    assert json.loads(out)["camera_days"] == [DAY]
    [row] = Lake(home.home_path).read_all("clip_manifest").to_pylist()
    assert (row["purpose"], row["legal_basis"]) == ("test", "consent")
    assert row["captured_at"].isoformat() == "2026-03-02T08:15:00+00:00"


def test_time_zone_of_the_option_counts(apexline, home, deliver, tmp_path, noise_clip):
    clip = deliver(tmp_path / "in", "bare.mp4", noise_clip(), sidecar=False)
    late = OPTIONS.replace("T08:15:00", "T23:30:00-0200")
    _, out, _ = apexline("ingest", clip, late, "--json")
    assert json.loads(out)["camera_days"] == ["2026-03-03_gate-03"]


def test_an_empty_home_has_nothing_to_ingest(apexline, home):
    code, out, _ = apexline("ingest --json")
    assert code == 0
    assert json.loads(out)["camera_days"] == []


def test_what_is_passed_over_or_odd_is_named(apexline, home, deliver, tmp_path, noise_clip):
    folder = tmp_path / "delivery"
    deliver(folder, "clip.mp4", noise_clip())
    (folder / "notes.txt").touch()
    (folder / "cam1").mkdir()
    (folder / "outward.mp4").symlink_to("/dev/zero")
    (folder / "folder.mp4").mkdir()
    os.mkfifo(folder / "pipe.mp4")
    code, out, _ = apexline("ingest", folder, "--json")
    assert code == 0
    summary = json.loads(out)
    assert summary["accepted"] == 1
    assert summary["passed over"] == ["cam1", "notes.txt"]
    assert {each["name"]: each["reason"] for each in summary["quarantined"]} == {
        "outward.mp4": "symbolic_link",
        "folder.mp4": "not_a_file",
        "pipe.mp4": "not_a_file",
    }


def test_a_named_link_is_followed(apexline, home, deliver, tmp_path, noise_clip):
    clip = deliver(tmp_path / "in", "clip.mp4", noise_clip())
    (tmp_path / "link").symlink_to(clip)
    code, out, _ = apexline("ingest", tmp_path / "link", "--json")
    assert (code, json.loads(out)["accepted"]) == (0, 1)


def test_what_a_killed_command_stored_is_processed_by_the_next(apexline, home, deliver, tmp_path, noise_clip):
    clip = deliver(tmp_path / "in", "clip.mp4", noise_clip())
    lake = Lake(home.home_path)
    assert take_in(lake, UPath(clip)).status == "accepted"
    code, out, _ = apexline("ingest --json")
    assert (code, json.loads(out)["camera_days"]) == (0, [])
    assert len(lake.names("expression_segments", camera_day=DAY)) == 1


def test_a_camera_day_that_fails_stops_no_other(apexline, home, deliver, tmp_path, noise_clip, monkeypatch):
    folder = tmp_path / "in"
    deliver(folder, "a.mp4", noise_clip(seed=0), camera="gate-01")
    deliver(folder, "b.mp4", noise_clip(seed=1))
    lake = Lake(home.home_path)
    [poisoned] = [take_in(lake, UPath(clip)) for clip in sorted(folder.glob("a.mp4"))]
    found = clip_manifest.clip_ids

    def fail(lake, camera_day):
        if camera_day == poisoned.camera_day:
            raise OSError(errno.ENOSPC, "no space left on device")
        return found(lake, camera_day)

    monkeypatch.setattr(clip_manifest, "clip_ids", fail)
    code, _, err = apexline("ingest", folder / "b.mp4", "--json")
    assert code == 1
    assert "1 of 2 camera-days failed" in err
    assert poisoned.camera_day in err
    assert len(lake.names("expression_segments", camera_day=DAY)) == 1


def test_where_every_file_is_refused_the_exit_status_says_so(apexline, home, deliver, tmp_path):
    deliver(tmp_path / "in", "empty.mp4", b"")
    code, out, err = apexline("ingest", tmp_path / "in", "--json")
    assert code == 1
    assert [each["reason"] for each in json.loads(out)["quarantined"]] == ["zero_bytes"]
    assert "every file was refused" in err
