"""Spotting on annotated clips: how many expressions are found, and how many that are not there.

Nothing is chosen here: each parameter file as it stands, on every clip. The clips' performers are not kept apart
from those on which the defaults were tuned, so the result describes the development data and no more.
"""

from pathlib import Path
from typing import Any

import pandas as pd

from features.pipeline import FeatureConfig, load_config, spot_clip
from features.segments import Segment
from ml.spotting_metrics import false_alarms_per_minute, spotting_counts, spotting_counts_by_length

_CONFIGS = Path(__file__).resolve().parent.parent / "configs"
_COMPARED = ("default", "paper")


def bench_spotting(data: Path) -> list[dict[str, Any]]:
    """Return counts over ``data/expression_clips`` for each parameter file and length of expression.

    Matches are one-to-one at IoU >= .5 and summed over the set, clips without any expression included.
    """
    clips = pd.read_csv(data / "expression_clips" / "clips.csv")
    truth = pd.read_csv(data / "expression_clips" / "segments.csv")
    rows: list[dict[str, Any]] = []
    for name in _COMPARED:
        found = _spot_all(data / "expression_clips", clips, load_config(_CONFIGS / f"{name}.yaml"))
        rows += [{"config": name, **row} for row in _counts(clips, truth, found)]
    return rows


def _spot_all(folder: Path, clips: pd.DataFrame, config: FeatureConfig) -> dict[str, list[Segment]]:
    return {name: spot_clip(folder / name, config=config) for name in clips["clip"]}


def _counts(
    clips: pd.DataFrame, truth: pd.DataFrame, found: dict[str, list[Segment]]
) -> list[dict[str, Any]]:
    cases = [
        (
            found[row.clip],
            list(truth[truth["clip"] == row.clip][["onset", "offset"]].itertuples(index=False, name=None)),
            row.fps,
        )
        for row in clips.itertuples()
    ]
    quiet = clips[clips["segments"] == 0]
    alarms = spotting_counts((found[name], []) for name in quiet["clip"]).fp
    per_minute = false_alarms_per_minute(alarms, float((quiet["frames"] / quiet["fps"]).sum()))
    return [
        {
            "length": length,
            "tp": counts.tp,
            "fp": counts.fp,
            "fn": counts.fn,
            "precision": counts.precision,
            "recall": counts.recall,
            "f1": counts.f1,
            "false alarms/min, quiet clips": per_minute if length == "overall" else "",
        }
        for length, counts in spotting_counts_by_length(cases).items()
    ]
