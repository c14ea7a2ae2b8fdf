"""The page docs/semantic_space.md: tables and plots of one run of ``apexline bench semantic``.

Belongs here: words around the numbers and drawing. Stays out: the numbers (``bench.semantic``); every figure on the
page comes from there.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from assets.figures import figure_png, loadings_plot, pad_cube, scree_plot
from bench.semantic import Rows, SemanticResults, SurveyFit
from ml.agreement import parallel_analysis
from ml.datasets import PAD_AXES
from ml.markdown import markdown_table
from ml.norms import emotion_pad
from ml.rotation import tucker_congruence
from ml.semantic_space import MIN_CONGRUENCE
from ml.survey_form import pad_norms

_FOLDER = "semantic_space"  # of the plots, beside the page

_PAGE = """# The semantic space on a real survey

Written by `apexline bench semantic --out docs`; every number below is of that one run.

The survey: 114 raters placed 300 speakers (voices, not faces) on 34 bipolar scales from 0 to 100. Norms of the scales'
words (evaluation, potency and activity, by American raters who saw words only) give the target of the rotation; the
German poles were looked up by the survey's own English translation. The raters never saw the norms and nothing here was
chosen by congruence, so congruence is evidence. That of the simulated panel is none: it is drawn from the same norms.

## Do raters agree, and do the scores suit a factor analysis?

{reliability}

ICC(2,1) of one rater, with the lowest and the highest scale, and ICC(2,k) of the mean over the raters of each speaker;
medians over the scales, with answers missing.

![Scree, female](semantic_space/scree_female.png)
![Scree, male](semantic_space/scree_male.png)

## Are the three factors pleasure, arousal and dominance?

Minimum residual factors of the mean scores, turned to the norms by orthogonal Procrustes.

{axes}

* *congruence*: Tucker's, with the norms; {bar} or more counts as supported. *low*, *high*: 95 % bootstrap interval over
  raters and speakers together; doubled raters add noise, so it lies somewhat low. A verdict is *not certain* where the
  interval holds {bar}.
* *chance*: what 95 % of random assignments of norms to scales stay below. A rotation is fitted, so this is far from 0.
* *held out*: every scale turned by the rotation that the other scales ask for.
* *inflation*: variance inflation of the axis in the norms of these scales. Pleasure and dominance nearly share a
  direction there, so each can borrow the other's congruence. *own part*: congruence with what of the axis no mixture
  of the other axes explains, which can't be borrowed.
* *any angle*: congruence of the best direction in the factors' space, not at right angles to the others, for which
  chance is somewhat higher too. Where it and *own part* are high and *congruence* is not, the axis is in the ratings,
  and the norms' axes overlap too much for right angles: between pleasure and dominance their own congruence is
  {overlap} over these scales.
* *variance*: share of the scales' variance on the axis.

### Does the space come out again on other speakers?

Female and male speakers are different stimuli, rated by the same panel.

{replication}

The last column turns the male factors straight to the female ones, with no norms in between.

### How much do stand-in words decide?

Where the norms lack a pole's word a near synonym stands in (last table of this page). All speakers:

{exact_words}

With fewer scales chance reaches higher, so the columns belong together.

## How large a survey is needed?

Raters of each image for a congruence of .95 with an endless survey, in nine of ten simulated surveys with the noise of
this one (`apexline survey power`); *ceiling*: the endless survey's congruence with the norms.

{power}

The ceiling is the point: where it lies below {bar}, more raters make the axis repeatable and not more like the norms.

## Image-level targets: what do they carry beyond the label?

PAD of an image as the mean of the norms of the words its observers chose (FER+ votes), or weighted by the intensity
they saw, the rest being calm (posed stills). A class-constant target has no variance within classes.

{targets}

*Of that beyond vote noise*: the share of the variance within classes that is more than sampling of about ten votes.
FER+ classes are its most frequent word; stills are classed by the posed emotion.

![PAD cube](semantic_space/pad_cube.png)

Large: norms of the four words. Small: posed stills, by what observers saw, coloured by what was posed. *Neutral* counts
as calm, whose norm is pleasant; that is a choice and the same in all targets.

## Loadings

![Loadings, female](semantic_space/loadings_female.png)
![Loadings, male](semantic_space/loadings_male.png)

## Scales and their norms

Target: half the way from the second pole's norm to the first's, -1..1. Scales without one are factored, but do not
steer.

{scales}
"""


def write_report(results: SemanticResults, folder: Path) -> None:
    """Write semantic_space.md into `folder`, and its plots into semantic_space/ beside it."""
    plots = folder / _FOLDER
    plots.mkdir(parents=True, exist_ok=True)
    for name, figure in _figures(results).items():
        (plots / f"{name}.png").write_bytes(figure_png(figure))
    scales = pad_norms(results.form).rename_axis("scale").reset_index().to_dict("records")
    page = _PAGE.format(
        bar=_text(MIN_CONGRUENCE),
        overlap=_text(_overlap(results.fits[0])),
        reliability=_table(results.reliability),
        axes=_table(results.axes),
        replication=_table(results.replication),
        exact_words=_table(results.exact_words),
        power=_table(results.power),
        targets=_table(results.targets),
        scales=_table(scales),
    )
    (folder / "semantic_space.md").write_text(page, encoding="utf-8")


def _overlap(fit: SurveyFit) -> float:
    target = fit.space.target[~np.isnan(fit.space.target).any(axis=1)]
    pleasure, dominance = (PAD_AXES.index(axis) for axis in ("pleasure", "dominance"))
    return float(tucker_congruence(target[:, [pleasure]], target[:, [dominance]])[0])


def _figures(results: SemanticResults) -> dict[str, Figure]:
    anchors = emotion_pad().reset_index()
    cube = pad_cube(anchors, results.stills, synthetic=False)
    cube.axes[0].set_title("PAD of posed stills by their observers", fontsize=10)
    figures = {"pad_cube": cube}
    for fit in results.fits[:2]:
        figures[f"scree_{fit.group}"] = _scree(fit)
        figures[f"loadings_{fit.group}"] = _loadings(fit)
    return figures


def _scree(fit: SurveyFit) -> Figure:
    parallel = parallel_analysis(fit.scores.to_numpy(np.float64))
    figure = scree_plot(
        parallel.eigenvalues,
        parallel.thresholds,
        n_factors=len(fit.space.axes),
        n_parallel=parallel.num_factors,
        synthetic=False,
    )
    return _named(figure, fit)


def _loadings(fit: SurveyFit) -> Figure:
    words = [pair.replace("_", " - ") for pair in fit.space.pairs]
    table = pd.DataFrame(fit.space.loadings, index=words, columns=list(PAD_AXES))
    return _named(loadings_plot(table, synthetic=False), fit)


def _named(figure: Figure, fit: SurveyFit) -> Figure:
    axes = figure.axes[0]
    axes.set_title(f"{axes.get_title(loc='left')}: {fit.group} speakers", fontsize=10, loc="left")
    return figure


def _table(rows: Rows) -> str:
    """Return rows as a Markdown table."""
    return markdown_table(list(rows[0]), (row.values() for row in rows), _text)


def _text(value: Any) -> str:
    if not isinstance(value, float):
        return str(value)
    if np.isnan(value):
        return ""
    # .85 as in the papers; tiny p values keep their size
    return f"{value:.1e}" if 0 < abs(value) < 5e-4 else f"{value:.3f}"
