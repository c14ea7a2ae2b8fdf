"""Every check of the warehouse: silent on a sound lake, and returns the rows of a planted error."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest

from apexline.assets.publishing.relations import sql_names
from apexline.assets.publishing.warehouse_build import build_warehouse
from apexline.assets.publishing.warehouse_read import open_warehouse, run_checks
from tests.assets.small_lake import (
    DAY_1,
    DAY_2,
    T1,
    T3,
    T4,
    A,
    C,
    at,
    clip,
    face,
    promotion,
    put,
    review,
    score,
    segment,
)

# One planted error per check: table, file, rows, camera-day, and how many rows offend.
PLANTED: dict[str, tuple[str, str, list[dict[str, Any]], str | None, int]] = {
    "duplicate_clips": ("clip_manifest", "x", [clip(A, "gate-02", at("01:00", 3))], DAY_2, 1),
    "misplaced_clips": ("clip_manifest", "x", [clip("d" * 16, "gate-01", at("00:00", 3))], DAY_1, 1),
    "clips_without_purpose": (
        "clip_manifest",
        "x",
        [clip("d" * 16, "gate-02", at("01:00", 3), purpose=" ")],
        DAY_2,
        1,
    ),
    "orphans": ("face_tracks", "x", [face("d" * 16, T4, 0), face("d" * 16, T4, 1)], DAY_2, 1),
    "segments_out_of_order": ("expression_segments", "x", [segment(C, T3, 40, 39, 50)], DAY_2, 1),
    "reviews_out_of_order": (
        "reviews",
        f"{A}-r1",
        [
            review(A, T1, "sad", "otter", at("10:00")),
            review(A, T1, "happy", "otter", at("10:01"), apex=21),
            review(A, T1, "not_a_face", "otter", at("10:02"), emotion="happy"),
            review(A, T1, "other", "otter", at("10:03")),
            review(A, T1, "undo", "otter", at("10:04"), onset=None, apex=None, offset=None),
        ],
        DAY_1,
        3,
    ),
    "segments_without_track": ("expression_segments", "x", [segment(C, T4, 40, 45, 50)], DAY_2, 1),
    "overlapping_segments": ("expression_segments", "x", [segment(C, T3, 20, 25, 30)], DAY_2, 1),
    "invalid_probabilities": (
        "segment_scores",
        "x",
        [
            score(A, T1, 10, 2, at("13:00"), p_calm=0.2),
            score(A, T1, 10, 2, at("13:01"), confidence=0.5),
            score(A, T1, 10, 2, at("13:02"), emotion="angry", confidence=0.1),
            score(A, T1, 10, 2, at("13:03"), p_happy=float("nan"), confidence=float("nan")),
            score(A, T1, 10, 2, at("13:04"), p_other=0.2),
            score(A, T1, 10, 2, at("13:05"), p_happy=0.9, confidence=0.9, p_other=-0.2),
            score(A, T1, 10, 2, at("13:06"), p_happy=0.2, p_other=0.5, confidence=0.2),
            score(A, T1, 10, 2, at("13:07"), p_happy=0.2, p_other=0.5, emotion="other", confidence=0.5),
        ],
        DAY_1,
        7,
    ),
    "abstentions_without_reason": (
        "segment_scores",
        "x",
        [
            score(A, T1, 10, 2, at("13:00"), abstained=True, reasons=[]),
            score(A, T1, 10, 2, at("13:01"), abstained=False, reasons=["small"]),
            score(A, T1, 10, 2, at("13:02"), abstained=True),
        ],
        DAY_1,
        3,
    ),
    "pad_out_of_range": (
        "segment_scores",
        "x",
        [
            score(A, T1, 10, 2, at("13:00"), pleasure=-1.2),
            score(A, T1, 10, 2, at("13:01"), dominance=float("nan")),
            score(A, T1, 10, 2, at("13:02"), pleasure=None, arousal=None, dominance=None),
        ],
        DAY_1,
        2,
    ),
    "unknown_emotions": ("training_set", "x", [{"example_id": "e", "emotion": "bored"}], None, 1),
    "scores_by_unpromoted_models": ("segment_scores", "x", [score(A, T1, 10, 3, at("13:00"))], DAY_1, 1),
    "promotions_without_approval": (
        "promotions",
        "x",
        [
            promotion(at("13:00"), 3, approved_by="", difference_low=0.1, incumbent_version=2),
            promotion(at("13:10"), 4, difference_low=-0.1, incumbent_version=3),
        ],
        None,
        2,
    ),
    "subjects_in_two_folds": (
        "training_set",
        "x",
        [
            {"example_id": "1", "subject": "s", "fold": "train", "emotion": "calm"},
            {"example_id": "2", "subject": "s", "fold": "test", "emotion": "calm"},
        ],
        None,
        1,
    ),
    "unmarked_synthetic_scores": (
        "segment_scores",
        "x",
        [score(A, T1, 10, 2, at("13:00"), synthetic=False)],
        DAY_1,
        1,
    ),
    "segments_without_current_score": ("expression_segments", "x", [segment(C, T3, 30, 35, 40)], DAY_2, 2),
    "ratings_out_of_scale": (
        "ratings",
        "x",
        [
            {"rater": "r", "segment": "s", "pair": "p", "level": 6},
            {"rater": "r", "segment": "s", "pair": "q", "level": 1},
            {"rater": "r", "segment": "s", "pair": "q", "level": 2},
            {"rater": "q", "segment": "s", "pair": "q", "level": 2},
        ],
        None,
        3,
    ),
}


def test_every_check_holds_on_the_sound_lake(small_warehouse: Path) -> None:
    with open_warehouse(small_warehouse) as connection:
        offending = {name: len(frame) for name, frame in run_checks(connection).items() if len(frame)}
    assert offending == {"segments_without_current_score": 1}  # the one that waits for model 2


def test_checks_do_not_depend_on_the_readers_time_zone(small_warehouse: Path) -> None:
    with duckdb.connect(str(small_warehouse), read_only=True) as connection:
        connection.execute("set TimeZone = 'Pacific/Auckland'")
        assert run_checks(connection)["misplaced_clips"].empty


def test_every_check_has_a_planted_error() -> None:
    assert set(PLANTED) == set(sql_names("checks"))


@pytest.mark.parametrize("check", PLANTED)
def test_checks_return_the_offending_rows(check: str, small_lake: Path, tmp_path: Path) -> None:
    table, name, rows, day, expected = PLANTED[check]
    put(small_lake, table, name, rows, day)
    build_warehouse(small_lake, tmp_path / "w.duckdb")
    with open_warehouse(tmp_path / "w.duckdb") as connection:
        assert len(run_checks(connection)[check]) == expected
