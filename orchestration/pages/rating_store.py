"""Consent and answers of raters in this installation's home: `LakeStore`.

Belongs here: the files under ``surveys/`` that the rating page writes. Stays out: what is shown (``rating_page``),
what is accepted (``survey.answers``), what ratings mean (``ml.surveys``).

An answer that was acknowledged lies in its file: the page of 200 raters at once is a few writes to the end of files,
not 200 files written anew. What was read is kept for as long as the file's state stands.
"""

import csv
import errno
import io
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from upath import UPath

from apexline.assets.lake import Lake
from apexline.assets.semantics import PAGE_PREFIX
from apexline.governance import SIGNED_IN, governance_folder, opaque, record
from apexline.ml.surveys import ANSWER_COLUMNS
from apexline.orchestration.occupancy import lock_path, working_beside
from apexline.orchestration.settings import Settings
from apexline.survey.contracts import Agreement, Consent

CONSENT_PREFIX = "consent-"  # JSON beside the answers, one per rater; no CSV, so no ratings
NOTES_PREFIX = "pages-"  # lines of JSON: how each page was answered
PLAN_FILE = "plan.json"
_KEPT_PATHS = _KEPT_CELLS = 4096
_HEADER = ",".join(ANSWER_COLUMNS)


_State = tuple[float, int] | None  # of a file: when it was changed, and its size


@dataclass(frozen=True)
class _Read:
    """What was read of a rater's answers: the file's state then, which segments, whether more can be added to it."""

    state: _State
    segments: frozenset[str]
    is_whole: bool


class LakeStore:
    """Consent and answers in ``surveys/``, a file of each for every rater."""

    def __init__(self, lake: Lake, settings: Settings):
        self._lake = lake
        self._lock = lock_path(settings)
        folder = lake.home / "surveys"
        # Each page asks for several files: a plain path is put together in a tenth of the time, and once.
        self._folder = Path(str(folder)) if isinstance(folder, Path) else folder
        self._file = lru_cache(_KEPT_PATHS)(self._folder.joinpath)
        self._read: dict[str, _Read] = {}
        self._consents: dict[str, tuple[_State, Consent]] = {}
        self._plan: tuple[_State, list[list[str]]] = (None, [])

    @property
    def is_near(self) -> bool:
        """Whether the home is a folder of this machine."""
        return isinstance(self._folder, Path)

    def writing(self) -> AbstractContextManager[None]:
        """Take part in the work on the home; ``BlockingIOError`` where an erasure works there."""
        return working_beside(self._lock, patience_s=0)

    def consent(self, rater: str) -> Consent | None:
        """Return a rater's stored consent."""
        path = self._consent_file(rater)
        state = _state_of(path)
        if state is None:
            return None
        known = self._consents.get(rater)
        if known is None or known[0] != state:
            stored = json.loads(path.read_text(encoding="utf-8"))
            given = tuple(Agreement(**each) for each in stored["given"])
            read = Consent(**{**stored, "given": given, "turned": tuple(stored.get("turned", ()))})
            known = self._consents[rater] = (state, read)
        return known[1]

    def keep_consent(self, consent: Consent) -> None:
        """Write ``surveys/consent-<rater>.json``, and record that a rater begins to look at faces."""
        home = self._lake.home
        rater = f"rater {opaque(governance_folder(home), consent.rater)}"
        record(home, "view", who=SIGNED_IN.get() or rater, why="rating", now=datetime.now(UTC))
        with self._lake.replacing(UPath(self._consent_file(consent.rater))) as file:
            file.write(json.dumps(asdict(consent), indent=1).encode())

    def blocks(self) -> Sequence[Sequence[str]]:
        """Return the plan of ``surveys/plan.json``, which `apexline survey plan --save` writes."""
        path = self._file(PLAN_FILE)
        state = _state_of(path)
        if state != self._plan[0]:
            text = _text_of(path)
            self._plan = (state, json.loads(text)["blocks"] if text else [])
        return self._plan[1]

    def taken_blocks(self) -> Iterator[int]:
        """Return the block of each rater whose consent stands."""
        for path in self._folder.glob(f"{CONSENT_PREFIX}*.json"):
            consent = self.consent(path.stem.removeprefix(CONSENT_PREFIX))
            if consent is not None and consent.block is not None:
                yield consent.block

    def note(self, rater: str, page: Mapping[str, Any]) -> None:
        """Add a line to ``surveys/pages-<rater>.jsonl``."""
        path = self._note_file(rater)
        line = json.dumps({"rater": rater, **page}) + "\n"
        if not isinstance(path, Path):
            path.write_text(_text_of(path) + line, encoding="utf-8")
            return
        _append(path, line.encode())

    def rated(self, rater: str) -> frozenset[str]:
        """Return the segments that a rater answered on the page."""
        return self._look(rater).segments

    def save(self, rows: list[dict[str, Any]]) -> None:
        """Add answers to ``surveys/page-<rater>.csv``."""
        rater = str(rows[0]["rater"])
        path, before = self._answer_file(rater), self._look(rater)
        if not isinstance(path, Path) or not before.is_whole:
            self._write(rater, [*self._answers(rater), *rows])
            return
        _append(path, _table(rows, header=before.state is None))
        added = before.segments | {str(row["segment"]) for row in rows}
        self._read[rater] = _Read(_state_of(path), added, is_whole=True)

    def answers(self, rater: str, segment: str) -> dict[str, int]:
        """Return what a rater answered to a segment on the page."""
        return {row["pair"]: int(row["level"]) for row in self._answers(rater) if row["segment"] == segment}

    def replace(self, rater: str, segment: str, rows: list[dict[str, Any]]) -> None:
        """Write ``surveys/page-<rater>.csv`` with other answers to a segment; the next `retrain` uses those."""
        others = [row for row in self._answers(rater) if row["segment"] != segment]
        self._write(rater, [*others, *rows])

    def forget(self, rater: str) -> None:
        """Delete a rater's answers, their copy in the lake, and then the consent to them."""
        self._answer_file(rater).unlink(missing_ok=True)
        self._note_file(rater).unlink(missing_ok=True)
        self._lake.remove("ratings", f"{PAGE_PREFIX}{rater}")
        self._consent_file(rater).unlink(missing_ok=True)
        self._read.pop(rater, None)
        self._consents.pop(rater, None)

    def _look(self, rater: str) -> _Read:
        path = self._answer_file(rater)
        state, known = _state_of(path), self._read.get(rater)
        if known is None or known.state != state:
            text = _text_of(path)
            segments = frozenset(row["segment"] for row in _rows(text))
            is_whole = state is None or (text.startswith(_HEADER + "\r\n") and text.endswith("\n"))
            known = self._read[rater] = _Read(state, segments, is_whole)
        return known

    def _write(self, rater: str, rows: Iterable[dict[str, Any]]) -> None:
        with self._lake.replacing(UPath(self._answer_file(rater))) as file:
            file.write(_table(rows, header=True))

    def _answers(self, rater: str) -> list[dict[str, str]]:
        return _rows(_text_of(self._answer_file(rater)))

    def _answer_file(self, rater: str) -> UPath | Path:
        return self._file(f"{PAGE_PREFIX}{rater}.csv")

    def _note_file(self, rater: str) -> UPath | Path:
        return self._file(f"{NOTES_PREFIX}{rater}.jsonl")

    def _consent_file(self, rater: str) -> UPath | Path:
        return self._file(f"{CONSENT_PREFIX}{rater}.json")


def _append(path: Path, data: bytes) -> None:
    """Add to a file by one write: a server that is killed has written all of it or nothing."""
    try:
        file = path.open("ab", buffering=0)
    except FileNotFoundError:
        path.parent.mkdir(exist_ok=True)
        file = path.open("ab", buffering=0)
    with file:
        size = os.fstat(file.fileno()).st_size
        if file.write(data) < len(data):
            os.ftruncate(file.fileno(), size)  # a part of a page would count as its answers
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))


def _state_of(path: UPath | Path) -> _State:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_mtime, found.st_size


def _text_of(path: UPath | Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return ""


def _rows(text: str) -> list[dict[str, str]]:
    """Return the rows of a table; a last line that a machine's end cut off was never acknowledged."""
    whole = text[: text.rfind("\n") + 1]
    return list(csv.DictReader(io.StringIO(whole)))


def _table(rows: Iterable[dict[str, Any]], *, header: bool) -> bytes:
    lines = [ANSWER_COLUMNS] if header else []
    lines += [[_cell(str(row[name])) for name in ANSWER_COLUMNS] for row in rows]
    return "".join(",".join(line) + "\r\n" for line in lines).encode()


@lru_cache(_KEPT_CELLS)
def _cell(said: str) -> str:
    """Return a value as a CSV holds it; the names of pairs come again on every page."""
    text = io.StringIO()
    csv.writer(text).writerow([said])
    return text.getvalue().removesuffix("\r\n")
