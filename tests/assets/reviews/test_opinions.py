"""What people said: what can be meant, what stands, on what they agree; nothing is ever overwritten."""

from dataclasses import replace

import pytest
from upath import UPath

from apexline.assets.lake.storage import Lake
from apexline.assets.reviews.days import Days
from apexline.assets.reviews.opinions import (
    Review,
    by_segment,
    keep_review,
    label_of,
    settle,
    standing,
    undo_review,
)
from tests.assets.small_lake import DAY_1, T1, A, at, review, write_lake

SAID = Review(A, T1, f"{T1}-10", "angry", 9, 15, 22, "otter", "brows", "uncertain", 2, "calm")


@pytest.fixture
def lake(tmp_path):
    write_lake(tmp_path)
    return Lake(UPath(tmp_path))


def rows(lake):
    return lake.read_all("reviews").to_pylist()


def test_a_review_keeps_who_when_why_what_was_shown_and_where_the_face_is(lake):
    review_id = keep_review(lake, DAY_1, SAID)
    (row,) = rows(lake)
    assert row["review_id"] == review_id
    assert review_id.startswith(f"{A}-r")
    assert (row["verdict"], row["emotion"], row["reviewer"], row["reason"]) == (
        "expression",
        "angry",
        "otter",
        "brows",
    )
    assert (row["onset"], row["apex"], row["offset"], row["onset_s"], row["offset_s"]) == (
        9,
        15,
        22,
        0.36,
        0.88,
    )
    assert (row["x"], row["y"], row["w"], row["h"]) == (10, 10, 40, 40)
    assert (row["shown_as"], row["model_version"], row["answer"], row["synthetic"]) == (
        "uncertain",
        2,
        "calm",
        True,
    )
    assert row["reviewed_at"].tzinfo


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"label": "sad"}, "expected one of happy"),
        ({"onset": 16}, "expected them in this order"),
        ({"offset": 70}, "seen in 0 to 69"),
        ({"track_id": "ffffffffffff"}, "it is not there"),
        ({"reviewer": "Otter Seven"}, "expected 1 to 32 letters"),
        ({"reason": "x" * 501}, "at most 500"),
        ({"shown_as": "guess"}, "expected one of opened"),
    ],
)
def test_what_can_not_be_meant_is_not_kept(lake, change, expected):
    with pytest.raises(ValueError, match=expected):
        keep_review(lake, DAY_1, replace(SAID, **change))
    assert rows(lake) == []


@pytest.mark.parametrize("label", ["no_expression", "not_a_face", "other", "calm"])
def test_labels_are_verdicts_with_an_emotion_or_without(lake, label):
    keep_review(lake, DAY_1, replace(SAID, label=label))
    (row,) = rows(lake)
    assert label_of(row) == label
    assert (row["emotion"] is None) == (label in ("no_expression", "not_a_face"))


def test_the_last_word_of_each_person_stands_and_all_are_kept(lake):
    keep_review(lake, DAY_1, SAID)
    keep_review(lake, DAY_1, replace(SAID, label="scared"))
    keep_review(lake, DAY_1, replace(SAID, reviewer="heron"))
    assert [(row["reviewer"], label_of(row)) for row in standing(rows(lake))] == [
        ("otter", "scared"),
        ("heron", "angry"),
    ]
    assert len(rows(lake)) == 3


def test_an_undo_brings_back_what_stood_before(lake):
    keep_review(lake, DAY_1, SAID)
    second = keep_review(lake, DAY_1, replace(SAID, label="scared"))
    with pytest.raises(LookupError, match="no review"):
        undo_review(lake, DAY_1, second, reviewer="heron")
    undo_review(lake, DAY_1, second, reviewer="otter")
    assert [label_of(row) for row in standing(rows(lake))] == ["angry"]
    with pytest.raises(LookupError, match="may have been taken back"):
        undo_review(lake, DAY_1, second, reviewer="otter")
    undo_review(lake, DAY_1, standing(rows(lake))[0]["review_id"], reviewer="otter")
    assert standing(rows(lake)) == []
    assert len(rows(lake)) == 4


def test_people_settle_on_what_they_agree_and_two_may_disagree():
    said = [
        review(A, T1, "angry", "otter", at("10:00"), onset=8, apex=14, offset=20),
        review(A, T1, "angry", "heron", at("10:01"), onset=10, apex=15, offset=24),
        review(A, T1, "angry", "crane", at("10:02"), onset=11, apex=15, offset=30),
    ]
    (reviews,) = by_segment(said).values()
    settled = settle(reviews)
    assert (settled.label, settled.onset, settled.apex, settled.offset) == ("angry", 10, 15, 24)
    assert settled.review_ids == tuple(row["review_id"] for row in said)
    said.append(review(A, T1, "scared", "heron", at("11:00")))
    assert settle(by_segment(said)[f"{T1}-10"]) is None


def test_a_day_shows_reviews_and_drawn_segments(lake):
    days = Days(lake)
    assert {row["reviewed"] for row in days.segments(DAY_1)} == {""}
    keep_review(lake, DAY_1, SAID)
    keep_review(lake, DAY_1, replace(SAID, segment_id="", label="other", onset=62, apex=64, offset=66))
    found = {row["segment_id"]: row for row in days.segments(DAY_1)}
    assert (found[f"{T1}-10"]["reviewed"], found[f"{T1}-10"]["reviewed_as"]) == ("angry", {"otter": "angry"})
    drawn = found[f"{T1}-drawn-62"]
    assert (drawn["drawn"], drawn["answer"], drawn["reviewed"], drawn["onset_s"]) == (
        True,
        "unscored",
        "other",
        2.48,
    )
    keep_review(lake, DAY_1, replace(SAID, reviewer="heron", label="not_a_face"))
    assert {row["segment_id"]: row for row in days.segments(DAY_1)}[f"{T1}-10"]["reviewed"] == "disputed"
    assert [row["label"] for row in days.reviews(DAY_1, f"{T1}-10")] == ["angry", "not_a_face"]
