"""Asset ``score_shift``: what the challenger would say otherwise than the champion, about what cameras saw lately."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import dagster as dg

from apexline.assets import checks
from apexline.assets.lake import Lake, LakeClip, each_readable, fingerprint, listed_camera_days
from apexline.assets.metadata import asset_attributes, table_preview
from apexline.assets.parameters import Parameters
from apexline.assets.scoring.scorer import Scorer
from apexline.assets.training import CHALLENGER, promoted_version
from apexline.ml import EMOTIONS
from apexline.ml.registry import ModelRegistry

CODE_VERSION = "1"
_SEGMENTS = 500
_ALL = "all cameras"
_ANSWERS = (*EMOTIONS, "other")
_ABSTAINED = "abstained"


class Answered(NamedTuple):
    """A segment's camera, and what champion and challenger answer: an emotion, ``other`` or ``abstained``."""

    camera: str
    before: str
    after: str


@dg.asset(
    deps=["model_comparison", "segment_scores"],
    code_version=CODE_VERSION,
    check_specs=[checks.check_spec(checks.no_camera_is_turned_over, asset="score_shift")],
    **asset_attributes("scoring", "mlflow"),
)
def score_shift(
    context: dg.AssetExecutionContext,
    lake: dg.ResourceParam[Lake],
    parameters: dg.ResourceParam[Parameters],
    registry: dg.ResourceParam[ModelRegistry],
) -> dg.MaterializeResult:
    """Shares of each answer by champion and challenger on the latest segments, by camera: look before you approve.

    Nothing here says which of the two is right; the comparison on the frozen test subjects does. It says what will
    change where.
    """
    rows = shift_of_challenger(lake, parameters, registry)
    challenger, champion = registry.get_alias(CHALLENGER), promoted_version(lake)
    if not rows:
        context.log.info("nothing to compare: no challenger beside the champion, or no segment is stored")
    return dg.MaterializeResult(
        metadata={
            "champion": champion or 0,
            "challenger": challenger or 0,
            "segments": rows[0]["segments"] if rows else 0,
            "changed_share": rows[0]["changed"] if rows else 0.0,
            "shift": table_preview(rows),
        },
        data_version=dg.DataVersion(fingerprint(challenger, champion, rows)),
        check_results=[checks.no_camera_is_turned_over(rows)],
    )


def shift_of_challenger(lake: Lake, parameters: Parameters, registry: ModelRegistry) -> list[dict[str, Any]]:
    """Compare what champion and challenger answer about the latest segments.

    Returns
    -------
    list of dict
        Rows of `shift_table`; none where there is no challenger beside the champion.
    """
    challenger, champion = registry.get_alias(CHALLENGER), promoted_version(lake)
    if champion is None or challenger is None or challenger == champion:
        return []
    before, after = (Scorer(registry, number, parameters) for number in (champion, challenger))
    found: list[Answered] = []
    for of_clip in each_readable(lambda clip: _answered(clip, before, after), _latest_clips(lake)):
        found.extend(of_clip)
        if len(found) >= _SEGMENTS:
            break
    return shift_table(found)


def shift_table(answered: Sequence[Answered]) -> list[dict[str, Any]]:
    """Count answers.

    Returns
    -------
    list of dict
        One row for all cameras, then one for each: camera, segments, changed (share that is answered otherwise), and
        the share of each answer, ``NAME_before`` and ``NAME_after``, 0..1.
    """
    cameras = sorted({each.camera for each in answered})
    groups = [(_ALL, answered), *((name, [e for e in answered if e.camera == name]) for name in cameras)]
    return [
        {
            "camera": name,
            "segments": len(group),
            "changed": sum(each.before != each.after for each in group) / len(group),
            **_shares("before", (each.before for each in group), len(group)),
            **_shares("after", (each.after for each in group), len(group)),
        }
        for name, group in groups
        if group
    ]


def _shares(when: str, answers: Iterable[str], total: int) -> dict[str, float]:
    counts = Counter(answers)
    return {f"{name}_{when}": counts[name] / total for name in (*_ANSWERS, _ABSTAINED)}


def _latest_clips(lake: Lake) -> Iterable[LakeClip]:
    for day in reversed(listed_camera_days(lake)):
        for clip_id in lake.names("expression_segments", camera_day=day):
            yield LakeClip(lake, day, clip_id)


def _answered(clip: LakeClip, before: Scorer, after: Scorer) -> list[Answered]:
    camera = clip.camera_day.partition("_")[2]
    pairs = zip(before.score(clip), after.score(clip), strict=True)
    return [Answered(camera, _answer(first), _answer(second)) for (_, first), (_, second) in pairs]


def _answer(score: dict[str, Any]) -> str:
    return _ABSTAINED if score["abstained"] else score["emotion"]
