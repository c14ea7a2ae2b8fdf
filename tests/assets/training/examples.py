"""Rows of a training set."""

from tests.assets.small_lake import row_of

EMOTIONS = ("happy", "angry", "calm", "scared")


def example(number, **changes):
    values = {
        "example_id": f"e{number}",
        "subject": f"v{number:02d}",
        "emotion": EMOTIONS[number % 4],
        "image": bytes([number]) * 48 * 48,
        "texture": [float(number), 1.0],
        "flow": [0.5, float(number), 0.25],
        "pleasure": 0.5,
        "arousal": -0.25,
        "dominance": 0.0,
        "fold": ("train", "valid", "test")[number % 3],
        "synthetic": True,
    }
    return row_of("training_set", **{**values, **changes})
