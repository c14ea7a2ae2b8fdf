"""The vocabulary that every room of ``ml`` shares: the paper's four emotions and the three axes.

Belongs here: names alone. Stays out: word norms (``ml.norms``).
"""

from __future__ import annotations

EMOTIONS: tuple[str, ...] = ("happy", "angry", "calm", "scared")
# What a change of expression may be of: one of them, or another one.
OTHER = "other"
ANSWERS: tuple[str, ...] = (*EMOTIONS, OTHER)


PAD_AXES: tuple[str, ...] = ("pleasure", "arousal", "dominance")
