"""Faults that pass: how long to wait before the next attempt, and which faults are worth one.

Belongs here: delays with jitter, telling a passing fault from one that stays. Stays out: what is attempted.
"""

from __future__ import annotations

import random

_FIRST_S, _LONGEST_S = 1.0, 60.0


class Delays:
    """Waits before one attempt after another: they double up to a minute, and are drawn from their upper half.

    Many cameras behind one switch would else all come back at the same moment.
    """

    def __init__(self) -> None:
        self._next = _FIRST_S

    def next(self) -> float:
        """Return how long to wait now, s."""
        upper, self._next = self._next, min(2 * self._next, _LONGEST_S)
        return random.uniform(upper / 2, upper)  # noqa: S311  (no secret)
