"""Asset checks: what must hold before a result may be used.

Belongs here: the conditions, as functions of tables and numbers. Stays out: reading and computing; which checks
block what follows stands with the asset's ``check_specs``.
"""

import inspect
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import dagster as dg
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from apexline.ml import ANSWERS

_WARN = dg.AssetCheckSeverity.WARN
_ERROR = dg.AssetCheckSeverity.ERROR


def check_spec(
    condition: Callable[..., dg.AssetCheckResult], *, asset: str, name: str = "", blocking: bool = False
) -> dg.AssetCheckSpec:
    """Announce a check of an asset, described by what the docstring of its condition says must hold.

    Parameters
    ----------
    condition : callable
        Of this module.
    name : str
        Of the check, where several share a condition; the condition's by default.
    blocking : bool
        A failure stops what follows.
    """
    described = inspect.cleandoc(condition.__doc__ or "")
    name = name or condition.__name__
    return dg.AssetCheckSpec(name, asset=asset, blocking=blocking, description=described)


def _result(
    name: str, problems: Sequence[str], *, severity: dg.AssetCheckSeverity = _ERROR, **metadata: Any
) -> dg.AssetCheckResult:
    shown = {
        "problems": dg.MetadataValue.json(list(problems[:20])),
        "num_problems": len(problems),
        **metadata,
    }
    return dg.AssetCheckResult(check_name=name, passed=not problems, severity=severity, metadata=shown)


def every_clip_may_be_processed(manifest: pa.Table) -> dg.AssetCheckResult:
    """Every clip has a purpose, a legal basis, a content hash that fits its id, and frames."""
    problems = [
        f"{row['clip_id']}: {field} is missing or wrong"
        for row in manifest.to_pylist()
        for field, good in {
            "purpose": bool(row["purpose"]),
            "legal_basis": bool(row["legal_basis"]),
            "sha256": row["sha256"].startswith(row["clip_id"]),
            "num_frames": row["num_frames"] > 0,
        }.items()
        if not good
    ]
    return _result("every_clip_may_be_processed", problems)


def no_clip_failed(failed: Iterable[object]) -> dg.AssetCheckResult:
    """Every clip could be computed; a warning that says, in the words of each failure, which one could not."""
    return _result("no_clip_failed", [str(each) for each in failed], severity=_WARN)


def every_frame_decodes(lost: Mapping[tuple[str, str], object], *, frames_lost: int) -> dg.AssetCheckResult:
    """No frame was lost; a warning with camera-day and clip, and in the words of each loss how many and why."""
    problems = [f"{clip} of {day}: {each}" for (day, clip), each in lost.items()]
    return _result("every_frame_decodes", problems, severity=_WARN, frames_lost=frames_lost)


def faces_are_usable(
    tracks: pa.Table, obstacles: Sequence[str] = (), *, least_kept: float = 0.3
) -> dg.AssetCheckResult:
    """At least a share of the followed face frames passes the quality limits; a warning where fewer do.

    `obstacles` say which clips can't be searched at all, and why.
    """
    kept = tracks["kept"].to_numpy(zero_copy_only=False)
    share = float(kept.mean()) if kept.size else 1.0
    few = [] if share >= least_kept else [f"{share:.0%} of the face frames kept, expected {least_kept:.0%}"]
    return _result("faces_are_usable", [*few, *obstacles], severity=_WARN, kept_share=share)


def is_finite(name: str, table: pa.Table, column: str) -> dg.AssetCheckResult:
    """No value of a column, or of its lists, is missing, infinite or not a number."""
    chosen = table[column]
    flat = chosen.combine_chunks().flatten() if pa.types.is_list(chosen.type) else chosen
    values = flat.to_numpy(zero_copy_only=False).astype(np.float64)
    bad = int(np.count_nonzero(~np.isfinite(values)))
    return _result(name, [f"{bad} of {values.size} values of {column} are not finite"] if bad else [])


def segments_are_ordered(segments: pa.Table) -> dg.AssetCheckResult:
    """Onset <= apex <= offset, and segments of one track do not overlap."""
    problems: list[str] = []
    by_track: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in segments.to_pylist():
        by_track[row["track_id"]].append(row)
        if not row["onset"] <= row["apex"] <= row["offset"]:
            problems.append(f"{row['segment_id']}: onset, apex, offset are out of order")
    for rows in by_track.values():
        rows.sort(key=lambda row: row["onset"])
        problems += [
            f"{second['segment_id']} begins before {first['segment_id']} ends"
            for first, second in zip(rows, rows[1:], strict=False)
            if second["onset"] <= first["offset"]
        ]
    return _result("segments_are_ordered", problems)


def ratings_are_complete(
    ratings: pa.Table, pairs: Iterable[str], unread: Mapping[str, str] | None = None
) -> dg.AssetCheckResult:
    """Levels are 1 to 5, every adjective pair was rated, every file could be read; a warning where not.

    `unread` gives the reason for each file of ratings that could not be read.
    """
    rated = set(ratings["pair"].to_pylist())
    problems = [f"{name}: {reason}" for name, reason in (unread or {}).items()]
    problems += [f"pair {pair} was never rated" for pair in pairs if pair not in rated]
    problems += [
        f"level {level} is out of 1..5"
        for level in sorted(set(ratings["level"].to_pylist()))
        if not 1 <= level <= 5
    ]
    return _result("ratings_are_complete", problems, severity=_WARN)


def space_is_not_degenerate(
    loadings: Any, congruence: Mapping[str, float], chance: Mapping[str, float]
) -> dg.AssetCheckResult:
    """Loadings are finite, no axis is empty, and pleasure at least agrees with the norms better than by chance.

    An axis that beats chance and is yet unsupported is named so, and holds nothing up. `chance` is empty where the
    factors were not turned to the norms.
    """
    values = np.asarray(loadings, dtype=np.float64)
    problems: list[str] = []
    if not np.isfinite(values).all():
        problems.append("loadings are not finite")
    problems += [
        f"axis {k} has no loading above .3"
        for k in range(values.shape[1])
        if np.abs(values[:, k]).max() < 0.3
    ]
    if "pleasure" in chance and congruence["pleasure"] <= chance["pleasure"]:
        problems.append(
            f"pleasure has congruence {congruence['pleasure']:.2f}, expected more than the "
            f"{chance['pleasure']:.2f} that chance reaches"
        )
    return _result("space_is_not_degenerate", problems)


def new_ratings_are_sound(refused: Sequence[str]) -> dg.AssetCheckResult:
    """Ratings that came since the space was made could take its place; a warning with the reasons where not."""
    return _result("new_ratings_are_sound", refused, severity=_WARN)


def no_subject_in_two_folds(training: pa.Table) -> dg.AssetCheckResult:
    """No subject's examples are in more than one fold."""
    folds: dict[str, set[str]] = defaultdict(set)
    for subject, fold in zip(training["subject"].to_pylist(), training["fold"].to_pylist(), strict=True):
        folds[subject].add(fold)
    problems = [
        f"subject {subject} is in {sorted(where)}" for subject, where in folds.items() if len(where) > 1
    ]
    return _result("no_subject_in_two_folds", problems)


def every_class_in_every_fold(training: pa.Table, emotions: Sequence[str]) -> dg.AssetCheckResult:
    """Train, validation and test each hold every emotion."""
    seen = set(zip(training["fold"].to_pylist(), training["emotion"].to_pylist(), strict=True))
    problems = [
        f"fold {fold} has no {emotion} example"
        for fold in ("train", "valid", "test")
        for emotion in emotions
        if (fold, emotion) not in seen
    ]
    return _result("every_class_in_every_fold", problems)


def better_than_chance(accuracy: float, num_classes: int) -> dg.AssetCheckResult:
    """Test accuracy exceeds that of guessing; a warning where it does not."""
    chance = 1.0 / num_classes
    problems = [] if accuracy > chance else [f"test accuracy {accuracy:.3f}, chance is {chance:.3f}"]
    return _result("better_than_chance", problems, severity=_WARN, accuracy=accuracy)


def same_split(comparison: pa.Table) -> dg.AssetCheckResult:
    """All versions were tested on one split."""
    hashes = sorted(set(comparison["split_hash"].to_pylist()))
    return _result("same_split", [] if len(hashes) == 1 else [f"saw splits {hashes}, expected one"])


def no_camera_is_turned_over(shift: Sequence[Mapping[str, Any]]) -> dg.AssetCheckResult:
    """At no camera with twenty segments or more would the challenger change most answers (rows of ``score_shift``)."""
    problems = [
        f"{row['camera']}: {row['changed']:.0%} of {row['segments']} segments are answered otherwise; look at them "
        "in `apexline review` before you approve"
        for row in shift
        if row["segments"] >= 20 and row["changed"] > 0.5
    ]
    return _result("no_camera_is_turned_over", problems, severity=_WARN)


def champion_is_not_worse(decisions: pa.Table) -> dg.AssetCheckResult:
    """No promotion put a model in place whose paired test difference was not above zero."""
    problems = [
        f"version {row['model_version']} replaced {row['incumbent_version']} with a difference whose "
        f"95 % interval begins at {row['difference_low']:.3f}"
        for row in decisions.to_pylist()
        if row["promoted"] and row["incumbent_version"] is not None and row["difference_low"] <= 0
    ]
    problems += [
        f"version {row['model_version']} was promoted without a name under approved_by"
        for row in decisions.to_pylist()
        if row["promoted"] and not row["approved_by"]
    ]
    return _result("champion_is_not_worse", problems)


def probabilities_sum_to_one(scores: pa.Table) -> dg.AssetCheckResult:
    """The probabilities of every score are a distribution; scores from before ``other`` was one have none for it."""
    columns = [pc.fill_null(scores[f"p_{e}"], 0.0).to_numpy(zero_copy_only=False) for e in ANSWERS]
    total = np.sum(columns, axis=0) if scores.num_rows else np.ones(0)
    problems = [
        f"{segment}: probabilities sum to {value:.4f}"
        for segment, value in zip(scores["segment_id"].to_pylist(), total, strict=True)
        if abs(value - 1.0) > 1e-3
    ]
    return _result("probabilities_sum_to_one", problems)


def camera_days_are_as_learned(moved: Sequence[Mapping[str, Any]]) -> dg.AssetCheckResult:
    """No camera-day moved away from what the champion knows; a warning that asks for a look and for ``retrain``."""
    problems = [
        f"{row['camera']} on {row['day']}: {row['measure']} was {row['before']}, is {row['now']} "
        f"(PSI {row['psi']:.2f}, {row['count']} against the {row['reference']})"
        for row in moved
    ]
    remedy = "look at the camera; where faces do look different, have segments of it reviewed and run the job `retrain`"
    return _result(
        "camera_days_are_as_learned", problems, severity=_WARN, **({"remedy": remedy} if problems else {})
    )


def report_names_its_data(page: str, *, synthetic: bool) -> dg.AssetCheckResult:
    """The page shows both tables, and says "synthetic" where numbers come from generated clips."""
    expected = ("Table 2", "Table 3", *(("synthetic",) if synthetic else ()))
    problems = [f"the page never says {words!r}" for words in expected if words not in page]
    return _result("report_names_its_data", problems)


def warehouse_is_consistent(offending: Mapping[str, Sequence[Any]]) -> dg.AssetCheckResult:
    """No query under ``sql/checks`` returned a row."""
    problems = [f"{name}: {len(rows)} rows, first {rows[0]}" for name, rows in offending.items() if len(rows)]
    return _result("warehouse_is_consistent", problems)
