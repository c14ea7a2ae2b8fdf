"""The page docs/semantic_space.md: tables and plots of one run of ``apexline bench semantic``.

Belongs here: words around the numbers and drawing. Stays out: the numbers (``bench.semantic.run``); every figure on the
page comes from there.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from apexline.assets.figures import figure_png, loadings_plot, pad_cube, scree_plot
from apexline.bench.semantic.run import SemanticResults, SurveyFit
from apexline.ml import PAD_AXES, emotion_pad
from apexline.ml.evaluation import markdown_pages
from apexline.ml.semantic_space import MIN_CONGRUENCE, parallel_analysis, tucker_congruence
from apexline.ml.surveys import pad_norms

_FOLDER = "semantic_space"  # of the plots, beside the page


def write_report(results: SemanticResults, folder: Path) -> None:
    """Write semantic_space.md into `folder`, and its plots into semantic_space/ beside it."""
    plots = folder / _FOLDER
    plots.mkdir(parents=True, exist_ok=True)
    for name, figure in _figures(results).items():
        (plots / f"{name}.png").write_bytes(figure_png(figure))
    page = markdown_pages("apexline.bench", three_digits).get_template("semantic_space.md.j2")
    text = page.render(
        bar=MIN_CONGRUENCE,
        overlap=_overlap(results.fits[0]),
        results=results,
        scales=pad_norms(results.form).rename_axis("scale").reset_index(),
    )
    (folder / "semantic_space.md").write_text(text, encoding="utf-8")


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


def three_digits(value: float) -> str:
    """Text of a number: .850, as in the papers; tiny p values keep their size."""
    if not isinstance(value, float):
        return str(value)
    return f"{value:.1e}" if 0 < abs(value) < 5e-4 else f"{value:.3f}"
