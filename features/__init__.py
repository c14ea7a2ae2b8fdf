"""From pixels to segments: the public line (`pipeline`), its configuration, where arrays live."""

from apexline.features.backend import Array, Device, DeviceUnavailable, has_gpu, to_numpy
from apexline.features.config import FeatureConfig, build_config, load_config, read_sections
from apexline.features.pipeline import (
    explain_segments,
    find_segments,
    segment_features,
    spot_clip,
)
from apexline.features.stored_rows import least_fps, track_curves
from apexline.features.validation import require

__all__ = [
    "Array",
    "Device",
    "DeviceUnavailable",
    "FeatureConfig",
    "build_config",
    "explain_segments",
    "find_segments",
    "has_gpu",
    "least_fps",
    "load_config",
    "read_sections",
    "require",
    "segment_features",
    "spot_clip",
    "to_numpy",
    "track_curves",
]
