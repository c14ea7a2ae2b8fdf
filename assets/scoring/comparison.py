"""What two runs over the same clips say differently: segments that are new or gone, answers that changed.

Belongs here: matching and counting. Stays out: where the two sets of answers come from, drawing them
(``assets.figures``).
"""

from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import itemgetter
from statistics import fmean
from typing import Any

from apexline.assets.lake import Lake
from apexline.assets.reviews import answer_of
from apexline.ml.spotting_metrics import match_pairs

SAME_IOU = (
    0.5  # least overlap of two segments that are one and the same expression, as where segments meet truth
)

Answer = dict[str, Any]
_BY_TRACK = itemgetter("clip", "track")


def answers_of_lake(lake: Lake) -> list[Answer]:
    """Return the newest answer about each stored segment.

    Returns
    -------
    list of dict
        clip, track, onset_s, apex_s, offset_s (s from the clip's first frame), ``answer`` (an emotion, ``abstained`` or
        ``unscored``) and whether that is synthetic.
    """
    scores = sorted(lake.read_all("segment_scores").to_pylist(), key=itemgetter("scored_at"))
    newest = {(row["clip_id"], row["segment_id"]): row for row in scores}
    return [
        _answer(row, newest.get((row["clip_id"], row["segment_id"])))
        for row in lake.read_all("expression_segments").to_pylist()
    ]


def _answer(segment: Answer, score: Answer | None) -> Answer:
    return {
        "clip": segment["clip_id"],
        "track": segment["track_id"],
        **{name: segment[name] for name in ("onset_s", "apex_s", "offset_s")},
        "answer": answer_of(score),
        "synthetic": score is not None and score["synthetic"],
    }


def changed_answers(first: Sequence[Answer], second: Sequence[Answer]) -> list[Answer]:
    """Return one row for each segment that only one of two runs has, or that they answer differently.

    Segments of a clip's track are the same where they share at least `SAME_IOU` of their time. Tracks are told apart by
    their ids: where the two runs track faces differently, a segment is gone in one and new in the other.

    Returns
    -------
    list of dict
        clip, track, ``change`` (gone, new or answer), onset_s, apex_s, offset_s of the second run, of the first where
        it is gone, and what each said: ``first``, ``second``; sorted by clip, track and onset.
    """
    found = [row for pair in _paired(first, second) if (row := _change(*pair)) is not None]
    return sorted(found, key=itemgetter("clip", "track", "onset_s"))


def comparison_figures(first: Sequence[Answer], second: Sequence[Answer]) -> dict[str, Any]:
    """Count what two runs share and do not; the last is how far apart in time shared segments peak, s."""
    pairs = _paired(first, second)
    shared = [(before, after) for before, after in pairs if before is not None and after is not None]
    moves = [abs(after["apex_s"] - before["apex_s"]) for before, after in shared]
    return {
        "segments of the first": len(first),
        "segments of the second": len(second),
        "in both": len(shared),
        "gone": len(first) - len(shared),
        "new": len(second) - len(shared),
        "other answer": sum(before["answer"] != after["answer"] for before, after in shared),
        "apex moved by (s, mean)": fmean(moves) if moves else 0.0,
    }


def _change(before: Answer | None, after: Answer | None) -> Answer | None:
    shown = after or before
    if shown is None or (before and after and before["answer"] == after["answer"]):
        return None
    return {
        **{name: shown[name] for name in ("clip", "track")},
        "change": "new" if before is None else "gone" if after is None else "answer",
        **{name: shown[name] for name in ("onset_s", "apex_s", "offset_s")},
        "first": "" if before is None else before["answer"],
        "second": "" if after is None else after["answer"],
    }


def _paired(first: Iterable[Answer], second: Iterable[Answer]) -> list[tuple[Answer | None, Answer | None]]:
    """Pair the segments of two runs track by track; None stands for what one of them lacks."""
    before, after = _by_track(first), _by_track(second)
    pairs: list[tuple[Answer | None, Answer | None]] = []
    for track in sorted({*before, *after}):
        ours, theirs = before.get(track, []), after.get(track, [])
        same = match_pairs(
            [_milliseconds(row) for row in ours], [_milliseconds(row) for row in theirs], SAME_IOU
        )
        pairs += [(ours[i], theirs[k]) for i, k in same]
        pairs += [(row, None) for i, row in enumerate(ours) if i not in {pair[0] for pair in same}]
        pairs += [(None, row) for k, row in enumerate(theirs) if k not in {pair[1] for pair in same}]
    return pairs


def _by_track(answers: Iterable[Answer]) -> dict[Any, list[Answer]]:
    ordered = sorted(answers, key=itemgetter("clip", "track", "onset_s"))
    return {track: list(rows) for track, rows in groupby(ordered, key=_BY_TRACK)}


def _milliseconds(row: Answer) -> tuple[int, int]:
    return round(1000 * row["onset_s"]), round(1000 * row["offset_s"])
