"""The page docs/recognition.md: tables and a plot of one run of ``apexline bench recognition``.

Belongs here: words around the numbers and drawing. Stays out: the numbers (``bench.recognition``).
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from bench.recognition import Results, Rows
from bench.recognition_runs import Plan, read_plan
from bench.speed_report import markdown

_NAME = "recognition"

_PAGE = """# Recognition on public faces

Written by `{command}`; every number below is of that one run: {seeds} seed(s), {folds} folds of performers;
{ferplus_epochs} epochs on FER+ and FER2013, {performers_epochs} on performers.{warning}
What is trained on what stands in `configs/recognition.yaml`.

It is *apparent* expression: what a face looks like to people who vote, or what a performer was asked to show; not what
anyone feels. Of the four classes, *scared* is rare in FER+ and often seen as something else where it is posed.

## How it is measured

* Every face, of every set, comes through the line's own aligner (`features.faces.align_face`) and
  `ml.datasets.face_image`, in training as in scoring. FER2013's images are face boxes of 48 px; the line's landmark
  network looks at each, and where it sees no face the set's median landmarks stand in.
* One network learns all words of two vocabularies at once (`ml.train.train_words`): the shares of FER+'s eight words
  among an image's votes, and FER2013's own label, one of seven words by one hand. Answers are read from the four
  classes of either (`ml.deepid.DeepID.select_classes`): *read as FER+'s raters*, *as FER2013's labels*. Judged on are
  test images whose most frequent word is one of the four (the first on a tie). Training images with an exact copy in
  validation or test are dropped, and validation images with one in test. The best epoch is chosen on validation
  images.
* *shifted*: the logit of each class is moved by what serves FER2013's labels of validation images best (`ml.prior`):
  half accuracy and half balanced accuracy for FER2013, balanced accuracy for the other sets. The network has seen no
  still and no clip. That both vocabularies are learned and classes shifted at all was decided with single seeds'
  figures on stills and FER2013 in sight: stills are development data, and their figures are somewhat flattering.
* *trained on other performers*: from the network read as FER2013's labels on, with stills and frames of clips of
  other performers, for a fixed number of epochs; one of those sets the temperature. A performer is never on both
  sides, in stills and clips alike. *baseline* sees the face alone, *features* what a segment has beside it: the face
  at its onset, texture and flow. Stills have texture only. That the change since onset is looked at, with an output
  layer of its own, that flow counts by direction, and the rates of learning were decided with figures of these very
  performers (seed 0) in sight: here, too, stills and clips are development data.
* Stills: *observers* are about a hundred people per image. Calm was no answer for them, so beside them everyone is
  held to happy, angry and scared. Clips show those three only; their answers are held to three as well.
* Expression clips were made by morphing stills of the same performers: exact truth, but not a real face's motion.
* Every answer is the mean over a face and its mirror image, as everywhere in the line. *least..largest* is over
  seeds. *95 %, performers* resamples performers, of the mean over seeds.

## Figures

{figures}

![Accuracy with intervals]({name}.png)

## How far answers can be relied on

A temperature is fitted to validation images; ECE and errors are of test images, means over seeds. *80 % answered*: the
least confident fifth is left without an answer.

{calibration}

## The three versions and their controls (Table 3)

All start from the same weights (*read as FER2013's labels*) and learn from the same performers. *features* adds MODC
texture, the direction of flow since onset, and what has changed in the hidden units since the face at the onset;
*semantic* also PAD, with what observers saw of each still as its target. In *shuffled features* every face has texture
and flow of another and keeps its own onset; in *random anchors* PAD is replaced by random points of the same place and
spread. Four answers are allowed here, so calm counts as an error on an apex. *recognition* is the most probable class,
*classification* goes through PAD (eq. 27). The paper gives 91.1 / 90.1, 92.5 / 91.4 and 95.4 / 96.3 % on its own,
private data.

{versions}

Paired differences of recognition on apexes, performers resampled; *real* where the interval leaves out 0:

{differences}

{verdict}

## Training speed

{speed}

The bare loop sees the same batches as they lie, with no augmentation, weights or schedule.
"""


def write_report(results: Results, out: Path) -> None:
    """Write ``recognition.md`` and its plot into `out`."""
    out.mkdir(parents=True, exist_ok=True)
    plan = results.plan
    quick = plan.name == "quick"
    page = _PAGE.format(
        command=_command(plan),
        warning=" **This is the quick run: a look, not figures.**" if quick else "",
        seeds=plan.seeds,
        folds=plan.folds,
        ferplus_epochs=plan.ferplus.epochs,
        performers_epochs=plan.performers.epochs,
        name=_NAME,
        figures=_table(results.figures),
        calibration=_table(results.calibration),
        versions=_table(results.versions),
        differences=_table(results.differences),
        verdict=_verdict(results.differences),
        speed=_table(results.speed),
    )
    (out / f"{_NAME}.md").write_text(page, encoding="utf-8")
    _plot(results.figures).savefig(
        out / f"{_NAME}.png", dpi=110, bbox_inches="tight", metadata={"Software": None}
    )


def _command(plan: Plan) -> str:
    if plan.seeds != read_plan(plan.name).seeds:
        return f"python -m bench.recognition --seeds {plan.seeds} --out docs"
    return f"apexline bench recognition{' --quick' if plan.name == 'quick' else ''} --out docs"


def _table(rows: Rows) -> str:
    return markdown(pd.DataFrame(rows))


def _verdict(differences: Rows) -> str:
    real = [row["difference on apexes"] for row in differences if row["real"] == "yes"]
    others = [row["difference on apexes"] for row in differences if row["real"] != "yes"]
    said = f"Beyond chance of performers: {', '.join(real)}." if real else "No difference is beyond chance."
    return f"{said} Not told apart: {', '.join(others)}." if others else said


def _plot(figures: Rows) -> Figure:
    rows = [row for row in figures if "accuracy" in row]
    figure = Figure(figsize=(8, 0.34 * len(rows) + 1))
    axes = figure.subplots()
    for position, row in enumerate(reversed(rows)):
        axes.plot(row["accuracy"], position, "o", color="C0", label="accuracy" if position == 0 else None)
        axes.plot(row["balanced"], position, "x", color="C1", label="balanced" if position == 0 else None)
        ends = row.get("95 %, performers") or row["accuracy, least..largest"]
        axes.hlines(position, *map(float, ends.split("..")), color="C0", alpha=0.5)
    axes.set_yticks(range(len(rows)), [f"{row['on']}\n{row['method']}" for row in reversed(rows)], fontsize=6)
    axes.set(xlabel="share right, line: 95 % over performers or range of seeds", xlim=(0.3, 1))
    axes.grid(alpha=0.3, axis="x")
    axes.legend(fontsize=8)
    return figure
