"""What is asked for, by whom, and which clips that means."""

import json

import pytest

from apexline.orchestration.erasure.target import Request, find_clips
from tests.orchestration.erasure.small_home import MANIFEST, NAME


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (Request(), "expected one of: clip ids"),
        (Request(clips=("0123456789abcdef",), camera="gate-03"), "expected one of: clip ids"),
        (Request(rater="r1", day="2026-03-02"), "expected one of: clip ids"),
        (Request(clips=("../../etc",)), "expected the first 16 hex digits"),
        (Request(day="2026-13-01"), "expected a UTC day such as"),
    ],
)
def test_what_cannot_be_meant_is_refused(request_, message):
    with pytest.raises(ValueError, match=message):
        request_.check()


def test_camera_and_day_mean_what_lies_in_clips_quarantine_and_landing(small):
    def found(**asked):
        return sorted(clip.clip_id for clip in find_clips(small.lake, Request(**asked)))

    assert found(camera="gate-07") == [small.elsewhere]
    assert (
        found(camera="gate-03")
        == found(camera="gate-03", day="2026-03-03")
        == sorted([small.doomed, small.kept])
    )
    assert found(day="2026-03-03") == sorted([small.doomed, small.kept, small.elsewhere])
    waiting = small.lake.home / "landing" / "new.mp4"
    waiting.write_bytes(b"moving")
    waiting.with_suffix(".json").write_text(json.dumps({**MANIFEST, "camera": "gate-09"}))
    assert len(found(camera="gate-09")) == 1
    with pytest.raises(LookupError, match="no clip of camera 'gate-08' and day '2026-03-03'"):
        found(camera="gate-08", day="2026-03-03")


def test_a_clip_that_was_only_refused_is_found_by_its_hash(small):
    for path in (small.lake.home / "clips").glob(f"*/{small.doomed}.*"):
        path.unlink()
    [record] = [json.loads(each.read_text()) for each in (small.lake.home / "quarantine").glob("*.json")]
    assert record["name"] == NAME
    [clip] = find_clips(small.lake, Request(clips=(small.sha256,)))
    assert (clip.sha256, clip.camera_day) == (small.sha256, "")
