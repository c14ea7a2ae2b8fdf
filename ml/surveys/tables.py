"""Tables of answers as survey tools really write them: encodings, separators, quotes, and what can't be read.

Belongs here: bytes to rows of text with their line numbers, within bounds. Stays out: what the columns mean
(``ratings``, ``forms``).

Read are UTF-8 (with a byte-order mark or without), UTF-16 with one, and else Windows-1252; commas, semicolons and
tabs; columns in any order, their names in upper or lower case. A line that can't be read is listed, and the next one
is read again: a quote that nobody closes costs one line, not the rest of the file.
"""

from __future__ import annotations

import codecs
import csv
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

# About a million answers. Larger than any survey at hand by far, and what one import may hold in memory.
MAX_BYTES = 32 * 2**20
_SEPARATORS = (",", ";", "\t")
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_SHOWN = 60


@dataclass(frozen=True)
class AnswerTable:
    """The rows of a file, as text.

    Parameters
    ----------
    name : str
        The file's name, for messages.
    header : tuple of str
        Names of the columns.
    rows : tuple of (int, list of str)
        Line at which each row begins (the header's is the first), and its fields, as many as in `header`.
    torn : tuple of (int, list of str, str)
        Rows that could not be read: line, fields, reason.
    separator : str
        What stands between fields.
    """

    name: str
    header: tuple[str, ...]
    rows: tuple[tuple[int, list[str]], ...]
    torn: tuple[tuple[int, list[str], str], ...]
    separator: str

    def number(self, text: str) -> str:
        """Return a number with a point: where semicolons separate, a comma may be the decimal one."""
        return text if self.separator == "," else text.replace(",", ".")

    def place(self, column: str) -> int:
        """Return which field holds a column that `read_table` was asked for."""
        return _place(self.header, column)


def read_table(path: str | Path, needed: Sequence[str]) -> AnswerTable:
    """Read a table of answers.

    Parameters
    ----------
    path : str or Path
        CSV with a header.
    needed : sequence of str
        Columns that must be there.

    Returns
    -------
    AnswerTable
        Rows, and those that could not be read.

    Raises
    ------
    ValueError
        If the file is too large, is no text, or its header lacks a column or names one twice.
    """
    path = Path(path)
    lines = _lines(read_text(path))
    first = next((k for k, line in enumerate(lines) if line.strip() and not _is_hint(line)), len(lines))
    separator, header = _header(lines[first] if first < len(lines) else "", needed)
    missing = [name for name in needed if not _places(header, name)]
    if missing:
        msg = (
            f"{path.name}, line {first + 1}: the header {[shorten(name) for name in header[:20]]} lacks {missing}; "
            f"expected the columns {list(needed[:20])}, separated by commas, semicolons or tabs; rename or add them"
        )
        raise ValueError(msg)
    twice = [name for name in needed if len(_places(header, name)) > 1]
    if twice:
        msg = (
            f"{path.name}, line {first + 1}: the header names {twice} more than once; keep one column of each"
        )
        raise ValueError(msg)
    rows: list[tuple[int, list[str]]] = []
    torn: list[tuple[int, list[str], str]] = []
    for number, fields, reason in _records(lines, first + 1, separator, len(header)):
        if reason:
            torn.append((number, [shorten(field) for field in fields], reason))
        else:
            rows.append((number, fields))
    return AnswerTable(path.name, tuple(header), tuple(rows), tuple(torn), separator)


def without_rows(path: Path, column: str, is_doomed: Callable[[str, str], bool]) -> tuple[str, int]:
    """Return a table's text without some of its rows; every other line stays as it was written.

    Parameters
    ----------
    path : Path
        CSV with a header.
    column : str
        A column that must be there.
    is_doomed : callable
        ``is_doomed(value, text)`` of a row: its field in `column`, empty where the row can't be read, and its lines.

    Returns
    -------
    text : str
    count : int
        Rows left out.

    Raises
    ------
    ValueError
        As `read_table`.
    """
    table = read_table(path, [column])
    lines = _lines(read_text(path))
    values = {number: fields[table.place(column)] for number, fields in table.rows}
    starts = sorted({*values, *(number for number, _, _ in table.torn)})
    doomed = [
        (start, stop)
        for start, stop in zip(starts, [*starts[1:], len(lines) + 1], strict=True)
        if is_doomed(values.get(start, ""), "".join(lines[start - 1 : stop - 1]))
    ]
    gone = {number for start, stop in doomed for number in range(start, stop)}
    kept = [line for number, line in enumerate(lines, 1) if number not in gone]
    return "".join(kept), len(doomed)


def read_text(path: Path) -> str:
    """Return a file's text, whatever it was written with.

    Raises
    ------
    ValueError
        If it is larger than `MAX_BYTES`, or no text.
    """
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        msg = f"{path.name} is larger than {MAX_BYTES >> 20} MiB; split it into several files"
        raise ValueError(msg)
    try:
        return data.decode("utf-16" if data.startswith(_UTF16) else _eight_bit(data))
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        msg = (
            f"{path.name}, line {line}: saw the byte 0x{data[error.start]:02x}, which is no text in UTF-8, UTF-16 or "
            "Windows-1252; save the table as CSV in UTF-8"
        )
        raise ValueError(msg) from error


def _eight_bit(data: bytes) -> str:
    try:
        data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8-sig"


def shorten(text: str) -> str:
    """Return a text as a message can show it."""
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}... ({len(text)} characters)"


def plain(text: str) -> str:
    """Return a name in the one form that counts: composed (NFC), without blanks around it."""
    return unicodedata.normalize("NFC", text).strip()


def _lines(text: str) -> list[str]:
    # Not str.splitlines, which also splits at separators that a name may hold (U+2028, form feeds).
    return re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+$", text)


def _is_hint(line: str) -> bool:
    return bool(re.fullmatch(r'"?sep=.?"?\s*', line, flags=re.IGNORECASE))  # for spreadsheets


def _header(line: str, needed: Sequence[str]) -> tuple[str, list[str]]:
    """Return the separator by which most of the columns are found, and the columns."""
    found: list[tuple[str, list[str]]] = []
    for separator in _SEPARATORS:
        try:
            names = next(csv.reader([line], delimiter=separator), [])
        except csv.Error:  # a field of more than 131,072 characters: no header by this separator
            names = []
        found.append((separator, [plain(name) for name in names]))
    return max(found, key=lambda each: sum(bool(_places(each[1], name)) for name in needed))


def _places(header: Sequence[str], column: str) -> list[int]:
    exact = [k for k, name in enumerate(header) if name == plain(column)]
    return exact or [k for k, name in enumerate(header) if name.casefold() == plain(column).casefold()]


def _place(header: Sequence[str], column: str) -> int:
    return _places(header, column)[0]


def _records(
    lines: Sequence[str], start: int, separator: str, expected: int
) -> Iterator[tuple[int, list[str], str]]:
    """Yield line number, fields and, where they are of no use, the reason."""
    while start < len(lines):
        reader = csv.reader(_from(lines, start), delimiter=separator)
        try:
            fields = next(reader)
            reason = ""
        except csv.Error as error:
            fields, reason = lines[start].split(separator), f"{error}; shorten it or close its quote"
        fields = _without_empty_end(fields, expected)
        if not reason and fields and len(fields) != expected:
            reason = f"saw {len(fields)} fields, expected {expected}"
            if reader.line_num > 1:
                reason += f"; a quote is open to line {start + reader.line_num}, close it"
        if not reason and any("\0" in field for field in fields):
            reason = "saw a NUL byte, expected text; save the table again as CSV in UTF-8"
        if fields:
            yield start + 1, fields, reason
        start += 1 if reason else reader.line_num


def _from(lines: Sequence[str], start: int) -> Iterable[str]:
    return (lines[k] for k in range(start, len(lines)))


def _without_empty_end(fields: list[str], expected: int) -> list[str]:
    """Drop what a spreadsheet adds to the right of a table, and rows of nothing."""
    if not any(field.strip() for field in fields):
        return []
    while len(fields) > expected and not fields[-1].strip():
        fields = fields[:-1]
    return fields
