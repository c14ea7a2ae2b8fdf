"""Marts that compare found segments with annotations."""

from __future__ import annotations

from pathlib import Path

import pytest

from apexline.assets.publishing.warehouse_build import build_warehouse
from tests.assets.small_lake import DAY_1, T1, T2, T3, T4, A, B, ask, at, put, score, segment


def test_spotting_truth_matches_by_face_and_overlap(small_warehouse: Path) -> None:
    query = """
        select segment_id, annotation_id, outcome, length, iou
        from spotting_truth
        order by outcome, segment_id
    """
    rows = ask(small_warehouse, query)
    assert rows[:3] == [
        (f"{T1}-40", None, "false_alarm", "macro", None),
        (f"{T2}-12", None, "false_alarm", "micro", None),  # the right frames on the wrong face
        (f"{T3}-5", None, "false_alarm", "macro", None),  # in a clip that is labelled calm throughout
    ]
    assert rows[3][:4] == (f"{T1}-10", f"{A}-a0", "hit", "micro")
    assert rows[3][4] == pytest.approx(9 / 13)  # frames 12..20 of 10..22
    assert rows[4] == (None, f"{A}-a1", "miss", "macro", None)
    assert len(rows) == 5


def test_spotting_summary_adds_up(small_warehouse: Path) -> None:
    query = """
        select length, hits, false_alarms, misses, precision, recall, f1, false_alarms_per_minute
        from spotting_summary
    """
    overall, micro, macro = ask(small_warehouse, query)
    assert overall[:7] == ("overall", 1, 3, 1, 0.25, 0.5, pytest.approx(2 / 6))
    assert overall[7] == pytest.approx(3 / (8 / 60))  # clips A and C are labelled, 4 s each
    assert micro[:4] == ("micro", 1, 1, 0)
    assert macro[:6] == ("macro", 0, 2, 1, 0.0, 0.0)


def test_unlabelled_clips_raise_no_false_alarm(small_lake: Path, tmp_path: Path) -> None:
    put(small_lake, "expression_segments", B, [segment(B, T4, 1, 2, 30)], DAY_1)
    build_warehouse(small_lake, tmp_path / "w.duckdb")
    assert ask(tmp_path / "w.duckdb", "select count(*) from spotting_truth") == [(5,)]


def test_two_findings_never_hit_one_annotation(small_lake: Path, tmp_path: Path) -> None:
    # 10..16 and 17..23 both have an intersection over union of .5 with 10..23.
    rows = [segment(A, T1, 10, 12, 16), segment(A, T1, 17, 20, 23)]
    put(small_lake, "expression_segments", A, rows, DAY_1)
    truth = {"clip_id": A, "annotation_id": "t", "emotion": "happy", "onset": 10, "apex": 15, "offset": 23}
    put(small_lake, "annotations", A, [{**truth, "x": 12.0, "y": 12.0, "w": 40.0, "h": 40.0}], DAY_1)
    build_warehouse(small_lake, tmp_path / "w.duckdb")
    query = (
        "select outcome, count(*) from spotting_truth where clip_id = $clip group by outcome order by outcome"
    )
    assert ask(tmp_path / "w.duckdb", query, clip=A) == [("false_alarm", 1), ("hit", 1)]


def test_what_the_champion_says_stands_against_the_labels(small_lake: Path, tmp_path: Path) -> None:
    build_warehouse(small_lake, tmp_path / "w.duckdb")
    query = "select truth, said, segments from answers_against_truth"
    assert ask(tmp_path / "w.duckdb", query) == [("happy", "calm", 1)]
    silent = [score(A, T1, 10, 2, at("13:00"), abstained=True, reasons=["blurred face"])]
    put(small_lake, "segment_scores", f"{A}-v2-later", silent, DAY_1)
    build_warehouse(small_lake, tmp_path / "w.duckdb")
    assert ask(tmp_path / "w.duckdb", query) == [("happy", "no answer", 1)]
