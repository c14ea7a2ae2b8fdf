"""Importing this module imports what runs need late; `orchestration.warm_runs` has it done once for many runs.

A fork server that is ended meanwhile, with the servers of `apexline ui`, ends without a word.
"""

import sys
from types import TracebackType


def _end_quietly(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if not issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)


sys.excepthook = _end_quietly

import pyarrow.dataset  # noqa: E402, F401
import torch  # noqa: E402, F401

from apexline.ml.registry import import_mlflow_store  # noqa: E402

import_mlflow_store()
