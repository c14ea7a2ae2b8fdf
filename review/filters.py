"""Which segments of a day are shown: what stands in the address of a timeline.

Belongs here: reading the address, choosing rows, writing the address of another view. Stays out: pages (``app``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time
from urllib.parse import urlencode

from apexline.review.archive import Row

# In the order of the legend; "other" is a change of expression that is none of the four.
ANSWERS = ("happy", "angry", "calm", "scared", "other", "abstained", "unscored")
REVIEWED = ("yes", "no", "disputed")
PER_PAGE = 100


@dataclass(frozen=True)
class Filters:
    """What a person asked to see.

    Attributes
    ----------
    answers : tuple of str
        Of `ANSWERS`; empty for all.
    model_version : int or None
        Whose answers; None for the champion's.
    reviewed : str
        Of `REVIEWED`; empty for all.
    since, until : time or None
        Part of the day, UTC; None for its first and last segment.
    page : int
        Of the table, from 1.
    """

    answers: tuple[str, ...] = ()
    model_version: int | None = None
    reviewed: str = ""
    since: time | None = None
    until: time | None = None
    page: int = 1

    @classmethod
    def read(cls, query: Sequence[tuple[str, str]]) -> Filters:
        """Return what an address asks for.

        Raises
        ------
        ValueError
            Where a value is none of those expected.
        """
        fields = {name: value for name, value in query if value}
        answers = tuple(dict.fromkeys(value for name, value in query if name == "answer" and value))
        unknown = sorted(set(answers) - set(ANSWERS))
        if unknown:
            msg = f"saw the answer {unknown[0]!r}, expected some of {', '.join(ANSWERS)}"
            raise ValueError(msg)
        reviewed = fields.get("reviewed", "")
        if reviewed and reviewed not in REVIEWED:
            msg = f"saw reviewed {reviewed!r}, expected one of {', '.join(REVIEWED)}"
            raise ValueError(msg)
        return cls(
            answers,
            _number(fields, "version") if "version" in fields else None,
            reviewed,
            _time(fields, "from"),
            _time(fields, "to"),
            _number(fields, "page") if "page" in fields else 1,
        )

    def in_part(self, rows: Sequence[Row]) -> list[Row]:
        """Return the rows that lie in the part of the day that is looked at, in part at least."""
        if self.since is None and self.until is None:
            return list(rows)
        since, until = self.since or time.min, self.until or time.max
        return [row for row in rows if _clock(row["offset_at"]) >= since and _clock(row["onset_at"]) <= until]

    def chosen(self, rows: Sequence[Row]) -> list[Row]:
        """Return the rows that are asked for, of the whole day."""
        return [
            row
            for row in rows
            if (not self.answers or row["answer"] in self.answers) and self._is_reviewed_as_asked(row)
        ]

    def _is_reviewed_as_asked(self, row: Row) -> bool:
        said = row["reviewed"]
        return {"": True, "yes": bool(said), "no": not said, "disputed": said == "disputed"}[self.reviewed]

    def address(self, **changes: object) -> str:
        """Return the query of this view, or of one that differs, without the question mark."""
        other = replace(self, **{"page": 1, **changes})  # pyright: ignore[reportArgumentType]
        pairs = [("answer", answer) for answer in other.answers]
        named = {
            "version": other.model_version,
            "reviewed": other.reviewed or None,
            "from": other.since,
            "to": other.until,
        }
        pairs += [(name, str(value)) for name, value in named.items() if value is not None]
        return urlencode([*pairs, *([("page", str(other.page))] if other.page > 1 else [])])


def span_of(rows: Sequence[Row]) -> tuple[datetime, datetime]:
    """Return when the first of some segments begins and the last ends; there has to be one."""
    return rows[0]["onset_at"], max(row["offset_at"] for row in rows)


def _clock(moment: datetime) -> time:
    return moment.astimezone(UTC).time()


def _number(fields: Mapping[str, str], name: str) -> int:
    text = fields[name]
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text)):
        msg = f"saw {name} {text!r}, expected a number from 1"
        raise ValueError(msg)
    return int(text)


def _time(fields: Mapping[str, str], name: str) -> time | None:
    if name not in fields:
        return None
    try:
        found = time.fromisoformat(fields[name])
    except ValueError as error:
        msg = f"saw {name} {fields[name]!r}, expected a time of the day such as 08:15:30 (UTC)"
        raise ValueError(msg) from error
    return found.replace(tzinfo=None)
