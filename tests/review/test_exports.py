"""Segments as CSV, JSON and columns."""

import csv
import io
import json

from apexline.review.exports import as_columns, as_csv, as_json, lanes
from tests.review.archive import segment

ROWS = [segment(0, "happy"), segment(1.5, "abstained"), segment(2, "unscored", track="bb")]


def test_every_column_comes_to_csv_and_json():
    rows = list(csv.DictReader(io.StringIO(as_csv(ROWS))))
    assert [row["answer"] for row in rows] == ["happy", "abstained", "unscored"]
    assert rows[0]["onset_at"] == "2026-03-02T08:00:00+00:00"
    assert (rows[1]["reasons"], rows[1]["answers"]) == ("low confidence", "3=abstained")
    stored = json.loads(as_json(ROWS))
    assert list(stored[0]) == list(ROWS[0]) == list(rows[0])
    assert (stored[2]["emotion"], stored[2]["answers"]) == (None, {})
    assert (as_csv([]), json.loads(as_json([]))) == ("", [])


def test_columns_hold_what_is_drawn():
    columns = json.loads(as_columns(ROWS))
    assert columns["id"] == ["aa-0", "aa-15", "bb-20"]
    assert (columns["from"], columns["to"]) == ([0, 1500, 2000], [1000, 2500, 3000])
    assert [columns["answers"][k] for k in columns["answer"]] == ["happy", "abstained", "unscored"]
    assert (columns["lane"], columns["lanes"]) == ([0, 0, 1], 2)
    assert columns["confidence"] == [0.25, 0.25, None]
    assert json.loads(as_columns([]))["id"] == []


def test_a_face_keeps_its_lane_and_none_covers_another():
    rows = [
        segment(0, "happy", track="aa"),
        segment(0.5, "happy", track="bb"),
        segment(3, "happy", track="aa"),
        segment(3.5, "happy", track="cc"),  # bb has gone, aa has not
        segment(9, "happy", track="dd"),
    ]
    assert lanes(rows) == [0, 1, 0, 1, 0]


def test_lanes_of_many_never_overlap():
    rows = [segment(k % 50 / 3, "calm", track=f"t{k}", length_s=1 + k % 7) for k in range(300)]
    rows.sort(key=lambda row: row["onset_at"])
    ends = {}
    for lane, row in zip(lanes(rows), rows, strict=True):
        assert ends.get(lane, row["onset_at"]) <= row["onset_at"]
        ends[lane] = row["offset_at"]
