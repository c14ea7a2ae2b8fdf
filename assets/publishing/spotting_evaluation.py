"""Spotting against annotations, frame by frame: Table 2 and Figure 8 from the lake.

Belongs here: which rows of which table a method is scored on. Stays out: the metrics (``ml.spotting_metrics.frames``).
Scores are absolute: normalised clip by clip, as eq. (21) is, the strongest frame of a clip that shows nothing
would score as high as an apex.
"""

from __future__ import annotations

import pandas as pd

from apexline.assets.lake import Lake, each_readable, listed_camera_days, track_of
from apexline.ml.spotting_metrics import auc_interval, frame_mask, frame_roc

# Table 2's methods: a texture descriptor alone, or the mean of its score curve and the flow's.
TEXTURE_ALONE = ("dcp", "hog", "lbp")
WITH_FLOW = ("sl", "sr")
_ABOUT = ["subject", "frame", "positive", "synthetic"]
# Most frames of a track show calm: its difference there is what noise makes (`features.spotting.TrackCurves`).
_CALM_QUANTILE = 0.2
_LEAST_SPREAD = 1e-12


def frame_scores(lake: Lake) -> pd.DataFrame:
    """Score every frame of the annotated faces by each method, all clips on one scale (docs/spotting.md, Protocol).

    Returns
    -------
    DataFrame, columns method, subject, frame, score, positive, synthetic
        `score` of a texture is its difference above what it is in calm frames of the track, of flow the largest
        module of any region, of both their mean in standard deviations over all frames; it is 0 where the face was
        not tracked. `positive` tells whether the frame lies inside an annotated [onset, offset] that is not calm.
        A method without curves in the lake is absent.
    """
    clips = [
        (day, clip_id)
        for day in listed_camera_days(lake)
        for clip_id in lake.names("annotations", camera_day=day)
    ]
    faces = [
        face
        for of_clip in each_readable(lambda clip: _scores_of_clip(lake, *clip), clips)
        for face in of_clip
    ]
    if not faces:
        return pd.DataFrame(columns=["method", *_ABOUT, "score"])
    scores = pd.concat(faces, ignore_index=True)
    kinds = [kind for kind in (*WITH_FLOW, *TEXTURE_ALONE) if kind in scores]
    for kind in WITH_FLOW:
        if kind in scores:
            parts = (scores[name] / max(scores[name].std(), _LEAST_SPREAD) for name in (kind, "flow"))
            scores[f"{kind}+flow"] = sum(parts) / 2
    methods = [f"{kind}+flow" if kind in WITH_FLOW else kind for kind in kinds]
    scored = scores.melt(_ABOUT, [*methods, "flow"], "method", "score")
    return scored.dropna(subset=["score"])


def _scores_of_clip(lake: Lake, camera_day: str, clip_id: str) -> list[pd.DataFrame]:
    """A table for each annotated face that was tracked: a row a frame, a column for each texture and for flow."""
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
    faces: list[pd.DataFrame] = []
    for track_id, own in by_track.items():
        curves = _curves(texture[texture["track_id"] == track_id], flow[flow["track_id"] == track_id])
        scores = curves.reindex(range(num_frames), fill_value=0.0).rename_axis("frame").reset_index()
        faces.append(
            scores.assign(
                subject=own[0]["subject"],
                positive=frame_mask(
                    [(e["onset"], e["offset"]) for e in own if e["emotion"] != "calm"], num_frames
                ),
                synthetic=own[0]["synthetic"],
            )
        )
    return faces


def _curves(texture: pd.DataFrame, flow: pd.DataFrame) -> pd.DataFrame:
    """A column for each texture and for flow, a row for each frame that has any of one track."""
    kinds = texture.pivot_table(index="frame", columns="kind", values="difference")
    above = (kinds - kinds.quantile(_CALM_QUANTILE)).clip(lower=0.0)
    moving = flow.groupby("frame").agg(flow=("magnitude", "max"))
    return above.join(moving, how="outer").fillna(0.0)


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
