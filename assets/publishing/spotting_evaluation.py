"""Spotting against annotations, frame by frame: Table 2 and Figure 8 from the lake.

Belongs here: which rows of which table a method is scored on. Stays out: the metrics (``ml.spotting_metrics.frames``)
and the curves themselves (``features.spotting.curves``).
"""

from __future__ import annotations

from typing import cast

import numpy as np
import pandas as pd

from apexline.assets.lake import Lake, each_readable, listed_camera_days, track_of
from apexline.features.spotting import score_curve
from apexline.ml.spotting_metrics import auc_interval, frame_mask, frame_roc

# Table 2's methods: a texture descriptor alone, or the mean of its score curve and the flow's.
TEXTURE_ALONE = ("dcp", "hog", "lbp")
WITH_FLOW = ("sl", "sr")


def frame_scores(lake: Lake) -> pd.DataFrame:
    """Score every frame of the annotated faces by each method.

    Returns
    -------
    DataFrame, columns method, subject, frame, score, positive, synthetic
        `score` is z(t) = (Q - mean) / (max - mean) of the method's curve; `positive` tells whether the frame
        lies inside an annotated [onset, offset] that is not calm. A method without curves in the lake is absent.
    """
    clips = [
        (day, clip_id)
        for day in listed_camera_days(lake)
        for clip_id in lake.names("annotations", camera_day=day)
    ]
    found = each_readable(lambda clip: _scores_of_clip(lake, *clip), clips)
    parts = [part for of_clip in found for part in of_clip]
    columns = ["method", "subject", "frame", "score", "positive", "synthetic"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def _scores_of_clip(lake: Lake, camera_day: str, clip_id: str) -> list[pd.DataFrame]:
    labels = lake.read("annotations", clip_id, camera_day=camera_day).to_pylist()
    if not labels:
        return []
    tracks = lake.read("face_tracks", clip_id, camera_day=camera_day)
    texture = lake.read("texture_features", clip_id, camera_day=camera_day).to_pandas()
    flow = lake.read("flow_features", clip_id, camera_day=camera_day).to_pandas()
    num_frames = int(lake.read("clip_manifest", clip_id, camera_day=camera_day)["num_frames"][0].as_py())
    by_track: dict[str, list[dict[str, object]]] = {}
    for label in labels:
        track_id = track_of(tracks, label)
        if track_id is not None:
            by_track.setdefault(track_id, []).append(label)
    parts: list[pd.DataFrame] = []
    for track_id, own in by_track.items():
        truth = frame_mask([(e["onset"], e["offset"]) for e in own if e["emotion"] != "calm"], num_frames)
        for method, curve in _curves(
            texture[texture["track_id"] == track_id], flow[flow["track_id"] == track_id]
        ):
            frames = curve.index.to_numpy(dtype=np.int64)
            parts.append(
                pd.DataFrame(
                    {
                        "method": method,
                        "subject": own[0]["subject"],
                        "frame": frames,
                        "score": curve.to_numpy(),
                        "positive": truth[frames],
                        "synthetic": own[0]["synthetic"],
                    }
                )
            )
    return parts


def _curves(texture: pd.DataFrame, flow: pd.DataFrame) -> list[tuple[str, pd.Series]]:
    """Score curves by method, indexed by frame, of one track."""
    kinds = {
        str(kind): _scored(cast("pd.Series", rows.set_index("frame")["difference"]))
        for kind, rows in texture.groupby("kind")
    }
    moving = _scored(cast("pd.Series", flow.groupby("frame")["magnitude"].max()))
    found = [(kind, kinds[kind]) for kind in TEXTURE_ALONE if kind in kinds]
    fused = [
        (f"{kind}+flow", pd.concat([kinds[kind], moving], axis=1, join="inner").mean(axis=1))
        for kind in WITH_FLOW
        if kind in kinds
    ]
    return [*fused, *found, ("flow", moving)]


def _scored(curve: pd.Series) -> pd.Series:
    curve = curve.sort_index()
    return pd.Series(score_curve(curve.to_numpy(np.float64)), index=curve.index)


def areas_and_roc(scores: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Area under each method's ROC curve with its 95 % interval by subject, and the curves.

    Returns
    -------
    areas : DataFrame, columns method, auc, low, high, synthetic
    points : DataFrame, columns method, false_positive_rate, true_positive_rate
    """
    areas: list[dict[str, object]] = []
    points: list[pd.DataFrame] = []
    for method, rows in scores.groupby("method", sort=False):
        positive = rows["positive"].to_numpy(bool)
        if positive.all() or not positive.any():
            continue
        roc = frame_roc(rows["score"].to_numpy(), positive)
        low, high = auc_interval(rows["score"].to_numpy(), positive, rows["subject"].to_numpy())
        synthetic = bool(rows["synthetic"].any())
        areas.append({"method": method, "auc": roc.auc, "low": low, "high": high, "synthetic": synthetic})
        points.append(
            pd.DataFrame(
                {
                    "method": method,
                    "false_positive_rate": roc.false_positive_rate,
                    "true_positive_rate": roc.true_positive_rate,
                }
            )
        )
    empty = pd.DataFrame(columns=["method", "false_positive_rate", "true_positive_rate"])
    return (
        pd.DataFrame(areas, columns=["method", "auc", "low", "high", "synthetic"]),
        pd.concat(points, ignore_index=True) if points else empty,
    )
