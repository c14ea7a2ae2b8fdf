"""Group `training`: `training_set`, `deepid_*`, `model_comparison`, `champion`."""

from apexline.assets.training.champion import (
    CHAMPION,
    ensure_champion,
    latest_decision,
    moved_alias,
    promoted_version,
)
from apexline.assets.training.deepid_versions import VERSIONS
from apexline.assets.training.model_comparison import CHALLENGER
from apexline.assets.training.training_table import FEATURE_VERSION

__all__ = [
    "CHALLENGER",
    "CHAMPION",
    "FEATURE_VERSION",
    "VERSIONS",
    "ensure_champion",
    "latest_decision",
    "moved_alias",
    "promoted_version",
]
