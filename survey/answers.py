"""What raters agreed to and answered: consent first, each answer once, nothing after a withdrawal.

Belongs here: the scales, what comes next for each rater, what is accepted. Stays out: pages and cookies
(``survey.app``), sessions (``survey.sessions``), where stimuli come from and where answers lie (the caller passes both
in), what ratings mean (``ml.surveys.ratings``).
"""

import hashlib
import hmac
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import lru_cache
from threading import Lock
from typing import Any

from starlette.exceptions import HTTPException

from apexline.survey.contracts import LEVELS, Agreement, Answered, Consent, Scale, Stimuli, Store
from apexline.survey.sessions import hash_return_key, new_return_key
from apexline.survey.words import ENGLISH, LANGUAGES, in_language

_PAGES_PER_CHECK = 6  # a page in so many asks for a certain level
_LEAST_TO_REPEAT = 6  # segments; with fewer the rater still knows what was said
_RATER = re.compile(r"[A-Za-z0-9_-]{1,32}")
_RATERS = 1024  # whose order of pairs is kept
_SAID = frozenset(("", *LEVELS))


@dataclass(frozen=True)
class _Asked:
    """What a rater is asked to rate, of which segments and part of the plan it was made, and in which order."""

    of: tuple[Sequence[str], Sequence[str] | None]
    segments: frozenset[str]
    order: tuple[str, ...]


@dataclass(frozen=True)
class Progress:
    """How far a rater is.

    Attributes
    ----------
    asked : tuple of str
        Segments to rate, in the rater's order.
    done : set of str
        Those that are finished, those left wholly unanswered included.
    """

    asked: tuple[str, ...]
    done: set[str]

    @property
    def next(self) -> str | None:
        """The segment to show next, None when all are done."""
        return next((segment for segment in self.asked if segment not in self.done), None)


@dataclass
class Survey:
    """Who takes part, who has rated what, and what comes next.

    Parameters
    ----------
    stimuli : Stimuli
    scales : sequence of Scale
    store : Store
        Whoever calls what writes here is inside of its `writing`.
    text : str
        What raters are shown and agree to, HTML.
    """

    stimuli: Stimuli
    scales: Sequence[Scale]
    store: Store
    text: str
    _submitted: dict[str, set[str]] = field(default_factory=dict)
    _known: tuple[Sequence[str], frozenset[str]] = ((), frozenset())
    _asked: dict[str, _Asked] = field(default_factory=dict)
    _last: dict[str, str] = field(default_factory=dict)
    _repeated: set[str] = field(default_factory=set)
    _beginning: Lock = field(
        default_factory=Lock
    )  # a beginning waits for the disk: answers do not wait for it
    _answering: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        # Fifty hashes are not computed for each page.
        self._ordered = lru_cache(_RATERS)(self._order)
        self._pairs = frozenset(scale.pair for scale in self.scales)
        self._from_both_sides = {
            language: [(each, replace(each, turned=True)) for each in in_language(self.scales, language)]
            for language in LANGUAGES
        }

    def take_in(self, rater: str, key: str, language: str = ENGLISH) -> str:
        """Store that a rater agreed, and return the rater's key.

        Parameters
        ----------
        rater : str
            A code that nobody has, or one that comes with its key.
        key : str
            The return key; empty for a code that begins.
        language : str
            Of `LANGUAGES`, in which the rater reads the words.
        """
        if language not in LANGUAGES:
            raise HTTPException(
                422, f"Saw the language {language[:20]}, expected one of {', '.join(LANGUAGES)}."
            )
        if not _RATER.fullmatch(rater):
            raise HTTPException(422, "A code has 1 to 32 letters, digits, hyphens or underscores.")
        with self._beginning:
            standing = self.store.consent(rater)
            if key:
                if standing is None or not _belongs(key, standing):
                    raise HTTPException(403, "This code and this return key do not belong together.")
                given = standing.given
                if given[-1].text_sha256 != self._agreement.text_sha256:
                    given = (*given, self._agreement)
                if (given, language) != (standing.given, standing.language):
                    self.store.keep_consent(replace(standing, given=given, language=language))
                return key
            if standing is not None or any(True for _ in self.store.rated(rater)):
                raise HTTPException(
                    409,
                    f"The code {rater} is in use. If it is yours, enter its return key, too. If you have lost that, "
                    "begin with another code, or ask whoever invited you to erase what is stored under this one.",
                )
            key = new_return_key()
            turned = tuple(scale.pair for scale in self.scales if _draw("side", rater, scale.pair)[0] % 2)
            consent = Consent(rater, hash_return_key(key), (self._agreement,), turned)
            self.store.keep_consent(replace(consent, block=self._free_block(), language=language))
            return key

    def _free_block(self) -> int | None:
        """Return the block of the plan that fewest raters have; one who withdrew makes room."""
        blocks = self.store.blocks()
        taken = Counter(self.store.taken_blocks()) if blocks else Counter[int]()
        return min(range(len(blocks)), key=lambda block: (taken[block], block), default=None)

    @property
    def _agreement(self) -> Agreement:
        text_hash = hashlib.sha256(self.text.encode()).hexdigest()
        return Agreement(_now(), text_hash, self.text)

    def withdraw(self, rater: str) -> None:
        """Erase what a rater answered and agreed to; a page that is still on its way is not taken any more."""
        with self._beginning, self._answering:
            self.store.forget(rater)
            self._submitted.pop(rater, None)
            self._last.pop(rater, None)
            self._asked.pop(rater, None)
            self._repeated.discard(rater)

    def progress(self, rater: str) -> Progress:
        """Return what a rater is asked to rate, the rater's part of the plan or all, and how far that is done."""
        asked = self._asked_of(rater)
        done = (set(self.store.rated(rater)) | self._submitted.get(rater, set())) & asked.segments
        return Progress(asked.order, done)

    def _asked_of(self, rater: str) -> _Asked:
        consent, blocks = self.store.consent(rater), self.store.blocks()
        block = None
        if consent is not None and consent.block is not None and consent.block < len(blocks):
            block = blocks[consent.block]
        before, named = self._asked.get(rater), self.stimuli.segments()
        if before is not None and before.of[0] is named and before.of[1] is block:
            return before
        segments = self._segments() if block is None else self._segments() & frozenset(block)
        # Each rater has an order of their own: a few who stop early still cover all segments, and tiredness
        # does not always meet the same ones.
        order = sorted(segments, key=lambda segment: _draw(rater, segment))
        self._asked[rater] = _Asked((named, block), segments, tuple(order))
        return self._asked[rater]

    def _segments(self) -> frozenset[str]:
        named = self.stimuli.segments()
        if named is not self._known[0]:  # a set of thousands is not made for each page
            self._known = (named, frozenset(named))
        return self._known[1]

    def scales_for(self, rater: str) -> Sequence[Scale]:
        """Pairs in the rater's own order and on the rater's own sides, the same object for every page."""
        consent = self.store.consent(rater)
        return self._ordered(rater, *((), ENGLISH) if consent is None else (consent.turned, consent.language))

    def _order(self, rater: str, turned: tuple[str, ...], language: str) -> Sequence[Scale]:
        scales = [sides[sides[0].pair in turned] for sides in self._from_both_sides[language]]
        return sorted(scales, key=lambda scale: _draw(rater, scale.pair))

    def wanted_level(self, rater: str, segment: str) -> str:
        """Return the level that a check of attention asks for on a page; empty where the page has none."""
        drawn = _draw("attention", rater, segment)
        return "" if drawn[0] % _PAGES_PER_CHECK else LEVELS[drawn[1] % len(LEVELS)]

    def repeated_segment(self, rater: str) -> str:
        """Return which of a rater's segments is shown once more at the end; empty for short surveys."""
        own = self._asked_of(rater).segments
        return "" if len(own) < _LEAST_TO_REPEAT else min(own, key=lambda each: _draw("again", rater, each))

    def check_segment(self, segment: str) -> None:
        """Refuse what is no segment to rate."""
        if segment not in self._segments():
            raise HTTPException(404, f"There is no segment {segment} to rate.")

    def submit(self, rater: str, key: str, page: Answered) -> None:
        """Save one page's answers, once, and only while the consent stands that the rater's key belongs to."""
        rows = self._rows(rater, page)
        with self._answering:
            self._check_consent(rater, key)
            if page.segment in self.progress(rater).done:
                return
            if rows:
                self.store.save(rows)
            self._finish(rater, page, "rated")

    def correct(self, rater: str, key: str, page: Answered) -> None:
        """Put a page's answers in the place of those that the rater gave before; as `submit` where there are none."""
        rows = self._rows(rater, page)
        with self._answering:
            self._check_consent(rater, key)
            self.store.replace(rater, page.segment, rows)
            self._finish(rater, page, "corrected")

    def repeat(self, rater: str, key: str, page: Answered) -> None:
        """Take note of answers to a segment that the rater has rated before; they are no ratings, and change none."""
        rows = self._rows(rater, page)
        with self._answering:
            self._check_consent(rater, key)
            self._repeated.add(rater)
            self._note(rater, page, "again", again={row["pair"]: row["level"] for row in rows})

    def must_repeat(self, rater: str) -> str:
        """Return the segment that a rater who is through is shown once more; empty where that was done."""
        return "" if rater in self._repeated else self.repeated_segment(rater)

    def _finish(self, rater: str, page: Answered, kind: str) -> None:
        self._submitted.setdefault(rater, set()).add(page.segment)
        self._last[rater] = page.segment
        self._note(rater, page, kind)

    def _note(self, rater: str, page: Answered, kind: str, **more: Any) -> None:
        wanted = self.wanted_level(rater, page.segment)
        about = {"segment": page.segment, "kind": kind, "at": _now(), "seconds": round(page.seconds, 1)}
        attention = {"attentive": page.attention == wanted} if wanted and kind == "rated" else {}
        self.store.note(rater, {**about, **attention, **more})

    def last_done(self, rater: str) -> str | None:
        """Return the segment that a rater finished last since the page was started, to go back to; None without one."""
        last = self._last.get(rater)
        return last if last in self._segments() else None

    def _check_consent(self, rater: str, key: str) -> None:
        if not _belongs(key, self.store.consent(rater)):
            raise HTTPException(403, "Ratings are taken only with consent, and yours is not stored any more.")

    def _rows(self, rater: str, page: Answered) -> list[dict[str, Any]]:
        given: dict[str, str] = {}
        for pair, level in page.answers:
            if pair not in self._pairs:
                raise HTTPException(422, f"{pair} is not an adjective pair of this survey.")
            if level not in _SAID:
                raise HTTPException(422, f"Saw level {level} for {pair}, expected 1 to 5 or no answer.")
            if pair in given:
                raise HTTPException(422, f"Saw two answers to {pair}, expected one.")
            given[pair] = level
        return [
            {"rater": rater, "segment": page.segment, "pair": pair, "level": int(level)}
            for pair, level in given.items()
            if level
        ]


def _belongs(key: str, consent: Consent | None) -> bool:
    return consent is not None and hmac.compare_digest(consent.return_key_sha256, hash_return_key(key))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _draw(*names: str) -> bytes:
    return hashlib.sha256("\0".join(names).encode()).digest()
