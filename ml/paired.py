"""What is said of the same examples, side by side.

Belongs here: refusing columns that are not of the same examples. Stays out: what is computed of them
(``ml.bootstrap``, ``ml.sign_flips``).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def require_same_examples(**columns: ArrayLike) -> None:
    """Refuse columns that do not hold one value for each of the same examples.

    Parameters
    ----------
    columns : array_like, shape (N,)
        By the name that an error gives them.

    Raises
    ------
    ValueError
        If their shapes differ, are not of one axis, or there is no example.
    """
    shapes = {name: np.shape(values) for name, values in columns.items()}
    (first, *others) = shapes.values()
    if len(first) != 1 or first[0] == 0 or any(shape != first for shape in others):
        seen = ", ".join(f"{name} of shape {shape}" for name, shape in shapes.items())
        msg = f"saw {seen}; expected the same examples in all, one or more"
        raise ValueError(msg)
