"""What intake makes of videos that are above a limit, that their decoder dies over, or that nothing can decode."""

from apexline.assets.ingest import intake
from apexline.assets.ingest.intake import take_in
from apexline.assets.ingest.quarantine import quarantined
from apexline.features.video import UnreadableVideo, decoding_process, probe_video


def test_a_decoder_that_crashes_costs_its_clip_alone(lake, landing, put, clip_bytes, monkeypatch):
    bad, good = put(landing, "bad.mp4", b"segmentation fault"), put(landing, "good.mp4", clip_bytes)
    decoding_process.end_all()
    with monkeypatch.context() as patch:
        patch.setattr(decoding_process, "_PROGRAM", "tests.features.false_decoder")
        result = take_in(lake, bad, move=True)
    assert (result.status, result.reason) == ("quarantined", "decoder_crashed")
    assert take_in(lake, good, move=True).status == "accepted"


def test_a_decoder_that_was_killed_once_costs_no_clip(lake, landing, put, clip_bytes, monkeypatch):
    killed = []

    def probe(path):
        if not killed:
            killed.append(path)
            raise UnreadableVideo(path, "decoder_crashed", "ended by signal 9 (Killed)")
        return probe_video(path)

    monkeypatch.setattr(intake, "probe_video", probe)
    assert take_in(lake, put(landing, "a.mp4", clip_bytes), move=True).status == "accepted"
    assert len(killed) == 1


def test_a_clip_above_a_limit_is_quarantined_with_the_setting(lake, landing, put, clip_bytes, monkeypatch):
    monkeypatch.setenv("APEXLINE_VIDEO_MAX_FRAMES", "3")
    result = take_in(lake, put(landing, "a.mp4", clip_bytes), move=True)
    assert (result.status, result.reason) == ("quarantined", "limit_exceeded")
    assert "APEXLINE_VIDEO_MAX_FRAMES" in result.detail


def test_a_machine_that_can_not_decode_refuses_no_clip(lake, landing, put, clip_bytes, monkeypatch):
    clip = put(landing, "a.mp4", clip_bytes)
    monkeypatch.setenv("APEXLINE_VIDEO_MAX_FRAMES", "lots")
    result = take_in(lake, clip, move=True)
    assert (result.status, result.reason) == ("postponed", "not_examined")
    assert "APEXLINE_VIDEO_MAX_FRAMES is 'lots'" in result.detail
    assert quarantined(lake) == []
    monkeypatch.delenv("APEXLINE_VIDEO_MAX_FRAMES")
    assert take_in(lake, clip, move=True).status == "accepted"
