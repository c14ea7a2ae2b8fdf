"""What the rating page and whoever keeps its answers pass between each other.

Belongs here: records, and what is asked of stimuli and stores. Stays out: what is accepted (``survey.answers``), the
lake behind it, which the caller passes in.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

LEVELS: tuple[str, ...] = ("1", "2", "3", "4", "5")
# What a level is called, from the first word to the second.
_WORDINGS = {
    "en": ("strongly {}", "slightly {}", "neither", "slightly {}", "strongly {}"),
    "zh": ("非常{}", "有点{}", "两者都不", "有点{}", "非常{}"),
}
_OR = {"en": " or ", "zh": "，还是"}


@dataclass(frozen=True)
class Scale:
    """An adjective pair as raters see it.

    Parameters
    ----------
    pair : str
        Identifier that is saved.
    first, second : str
        Adjective at level 1 and at level 5.
    turned : bool
        The second stands on the left: raters who lean to a side do so for either pole.
    glosses : pair of str
        What the two words mean, in plain words; empty where nothing is said.
    language : str
        Of the words: ``en`` or ``zh``.
    """

    pair: str
    first: str
    second: str
    turned: bool = False
    glosses: tuple[str, str] = ("", "")
    language: str = "en"

    @property
    def sides(self) -> tuple[tuple[str, str], tuple[str, str]]:
        """Word and gloss on the left and on the right."""
        first, second = zip((self.first, self.second), self.glosses, strict=True)
        return (second, first) if self.turned else (first, second)

    @property
    def question(self) -> str:
        """The choice as it is read aloud."""
        said = [f"{word} ({gloss})" if gloss else word for word, gloss in self.sides]
        return _OR[self.language].join(said)

    @property
    def levels(self) -> list[tuple[str, str]]:
        """Each level with its spoken name, from left to right."""
        words = (self.first, self.first, "", self.second, self.second)
        wordings = [said.format(word) for said, word in zip(_WORDINGS[self.language], words, strict=True)]
        named = list(zip(LEVELS, wordings, strict=True))
        return named[::-1] if self.turned else named


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
    turned : tuple of str
        Pairs whose second adjective this rater sees on the left.
    block : int or None
        Which part of the plan is the rater's; None where there was no plan.
    language : str
        In which the rater reads the words.
    """

    rater: str
    return_key_sha256: str
    given: tuple[Agreement, ...]
    turned: tuple[str, ...] = ()
    block: int | None = None
    language: str = "en"


@dataclass(frozen=True)
class Answered:
    """A page as a rater sent it.

    Attributes
    ----------
    segment : str
    answers : sequence of (str, object)
        Pair and level, as they came.
    attention : str
        The level that was chosen where the page asked for a certain one.
    seconds : float
        Since the page was opened, s.
    """

    segment: str
    answers: Sequence[tuple[str, Any]]
    attention: str = ""
    seconds: float = 0.0


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

    @property
    def is_near(self) -> bool:
        """Whether it lies on this machine: to ask it takes less time than a hop to a thread."""
        ...

    def writing(self) -> AbstractContextManager[None]:
        """Keep others from erasing beside what is checked and written; ``BlockingIOError``, at once, while they do."""
        ...

    def consent(self, rater: str) -> Consent | None:
        """Return the consent of a rater, None without one."""
        ...

    def keep_consent(self, consent: Consent) -> None:
        """Keep a consent, in place of the rater's earlier one."""
        ...

    def blocks(self) -> Sequence[Sequence[str]]:
        """Return the plan: the segments of each rater; empty where everybody rates all."""
        ...

    def taken_blocks(self) -> Iterable[int]:
        """Return the block of each rater who has one."""
        ...

    def note(self, rater: str, page: Mapping[str, Any]) -> None:
        """Keep how a page was answered, which is no rating: when, how long it took, checks of attention."""
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
