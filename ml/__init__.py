"""What every model room shares: the vocabulary, the word norms, the bootstrap, configuration that needs no torch."""

from apexline.ml.bootstrap import bootstrap_interval, paired_bootstrap, percentile_interval
from apexline.ml.config import AbstentionConfig, TrainConfig
from apexline.ml.emotions import EMOTIONS, PAD_AXES
from apexline.ml.norms import (
    PROJECT_FORM,
    AdjectivePair,
    emotion_pad,
    load_pairs,
    midpoint_of,
    nearest_adjectives,
    nearest_emotion,
    pairs_csv,
    read_pairs,
    target_of,
)

__all__ = [
    "AbstentionConfig",
    "AdjectivePair",
    "EMOTIONS",
    "PAD_AXES",
    "PROJECT_FORM",
    "TrainConfig",
    "bootstrap_interval",
    "emotion_pad",
    "load_pairs",
    "midpoint_of",
    "nearest_adjectives",
    "nearest_emotion",
    "paired_bootstrap",
    "pairs_csv",
    "percentile_interval",
    "read_pairs",
    "target_of",
]
