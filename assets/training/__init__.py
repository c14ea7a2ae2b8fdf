"""Group `training`: `training_set`, `deepid_*`, `model_comparison`, `champion`."""

from apexline.assets.training.champion import Comparison, compare_versions, ensure_champion
from apexline.assets.training.decisions import (
    CHAMPION,
    champion_at,
    latest_decision,
    moved_alias,
    promoted_version,
    put_alias_back,
    reigns,
    roll_back,
    store_decision,
)
from apexline.assets.training.deepid_versions import VERSIONS
from apexline.assets.training.model_comparison import CHALLENGER
from apexline.assets.training.readiness import nothing_to_learn
from apexline.assets.training.training_table import FEATURE_VERSION

__all__ = [
    "CHALLENGER",
    "CHAMPION",
    "Comparison",
    "FEATURE_VERSION",
    "VERSIONS",
    "champion_at",
    "compare_versions",
    "ensure_champion",
    "latest_decision",
    "moved_alias",
    "nothing_to_learn",
    "promoted_version",
    "put_alias_back",
    "reigns",
    "roll_back",
    "store_decision",
]
