"""What the paper printed: Li et al. 2021, doi 10.18280/ts.380213, measured on data that nobody else has.

Belongs here: its published values and its names for things, to be shown beside ours. Stays out: our values.
"""

from collections.abc import Mapping

# Table 2: area under the ROC curve.
PAPER_AUC: Mapping[str, float] = {
    "sl+flow": 0.931,
    "sr+flow": 0.915,
    "dcp": 0.568,
    "hog": 0.537,
    "lbp": 0.592,
}
# Table 3: loss, recognition accuracy, classification accuracy.
PAPER_RESULTS: Mapping[str, tuple[float, float, float]] = {
    "baseline": (0.315, 0.9111, 0.9008),
    "features": (0.307, 0.9253, 0.9143),
    "semantic": (0.322, 0.9537, 0.9632),
}
VERSION_NAMES: Mapping[str, str] = {
    "baseline": "Original DeepID CNN",
    "features": "+ expression features",
    "semantic": "+ emotional semantic space",
}
