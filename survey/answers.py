"""What raters agreed to and answered: consent first, each answer once, nothing after a withdrawal.

Belongs here: the scales, what comes next for each rater, what is accepted. Stays out: pages and cookies
(``survey.app``), sessions (``survey.sessions``), where stimuli come from and where answers lie (the caller passes both
in), what ratings mean (``ml.surveys.ratings``).
"""

import hashlib
import hmac
import re
from collections.abc import Generator, Iterable, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from threading import Lock
from typing import Any, Protocol

from starlette.exceptions import HTTPException

from apexline.survey.sessions import hash_return_key, new_return_key

LEVELS: tuple[str, ...] = ("1", "2", "3", "4", "5")
_RATER = re.compile(r"[A-Za-z0-9_-]{1,32}")


@dataclass(frozen=True)
class Scale:
    """An adjective pair as raters see it.

    Parameters
    ----------
    pair : str
        Identifier that is saved.
    first, second : str
        Adjective at level 1 and at level 5.
    """

    pair: str
    first: str
    second: str

    @property
    def wordings(self) -> tuple[str, str, str, str, str]:
        """Spoken name of each level, 1 to 5."""
        return (
            f"strongly {self.first}",
            f"slightly {self.first}",
            "neither",
            f"slightly {self.second}",
            f"strongly {self.second}",
        )


@dataclass(frozen=True)
class Agreement:
    """One time that a rater agreed.

    Attributes
    ----------
    at : str
        When, ISO 8601 in UTC.
    text_sha256, text : str
        What was shown and agreed to, HTML, and its hash.
    """

    at: str
    text_sha256: str
    text: str


@dataclass(frozen=True)
class Consent:
    """That a rater takes part.

    Attributes
    ----------
    rater : str
        The code.
    return_key_sha256 : str
        Of the key by which the rater can come back.
    given : tuple of Agreement
        The first, and one more for each other text that the rater agreed to later.
    """

    rater: str
    return_key_sha256: str
    given: tuple[Agreement, ...]


class Stimuli(Protocol):
    """What is rated. Asked anew on every request, so that new segments appear while the page runs."""

    def segments(self) -> Sequence[str]:
        """Return the identifiers of all segments to rate, the same object as long as they are the same."""
        ...

    def loop(self, segment: str) -> bytes:
        """Return a looping GIF, PNG or WebP image of a segment; raises ``LookupError`` where it is gone."""
        ...


class Store(Protocol):
    """Where consent and answers are kept. What a method raises the rater sees as a server error, and can try again."""

    def writing(self) -> AbstractContextManager[None]:
        """Keep others from erasing beside what is checked and written; ``BlockingIOError`` while they do."""
        ...

    def consent(self, rater: str) -> Consent | None:
        """Return the consent of a rater, None without one."""
        ...

    def keep_consent(self, consent: Consent) -> None:
        """Keep a consent, in place of the rater's earlier one."""
        ...

    def rated(self, rater: str) -> Iterable[str]:
        """Return the segments that a rater has answers to."""
        ...

    def save(self, rows: list[dict[str, Any]]) -> None:
        """Keep the answers of one page: rater, segment, pair and level (int, 1..5) of each answered pair."""
        ...

    def answers(self, rater: str, segment: str) -> dict[str, int]:
        """Return the level by pair that a rater gave to a segment."""
        ...

    def replace(self, rater: str, segment: str, rows: list[dict[str, Any]]) -> None:
        """Keep the answers of a page, which may be none, in the place of the rater's earlier ones to the segment."""
        ...

    def forget(self, rater: str) -> None:
        """Erase a rater's answers and consent."""
        ...


@dataclass
class Survey:
    """Who takes part, who has rated what, and what comes next.

    Parameters
    ----------
    stimuli : Stimuli
    scales : sequence of Scale
    store : Store
        Written to by one thread at a time.
    text : str
        What raters are shown and agree to, HTML.
    """

    stimuli: Stimuli
    scales: Sequence[Scale]
    store: Store
    text: str
    _submitted: dict[str, set[str]] = field(default_factory=dict)
    _known: tuple[Sequence[str], frozenset[str]] = ((), frozenset())
    _last: dict[str, str] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def take_in(self, rater: str, key: str) -> str:
        """Store that a rater agreed, and return the rater's key.

        Parameters
        ----------
        rater : str
            A code that nobody has, or one that comes with its key.
        key : str
            The return key; empty for a code that begins.
        """
        if not _RATER.fullmatch(rater):
            raise HTTPException(422, "A code has 1 to 32 letters, digits, hyphens or underscores.")
        with self._writing():
            standing = self.store.consent(rater)
            if key:
                if standing is None or not _belongs(key, standing):
                    raise HTTPException(403, "This code and this return key do not belong together.")
                if standing.given[-1].text_sha256 != self._agreement.text_sha256:
                    self.store.keep_consent(replace(standing, given=(*standing.given, self._agreement)))
                return key
            if standing is not None or any(True for _ in self.store.rated(rater)):
                raise HTTPException(
                    409,
                    f"The code {rater} is in use. If it is yours, enter its return key, too. If you have lost that, "
                    "begin with another code, or ask whoever invited you to erase what is stored under this one.",
                )
            key = new_return_key()
            self.store.keep_consent(Consent(rater, hash_return_key(key), (self._agreement,)))
            return key

    @property
    def _agreement(self) -> Agreement:
        text_hash = hashlib.sha256(self.text.encode()).hexdigest()
        return Agreement(datetime.now(UTC).isoformat(timespec="seconds"), text_hash, self.text)

    def withdraw(self, rater: str) -> None:
        """Erase what a rater answered and agreed to; a page that is still on its way is not taken any more."""
        with self._writing():
            self.store.forget(rater)
            self._submitted.pop(rater, None)
            self._last.pop(rater, None)

    def done(self, rater: str) -> set[str]:
        """Segments that a rater has finished, those left wholly unanswered included."""
        return (set(self.store.rated(rater)) | self._submitted.get(rater, set())) & self._segments()

    def next_segment(self, rater: str) -> str | None:
        """Return the segment to show next, None when all are done."""
        # Each rater has an order of their own: a few who stop early still cover all segments, and tiredness
        # does not always meet the same ones.
        remaining = self._segments() - self.done(rater)
        return min(remaining, key=lambda segment: _draw(rater, segment), default=None)

    def _segments(self) -> frozenset[str]:
        named = self.stimuli.segments()
        if named is not self._known[0]:  # a set of thousands is not made for each page
            self._known = (named, frozenset(named))
        return self._known[1]

    def scales_for(self, rater: str) -> list[Scale]:
        """Pairs in the rater's own order, the same on every page."""
        return sorted(self.scales, key=lambda scale: _draw(rater, scale.pair))

    def check_segment(self, segment: str) -> None:
        """Refuse what is no segment to rate."""
        if segment not in self._segments():
            raise HTTPException(404, f"There is no segment {segment} to rate.")

    def submit(self, rater: str, key: str, segment: str, answers: Sequence[tuple[str, Any]]) -> None:
        """Save one page's answers, once, and only while the consent stands that the rater's key belongs to."""
        rows = self._rows(rater, segment, answers)
        with self._writing():
            self._check_consent(rater, key)
            if segment in self.done(rater):
                return
            if rows:
                self.store.save(rows)
            self._submitted.setdefault(rater, set()).add(segment)
            self._last[rater] = segment

    def correct(self, rater: str, key: str, segment: str, answers: Sequence[tuple[str, Any]]) -> None:
        """Put a page's answers in the place of those that the rater gave before; as `submit` where there are none."""
        rows = self._rows(rater, segment, answers)
        with self._writing():
            self._check_consent(rater, key)
            self.store.replace(rater, segment, rows)
            self._submitted.setdefault(rater, set()).add(segment)
            self._last[rater] = segment

    def last_done(self, rater: str) -> str | None:
        """Return the segment that a rater finished last since the page was started, to go back to; None without one."""
        last = self._last.get(rater)
        return last if last in self._segments() else None

    def _check_consent(self, rater: str, key: str) -> None:
        if not _belongs(key, self.store.consent(rater)):
            raise HTTPException(403, "Ratings are taken only with consent, and yours is not stored any more.")

    @contextmanager
    def _writing(self) -> Generator[None]:
        """Write alone, and not beside an erasure: what it took away would be written again."""
        with ExitStack() as held:
            # Before the lock: those who wait for the store wait side by side.
            try:
                held.enter_context(self.store.writing())
            except BlockingIOError as error:
                raise HTTPException(
                    503,
                    "Something is being erased here at this moment, and nothing of this page was stored. Go back and "
                    "send it again in a minute.",
                ) from error
            held.enter_context(self._lock)
            yield

    def _rows(self, rater: str, segment: str, answers: Sequence[tuple[str, Any]]) -> list[dict[str, Any]]:
        known = {scale.pair for scale in self.scales}
        given: dict[str, str] = {}
        for pair, level in answers:
            if pair not in known:
                raise HTTPException(422, f"{pair} is not an adjective pair of this survey.")
            if level not in ("", *LEVELS):
                raise HTTPException(422, f"Saw level {level} for {pair}, expected 1 to 5 or no answer.")
            if pair in given:
                raise HTTPException(422, f"Saw two answers to {pair}, expected one.")
            given[pair] = level
        return [
            {"rater": rater, "segment": segment, "pair": pair, "level": int(level)}
            for pair, level in given.items()
            if level
        ]


def _belongs(key: str, consent: Consent | None) -> bool:
    return consent is not None and hmac.compare_digest(consent.return_key_sha256, hash_return_key(key))


def _draw(*names: str) -> bytes:
    return hashlib.sha256("\0".join(names).encode()).digest()
