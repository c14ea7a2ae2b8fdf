"""A day of the lake as people see it: whose answers stand, and which files are read."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event

import pytest
from upath import UPath

from apexline.assets.lake.storage import Lake
from apexline.assets.reviews.days import Days, versions_of
from tests.assets.small_lake import DAY_1, DAY_2, T1, T2, A, C, at, clip, put, score, segment, write_lake


@pytest.fixture
def lake(tmp_path):
    write_lake(tmp_path)
    return Lake(UPath(tmp_path))


def by_id(rows):
    return {row["segment_id"]: row for row in rows}


def test_the_champion_answers_and_where_it_is_silent_the_last_that_spoke(lake):
    found = by_id(Days(lake).segments(DAY_1))
    assert list(found) == [f"{T1}-10", f"{T2}-12", f"{T1}-40"]
    first, waiting = found[f"{T1}-10"], found[f"{T1}-40"]
    assert (first["model_version"], first["answer"], first["answers"]) == (2, "calm", {1: "happy", 2: "calm"})
    assert first["disagree"]
    assert (waiting["model_version"], waiting["answer"], waiting["disagree"]) == (1, "happy", False)
    assert first["onset_at"] == at("08:15", 2) + timedelta(seconds=0.4)
    assert versions_of(list(found.values())) == [1, 2]


def test_a_version_that_is_named_speaks_for_itself_alone(lake):
    assert [row["answer"] for row in Days(lake).segments(DAY_1, model_version=2)] == [
        "calm",
        "happy",
        "unscored",
    ]
    silent = Days(lake).segments(DAY_1, model_version=7)
    assert {row["answer"] for row in silent} == {"unscored"}
    assert {row["confidence"] for row in silent} == {None}


def test_an_abstention_is_no_answer_and_other_is_one(lake):
    more = {"abstained": True, "reasons": ["blurred face"]}
    later = [score(A, T1, 10, 2, at("13:00"), **more), score(A, T2, 12, 2, at("13:00"), emotion="other")]
    put(lake.home / "lake", "segment_scores", f"{A}-v2-later", later, DAY_1)
    found = by_id(Days(lake).segments(DAY_1))
    assert (found[f"{T1}-10"]["answer"], found[f"{T1}-10"]["reasons"]) == ("abstained", ["blurred face"])
    assert not found[f"{T1}-10"]["disagree"]
    assert found[f"{T2}-12"]["answer"] == "other"


def test_only_files_of_the_day_that_changed_are_read(lake, monkeypatch):
    read = []
    whole = Lake.read
    monkeypatch.setattr(
        Lake,
        "read",
        lambda self, table, name, **more: (
            read.append((table, name, more["camera_day"])) or whole(self, table, name, **more)
        ),
    )
    days = Days(lake)
    days.segments(DAY_1)
    assert {day for _, _, day in read} == {DAY_1}
    count = len(read)
    assert count == 5  # two manifests, one file of segments, two of scores
    days.segments(DAY_1)
    days.segments(DAY_1, model_version=1)
    assert len(read) == count
    put(lake.home / "lake", "expression_segments", A, [segment(A, T1, 10, 15, 20)] * 2, DAY_1)
    days.segments(DAY_2)
    assert len(days.segments(DAY_1)) == 2
    assert read[count:] == [
        ("clip_manifest", C, DAY_2),
        ("expression_segments", C, DAY_2),
        ("segment_scores", f"{C}-v2", DAY_2),
        ("expression_segments", A, DAY_1),
    ]


def test_what_is_damaged_or_just_erased_hides_nothing_else(lake):
    days = Days(lake)
    assert len(days.segments(DAY_1)) == 3
    lake.path("segment_scores", f"{A}-v2", camera_day=DAY_1).write_bytes(b"PAR1")
    assert {row["model_version"] for row in days.segments(DAY_1)} == {1}
    lake.remove("clip_manifest", A, camera_day=DAY_1)
    assert days.segments(DAY_1) == []


def test_today_is_there_before_any_warehouse_is_built(tmp_path):
    put(tmp_path / "lake", "clip_manifest", A, [clip(A, "gate-01", at("08:15", 2))], DAY_1)
    put(tmp_path / "lake", "expression_segments", A, [segment(A, T1, 10, 15, 20)], DAY_1)
    (row,) = Days(Lake(UPath(tmp_path))).segments(DAY_1)
    assert (row["answer"], row["answers"], row["synthetic"]) == ("unscored", {}, False)


def test_who_asks_for_a_day_does_not_wait_for_another(lake, monkeypatch):
    reading, go_on, whole = Event(), Event(), Lake.read

    def read(self, table, name, **more):
        if more["camera_day"] == DAY_1:
            reading.set()
            assert go_on.wait(60)
        return whole(self, table, name, **more)

    monkeypatch.setattr(Lake, "read", read)
    days = Days(lake)
    with ThreadPoolExecutor(1) as other:
        theirs = other.submit(days.segments, DAY_1)
        assert reading.wait(60)
        assert len(days.segments(DAY_2)) == 1
        assert not theirs.done()
        go_on.set()
        assert len(theirs.result()) == 3
