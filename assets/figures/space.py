"""The semantic space: the PAD cube, loadings and the scree plot.

Belongs here: drawing spaces and factors. Stays out: fitting them (``ml.semantic_space.space``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from apexline.assets.figures.style import BLUE, GREY, INK, ORANGE, PINK, RED, finish, new_figure, only

if TYPE_CHECKING:
    from matplotlib.figure import Figure

EMOTION_COLOURS: Mapping[str, str] = {"happy": ORANGE, "angry": RED, "calm": BLUE, "scared": PINK}
EMOTION_MARKERS: Mapping[str, str] = {"happy": "o", "angry": "^", "calm": "s", "scared": "D"}


def pad_cube(anchors: pd.DataFrame, segments: pd.DataFrame, *, synthetic: bool) -> Figure:
    """Draw the pleasure-arousal-dominance cube: the four emotions' anchors and the cloud of segments.

    Parameters
    ----------
    anchors : DataFrame, columns emotion, pleasure, arousal, dominance
        Where each emotion lies, -1..1.
    segments : DataFrame, columns emotion, pleasure, arousal, dominance
        Scored segments, -1..1; coloured by apparent expression.
    synthetic : bool
        The segments come from the project's own generator.
    """
    figure = new_figure(6.2, 5.2, synthetic=synthetic)
    # The stubs of Axes3D give the plane's types to the third coordinate.
    axes: Any = figure.add_subplot(projection="3d")
    for emotion, colour in EMOTION_COLOURS.items():
        marker = EMOTION_MARKERS[emotion]
        cloud = only(segments, "emotion", emotion)
        axes.scatter(*_pad(cloud), color=colour, marker=marker, s=16, alpha=0.55, depthshade=False)
        anchor = only(anchors, "emotion", emotion)
        axes.scatter(
            *_pad(anchor), color=colour, marker=marker, s=130, edgecolors=INK, depthshade=False, label=emotion
        )
        for p, a, d in zip(*_pad(anchor), strict=True):
            axes.plot([p, p], [a, a], [-1, d], color=colour, linewidth=0.8, linestyle=":")
    axes.set_xlim(-1, 1)
    axes.set_ylim(-1, 1)
    axes.set_zlim(-1, 1)
    axes.set_xlabel("pleasure", color=INK)
    axes.set_ylabel("arousal", color=INK)
    axes.set_zlabel("dominance", color=INK)
    axes.tick_params(labelsize=7, colors=GREY)
    axes.set_box_aspect((1, 1, 0.85), zoom=0.88)
    axes.set_title("PAD space: anchors (large) and segments", fontsize=10, color=INK)
    axes.legend(fontsize=8, frameon=False, loc="upper left")
    return figure


def loadings_plot(loadings: pd.DataFrame, *, synthetic: bool) -> Figure:
    """Draw the loading of every adjective pair on every axis.

    Parameters
    ----------
    loadings : DataFrame, index adjective pair, one column per axis
        Loadings, usually within -1..1.
    synthetic : bool
        The ratings come from the simulated panel.
    """
    figure = new_figure(5.4, 0.9 + 0.17 * max(4, len(loadings)), synthetic=synthetic)
    axes = figure.add_subplot()
    values = loadings.to_numpy(dtype=np.float64)
    image = axes.imshow(values, cmap="PuOr_r", vmin=-1, vmax=1, aspect="auto")
    for row, column in np.ndindex(*values.shape):
        axes.text(
            column,
            row,
            f"{values[row, column]:+.2f}",
            ha="center",
            va="center",
            fontsize=6.5,
            color="white" if abs(values[row, column]) > 0.55 else INK,
        )
    axes.set_xticks(range(loadings.shape[1]), [str(name) for name in loadings.columns])
    axes.set_yticks(range(len(loadings)), [str(name) for name in loadings.index], fontsize=6.5)
    figure.colorbar(image, ax=axes, label="loading", fraction=0.04)
    finish(axes, title="Loadings of the adjective pairs", x="axis", y="", legend=False, grid=False)
    axes.tick_params(axis="y", labelsize=6.5)
    return figure


def scree_plot(
    eigenvalues: ArrayLike, random_eigenvalues: ArrayLike, *, n_factors: int, n_parallel: int, synthetic: bool
) -> Figure:
    """Draw the eigenvalues of the correlation matrix against those of random data (parallel analysis).

    Parameters
    ----------
    eigenvalues : array, shape (L,)
        Of the correlation matrix, falling.
    random_eigenvalues : array, shape (L,)
        The same quantile of the eigenvalues of random data of that size.
    n_factors : int
        Factors that were extracted.
    n_parallel : int
        Factors that the parallel analysis supports.
    synthetic : bool
        The ratings come from the simulated panel.
    """
    observed, random = np.asarray(eigenvalues), np.asarray(random_eigenvalues)
    shown = min(len(observed), 15)
    order = np.arange(1, shown + 1)
    figure = new_figure(5.6, 3.4, synthetic=synthetic)
    axes = figure.add_subplot()
    axes.plot(order, observed[:shown], "o-", color=BLUE, linewidth=1.6, markersize=5, label="ratings")
    axes.plot(order, random[:shown], "s--", color=RED, linewidth=1.2, markersize=4, label="random data")
    axes.axvline(n_factors + 0.5, color=GREY, linestyle=":", linewidth=1.2, label=f"extracted: {n_factors}")
    axes.set_xticks(order)
    axes.set_ylim(bottom=0)
    finish(
        axes,
        title=f"Scree: parallel analysis supports {n_parallel}",
        x="factor",
        y="eigenvalue",
        legend=True,
    )
    return figure


def _pad(rows: pd.DataFrame) -> tuple[NDArray[np.float64], ...]:
    return tuple(rows[name].to_numpy(dtype=np.float64) for name in ("pleasure", "arousal", "dominance"))
