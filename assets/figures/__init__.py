"""Drawings: numbers in, Matplotlib figures out.

Belongs here: everything that draws for the Dagster metadata and for the report, and how a figure becomes bytes or
Markdown. Stays out: computing the numbers (``features``, ``ml``) and reading them (assets).

Figures are built through the object interface, never ``pyplot``: no global state, so threads may draw at once.
"""

from apexline.assets.figures.curves import face_strip, flow_curves, texture_curves
from apexline.assets.figures.decision import (
    MOMENTS,
    TrackView,
    curves_decision,
    flow_decision,
    fused_decision,
    texture_decision,
)
from apexline.assets.figures.evaluation import (
    METHOD_NAMES,
    comparison_plot,
    confusion_matrix,
    learning_curves,
    reliability_plot,
    roc_curves,
)
from apexline.assets.figures.export import (
    MARKDOWN_LIMIT,
    figure_data_uri,
    figure_markdown,
    figure_png,
    stacked_png,
)
from apexline.assets.figures.faces import FaceTile, moments
from apexline.assets.figures.space import loadings_plot, pad_cube, scree_plot
from apexline.assets.figures.style import text_block

__all__ = [
    "MARKDOWN_LIMIT",
    "METHOD_NAMES",
    "MOMENTS",
    "FaceTile",
    "TrackView",
    "comparison_plot",
    "confusion_matrix",
    "curves_decision",
    "face_strip",
    "figure_data_uri",
    "figure_markdown",
    "figure_png",
    "flow_curves",
    "flow_decision",
    "fused_decision",
    "learning_curves",
    "loadings_plot",
    "moments",
    "pad_cube",
    "reliability_plot",
    "roc_curves",
    "scree_plot",
    "stacked_png",
    "text_block",
    "texture_curves",
    "texture_decision",
]
