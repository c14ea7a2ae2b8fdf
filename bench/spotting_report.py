"""The page docs/spotting.md: tables and the ROC plot of one run of ``apexline bench spotting``.

Belongs here: words around the numbers and drawing. Stays out: the numbers (``bench.spotting``); every figure on the
page comes from there.
"""

from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from bench.speed_report import processor
from bench.spotting import BEST_LEARNED, Rows, SpottingResults
from bench.spotting_claims import is_ahead
from bench.spotting_extract import PEER_KINDS
from ml.markdown import markdown_table
from ml.spotting_metrics import frame_roc
from ml.spotting_nested import ALARM_PRICE, NUM_INNER, NUM_OUTER

_PLOT = "spotting_roc.png"
_DRAWN = (BEST_LEARNED, "sl + flow, learned", "sr + flow, learned", "sl + flow, fallback", "flow")
_DRAWN += ("sl", "sr", "dcp", "hog", "lbp", "LBP-chi2 (Moilanen 2014)", "MDMD (Wang 2017)")

_PAGE = """# Spotting expressions: Table 2, nested by performer

Written by `apexline bench spotting --out docs` on {machine}; every number below is of that one run.

{clips} clips of {performers} performers, {frames} frames, {expressions} annotated expressions; {quiet} clips show none.
The clips are **synthetic in motion**: one performer's calm still is morphed to an emotional one along a drawn curve,
with head motion, light drift and noise. The paper's numbers come from data that nobody else has, and it states no
protocol: its column is there to be seen beside ours, not to be beaten.

## Protocol

* Performers are dealt out to {outer} folds. Each clip is judged by what was fitted, and whose thresholds were chosen,
  on the performers of the other folds; inside of those, {inner} further folds keep fitting and choosing apart. All
  methods share the folds. What a choice is worth is overall F1, less {price} for each false alarm a minute on clips
  without an expression.
* Frame scores are absolute and pooled over all clips: a clip without an expression has to score low, and a frame in
  which no face was tracked has the lowest score. Only the paper to the letter normalises each clip, by its eq. (21).
* Segments match one to one at IoU >= .5; found, false and missed ones are summed over the set. AP is the mean over
  overlaps .5, .55, .. .95. *Apex inside*: it lies in the annotation's [apex, apex end], .1 s more on either side.
* Intervals are 95 % bootstrap intervals over performers; the same draws serve all methods.
* What is nested are thresholds and weights. The rules themselves, the registration, the flow and the other parameters
  of `configs/default.yaml` were written while looking at these performers.
* *fallback*, *or*, *mean* and *learned* are ways to fuse a texture with flow: texture where flow finds nothing, either,
  the mean of both in standard deviations of the training frames, and a logistic regression of four numbers. *temporal*
  scorers see the curves of SL, SR and flow through windows of .12 to 1 s.
* LBP-chi2 and MDMD were rebuilt from their descriptions. Their threshold is relative to each clip, so a clip without an
  expression has peaks too; and they mark peaks of change, which were not meant to cover half of a segment.

## What was asked

{asked}

*best_learned*: in each fold whichever of the calibrated flow rules, the learned fusions and the temporal scorers is
worth most to the training performers. It was {best_learned}.

The line itself runs *rules, default.yaml*: motion first, texture where motion finds nothing. Its thresholds were chosen
with all of these performers, so its own row is not held out; *sl + flow, fallback* is the same rule with thresholds
chosen fold by fold. *best_learned* learned from synthetic motion only and is not in the line.

## Table 2: detection by frame

![ROC]({plot})

{detection}

*AUC by clip*: mean over the clips with an expression, each for itself. *Inner AUC*: without the frames within a second
of either end of their clip. These clips begin and end with calm, so the place in the clip alone tells much, and pooled
areas have to be read against it:

{control}

Shuffled and turned: every clip has the annotations of another one, moved round by a random time. What is fitted and
chosen on such truth, by the same protocol, has to fall to chance.

## Segments

{segments}

*low*, *high*: interval of the false alarms a minute on clips without an expression.

## Timing of matched segments

{timing}

Medians of absolute errors.

## Thresholds of the flow rules

What each fold chose on its training performers; the last row is where those of `configs/default.yaml` come from.

{chosen}

## Which differences hold

*Intervals apart*: the two 95 % intervals do not overlap. *Paired difference*: where the interval of the difference
lies (*low*, *high*), taken draw by draw, which tells more apart.

{claims}

{verdict}
{more}"""

_SCENES = """
## Scenes of several faces

Tracks are matched to faces frame by frame at IoU >= .5. Each face is judged by *best_learned* of a fold that has
not seen its performer. A face without an annotated expression has no performer in the annotations: of all folds, one of
which has not seen it, the one that finds most there counts.

{tracking}

{spotting}
"""

_REAL = """
## Real clips

No annotations: what is found on each track by *best_learned*, fitted on all performers above, and by the rules of
`configs/default.yaml` as they stand. People here are real, move by themselves, and were in no training.

{real}
"""


def write_report(results: SpottingResults, folder: Path) -> None:
    """Write spotting.md and its plot into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    roc_plot(results).savefig(folder / _PLOT, dpi=110, bbox_inches="tight", metadata={"Software": None})
    tables = results.tables
    more = ""
    if "scenes, tracking" in tables:
        parts = {"tracking": tables["scenes, tracking"], "spotting": tables["scenes, spotting"]}
        more += _SCENES.format(**{name: table(rows) for name, rows in parts.items()})
    if "real clips" in tables:
        more += _REAL.format(real=table(tables["real clips"]))
    nested = Counter(results.best_learned[:-1])
    times = ", ".join(
        f"*{name}* in {count} of {nested.total()} folds" for name, count in nested.most_common()
    )
    page = _PAGE.format(
        machine=processor(),
        clips=results.clips,
        performers=results.performers,
        frames=f"{results.frames:,}",
        expressions=results.expressions,
        quiet=results.quiet,
        outer=NUM_OUTER,
        inner=NUM_INNER,
        price=ALARM_PRICE,
        best_learned=f"{times}, and *{results.best_learned[-1]}* with all performers for training",
        plot=_PLOT,
        verdict=verdict(tables["claims"]),
        more=more,
        **{
            name: table(tables[name])
            for name in ("asked", "detection", "segments", "timing", "claims", "control", "chosen")
        },
    )
    (folder / "spotting.md").write_text(page, encoding="utf-8")


def verdict(claims: Rows) -> str:
    """Say of the paper's claim, for each fusion, which peers it holds against."""
    lines = [
        "The paper's claim, a texture with flow against DCP, HOG and LBP alone, as the table has it:",
        "",
    ]
    frame = pd.DataFrame(claims)
    of_paper = frame[frame["one"].str.contains("flow") & frame["other"].isin(PEER_KINDS)]
    for one, rows in of_paper.groupby("one", sort=False):
        holds = [row["other"] for row in rows.to_dict("records") if is_ahead(row)]
        fails = [peer for peer in rows["other"] if peer not in holds]
        words = f"holds against {', '.join(holds)}" if holds else "holds against none"
        lines.append(f"* *{one}*: {words}" + (f"; not against {', '.join(fails)}." if fails else "."))
    return "\n".join(lines)


def roc_plot(results: SpottingResults) -> Figure:
    """Figure 8: ROC curves of frames."""
    figure = Figure(figsize=(7.5, 6.0))
    axes = figure.subplots()
    for name in (name for name in _DRAWN if name in results.judged):
        summary = results.judged[name].summary
        roc = frame_roc(summary.scores, summary.positive)
        # a thousand points show all that a line of a few hundred pixels can
        grid = np.linspace(0, 1, 1001)
        rate = np.interp(grid, roc.false_positive_rate, roc.true_positive_rate)
        style = "-" if "flow" in name or name == BEST_LEARNED else "--"
        axes.plot(grid, rate, style, label=f"{name} ({roc.auc:.3f})", linewidth=1.2)
    axes.plot([0, 1], [0, 1], color="0.7", linewidth=0.8)
    axes.set(xlabel="false positive rate of frames", ylabel="true positive rate", xlim=(0, 1), ylim=(0, 1.01))
    axes.legend(fontsize=8, loc="lower right")
    axes.grid(alpha=0.3)
    return figure


def table(rows: Rows) -> str:
    """Rows as a Markdown table; empty cells for missing values."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    return markdown_table(columns, ([row.get(name, "") for name in columns] for row in rows), _text)


def _text(value: object) -> str:
    if not isinstance(value, float):
        return str(value)
    if np.isnan(value):
        return ""
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3f}"
