"""Reviews in the warehouse: the last word of each person, disagreement, how well segments were found."""

import pytest

from apexline.assets.publishing.warehouse_build import build_warehouse
from tests.assets.small_lake import DAY_1, T1, T2, T4, A, B, ask, at, put, review, segment, write_lake


@pytest.fixture
def warehouse(tmp_path):
    lake = write_lake(tmp_path)
    first = review(A, T1, "angry", "otter", at("10:00"), shown_as="audit", answer="calm")
    said = [
        first,
        review(A, T1, "undo", "otter", at("10:05"), undoes=first["review_id"]),
        review(A, T1, "calm", "otter", at("10:06"), shown_as="audit", answer="calm"),
        review(A, T2, "happy", "otter", at("10:07"), segment_id=f"{T2}-12", shown_as="uncertain", answer="happy"),
        review(A, T2, "scared", "heron", at("10:08"), segment_id=f"{T2}-12", shown_as="opened", answer="happy"),
        review(A, T1, "no_expression", "heron", at("10:09"), segment_id=f"{T1}-40", shown_as="audit", answer="happy"),
        review(A, T1, "other", "heron", at("10:10"), segment_id=f"{T1}-drawn-62", shown_as="drawn"),
    ]  # fmt: skip
    for row in said:
        put(lake, "reviews", f"{row['review_id']}{row['segment_id']}", [row], DAY_1)
    build_warehouse(lake, tmp_path / "warehouse.duckdb")
    return tmp_path / "warehouse.duckdb"


def test_the_last_word_of_each_person_stands(warehouse):
    assert ask(
        warehouse,
        "select segment_id, reviewer, emotion, verdict, disputed, camera from reviews order by 1, 2",
    ) == [
        (f"{T1}-10", "otter", "calm", "expression", False, "gate-01"),
        (f"{T1}-40", "heron", None, "no_expression", False, "gate-01"),
        (f"{T1}-drawn-62", "heron", "other", "expression", False, "gate-01"),
        (f"{T2}-12", "heron", "scared", "expression", True, "gate-01"),
        (f"{T2}-12", "otter", "happy", "expression", True, "gate-01"),
    ]


def test_what_was_found_is_counted_by_how_it_came_up_without_what_is_disputed(warehouse):
    query = "select shown_as, segments, hits, false_alarms, misses, confirmed, corrected from review_summary"
    assert ask(warehouse, query) == [("audit", 2, 1, 1, 0, 1, 0), ("drawn", 1, 0, 0, 1, 0, 0)]


def test_what_reviewers_agree_on_is_spotting_truth_where_nothing_is_annotated(tmp_path):
    lake = write_lake(tmp_path)
    found = [segment(B, T4, 10, 12, 16), segment(B, T4, 20, 22, 30), segment(B, T4, 40, 42, 48)]
    put(lake, "expression_segments", B, found, DAY_1)
    said = [
        review(B, T4, "happy", "otter", at("10:00"), onset=9, apex=12, offset=16),
        review(B, T4, "happy", "heron", at("10:01"), onset=11, apex=12, offset=18),
        review(B, T4, "not_a_face", "otter", at("10:02"), segment_id=f"{T4}-20"),
        review(
            B, T4, "other", "otter", at("10:03"), segment_id=f"{T4}-drawn-33", onset=33, apex=34, offset=38
        ),
        review(A, T1, "no_expression", "otter", at("10:04")),  # an annotated clip
    ]
    for row in said:
        put(lake, "reviews", f"{row['review_id']}{row['segment_id']}", [row], DAY_1)
    before = "select * from spotting_summary"
    build_warehouse(lake, tmp_path / "warehouse.duckdb")
    query = """
        select annotation_id, segment_id, outcome, emotion, length, truth_onset, truth_offset, len(review_ids)
        from spotting_truth where source = 'review' order by coalesce(truth_onset, found_onset)
    """
    assert ask(tmp_path / "warehouse.duckdb", query) == [
        (f"{T4}-10", f"{T4}-10", "hit", "happy", "micro", 9, 16, 2),
        (None, f"{T4}-20", "false_alarm", None, "micro", None, None, 1),
        (f"{T4}-drawn-33", None, "miss", "other", "micro", 33, 38, 1),
    ]
    assert {row[0] for row in ask(tmp_path / "warehouse.duckdb", "select clip_id from spotting_truth")} > {A}
    plain = write_lake(tmp_path / "plain")
    put(plain, "expression_segments", B, found, DAY_1)
    build_warehouse(plain, tmp_path / "plain.duckdb")
    assert ask(tmp_path / "plain.duckdb", before) == ask(tmp_path / "warehouse.duckdb", before)
