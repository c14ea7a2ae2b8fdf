"""What the numbers of `bench.spotting.run` allow to be said: which differences hold, and what was asked.

Belongs here: comparisons with their intervals and bars with their verdicts, computed. Stays out: the measures.
"""

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apexline.bench.spotting.extract import PEER_KINDS
from apexline.ml import percentile_interval
from apexline.ml.spotting_metrics import SpotterResult, SpottingSummary

Floats = NDArray[np.float64]
Rows = list[dict[str, Any]]

_FUSIONS = ("fallback", "or", "mean", "learned")
# measure, words, bar
_BARS = (
    ("auc", "frame AUC, pooled", ">=", 0.95),
    ("f1", "overall F1", ">=", 0.80),
    ("f1_micro", "micro F1", ">=", 0.55),
    ("f1_macro", "macro F1", ">=", 0.90),
    ("alarms_per_min", "false alarms a minute on clips without an expression", "<=", 0.5),
    ("onset_ms", "median error of the onset, ms", "<=", 120.0),
    ("offset_ms", "median error of the offset, ms", "<=", 120.0),
    ("apex_inside", "share of apexes inside, +- 100 ms", ">=", 0.80),
)
_COMPARE = {">=": operator.ge, "<=": operator.le}


@dataclass(frozen=True, eq=False)
class BootstrappedSummary:
    """One method's results in numbers: once, and over bootstrap resamples of performers."""

    summary: SpottingSummary
    measures: Mapping[str, float]
    resampled: Mapping[str, Floats]

    @classmethod
    def of(cls, results: Sequence[SpotterResult]) -> "BootstrappedSummary":
        """Measure results; all methods draw the same performers."""
        summary = SpottingSummary(results)
        return cls(summary, summary.measures(), summary.resampled())


def claims(judged: Mapping[str, BootstrappedSummary]) -> Rows:
    """Differences in pooled frame AUC that the paper claims, and those that tell where they come from."""
    pairs = [
        (f"{kind} + flow, {fusion}", peer)
        for kind in ("sl", "sr")
        for fusion in _FUSIONS
        for peer in PEER_KINDS
    ]
    # without flow on one side only: is it the texture?
    pairs += [(kind, peer) for kind in ("sl", "sr") for peer in PEER_KINDS]
    pairs += [("sl + flow, learned", f"{peer} + flow, learned") for peer in PEER_KINDS]
    pairs += [
        ("sl + flow, learned", "flow"),
        ("best_learned", "flow"),
        ("best_learned", "sl + flow, learned"),
    ]
    return [_difference(judged, one, other) for one, other in pairs if one in judged and other in judged]


def _difference(judged: Mapping[str, BootstrappedSummary], one: str, other: str) -> dict[str, Any]:
    a, b = judged[one], judged[other]
    low, high = percentile_interval(a.resampled["auc"] - b.resampled["auc"])
    a_low, a_high = percentile_interval(a.resampled["auc"])
    b_low, b_high = percentile_interval(b.resampled["auc"])
    return {
        "one": one,
        "other": other,
        "AUC difference": a.measures["auc"] - b.measures["auc"],
        "low": low,
        "high": high,
        "intervals apart": "yes" if a_low > b_high or b_low > a_high else "no",
        "paired difference": "above 0" if low > 0 else "below 0" if high < 0 else "holds 0",
    }


def is_ahead(row: Mapping[str, Any]) -> bool:
    """Tell whether the first of a comparison is better, with intervals apart."""
    return row["intervals apart"] == "yes" and row["AUC difference"] > 0


def acceptance(
    best_learned: Mapping[str, float], scenes: Mapping[str, float] | None, tables: Mapping[str, Rows]
) -> Rows:
    """The bars of the project beside what the best learned spotter reached.

    Parameters
    ----------
    best_learned : mapping
        Its measures, nested by performer.
    scenes : mapping, optional
        Its measures in the scenes, where there are any.
    tables : mapping of str to rows
        ``claims``, ``control``, and ``scenes, tracking`` where there are scenes.
    """
    rows = [_bar(words, best_learned[key], sign, bar) for key, words, sign, bar in _BARS]
    chance = [row["AUC"] for row in tables["control"] if "shuffled" in row["control"]]
    rows.append(_bar("frame AUC with the truth shuffled, mean", float(np.mean(chance)), "<=", 0.6))
    for kind in ("sl", "sr"):
        own = [row for row in tables["claims"] if str(row["one"]).startswith(f"{kind} + flow")]
        for one in dict.fromkeys(row["one"] for row in own):
            behind = [row["other"] for row in own if row["one"] == one and is_ahead(row)]
            words = f"{one}: how many of DCP, HOG, LBP are behind with intervals apart"
            rows.append(_bar(words, float(len(set(behind) & set(PEER_KINDS))), ">=", 3.0))
    if scenes is not None:
        tracking = tables["scenes, tracking"]
        frames = np.array([row["face-frames"] for row in tracking])
        share = float(np.average([row["tracked"] for row in tracking], weights=frames))
        rows += [
            _bar("scenes: share of face-frames tracked", share, ">=", 0.95),
            _bar("scenes: identity switches", float(sum(row["switches"] for row in tracking)), "<=", 0.0),
            _bar("scenes: overall F1", scenes["f1"], ">=", 0.80),
        ]
    return rows


def _bar(words: str, value: float, sign: str, bar: float) -> dict[str, Any]:
    return {
        "what": words,
        "reached": float(value),
        "asked": f"{sign} {bar:g}",
        "verdict": "met" if _COMPARE[sign](value, bar) else "missed",
    }
