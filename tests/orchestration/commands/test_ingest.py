"""`apexline ingest`: what is taken in, and what goes to quarantine."""

import json

import pytest

from apexline.assets.lake.storage import Lake

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
