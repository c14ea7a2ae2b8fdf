"""The words of the scales in the languages that a rater may choose, each with a plain gloss.

Belongs here: looking words up in ``words.csv``. Stays out: which pairs there are, and what the English words are worth
(``ml.norms``): an answer is kept by its pair, in whatever language it was given.
"""

import csv
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from apexline.survey.contracts import Scale

ENGLISH = "en"
LANGUAGES = {ENGLISH: "English", "zh": "中文"}
_FILE = Path(__file__).parent / "words.csv"


def in_language(scales: Sequence[Scale], language: str) -> list[Scale]:
    """Return scales with the words and glosses of a language; a word that is not listed stays, without a gloss."""
    return [
        replace(scale, language=language, first=first, second=second, glosses=(first_gloss, second_gloss))
        for scale in scales
        for (first, first_gloss), (second, second_gloss) in [
            (_said(scale.first, language), _said(scale.second, language))
        ]
    ]


def _said(word: str, language: str) -> tuple[str, str]:
    row = _words().get(word)
    if row is None:
        return word, ""
    return (word, row["gloss"]) if language == ENGLISH else (row[language], row[f"{language}_gloss"])


@cache
def _words() -> dict[str, dict[str, str]]:
    with _FILE.open(encoding="utf-8", newline="") as file:
        return {row["word"]: row for row in csv.DictReader(file)}
