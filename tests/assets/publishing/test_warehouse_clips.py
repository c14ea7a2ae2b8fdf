"""Marts of clips, camera-days, tracks and the quarantine."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from tests.assets.small_lake import A, B, C, ask, at


def test_query_3_camera_days(small_warehouse: Path) -> None:
    query = """
        select camera, day, clips, tracks, kept_frames, segments, mean_detector_score
        from camera_day_summary
        order by day
    """
    first, second = ask(small_warehouse, query)
    assert first[:6] == ("gate-01", date(2026, 3, 2), 2, 2, 97, 3)
    assert first[6] == pytest.approx((67 * 0.8 + 30 * 1.0) / 97)
    assert second == ("gate-02", date(2026, 3, 3), 1, 1, 100, 1, 1.0)


def test_camera_days_say_how_many_frames_were_lost(small_warehouse: Path) -> None:
    assert ask(small_warehouse, "select frames, frames_lost from camera_day_summary order by day") == [
        (150, 0),
        (100, 3),
    ]


def test_track_quality_names_why_frames_were_dropped(small_warehouse: Path) -> None:
    query = """
        select frames, kept_frames, kept_share, first_s, last_s, dropped
        from track_quality
        order by track_id
    """
    first, second, _ = ask(small_warehouse, query)
    assert first[:2] == (70, 67)
    assert first[2] == pytest.approx(67 / 70)
    assert first[3:] == (0.0, 69 / 25, {"blurred": 2, "small": 1})
    assert second[5] is None


def test_clips_say_why_they_may_be_processed(small_warehouse: Path) -> None:
    query = "select clip_id, purpose, legal_basis, tracks, segments, day from clips order by clip_id"
    assert ask(small_warehouse, query) == [
        (A, "test", "consent", 2, 3, date(2026, 3, 2)),
        (B, "test", "consent", 0, 0, date(2026, 3, 2)),
        (C, "test", "consent", 1, 1, date(2026, 3, 3)),
    ]


def test_clips_say_how_many_frames_were_lost(small_warehouse: Path) -> None:
    query = "select clip_id, frames_read, frames_lost, frames_lost_reasons from clips order by clip_id"
    assert ask(small_warehouse, query) == [
        (A, 100, 0, []),
        (B, None, None, None),
        (C, 97, 3, ["3 x corrupt: parts are missing"]),
    ]


def test_quarantine_records_are_read(small_warehouse: Path) -> None:
    query = "select name, reason, detail, seen_at from quarantine"
    assert ask(small_warehouse, query) == [("a.mp4", "truncated", "it's cut", at("08:00", 2))]
