"""Marts of scores: what each model said, as champion or not, at any moment, and the README's queries of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from apexline.assets.publishing.warehouse_build import build_warehouse
from tests.assets.small_lake import DAY_1, T1, T2, T3, A, ask, at, promotion, put, score


def test_segments_have_absolute_times_and_the_present_champions_score(small_warehouse: Path) -> None:
    rows = ask(
        small_warehouse,
        "select segment_id, camera, onset_at, offset_at, duration_s, model_version, emotion, synthetic "
        "from segments order by segment_id",
    )
    start = at("08:15", 2).replace(microsecond=400_000)
    assert rows[0] == (f"{T1}-10", "gate-01", start, start.replace(microsecond=800_000), 0.4, 2, "calm", True)
    assert rows[1][0] == f"{T1}-40"
    assert rows[1][5:] == (None, None, True)  # model 2 has not scored it; the clip is synthetic
    assert rows[2][5:] == (2, "happy", True)
    assert rows[3][:2] == (f"{T3}-5", "gate-02")


def test_query_1_aroused_segments_by_the_champion_of_then(small_warehouse: Path) -> None:
    query = """
        select segment_id, onset_at, emotion, arousal, model_version
        from verdicts
        where camera = 'gate-01' and day = '2026-03-02' and arousal > .5 and is_first
        order by onset_at
    """
    rows = ask(small_warehouse, query)
    assert [(row[0], row[4]) for row in rows] == [(f"{T1}-10", 1), (f"{T2}-12", 1)]
    assert [row[3] for row in rows] == pytest.approx([0.7, 0.9])


def test_query_2_which_model_said_what_when(small_warehouse: Path) -> None:
    query = """
        select scored_at, model_version, emotion, was_champion
        from score_history
        where segment_id = $segment
        order by scored_at
    """
    assert ask(small_warehouse, query, segment=f"{T1}-10") == [
        (at("10:05"), 1, "happy", True),
        (at("12:30"), 2, "calm", True),
    ]


def test_scores_as_of_follow_the_reigns(small_warehouse: Path) -> None:
    def said(clock: str) -> list[tuple[Any, ...]]:
        query = "select segment_id, model_version from scores_as_of($moment) order by segment_id"
        return ask(small_warehouse, query, moment=at(clock))

    assert said("10:04") == []  # a champion, but no score yet
    assert said("10:05") == [(f"{T1}-10", 1), (f"{T1}-40", 1), (f"{T2}-12", 1)]
    assert said("11:30") == said("10:05")  # a refused challenger changes nothing
    assert said("12:00") == []  # the new champion has said nothing so far
    assert said("12:30") == [(f"{T1}-10", 2), (f"{T2}-12", 2), (f"{T3}-5", 2)]


def test_a_model_that_returns_to_the_throne_speaks_again(small_lake: Path, tmp_path: Path) -> None:
    put(
        small_lake,
        "promotions",
        "three",
        [promotion(at("14:00"), 1, incumbent_version=2, difference_low=0.1)],
    )
    put(small_lake, "segment_scores", "again", [score(A, T1, 10, 1, at("15:00"), arousal=0.8)], DAY_1)
    build_warehouse(small_lake, tmp_path / "w.duckdb")
    rows = ask(
        tmp_path / "w.duckdb",
        "select model_version, said_from, said_to, is_first, is_current from verdicts "
        "where segment_id = $segment order by said_from",
        segment=f"{T1}-10",
    )
    assert rows == [
        (1, at("10:05"), at("12:00"), True, False),
        (2, at("12:30"), at("14:00"), False, False),
        (1, at("14:00"), at("15:00"), False, False),
        (1, at("15:00"), None, False, True),
    ]


def test_an_alias_that_was_put_back_says_nothing_twice(small_lake: Path, tmp_path: Path) -> None:
    put(small_lake, "promotions", "three", [promotion(at("13:00"), 2, incumbent_version=None)])
    target = tmp_path / "warehouse.duckdb"
    build_warehouse(small_lake, target)
    assert ask(target, "select model_version, champion_to from champions order by champion_from") == [
        (1, at("12:00")),
        (2, None),
    ]
    assert ask(target, "select count(*) - count(distinct (segment_id, model_version)) from verdicts") == [
        (0,)
    ]


def test_a_score_outlives_the_segment_it_speaks_of(small_lake: Path, tmp_path: Path) -> None:
    put(small_lake, "segment_scores", "old", [score(A, T1, 33, 1, at("10:06"))], DAY_1)
    build_warehouse(small_lake, tmp_path / "w.duckdb")
    query = "select camera, onset_at, model_version from score_history where segment_id = $segment"
    assert ask(tmp_path / "w.duckdb", query, segment=f"{T1}-33") == [("gate-01", None, 1)]


def test_model_versions_and_champions(small_warehouse: Path) -> None:
    query = "select model_version, version, is_champion, scores, first_champion_from from model_versions"
    assert ask(small_warehouse, query) == [
        (1, "baseline", False, 3, at("10:00")),
        (2, "semantic", True, 3, at("12:00")),
    ]
    assert ask(
        small_warehouse, "select model_version, champion_to from champions order by champion_from"
    ) == [
        (1, at("12:00")),
        (2, None),
    ]
    assert [row[0] for row in ask(small_warehouse, "select promoted from promotions")] == [True, False, True]


def test_emotion_by_hour_counts_the_present_champions_words(small_warehouse: Path) -> None:
    query = "select camera, hour, emotion, segments, answered from emotion_by_hour"
    assert ask(small_warehouse, query) == [
        ("gate-01", at("08:00", 2), "calm", 1, 1),
        ("gate-01", at("08:00", 2), "happy", 1, 1),
        ("gate-02", at("00:00", 3), "happy", 1, 1),
    ]


def test_an_abstention_and_its_reasons_can_be_asked(small_lake: Path, tmp_path: Path) -> None:
    abstains = {"abstained": True, "reasons": ["small", "blurred"]}
    put(small_lake, "segment_scores", "later", [score(A, T1, 10, 2, at("13:00"), **abstains)], DAY_1)
    build_warehouse(small_lake, tmp_path / "w.duckdb")
    query = "select abstained, reasons from segments where segment_id = $segment"
    assert ask(tmp_path / "w.duckdb", query, segment=f"{T1}-10") == [(True, ["small", "blurred"])]
    query = "select sum(segments), sum(answered) from emotion_by_hour"
    assert ask(tmp_path / "w.duckdb", query) == [(3, 2)]
