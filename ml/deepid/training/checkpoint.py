"""The state of an unfinished training in one file, so that a broken run goes on: safetensors, no pickle.

Belongs here: the file. Stays out: what the state means (``ml.deepid.training.train``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor


@dataclass(frozen=True)
class TrainingCheckpoint:
    """File of one run.

    Parameters
    ----------
    path : Path
    key : str
        Digest of what the run depends on.
    """

    path: Path
    key: str

    def write(self, numbers: Mapping[str, Any], tensors: Mapping[str, Mapping[str, Tensor]]) -> None:
        """Replace the file in one step.

        Parameters
        ----------
        numbers : mapping
            JSON values.
        tensors : mapping of mappings
            Tensors by group and name.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        flat = {
            f"{group}/{name}": value.contiguous().clone()
            for group, each in tensors.items()
            for name, value in each.items()
        }
        aside = self.path.with_suffix(".part")
        save_file(flat, aside, metadata={"key": self.key, "numbers": json.dumps(numbers)})
        aside.replace(self.path)

    def read(self) -> tuple[dict[str, Any], dict[str, dict[str, Tensor]]] | None:
        """What `write` was given last; None where there is no file.

        Raises
        ------
        ValueError
            If the file belongs to another run.
        """
        if not self.path.exists():
            return None
        tensors: dict[str, dict[str, Tensor]] = {}
        with safe_open(self.path, framework="pt") as stored:
            about = stored.metadata()
            if about["key"] != self.key:
                msg = f"{self.path} was left by a training with other arguments; remove it, or name another file"
                raise ValueError(msg)
            for flat in stored.keys():  # noqa: SIM118 - no mapping
                group, _, name = flat.partition("/")
                tensors.setdefault(group, {})[name] = stored.get_tensor(flat)
        return json.loads(about["numbers"]), tensors

    def remove(self) -> None:
        """Remove the file, if any."""
        self.path.unlink(missing_ok=True)
