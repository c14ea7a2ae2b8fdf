"""Segments as other programs read them: CSV, JSON, and the columns that the timeline's script draws.

Belongs here: formats. Stays out: which segments (``filters``).
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from datetime import datetime
from heapq import heappop, heappush
from typing import Any

from apexline.review.archive import Row
from apexline.review.filters import ANSWERS


def as_csv(rows: Sequence[Row]) -> str:
    """Return a table with a line for each segment; lists are joined by semicolons, times are ISO 8601 in UTC."""
    if not rows:
        return ""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\r\n")
    writer.writeheader()
    writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
    return text.getvalue()


def as_json(rows: Sequence[Row]) -> str:
    """Return an array with an object for each segment."""
    return json.dumps(list(rows), default=_plain, allow_nan=False)


def as_columns(rows: Sequence[Row]) -> str:
    """Return what the timeline draws: milliseconds from the first onset, lane, answer and confidence, by column."""
    if not rows:
        return json.dumps({"start": 0, "lanes": 0, "answers": ANSWERS, "id": []})
    start = _ms(rows[0]["onset_at"])
    places = lanes(rows)
    columns: dict[str, Any] = {
        "start": start,
        "lanes": max(places) + 1,
        "answers": ANSWERS,
        "id": [row["segment_id"] for row in rows],
        "from": [_ms(row["onset_at"]) - start for row in rows],
        "to": [_ms(row["offset_at"]) - start for row in rows],
        "lane": places,
        "answer": [ANSWERS.index(row["answer"]) for row in rows],
        "reviewed": [{"": 0, "disputed": 2}.get(row["reviewed"], 1) for row in rows],
        "confidence": [None if row["confidence"] is None else round(row["confidence"], 3) for row in rows],
    }
    return json.dumps(columns, separators=(",", ":"))


def lanes(rows: Sequence[Row]) -> list[int]:
    """Return the line on which each segment is drawn: none covers another, and a face keeps its line.

    Parameters
    ----------
    rows : sequence of dict
        In the order of their onset.
    """
    ends: dict[str, datetime] = {}
    for row in rows:
        ends[row["track_id"]] = max(row["offset_at"], ends.get(row["track_id"], row["offset_at"]))
    free: list[int] = []
    busy: list[tuple[datetime, int]] = []
    place: dict[str, int] = {}
    for row in rows:
        track = row["track_id"]
        if track in place:
            continue
        while busy and busy[0][0] < row["onset_at"]:
            heappush(free, heappop(busy)[1])
        place[track] = heappop(free) if free else len(busy)
        heappush(busy, (ends[track], place[track]))
    return [place[row["track_id"]] for row in rows]


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def _cell(value: Any) -> Any:
    if isinstance(value, list):
        return ";".join(map(str, value))
    if isinstance(value, dict):
        return ";".join(f"{name}={each}" for name, each in value.items())
    return value.isoformat() if isinstance(value, datetime) else value


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    msg = f"saw a {type(value).__name__}, expected what JSON knows, or a time"
    raise TypeError(msg)
