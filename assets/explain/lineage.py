"""Where a score comes from: the segment, the clip, every file between them, the model, who decided, the runs.

Belongs here: walking back from a score through what is on record. Stays out: printing, why a segment is one
(``wording``).
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc

from apexline.assets.lake import Lake, LakeClip, listed_camera_days
from apexline.ml.registry import learned_examples

if TYPE_CHECKING:
    from apexline.ml.registry import ModelRegistry

_STAGES = ("clip_manifest", "face_tracks", "texture_features", "flow_features", "expression_segments")
_SAID = ("emotion", "confidence", "pleasure", "arousal", "dominance", "abstained", "reasons", "synthetic")
_PLACE = ("onset", "apex", "offset", "onset_s", "apex_s", "offset_s", "length", "source", "roi")
_ORIGIN = ("clip_id", "sha256", "camera", "captured_at", "purpose", "legal_basis", "fps", "num_frames")


def trace_score(lake: Lake, registry: ModelRegistry, score_id: str) -> dict[str, dict[str, Any]]:
    """Walk from a score back to the frames and the people that it comes from.

    Parameters
    ----------
    score_id : str
        ``SEGMENT``, for the latest score of a segment, or ``SEGMENT@VERSION``, for what a version said.

    Returns
    -------
    dict of str to dict
        Sections by title: score, segment, clip, files (fingerprints by table), model, decision, learned from, runs.

    Raises
    ------
    LookupError
        Where no such score is stored.
    """
    score, clip = _find(lake, score_id)
    manifest = clip.lake.read("clip_manifest", clip.clip_id, camera_day=clip.camera_day).to_pylist()[0]
    number = score["model_version"]
    tags, run_id = registry.tags(number), registry.run_id(number)
    return {
        "score": {name: score[name] for name in ("segment_id", "model_version", "scored_at", *_SAID)},
        "segment": {"track": score["track_id"], **_segment(clip, score["segment_id"])},
        "clip": {"camera_day": clip.camera_day, **{name: manifest[name] for name in _ORIGIN}},
        "files": {
            name: lake.fingerprint_of(name, clip.clip_id, camera_day=clip.camera_day) for name in _STAGES
        },
        "model": {
            k: tags.get(k)
            for k in ("version", "feature_version", "split_hash", "pad_space_hash", "synthetic")
        },
        "decision": _decision(lake, score),
        "learned from": _learned_from(lake, registry, run_id),
        "runs": {
            "scored by (Dagster)": score["dagster_run_id"],
            "trained by (Dagster)": tags.get("dagster_run_id") or "ships with the package",
            "trained by (MLflow)": run_id,
        },
    }


def _find(lake: Lake, score_id: str) -> tuple[dict[str, Any], LakeClip]:
    segment, _, version = score_id.partition("@")
    wanted = pc.field("segment_id") == segment
    if version:
        wanted &= pc.field("model_version") == int(version.removeprefix("v"))
    for day in reversed(listed_camera_days(lake)):
        found = lake.read_all("segment_scores", camera_days=[day]).filter(wanted).to_pylist()
        if found:
            score = max(found, key=lambda row: row["scored_at"])
            return score, LakeClip(lake, day, score["clip_id"])
    msg = (
        f"no score {score_id!r} is stored; give a segment_id of the mart `segments` or `score_history`, such as "
        "f39a01ff3ab1-12, or one with a version, f39a01ff3ab1-12@3"
    )
    raise LookupError(msg)


def _segment(clip: LakeClip, segment_id: str) -> dict[str, Any]:
    """Where the segment lies; scores outlive segments that the present code does not find any more."""
    table = clip.lake.read("expression_segments", clip.clip_id, camera_day=clip.camera_day)
    rows = table.filter(pc.field("segment_id") == segment_id).to_pylist()
    return {name: rows[0][name] for name in _PLACE} if rows else {"found": "not by the present code"}


def _decision(lake: Lake, score: dict[str, Any]) -> dict[str, Any]:
    """Who had made the version champion when it scored."""
    table = lake.read_all("promotions")
    made = [
        row
        for row in table.to_pylist()
        if row["promoted"]
        and row["model_version"] == score["model_version"]
        and row["decided_at"] <= score["scored_at"]
    ]
    last = max(made, key=lambda row: row["decided_at"], default=None)
    if last is None:
        return {"approved_by": "nobody on record"}
    return {name: last[name] for name in ("approved_by", "decided_at", "reason")}


def _learned_from(lake: Lake, registry: ModelRegistry, run_id: str) -> dict[str, Any]:
    """How many examples each fold had, and how many people's ratings lie in the home now."""
    examples = learned_examples(registry.client, run_id)
    folds = dict(Counter(examples.values())) if examples else {"examples": "not recorded with this version"}
    raters = set(lake.read_all("ratings", columns=["rater"])["rater"].to_pylist())
    return {**folds, "raters on record now": len(raters)}
