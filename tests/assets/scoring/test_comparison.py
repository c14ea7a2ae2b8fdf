"""What two runs over the same clips say differently."""

from datetime import UTC, datetime

import pytest
from upath import UPath

from apexline.assets.lake import Lake
from apexline.assets.scoring.comparison import answers_of_lake, changed_answers, comparison_figures
from tests.assets.small_lake import row_of


def said(onset, answer, *, clip="a.mp4", track="t1", length=1.0):
    return {
        "clip": clip,
        "track": track,
        "onset_s": onset,
        "apex_s": onset + length / 2,
        "offset_s": onset + length,
        "answer": answer,
    }


FIRST = [said(0, "happy"), said(5, "angry"), said(9, "scared"), said(0, "calm", clip="b.mp4")]
SECOND = [said(0.2, "happy"), said(5, "abstained"), said(9.8, "scared"), said(0, "calm", clip="b.mp4")]


def test_what_is_gone_new_or_answered_otherwise_is_listed():
    found = [
        (row["onset_s"], row["change"], row["first"], row["second"]) for row in changed_answers(FIRST, SECOND)
    ]
    assert found == [
        (5, "answer", "angry", "abstained"),
        (9, "gone", "scared", ""),
        (9.8, "new", "", "scared"),
    ]


def test_figures_count_both_runs():
    assert comparison_figures(FIRST, SECOND) == {
        "segments of the first": 4,
        "segments of the second": 4,
        "in both": 3,
        "gone": 1,
        "new": 1,
        "other answer": 1,
        "apex moved by (s, mean)": pytest.approx(0.2 / 3),
    }


def test_two_equal_runs_differ_in_nothing():
    assert changed_answers(FIRST, FIRST) == []
    assert changed_answers([], []) == []


def test_segments_of_other_faces_are_never_the_same():
    other = [said(0, "happy", track="t2")]
    assert [row["change"] for row in changed_answers([said(0, "happy")], other)] == ["gone", "new"]


def test_the_newest_score_of_a_stored_segment_counts(tmp_path):
    lake, day, clip = Lake(UPath(tmp_path)), "2026-03-02_gate-03", "aaaa000011112222"
    lake.write("clip_manifest", clip, [row_of("clip_manifest", clip_id=clip)], stamp="s", camera_day=day)
    segments = [row_of("expression_segments", clip_id=clip, segment_id=each) for each in ("one", "two")]
    lake.write("expression_segments", clip, segments, stamp="s", camera_day=day)
    for number, emotion in enumerate(("happy", "angry"), start=1):
        row = row_of(
            "segment_scores",
            clip_id=clip,
            segment_id="one",
            emotion=emotion,
            abstained=False,
            scored_at=datetime(2026, 3, number, tzinfo=UTC),
        )
        lake.write("segment_scores", f"{clip}-v{number}-s", [row], stamp="s", camera_day=day)
    assert [row["answer"] for row in answers_of_lake(lake)] == ["angry", "unscored"]
