"""Who works in a home: runs and commands side by side, or an erasure alone.

Belongs here: the one lock of a home. Stays out: locks of single writers (`assets.lake.unfinished`).

The lock goes with its process, however that ends, so that no process ids have to be guessed. It lies in the state
folder, on a local disk; machines that share an object store do not see each other's.
"""

import fcntl
import math
from collections.abc import Generator
from contextlib import contextmanager
from time import monotonic, sleep
from typing import Any

import dagster as dg

from apexline.orchestration.settings import Settings

PATIENCE_S = 25.0  # a tick of the landing sensor takes no more than that


@contextmanager
def working(settings: Settings, *, patience_s: float = math.inf) -> Generator[None]:
    """Take part in the work on a home for the block; waits for the end of an erasure.

    Raises
    ------
    BlockingIOError
        Where it takes longer than `patience_s`.
    """
    with _lock_file(settings) as file:
        if not _is_taken(file, fcntl.LOCK_SH, patience_s):
            msg = f"an erasure is at work in {settings.home_path}; wait for its end, then try again"
            raise BlockingIOError(msg)
        yield


@contextmanager
def alone(settings: Settings) -> Generator[None]:
    """Keep everybody else from working on a home for the block; waits for the end of a sensor's tick.

    Raises
    ------
    BlockingIOError
        Where somebody works for longer.
    """
    with _lock_file(settings) as file:
        if not _is_taken(file, fcntl.LOCK_EX, PATIENCE_S):
            msg = (
                f"a run, or another command, is at work in {settings.home_path}: what it computes could bring back "
                "what is erased; wait for its end or stop it, then give the command again"
            )
            raise BlockingIOError(msg)
        yield


def held_while_working(settings: Settings, resource: object) -> dg.ResourceDefinition:
    """Return `resource` as Dagster gives it to runs and sensors, which hold the lock as long as they have it."""

    @dg.resource
    def held() -> Generator[object]:
        with working(settings):
            yield resource

    return held


def _is_taken(file: Any, kind: int, patience_s: float) -> bool:
    end = monotonic() + patience_s
    while True:
        try:
            fcntl.flock(file, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            if monotonic() > end:
                return False
            sleep(0.2)
        else:
            return True


def _lock_file(settings: Settings) -> Any:
    settings.state_path.mkdir(parents=True, exist_ok=True)
    return (settings.state_path / ".occupied").open("ab")
