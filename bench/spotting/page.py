"""The page docs/spotting.md: tables and the ROC plot of one run of ``apexline bench spotting``.

Belongs here: words around the numbers and drawing. Stays out: the numbers (``bench.spotting.run``); every figure on the
page comes from there.
"""

from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from apexline.bench.page import processor
from apexline.bench.spotting.claims import is_ahead
from apexline.bench.spotting.extract import PEER_KINDS
from apexline.bench.spotting.run import BEST_LEARNED, Rows, SpottingResults
from apexline.ml.evaluation import markdown_pages
from apexline.ml.spotting_metrics import ALARM_PRICE, NUM_INNER, NUM_OUTER, frame_roc

_PLOT = "spotting_roc.png"
_DRAWN = (BEST_LEARNED, "sl + flow, learned", "sr + flow, learned", "sl + flow, fallback", "flow")
_DRAWN += ("sl", "sr", "dcp", "hog", "lbp", "LBP-chi2 (Moilanen 2014)", "MDMD (Wang 2017)")


def write_report(results: SpottingResults, folder: Path) -> None:
    """Write spotting.md and its plot into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    roc_plot(results).savefig(folder / _PLOT, dpi=110, bbox_inches="tight", metadata={"Software": None})
    nested = Counter(results.best_learned[:-1])
    page = markdown_pages("apexline.bench", readable).get_template("spotting.md.j2")
    text = page.render(
        machine=processor(),
        results=results,
        tables=results.tables,
        outer=NUM_OUTER,
        inner=NUM_INNER,
        price=ALARM_PRICE,
        nested=nested.most_common(),
        folds=nested.total(),
        final=results.best_learned[-1],
        plot=_PLOT,
        verdicts=verdicts(results.tables["claims"]),
    )
    (folder / "spotting.md").write_text(text, encoding="utf-8")


def verdicts(claims: Rows) -> list[tuple[str, list[str], list[str]]]:
    """Each fusion of the paper's claim, the peers that it holds against, and those that it does not."""
    frame = pd.DataFrame(claims)
    of_paper = frame[frame["one"].str.contains("flow") & frame["other"].isin(PEER_KINDS)]
    found: list[tuple[str, list[str], list[str]]] = []
    for one, rows in of_paper.groupby("one", sort=False):
        holds = [row["other"] for row in rows.to_dict("records") if is_ahead(row)]
        found.append((str(one), holds, [peer for peer in rows["other"] if peer not in holds]))
    return found


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


def readable(value: float) -> str:
    """Text of a number: three decimals, one from 10 on."""
    if not isinstance(value, float):
        return str(value)
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3f}"
