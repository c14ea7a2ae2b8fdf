from datetime import UTC, datetime, timedelta

import pytest

from apexline.governance.audit import audit_lines
from apexline.governance.holds import held_by, place_hold, release_hold, standing_holds

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
CLIP, OTHER = "0123456789abcdef", "fedcba9876543210"
DAY = "2026-11-28_gate-01"
TERMS = {"by": "Ada", "reason": "court order 7", "now": NOW, "until": NOW + timedelta(days=10)}


def test_a_held_clip_is_held_until_the_end(tmp_path):
    place_hold(tmp_path, clips=(CLIP,), **TERMS)
    hold = held_by(tmp_path, CLIP, DAY, NOW)
    assert hold is not None
    assert hold.reason == "court order 7"
    assert held_by(tmp_path, OTHER, DAY, NOW) is None
    assert held_by(tmp_path, CLIP, DAY, NOW + timedelta(days=10)) is None


@pytest.mark.parametrize(
    ("held", "camera_day", "is_held"),
    [
        ({"camera": "gate-01"}, "2026-11-28_gate-01", True),
        ({"camera": "gate-01"}, "2026-11-28_gate-02", False),
        ({"day": "2026-11-28"}, "2026-11-28_gate-02", True),
        ({"camera": "gate-01", "day": "2026-11-28"}, "2026-11-27_gate-01", False),
    ],
)
def test_a_camera_or_a_day_is_held(tmp_path, held, camera_day, is_held):
    place_hold(tmp_path, **held, **TERMS)
    assert (held_by(tmp_path, CLIP, camera_day, NOW) is not None) == is_held


def test_a_released_hold_holds_nothing(tmp_path):
    hold = place_hold(tmp_path, clips=(CLIP,), **TERMS)
    release_hold(tmp_path, hold.hold, by="Grace", reason="settled", now=NOW)
    assert standing_holds(tmp_path, NOW) == []
    with pytest.raises(LookupError, match="no hold"):
        release_hold(tmp_path, hold.hold, by="Grace", reason="settled", now=NOW)
    assert [each["action"] for each in audit_lines(tmp_path)] == ["hold", "release"]


def test_no_clip_can_be_read_off_a_hold(tmp_path):
    place_hold(tmp_path, clips=(CLIP,), **TERMS)
    kept = b"".join(path.read_bytes() for path in (tmp_path / "governance").iterdir())
    assert CLIP[:12].encode() not in kept


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"reason": " "}, "expected a reason"),
        ({"until": NOW}, "an end that is to come"),
        ({"clips": ()}, "expected clip ids"),
        ({"camera": "gate-01"}, "expected clip ids"),
    ],
)
def test_a_hold_has_a_reason_an_end_and_something_to_hold(tmp_path, changes, expected):
    with pytest.raises(ValueError, match=expected):
        place_hold(tmp_path, **{**TERMS, "clips": (CLIP,), **changes})
