"""The numbers in the prose of a page: each stands in the page's facts, or nobody can say where it comes from.

Belongs here: finding numbers in text, and the facts that they print. Stays out: what pages and facts say
(``ml.evaluation``), what follows from a number of nobody's (``evidence``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

# A number that belongs to no word: not the 2013 of FER2013, nor the hash in a code span.
_NUMBER = re.compile(r"(?<![\w.,])[-+]?\d(?:[\d,]*\d)?(?:\.\d+)?(?:e[-+]?\d+)?%?(?!\w)")
_CODE = re.compile(r"`[^`]*`")
# Phrases of the templates whose numbers measure nothing: sources, law, what the network takes, the level of intervals.
WORDING = ("et al. 2021", "eq. 25-27", "48 x 48", "Intervals: 95 %", "(article 5(1)(f))")


@dataclass(frozen=True)
class Printed:
    """A number in the prose of a page.

    Attributes
    ----------
    line : int
        From 1 on.
    text : str
        As it is printed.
    key : str
        Of the fact that it prints, keys joined by slashes; empty where there is none.
    """

    line: int
    text: str
    key: str


def printed_numbers(page: str, facts: Mapping[str, Any]) -> list[Printed]:
    """Return each number of a page with the fact that it prints.

    Parameters
    ----------
    page : str
        Markdown.
    facts : mapping
        JSON values.
    """
    known = dict(printed_facts(facts))
    found: list[Printed] = []
    for place, line in enumerate(page.splitlines(), start=1):
        said = _CODE.sub(" ", line)
        for phrase in WORDING:
            said = said.replace(phrase, " ")
        for text in _NUMBER.findall(said):
            keys = [key for key, forms in known.items() if text in forms]
            # Several facts may read alike: the one that the line names.
            key = max(keys, key=lambda each: sum(part in line for part in each.split("/")), default="")
            found.append(Printed(place, text, key))
    return found


def printed_facts(facts: Any, key: str = "") -> Iterator[tuple[str, frozenset[str]]]:
    """Yield each fact that is a number, or holds some in its words, by its key with all that it is printed as."""
    if isinstance(facts, Mapping | list):
        pairs = facts.items() if isinstance(facts, Mapping) else enumerate(facts)
        for name, value in pairs:
            yield from printed_facts(value, f"{key}/{name}" if key else str(name))
    elif forms := _forms(facts):
        yield key, forms


def _forms(value: Any) -> frozenset[str]:
    if isinstance(value, str):
        return frozenset(_NUMBER.findall(value))
    if isinstance(value, bool) or value is None:
        return frozenset()
    if isinstance(value, int):
        return frozenset({str(value), f"{value:,}"})
    return frozenset({str(value), f"{value:.3f}", f"{value:.2f}", f"{value:g}", f"{value:.0%}"})
