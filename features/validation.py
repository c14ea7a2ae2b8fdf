"""How arguments and parameters are checked.

Belongs here: checks of a function's arguments, and number types that several configurations bound their fields with.
Stays out: the bounds of a single field (they stand beside it) and reading files (``config``).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field

Share = Annotated[float, Field(ge=0, le=1)]


def require(condition: bool, message: str) -> None:
    """Raise ValueError with this message unless the condition holds."""
    if not condition:
        raise ValueError(message)


def one_of(name: str, value: str, choices: Iterable[str]) -> None:
    """Raise ValueError that names an option, what it is and what it may be, unless it is one of the choices."""
    require(value in choices, f"{name} is {value!r}; expected one of {', '.join(choices)}")
