"""The report: one self-contained HTML file that a person can keep, send and print.

Belongs here: what the page needs (`ReportContext`), and putting it beside the paper's values into the template.
Stays out: computing or reading numbers (assets, the warehouse) and drawing curves (``assets.figures``).

The word "synthetic" stands beside every number that comes from the project's own generator: whoever fills the
context says so per table and per figure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from apexline.assets.explain import TrackExplanation
from apexline.assets.figures import (
    comparison_plot,
    figure_data_uri,
    png_data_uri,
    records_of,
    table_2,
    table_3,
    table_3_plot,
)
from apexline.assets.metadata import REVIEW
from apexline.assets.pages import environment

PAPER_FIGURES = ("5", "6", "7", "8", "9", "10", "11")
MAX_SEGMENTS = 100

NO_ANSWER = "no answer"
# One answer to so large a share of so many faces, most of them labelled otherwise, says that they are foreign to it.
_LOPSIDED, _LOPSIDED_FROM = 0.8, 10
_FAIR_CONGRUENCE, _GOOD_CONGRUENCE = 0.85, 0.95  # Tucker's coefficient: fair, good


@dataclass(frozen=True)
class ReportFigure:
    """A drawing with its words.

    Parameters
    ----------
    number : str
        Number in the paper, ``5`` to ``11``; empty for a figure that the paper does not have.
    title, caption : str
        What it shows, and how to read it.
    figure : matplotlib.figure.Figure
        The drawing.
    synthetic : bool
        It shows data of the project's own generator.
    """

    number: str
    title: str
    caption: str
    figure: Figure
    synthetic: bool


@dataclass(frozen=True)
class ChampionSummary:
    """The model that scores now: registry version, kind of model, and who approved it when (UTC)."""

    model_version: int
    version: str
    approved_by: str
    champion_from: datetime


@dataclass(frozen=True)
class SemanticSpaceSummary:
    """Diagnostics of the pleasure-arousal-dominance space.

    Parameters
    ----------
    num_stimuli, num_raters, num_pairs : int
        Size of the survey.
    kmo : float
        Kaiser-Meyer-Olkin measure of sampling adequacy, 0..1.
    bartlett_p : float
        p value of Bartlett's test of sphericity.
    icc : float
        Reliability of the mean over raters, intraclass correlation; NaN where it can't be estimated.
    n_factors, n_parallel : int
        Factors extracted, and factors that the parallel analysis supports.
    congruence : mapping of str to float
        Tucker congruence of each axis with its target.
    unsupported : sequence of str
        Axes that the data does not support.
    source : str
        Where the ratings come from.
    synthetic : bool
        The ratings come from the simulated panel.
    chance_congruence, own_congruence, variance_inflation : mapping of str to float
        How well each axis can be told apart, see `ml.semantic_space.rotation`; empty where factors were not
        turned to the target.
    """

    num_stimuli: int
    num_raters: int
    num_pairs: int
    kmo: float
    bartlett_p: float
    icc: float
    n_factors: int
    n_parallel: int
    congruence: Mapping[str, float]
    unsupported: Sequence[str]
    source: str
    synthetic: bool
    chance_congruence: Mapping[str, float] = field(default_factory=dict)
    own_congruence: Mapping[str, float] = field(default_factory=dict)
    variance_inflation: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class ExplainedTrack:
    """Why a track has the segments that it has, or none, with where it was seen; `synthetic` is its clip."""

    camera_day: str
    clip_id: str
    track: TrackExplanation
    synthetic: bool


@dataclass(frozen=True)
class ReportContext:
    """All that the page shows. Frames named like a mart have that mart's columns (``sql/marts``).

    Parameters
    ----------
    generated_at : datetime
        When the report was made, UTC.
    run_id : str
        Dagster run that made it.
    config_name, config_hash : str
        Parameter file and the hash of its resolved values.
    synthetic : bool
        Some of what the page shows comes from the project's own generator; puts the banner up.
    champion : ChampionSummary or None
        None before the first promotion.
    lineage : DataFrame, columns asset, data_version, run_id
        What the numbers rest on.
    areas : DataFrame, columns method, auc, low, high, synthetic
        Table 2: area under the frame-level ROC curve with its 95 % interval; methods as in `PAPER_AUC`.
    comparison : DataFrame
        Table 3: rows of ``model_comparison``; the highest model version of each version counts.
    figures : sequence of ReportFigure
        The paper's Figures 5 to 11 and further ones.
    explained : sequence of ExplainedTrack
        The tracks with the strongest segments, and some that have none.
    semantic_space : SemanticSpaceSummary or None
        None before there are ratings.
    spotting : DataFrame
        Mart ``spotting_summary``.
    against_truth : DataFrame
        Mart ``answers_against_truth``.
    camera_days, segments, quarantine, promotions : DataFrame
        Marts ``camera_day_summary``, ``segments``, ``quarantine`` and ``promotions``.
    reasons : mapping of str to str
        Why there is a segment, by segment_id; one that is absent is listed without.
    checks : mapping of str to DataFrame
        Offending rows by check of the warehouse.
    faces : mapping of str to bytes
        Small pictures (PNG) of the face at the apex, by segment_id; one that is absent is listed without.
    """

    generated_at: datetime
    run_id: str
    config_name: str
    config_hash: str
    synthetic: bool
    champion: ChampionSummary | None
    lineage: pd.DataFrame
    areas: pd.DataFrame
    comparison: pd.DataFrame
    figures: Sequence[ReportFigure]
    explained: Sequence[ExplainedTrack]
    semantic_space: SemanticSpaceSummary | None
    spotting: pd.DataFrame
    against_truth: pd.DataFrame
    camera_days: pd.DataFrame
    segments: pd.DataFrame
    quarantine: pd.DataFrame
    promotions: pd.DataFrame
    reasons: Mapping[str, str]
    checks: Mapping[str, pd.DataFrame]
    faces: Mapping[str, bytes] = field(default_factory=dict[str, bytes])


def render_report(context: ReportContext) -> str:
    """Put the context into one HTML page with every figure embedded.

    Parameters
    ----------
    context : ReportContext
        What the page shows; all text in it is escaped.

    Returns
    -------
    str
        A complete HTML document that loads nothing from elsewhere.
    """
    drawn = {figure.number for figure in context.figures}
    areas, comparison = table_2(context.areas), table_3(context.comparison)
    segments = [{**row, "said": _said(row)} for row in records_of(context.segments.head(MAX_SEGMENTS))]
    tested, measured = comparison.dropna(subset=["model_version"]), areas.dropna(subset=["value"])
    return (
        environment()
        .get_template("report.html.j2")
        .render(
            report=context,
            review=REVIEW,
            champion_tested=_champion_tested(context),
            matrix=_matrix(context.against_truth),
            lopsided=_lopsided(context.against_truth),
            whole={
                "table_2": _is_synthetic(measured),
                "table_3": _is_synthetic(tested),
                "spotting": _is_synthetic(context.spotting),
                "camera_days": _is_synthetic(context.camera_days),
                "segments": _is_synthetic(context.segments),
                "explained": bool(context.explained) and all(each.synthetic for each in context.explained),
                "figures": bool(context.figures) and all(each.synthetic for each in context.figures),
            },
            totals=_totals(context),
            table_2=records_of(areas),
            table_2_plot=figure_data_uri(
                comparison_plot(areas, x="area under the ROC curve", synthetic=bool(areas["synthetic"].any()))
            ),
            table_3=records_of(comparison),
            table_3_plot=figure_data_uri(table_3_plot(context.comparison)),
            paper_figures=sorted(
                (figure for figure in context.figures if figure.number), key=lambda figure: int(figure.number)
            ),
            more_figures=[figure for figure in context.figures if not figure.number],
            missing_figures=[number for number in PAPER_FIGURES if number not in drawn],
            axes=_axes(context.semantic_space),
            spotting=records_of(context.spotting),
            camera_days=records_of(context.camera_days),
            segments=segments,
            faces={name: png_data_uri(picture) for name, picture in context.faces.items()},
            answers=sorted({row["said"] for row in segments}),
            quarantine=records_of(context.quarantine),
            promotions=records_of(context.promotions),
            lineage=records_of(context.lineage),
            checks=[(name, len(rows)) for name, rows in sorted(context.checks.items())],
        )
    )


def _is_synthetic(rows: pd.DataFrame) -> bool:
    """Tell whether all of a block comes from the generator: then its heading says so, and no row has to."""
    return bool(len(rows)) and all(rows["synthetic"])


def _said(segment: Mapping[str, Any]) -> str:
    """Return the word by which a listed segment is filtered: its emotion, no answer, or that none was given yet."""
    if not isinstance(segment["emotion"], str):
        return "not scored"
    abstained = pd.notna(segment["abstained"]) and bool(segment["abstained"])
    return NO_ANSWER if abstained else segment["emotion"]


def _champion_tested(context: ReportContext) -> dict[str, Any] | None:
    """Return how the champion did on the frozen test split; None where it was not among those tested here."""
    champion = context.champion
    tested = {row["model_version"]: row for row in records_of(context.comparison)}
    return None if champion is None else tested.get(champion.model_version)


def _matrix(against_truth: pd.DataFrame) -> dict[str, Any] | None:
    """Return truth by row and what was said by column, as counts; an abstention is no answer, right or wrong."""
    counts = {(row["truth"], row["said"]): int(row["segments"]) for row in records_of(against_truth)}
    if not counts:
        return None
    answers = sorted({said for _, said in counts} - {NO_ANSWER})
    said = [*answers, *({NO_ANSWER} & {said for _, said in counts})]
    rows: list[dict[str, Any]] = [
        {
            "truth": truth,
            "counts": [counts.get((truth, name), 0) for name in said],
            "right": counts.get((truth, truth), 0),
            "answered": sum(counts.get((truth, name), 0) for name in answers),
        }
        for truth in sorted({truth for truth, _ in counts})
    ]
    return {
        "said": said,
        "rows": rows,
        "right": sum(row["right"] for row in rows),
        "answered": sum(row["answered"] for row in rows),
        "faces": sum(counts.values()),
        "synthetic": _is_synthetic(against_truth),
    }


def _lopsided(against_truth: pd.DataFrame) -> dict[str, Any] | None:
    """Return the answer that is given to nearly all faces though most are labelled otherwise; None where none is."""
    rows = [row for row in records_of(against_truth) if row["said"] != NO_ANSWER]
    given = Counter[str]()
    for row in rows:
        given[row["said"]] += int(row["segments"])
    total = given.total()
    if total < _LOPSIDED_FROM:
        return None
    said, count = given.most_common(1)[0]
    labelled = sum(int(row["segments"]) for row in rows if row["said"] == row["truth"] == said)
    if count < _LOPSIDED * total or labelled > total / 2:
        return None
    return {"said": said, "count": count, "total": total, "labelled": labelled}


def _totals(context: ReportContext) -> dict[str, int]:
    days = records_of(context.camera_days)
    summed = {"clips": "clips", "face tracks": "tracks", "kept frames": "kept_frames", "segments": "segments"}
    return {
        "cameras": len({day["camera"] for day in days}),
        "camera-days": len(days),
        **{name: sum(int(day[column]) for day in days) for name, column in summed.items()},
        "scored now": sum(int(day["scored_segments"]) for day in days),
        "quarantined": len(context.quarantine),
    }


def _axes(space: SemanticSpaceSummary | None) -> list[dict[str, Any]]:
    if space is None:
        return []
    return [
        {
            "name": name,
            "congruence": value,
            "chance": space.chance_congruence.get(name),
            "own": space.own_congruence.get(name),
            "inflation": space.variance_inflation.get(name),
            "verdict": _verdict(value, unsupported=name in space.unsupported),
        }
        for name, value in space.congruence.items()
    ]


def _verdict(congruence: float, *, unsupported: bool) -> str:
    if unsupported:
        return "unsupported"
    if congruence >= _GOOD_CONGRUENCE:
        return "good"
    return "fair" if congruence >= _FAIR_CONGRUENCE else "weak"
