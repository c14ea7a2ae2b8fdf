"""Drawings: numbers in, Matplotlib figures out.

Belongs here: everything that draws for the Dagster metadata and for the report, and how a figure becomes
bytes or Markdown. Stays out: computing the numbers (``features``, ``ml``) and reading them (assets).

Figures are built through the object interface, never ``pyplot``: no global state, so threads may draw at
once. The colours are those of Okabe and Ito, told apart with every common colour vision. Whoever draws must
say whether the numbers are synthetic; the word then stands in the figure.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray
from PIL import Image

BLUE, ORANGE, GREEN, RED = "#0072B2", "#E69F00", "#009E73", "#D55E00"
SKY, PINK, INK, GREY, PALE = "#56B4E9", "#CC79A7", "#1F2933", "#7B8794", "#E4E7EB"
EMOTION_COLOURS: Mapping[str, str] = {"happy": ORANGE, "angry": RED, "calm": BLUE, "scared": PINK}
EMOTION_MARKERS: Mapping[str, str] = {"happy": "o", "angry": "^", "calm": "s", "scared": "D"}
TEXTURE_NAMES: Mapping[str, str] = {"sl": "left SL", "sr": "right SR", "cod": "COD"}
METHOD_NAMES: Mapping[str, str] = {
    "sl+flow": "SL + optical flow",
    "sr+flow": "SR + optical flow",
    "dcp": "DCP",
    "hog": "HOG",
    "lbp": "LBP",
}
MARKDOWN_LIMIT = 100_000  # bytes: metadata is stored in the event log and sent whole to the UI

_METHOD_LINES: Mapping[str, tuple[str, str]] = {
    "sl+flow": (BLUE, "-"),
    "sr+flow": (RED, "-"),
    "dcp": (GREEN, "--"),
    "hog": (PINK, "-."),
    "lbp": (ORANGE, ":"),
}
_NUMBER_ABOVE: Mapping[str, Any] = {
    "xytext": (0, 9),
    "textcoords": "offset points",
    "ha": "center",
    "fontsize": 8,
    "color": INK,
    "bbox": {"facecolor": "white", "edgecolor": "none", "alpha": 0.7, "pad": 0.5},
    "zorder": 6,
}
_DPI = 110
_WIDTH = 8.4  # inches


# ---- curves over the frames of a track (Figs. 5-7)


def texture_curves(
    rows: pd.DataFrame,
    *,
    thresholds: Mapping[str, float],
    segments: pd.DataFrame,
    truth: pd.DataFrame,
    synthetic: bool,
) -> Figure:
    """Draw the texture difference of a track, one panel per descriptor, as in Fig. 5.

    Parameters
    ----------
    rows : DataFrame, columns frame, kind, difference
        Rows of ``texture_features`` of one track.
    thresholds : mapping of str to float
        Threshold VE of eq. 21 by descriptor; a descriptor without one gets no line.
    segments : DataFrame, columns onset, apex, offset
        Segments that were found, frames.
    truth : DataFrame, columns onset, offset
        Annotated segments, frames; empty where there is no annotation.
    synthetic : bool
        The curve comes from the project's own generator.

    Returns
    -------
    Figure
    """
    kinds = _kinds(rows)
    figure, panels = _panels(max(1, len(kinds)), height=2.5, synthetic=synthetic)
    for panel, kind in zip(panels, kinds, strict=False):
        curve = _only(rows, "kind", kind).sort_values("frame")
        name = TEXTURE_NAMES.get(kind, kind)
        panel.plot(curve["frame"], curve["difference"], color=BLUE, label=f"{name} difference", linewidth=1.6)
        if kind in thresholds:
            panel.axhline(
                thresholds[kind], color=RED, linestyle="--", linewidth=1.1, label="threshold VE (eq. 21)"
            )
        _mark_truth(panel, truth)
        _mark_segments(panel, segments, curve["frame"], curve["difference"])
        _finish(panel, title=name, y="feature difference Q\n(chi-square)", legend=False)
        _legend_beside(panel)
        panel.set_ylim(bottom=0)
    _share_frames(panels)
    return figure


def flow_curves(
    rows: pd.DataFrame, *, roi: str, segments: pd.DataFrame, truth: pd.DataFrame, synthetic: bool
) -> Figure:
    """Draw module and angle of the optical flow of one region, as in Fig. 6.

    Parameters
    ----------
    rows : DataFrame, columns frame, roi, magnitude (px of the crop), angle (rad, 0..2pi)
        Rows of ``flow_features`` of one track.
    roi : str
        Region to draw.
    segments, truth : DataFrame
        As for `texture_curves`.
    synthetic : bool
        The curve comes from the project's own generator.
    """
    curve = _only(rows, "roi", roi).sort_values("frame")
    figure, (module, angle) = _panels(2, height=2.3, synthetic=synthetic)
    module.plot(curve["frame"], curve["magnitude"], color=BLUE, linewidth=1.6, label="module OV (eq. 19)")
    _mark_truth(module, truth)
    _mark_segments(module, segments, curve["frame"], curve["magnitude"])
    _finish(module, title=f"{_words(roi)}: module", y="module OV\n(px of the crop)", legend=False)
    _legend_beside(module)
    module.set_ylim(bottom=0)
    # A point per frame: a line would draw jumps where the angle passes 360 degrees.
    angle.plot(curve["frame"], np.degrees(curve["angle"]), ".", color=GREEN, markersize=4, label="angle")
    _mark_truth(angle, truth)
    _mark_spans(angle, segments)
    _finish(angle, title=f"{_words(roi)}: angle", y="angle (deg)", legend=False)
    angle.set_ylim(0, 360)
    angle.set_yticks([0, 90, 180, 270, 360])
    _share_frames([module, angle])
    return figure


def fused_curves(
    flow: pd.DataFrame,
    texture: pd.DataFrame,
    *,
    segments: pd.DataFrame,
    truth: pd.DataFrame,
    synthetic: bool,
) -> Figure:
    """Draw flow, texture and their mean on one scale, a panel per descriptor, as in Fig. 7.

    Each curve is z(t) = (Q - mean) / (max - mean): its mean lies at 0, its peak at 1.

    Parameters
    ----------
    flow : DataFrame, columns frame, roi, magnitude
        Rows of ``flow_features`` of one track; the strongest region counts in each frame.
    texture : DataFrame, columns frame, kind, difference
        Rows of ``texture_features`` of the same track.
    segments, truth : DataFrame
        As for `texture_curves`.
    synthetic : bool
        The curves come from the project's own generator.
    """
    strongest = _score(pd.Series(flow.groupby("frame")["magnitude"].max()))
    kinds = _kinds(texture)
    figure, panels = _panels(max(1, len(kinds)), height=2.5, synthetic=synthetic)
    for panel, kind in zip(panels, kinds, strict=False):
        difference = _score(pd.Series(_only(texture, "kind", kind).groupby("frame")["difference"].max()))
        fused = pd.concat([strongest, difference], axis=1, join="inner").mean(axis=1)
        panel.plot(strongest.index, strongest, color=SKY, linewidth=1.2, label="optical flow")
        panel.plot(difference.index, difference, color=ORANGE, linewidth=1.2, label=f"texture {kind.upper()}")
        panel.plot(fused.index, fused, color=INK, linewidth=1.8, label="mean of both")
        _mark_truth(panel, truth)
        _mark_segments(panel, segments, fused.index, fused)
        title = f"{TEXTURE_NAMES.get(kind, kind)} + optical flow"
        _finish(panel, title=title, y="score z\n(peak = 1)", legend=False)
        _legend_beside(panel)
    _share_frames(panels)
    return figure


def polar_map(rows: pd.DataFrame, *, roi: str, segments: pd.DataFrame, synthetic: bool) -> Figure:
    """Draw the optical flow of one region as points OV (cos, sin), eq. 22; an apex lies farthest out.

    Parameters
    ----------
    rows : DataFrame, columns frame, roi, magnitude (px of the crop), angle (rad)
        Rows of ``flow_features`` of one track.
    roi : str
        Region to draw.
    segments : DataFrame, columns onset, apex, offset
        Segments that were found, frames.
    synthetic : bool
        The points come from the project's own generator.
    """
    curve = _only(rows, "roi", roi).sort_values("frame")
    frames = curve["frame"].to_numpy()
    p = curve["magnitude"].to_numpy() * np.cos(curve["angle"].to_numpy())
    q = curve["magnitude"].to_numpy() * np.sin(curve["angle"].to_numpy())
    figure = _figure(5.4, 4.8, synthetic=synthetic)
    axes = figure.add_subplot()
    axes.axhline(0, color=PALE, linewidth=1)
    axes.axvline(0, color=PALE, linewidth=1)
    points = axes.scatter(p, q, c=frames, cmap="cividis", s=14, zorder=3, label="frame")
    for _, segment in segments.iterrows():
        inside = (frames >= segment["onset"]) & (frames <= segment["offset"])
        axes.plot(p[inside], q[inside], color=BLUE, linewidth=1.4, zorder=2)
        apex = frames == segment["apex"]
        axes.plot(p[apex], q[apex], "*", color=RED, markersize=13, markeredgecolor="white", zorder=4)
    reach = 1.1 * max(0.1, float(np.max(np.hypot(p, q), initial=0.0)))
    axes.set_xlim(-reach, reach)
    axes.set_ylim(reach, -reach)  # rows grow downwards, as in the image
    axes.set_aspect("equal")
    figure.colorbar(points, ax=axes, label="frame", fraction=0.045)
    _finish(
        axes, title=f"{_words(roi)}: polar map (eq. 22)", x="p: right (px)", y="q: down (px)", legend=False
    )
    return figure


def face_strip(crops: Sequence[tuple[str, ArrayLike]], *, synthetic: bool) -> Figure:
    """Draw aligned face crops side by side, such as those at onset, apex and offset.

    Parameters
    ----------
    crops : sequence of (str, array of shape (M, N))
        Caption and grey image, 0..255.
    synthetic : bool
        The crops come from the project's own generator.

    Raises
    ------
    ValueError
        Without a crop.
    """
    if not crops:
        msg = "a face strip needs at least one crop, saw none; keep frames of the track (face_crops) first"
        raise ValueError(msg)
    figure = _figure(1.9 * len(crops), 2.3, synthetic=synthetic)
    for position, (caption, image) in enumerate(crops, start=1):
        axes = figure.add_subplot(1, len(crops), position)
        axes.imshow(np.asarray(image), cmap="gray", vmin=0, vmax=255)
        axes.set_title(caption, fontsize=9, color=INK)
        axes.set_axis_off()
    return figure


# ---- evaluation (Figs. 8-11)


def roc_curves(points: pd.DataFrame, areas: pd.DataFrame, *, synthetic: bool) -> Figure:
    """Draw the ROC curve of each method with its area, as in Fig. 8.

    Parameters
    ----------
    points : DataFrame, columns method, false_positive_rate, true_positive_rate
        Points of the curves, 0..1, by frame; methods are ``sl+flow``, ``sr+flow``, ``dcp``, ``hog``, ``lbp``.
    areas : DataFrame, columns method, auc, low, high
        Area under each curve with its 95 % interval.
    synthetic : bool
        Measured on the project's own generator.
    """
    figure = _figure(5.6, 5.2, synthetic=synthetic)
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color=PALE, linewidth=1.2, label="chance")
    table = areas.set_index("method")
    for method in dict.fromkeys(points["method"]):
        curve = _only(points, "method", method).sort_values(["false_positive_rate", "true_positive_rate"])
        colour, dashes = _METHOD_LINES.get(method, (INK, "-"))
        label = METHOD_NAMES.get(method, method)
        if method in table.index:
            area = table.loc[method]
            label += f": {area['auc']:.3f} [{area['low']:.3f}, {area['high']:.3f}]"
        axes.plot(
            curve["false_positive_rate"],
            curve["true_positive_rate"],
            color=colour,
            linestyle=dashes,
            linewidth=1.8,
            label=label,
        )
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.01)
    axes.set_aspect("equal")
    _finish(
        axes,
        title="ROC by frame, area [95 % interval]",
        x="false positive rate",
        y="true positive rate",
        legend=True,
    )
    return figure


def learning_curves(rows: pd.DataFrame, *, version: str, synthetic: bool) -> Figure:
    """Draw loss and accuracies of one model version over the epochs, as in Figs. 9-11.

    Parameters
    ----------
    rows : DataFrame, columns version, epoch, fold, loss, recognition, classification
        Rows of ``learning_curves``; `fold` is train or valid.
    version : str
        Version to draw: baseline, features or semantic.
    synthetic : bool
        Trained on the project's own generator.
    """
    chosen = _only(rows, "version", version).sort_values("epoch")
    figure = _figure(_WIDTH, 2.9, synthetic=synthetic)
    loss, accuracy = figure.add_subplot(1, 2, 1), figure.add_subplot(1, 2, 2)
    for fold, dashes in (("train", "-"), ("valid", "--")):
        curve = _only(chosen, "fold", fold)
        loss.plot(curve["epoch"], curve["loss"], color=BLUE, linestyle=dashes, linewidth=1.6, label=fold)
        for column, colour in (("recognition", GREEN), ("classification", RED)):
            accuracy.plot(
                curve["epoch"],
                100 * curve[column],
                color=colour,
                linestyle=dashes,
                linewidth=1.6,
                label=f"{column}, {fold}",
            )
    _finish(loss, title=f"{version}: loss", x="epoch", y="mean loss (nat)", legend=True)
    loss.set_ylim(bottom=0)
    _finish(accuracy, title=f"{version}: accuracy", x="epoch", y="accuracy (%)", legend=True)
    accuracy.set_ylim(0, 102)
    return figure


def comparison_plot(rows: pd.DataFrame, *, x: str, synthetic: bool) -> Figure:
    """Draw measured values with their intervals beside the published ones.

    Parameters
    ----------
    rows : DataFrame, columns name, paper, value, low, high
        One row per method or version, drawn from top to bottom; NaN where a value does not exist.
    x : str
        What is compared, with its unit.
    synthetic : bool
        Measured on the project's own generator.
    """
    figure = _figure(_WIDTH, 0.9 + 0.36 * len(rows), synthetic=synthetic)
    axes = figure.add_subplot()
    heights = np.arange(len(rows))
    value = rows["value"].to_numpy(dtype=np.float64)
    low, high = rows["low"].to_numpy(dtype=np.float64), rows["high"].to_numpy(dtype=np.float64)
    axes.hlines(heights, low, high, color=BLUE, linewidth=2.2)
    axes.plot(value, heights, "o", color=BLUE, markersize=7, label="here, 95 % interval")
    axes.plot(
        rows["paper"].to_numpy(dtype=np.float64),
        heights,
        "D",
        color="white",
        markeredgecolor=RED,
        markeredgewidth=1.6,
        markersize=7,
        label="paper",
    )
    axes.set_yticks(heights, [str(name) for name in rows["name"]])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    _finish(axes, title="", x=x, y="", legend=False)
    _legend_beside(axes)
    return figure


def confusion_matrix(counts: ArrayLike, *, labels: Sequence[str], title: str, synthetic: bool) -> Figure:
    """Draw a confusion matrix with counts and row shares.

    Parameters
    ----------
    counts : array, shape (C, C)
        Examples by label (rows) and prediction (columns).
    labels : sequence of str, length C
        Class names.
    title : str
        What was tested.
    synthetic : bool
        Tested on the project's own generator.

    Raises
    ------
    ValueError
        Where the counts do not fit the labels.
    """
    matrix = np.asarray(counts)
    if matrix.shape != (len(labels), len(labels)):
        expected = (len(labels), len(labels))
        msg = f"expected counts of shape {expected} for labels {list(labels)}, saw {matrix.shape}"
        raise ValueError(msg)
    totals = matrix.sum(axis=1, keepdims=True)
    share = np.divide(matrix, totals, out=np.zeros(matrix.shape), where=totals > 0)
    figure = _figure(4.6, 4.2, synthetic=synthetic)
    axes = figure.add_subplot()
    image = axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.ndindex(*matrix.shape):
        axes.text(
            column,
            row,
            f"{matrix[row, column]}\n{share[row, column]:.0%}",
            ha="center",
            va="center",
            fontsize=8.5,
            color="white" if share[row, column] > 0.55 else INK,
        )
    axes.set_xticks(range(len(labels)), labels)
    axes.set_yticks(range(len(labels)), labels)
    figure.colorbar(image, ax=axes, label="share of the label", fraction=0.045)
    _finish(axes, title=title, x="predicted", y="labelled", legend=False, grid=False)
    return figure


def reliability_plot(bins: pd.DataFrame, *, ece: float, synthetic: bool) -> Figure:
    """Draw accuracy against confidence: on the diagonal a confidence means what it says.

    Parameters
    ----------
    bins : DataFrame, columns confidence, accuracy, count
        Mean confidence and accuracy of each bin, 0..1, and its examples.
    ece : float
        Expected calibration error, 0..1.
    synthetic : bool
        Tested on the project's own generator.
    """
    filled = pd.DataFrame(bins[bins["count"] > 0])
    figure = _figure(4.8, 4.4, synthetic=synthetic)
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1, label="calibrated")
    share = filled["count"] / max(1, filled["count"].sum())
    axes.bar(filled["confidence"], share, width=0.04, color=PALE, label="share of the examples")
    axes.plot(filled["confidence"], filled["accuracy"], "o-", color=BLUE, linewidth=1.6, label="measured")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.02)
    _finish(axes, title=f"Reliability (ECE {ece:.3f})", x="confidence", y="accuracy", legend=True)
    return figure


# ---- semantic space


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
    figure = _figure(6.2, 5.2, synthetic=synthetic)
    # The stubs of Axes3D give the plane's types to the third coordinate.
    axes: Any = figure.add_subplot(projection="3d")
    for emotion, colour in EMOTION_COLOURS.items():
        marker = EMOTION_MARKERS[emotion]
        cloud = _only(segments, "emotion", emotion)
        axes.scatter(*_pad(cloud), color=colour, marker=marker, s=16, alpha=0.55, depthshade=False)
        anchor = _only(anchors, "emotion", emotion)
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
    figure = _figure(5.4, 0.9 + 0.17 * max(4, len(loadings)), synthetic=synthetic)
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
    _finish(axes, title="Loadings of the adjective pairs", x="axis", y="", legend=False, grid=False)
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
    figure = _figure(5.6, 3.4, synthetic=synthetic)
    axes = figure.add_subplot()
    axes.plot(order, observed[:shown], "o-", color=BLUE, linewidth=1.6, markersize=5, label="ratings")
    axes.plot(order, random[:shown], "s--", color=RED, linewidth=1.2, markersize=4, label="random data")
    axes.axvline(n_factors + 0.5, color=GREY, linestyle=":", linewidth=1.2, label=f"extracted: {n_factors}")
    axes.set_xticks(order)
    axes.set_ylim(bottom=0)
    _finish(
        axes,
        title=f"Scree: parallel analysis supports {n_parallel}",
        x="factor",
        y="eigenvalue",
        legend=True,
    )
    return figure


# ---- figures as bytes and Markdown


def figure_png(figure: Figure, *, dpi: int = _DPI) -> bytes:
    """Draw a figure as PNG; the same figure gives the same bytes."""
    buffer = io.BytesIO()
    FigureCanvasAgg(figure)
    # Without the software's version in it, the file depends on the numbers alone.
    figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    return _with_palette(buffer.getvalue())


def figure_data_uri(figure: Figure, *, dpi: int = _DPI) -> str:
    """Draw a figure as a ``data:`` URI that a page can embed."""
    return "data:image/png;base64," + base64.b64encode(figure_png(figure, dpi=dpi)).decode("ascii")


def figure_markdown(figure: Figure, *, title: str = "figure") -> str:
    """Draw a figure as Markdown of at most 100 kB, for ``MetadataValue.md``.

    Raises
    ------
    ValueError
        Where even a coarse drawing is larger.
    """
    text = ""
    for dpi in (_DPI, 90, 72, 54, 40):
        text = f"![{title}]({figure_data_uri(figure, dpi=dpi)})"
        if len(text) <= MARKDOWN_LIMIT:
            return text
    msg = f"{title!r} takes {len(text)} bytes at 40 dpi, expected at most {MARKDOWN_LIMIT}; draw less in it"
    raise ValueError(msg)


def _with_palette(png: bytes) -> bytes:
    """Store line art with 256 colours: a third of the bytes, and no difference that one could see."""
    buffer = io.BytesIO()
    with Image.open(io.BytesIO(png)) as image:
        image.convert("RGB").quantize(256).save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


# ---- the common look


def _figure(width: float, height: float, *, synthetic: bool) -> Figure:
    figure = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    if synthetic:
        # A title of its own row: it can't cover what is drawn.
        figure.suptitle("synthetic", x=0.995, ha="right", fontsize=8.5, color=RED, fontweight="bold")
    return figure


def _panels(number: int, *, height: float, synthetic: bool) -> tuple[Figure, list[Axes]]:
    figure = _figure(_WIDTH, 0.5 + height * number, synthetic=synthetic)
    return figure, [figure.add_subplot(number, 1, position) for position in range(1, number + 1)]


def _finish(axes: Axes, *, title: str, y: str, legend: bool, x: str = "", grid: bool = True) -> None:
    axes.set_title(title, fontsize=10, color=INK, loc="left")
    axes.set_xlabel(x, fontsize=9, color=INK)
    axes.set_ylabel(y, fontsize=9, color=INK)
    axes.tick_params(labelsize=8, colors=INK, length=3)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(GREY)
    if grid:
        axes.grid(visible=True, color=PALE, linewidth=0.6)
        axes.set_axisbelow(True)
    if legend:
        axes.legend(fontsize=8, frameon=False, loc="best")


def _legend_beside(axes: Axes) -> None:
    """Put the legend right of the axes, where it covers no curve."""
    axes.legend(fontsize=8, frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))


def _share_frames(panels: Sequence[Axes]) -> None:
    low = min(panel.get_xlim()[0] for panel in panels)
    high = max(panel.get_xlim()[1] for panel in panels)
    for panel in panels:
        panel.set_xlim(low, high)
    panels[-1].set_xlabel("frame", fontsize=9, color=INK)


def _mark_truth(axes: Axes, truth: pd.DataFrame) -> None:
    """Lay a band under the annotated frames."""
    for position, (onset, offset) in enumerate(zip(truth["onset"], truth["offset"], strict=True)):
        label = "annotated" if position == 0 else None
        axes.axvspan(onset, offset, color=GREEN, alpha=0.13, linewidth=0, label=label)


def _mark_spans(axes: Axes, segments: pd.DataFrame) -> None:
    for onset, offset in zip(segments["onset"], segments["offset"], strict=True):
        for frame in (onset, offset):
            axes.axvline(frame, color=INK, linewidth=0.8, linestyle=":")


def _mark_segments(axes: Axes, segments: pd.DataFrame, frames: Any, values: Any) -> None:
    """Set marks with frame numbers on the curve at onset, apex and offset."""
    known, heights = np.asarray(frames, dtype=np.float64), np.asarray(values, dtype=np.float64)
    if len(known) == 0:
        return
    _mark_spans(axes, segments)
    for name, marker, colour, size in (
        ("onset", ">", ORANGE, 8),
        ("apex", "*", RED, 13),
        ("offset", "<", PINK, 8),
    ):
        at = segments[name].to_numpy(dtype=np.float64)
        height = np.interp(at, known, heights)
        axes.plot(
            at,
            height,
            linestyle="none",
            marker=marker,
            color=colour,
            markeredgecolor=INK,
            markeredgewidth=0.6,
            markersize=size,
            label=name if len(at) else None,
            zorder=5,
        )
        for x, y in zip(at, height, strict=True):
            axes.annotate(f"{x:.0f}", (x, y), **_NUMBER_ABOVE)
    axes.margins(y=0.18)


def _kinds(rows: pd.DataFrame) -> list[str]:
    """Return the descriptors in the rows: left before right, further ones by name."""
    present = set(rows["kind"])
    return [*(kind for kind in TEXTURE_NAMES if kind in present), *sorted(present - set(TEXTURE_NAMES))]


def _only(rows: pd.DataFrame, column: str, value: str) -> pd.DataFrame:
    return pd.DataFrame(rows[rows[column] == value])


def _score(curve: pd.Series) -> pd.Series:
    """Scale a curve to z(t) = (Q - mean) / (max - mean); a flat curve is 0 throughout."""
    mean = curve.mean()
    reach = curve.max() - mean
    return (curve - mean) / reach if reach > 0 else curve * 0.0


def _pad(rows: pd.DataFrame) -> tuple[NDArray[np.float64], ...]:
    return tuple(rows[name].to_numpy(dtype=np.float64) for name in ("pleasure", "arousal", "dominance"))


def _words(name: str) -> str:
    return name.replace("_", " ")
