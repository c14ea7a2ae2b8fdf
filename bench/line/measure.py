"""Found segments held against annotated changes: found, missed, false alarms, errors of time, answers.

Belongs here: counting, intervals. Stays out: finding and answering (``bench.line.run``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import numpy as np
from scipy.stats import chi2

from apexline.bench.line.clips import UNDECIDED, Truth, overlap
from apexline.bench.line.faces import LineFace
from apexline.ml import EMOTIONS, percentile_interval, subject_weights
from apexline.ml.spotting_metrics import MICRO_S

_MATCH = 0.5
# A found segment that is no change lies on none; one that has this share of its frames on changes has wrong bounds.
_ON_CHANGES = 0.3
# A false alarm is blamed on a distractor that its apex is this near to, in frames.
_MARGIN = 3
_RESAMPLES = 2000


@dataclass(frozen=True)
class Found:
    """A segment that the line found, with its answer; `answered` is False where the line abstains."""

    onset: int
    apex: int
    offset: int
    emotion: str
    confidence: float
    answered: bool


@dataclass
class Tally:
    """What became of the changes of one face, and of the segments found in it."""

    person: str
    pairs: list[tuple[Truth, Found]] = field(default_factory=list)
    missed: list[Truth] = field(default_factory=list)
    misplaced: int = 0
    alarms: list[str] = field(default_factory=list)
    rest_s: float = 0.0
    seconds: Counter[str] = field(default_factory=Counter)
    fps: float = 0.0

    @property
    def wrong(self) -> int:
        """Segments that match no change."""
        return self.misplaced + len(self.alarms)


def tally(face: LineFace, found: Sequence[Found]) -> Tally:
    """Match one to one by the largest overlap, at least half, and count."""
    truth, fps = list(face.face.truth), face.clip.fps
    result = Tally(face.face.person, fps=fps)
    pairs = matched(
        [(each.onset, each.offset) for each in truth], [(each.onset, each.offset) for each in found]
    )
    result.pairs = [(truth[i], found[j]) for i, j in pairs.items()]
    result.missed = [each for i, each in enumerate(truth) if i not in pairs]
    undecided, changing = face.within(UNDECIDED), face.changing
    for j, each in enumerate(found):
        within = slice(each.onset, each.offset + 1)
        if j in pairs.values() or undecided[within].mean() >= _MATCH:
            continue
        if changing[within].mean() >= _ON_CHANGES:
            result.misplaced += 1
        else:
            result.alarms.append(_blamed(face, each))
    rest = face.seen & ~changing & ~undecided
    result.rest_s = float(rest.sum()) / fps
    for kind in {each.kind for each in face.face.distractors} - UNDECIDED:
        result.seconds[kind] = float((rest & face.within(frozenset({kind}))).sum()) / fps
    return result


def matched(ones: Sequence[tuple[int, int]], others: Sequence[tuple[int, int]]) -> dict[int, int]:
    """Match spans one to one by the largest overlap, at least half; return the other of each that has one."""
    order = sorted(
        ((overlap(one, other), i, j) for i, one in enumerate(ones) for j, other in enumerate(others)),
        reverse=True,
    )
    pairs: dict[int, int] = {}
    for share, i, j in order:
        if share >= _MATCH and i not in pairs and j not in pairs.values():
            pairs[i] = j
    return pairs


def _blamed(face: LineFace, found: Found) -> str:
    kinds = {
        each.kind
        for each in face.face.distractors
        if each.kind not in UNDECIDED and each.first - _MARGIN <= found.apex <= each.last + _MARGIN
    }
    for kind in ("headturn", "approach", "occlusion", "light", "gaze", "talk", "neutral", "blink"):
        if kind in kinds:
            return kind
    return "unmarked"


def spotting_row(name: str, tallies: Sequence[Tally]) -> dict[str, Any]:
    """Figures of spotting over some faces, with 95 % intervals: of F1 by person, of false alarms exact (Poisson)."""
    hits, missed, wrong = (np.array(each) for each in zip(*map(_counts, tallies), strict=True))
    alarms = sum(len(each.alarms) for each in tallies)
    minutes = sum(each.rest_s for each in tallies) / 60
    low, high = percentile_interval(_drawn_f1(tallies))
    per_low, per_high = poisson_interval(alarms)
    return {
        "on": name,
        "changes": int((hits + missed).sum()),
        "F1": _f1(hits.sum(), missed.sum(), wrong.sum()),
        "F1 95 %": _interval(low, high),
        "recall, micro": _recall(tallies, micro=True),
        "recall, macro": _recall(tallies, micro=False),
        "false alarms": alarms,
        "minutes of rest": minutes,
        "a minute": alarms / minutes if minutes else float("nan"),
        "a minute 95 %": _interval(per_low / minutes, per_high / minutes) if minutes else "",
        "onset error (s)": _error(tallies, "onset", "cut_start"),
        "apex error (s)": _error(tallies, "apex", ""),
        "offset error (s)": _error(tallies, "offset", "cut_end"),
    }


def loss_of_f1(whole: Sequence[Tally], part: Sequence[Tally]) -> str:
    """By how much F1 falls from one way of finding to another on the same faces, with its 95 % interval by person."""
    fall = [_f1(*np.sum(list(map(_counts, each)), axis=0)) for each in (whole, part)]
    low, high = percentile_interval(_drawn_f1(whole) - _drawn_f1(part))
    return f"{fall[0] - fall[1]:+.3f} ({low:+.2f}..{high:+.2f})"


def alarm_rows(tallies: Sequence[Tally]) -> list[dict[str, Any]]:
    """False alarms by what moved, with exact intervals and the minutes that they rest on."""
    alarms = Counter(kind for each in tallies for kind in each.alarms)
    seconds: Counter[str] = Counter()
    for each in tallies:
        seconds.update(each.seconds)
    rows: list[dict[str, Any]] = []
    for kind in sorted({*alarms, *seconds}):
        minutes = seconds[kind] / 60
        low, high = poisson_interval(alarms[kind])
        a_minute = _interval(low / minutes, high / minutes) if minutes else ""
        rows.append(
            {"while": kind, "false alarms": alarms[kind], "minutes": minutes, "a minute 95 %": a_minute}
        )
    return rows


def naming_rows(tallies: Sequence[Tally], name: str) -> list[dict[str, Any]]:
    """How changes of each emotion that were found are answered: the confusion of what a user gets."""
    pairs = [pair for each in tallies for pair in each.pairs]
    rows: list[dict[str, Any]] = []
    for emotion in sorted({true.emotion for true, _ in pairs}):
        own = [found for true, found in pairs if true.emotion == emotion]
        given = Counter(each.emotion if each.answered else "abstained" for each in own)
        columns = (*(each for each in EMOTIONS if each != "calm"), "other", "abstained")
        rows.append(
            {"on": name, "shown": emotion, "found": len(own), **{each: given[each] for each in columns}}
        )
    return rows


def naming_row(name: str, tallies: Sequence[Tally]) -> dict[str, Any]:
    """Found and named as one question: F1 of segments that are found and rightly named, and how sure answers are."""
    pairs = [pair for each in tallies for pair in each.pairs]
    missed, wrong = sum(len(each.missed) for each in tallies), sum(each.wrong for each in tallies)
    right = [true.emotion == found.emotion for true, found in pairs]
    named = sum(_is_named(true, found) for true, found in pairs)
    three = [(true, found) for true, found in pairs if true.emotion in EMOTIONS]
    others = [found for true, found in pairs if true.emotion not in EMOTIONS]
    recalls = [
        np.mean([_is_named(true, found) for true, found in three if true.emotion == emotion])
        for emotion in sorted({true.emotion for true, _ in three})
    ]
    misnamed = len(pairs) - named
    return {
        "on": name,
        "found": len(pairs),
        "found and named, F1": _f1(named, missed + misnamed, wrong + misnamed),
        "right, mean over emotions": float(np.mean(recalls)) if recalls else float("nan"),
        "right, of emotions": _share(_is_named(true, found) for true, found in three),
        "other or abstained, of others": _share(
            not each.answered or each.emotion == "other" for each in others
        ),
        "abstained": _share(not found.answered for _, found in pairs),
        "calibration error": calibration_error([found.confidence for _, found in pairs], right),
    }


def loss_row(
    name: str, faces: Sequence[LineFace], tallies: Sequence[Tally], reachable: int
) -> dict[str, Any]:
    """How many changes are left after each stage."""
    pairs = [pair for each in tallies for pair in each.pairs]
    return {
        "on": name,
        "annotated": sum(len(face.face.truth) for face in faces),
        "on a tracked face": sum(_is_seen(face, true) for face in faces for true in face.face.truth),
        "among candidates": reachable,
        "found": len(pairs),
        "named right": sum(_is_named(true, found) for true, found in pairs),
    }


def version_row(
    name: str,
    original: Sequence[Sequence[Found]],
    versions: Mapping[str, Sequence[tuple[int, Sequence[Found]]]],
) -> dict[str, Any]:
    """F1 of what is found in each version of the same faces, against what is found in the originals.

    Parameters
    ----------
    name : str
    original : sequence of sequences of Found
        By face.
    versions : mapping of str to sequences of (int, sequence of Found)
        By version and face: frames of the original for one of the version, and what is found.
    """
    return {
        "on": name,
        "segments": sum(map(len, original)),
        **{version: _agreement(original, found) for version, found in versions.items()},
    }


def _agreement(original: Sequence[Sequence[Found]], version: Sequence[tuple[int, Sequence[Found]]]) -> float:
    shared = single = 0
    for one, (step, other) in zip(original, version, strict=True):
        spans = [(each.onset * step, each.offset * step + step - 1) for each in other]
        pairs = len(matched([(each.onset, each.offset) for each in one], spans))
        shared, single = shared + pairs, single + len(one) + len(other) - 2 * pairs
    return _f1(shared, single, 0)


def poisson_interval(count: int) -> tuple[float, float]:
    """Exact 95 % interval of the mean of a Poisson count."""
    low = chi2.ppf(0.025, 2 * count) / 2 if count else 0.0
    return float(low), float(chi2.ppf(0.975, 2 * count + 2) / 2)


def calibration_error(confidence: Sequence[float], right: Sequence[bool], *, bins: int = 10) -> float:
    """Expected calibration error over bins of equal width; NaN of nothing."""
    if not confidence:
        return float("nan")
    sure, true = np.array(confidence), np.array(right, float)
    place = np.minimum((sure * bins).astype(int), bins - 1)
    return float(sum(abs(sure[place == k].sum() - true[place == k].sum()) for k in range(bins)) / sure.size)


def _interval(low: float, high: float) -> str:
    return f"{low:.2f}..{high:.2f}"


def _is_named(true: Truth, found: Found) -> bool:
    return found.answered and found.emotion == true.emotion


def _is_seen(face: LineFace, true: Truth) -> bool:
    return bool(face.seen[true.onset : true.offset + 1].mean() >= _MATCH)


def _counts(each: Tally) -> tuple[int, int, int]:
    return len(each.pairs), len(each.missed), each.wrong


def _f1(hits: float, missed: float, wrong: float) -> float:
    return float(2 * hits / max(1, 2 * hits + missed + wrong))


def _drawn_f1(tallies: Sequence[Tally]) -> np.ndarray:
    """F1 of people drawn with replacement; equal people give equal draws."""
    hits, missed, wrong = (np.array(each) for each in zip(*map(_counts, tallies), strict=True))
    people, rows = np.unique([each.person for each in tallies], return_inverse=True)
    weights = subject_weights(len(people), _RESAMPLES, seed=0)[:, rows]
    drawn = 2 * (weights @ hits)
    return drawn / np.maximum(1, drawn + weights @ missed + weights @ wrong)


def _recall(tallies: Sequence[Tally], *, micro: bool) -> str:
    def counts(true: Truth, fps: float) -> bool:
        return ((true.offset - true.onset) / fps <= MICRO_S) == micro

    hits = sum(counts(true, each.fps) for each in tallies for true, _ in each.pairs)
    return f"{hits}/{hits + sum(counts(true, each.fps) for each in tallies for true in each.missed)}"


def _error(tallies: Sequence[Tally], moment: str, cut: str) -> float:
    errors = [
        abs(getattr(true, moment) - getattr(found, moment)) / each.fps
        for each in tallies
        for true, found in each.pairs
        if not (cut and getattr(true, cut))
    ]
    return median(errors) if errors else float("nan")


def _share(values: Iterable[bool]) -> float:
    known = list(values)
    return float(np.mean(known)) if known else float("nan")
