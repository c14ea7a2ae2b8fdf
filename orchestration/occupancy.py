"""Who works in a home: runs and commands side by side, an erasure alone, nobody while everything is stopped.

Belongs here: the one lock of a home, watching the kill switch. Stays out: locks of single writers
(`assets.lake.unfinished`), throwing the switch (``governance``).

The lock goes with its process, however that ends, so that no process ids have to be guessed. It lies in the state
folder, on a local disk; machines that share an object store do not see each other's.
"""

import fcntl
import math
import os
import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

from upath import UPath

from apexline.governance import Refused, stopped
from apexline.orchestration.settings import Settings

if TYPE_CHECKING:
    import dagster as dg

_LOOK_S = 1.0  # at the kill switch
# A library may swallow the first interruption; work is to have ended ten seconds after the switch was thrown.
_AGAIN_S = 3.0
PATIENCE_S = 25.0  # a tick of the landing sensor takes no more than that


@contextmanager
def working(settings: Settings, *, patience_s: float = math.inf) -> Generator[None]:
    """Take part in the work on a home for the block; waits for the end of an erasure.

    Raises
    ------
    BlockingIOError
        Where it takes longer than `patience_s`.
    """
    with working_beside(lock_path(settings), patience_s=patience_s):
        yield


@contextmanager
def working_beside(lock: Path, *, patience_s: float) -> Generator[None]:
    """As `working`, for who asks often and holds a home's `lock_path`."""
    with _opened(lock) as file:
        if not _is_taken(file, fcntl.LOCK_SH, patience_s):
            msg = f"an erasure is at work in {lock.parent}; wait for its end, then try again"
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
    with _opened(lock_path(settings)) as file:
        if not _is_taken(file, fcntl.LOCK_EX, PATIENCE_S):
            msg = (
                f"a run, or another command, is at work in {settings.home_path}: what it computes could bring back "
                "what is erased; wait for its end or stop it, then give the command again"
            )
            raise BlockingIOError(msg)
        yield


def who_stopped(home: UPath | Path) -> str | None:
    """Say who stopped the processing of a home, and why; None where nobody did."""
    stop = stopped(home)
    return None if stop is None else f"stopped by {stop.by}: {stop.why}"


@contextmanager
def stoppable(home: UPath | Path) -> Generator[None]:
    """Interrupt the block as Ctrl-C does, as soon as the processing of a home is stopped.

    What the line computes is whole or not at all, clip by clip, so that an interruption leaves nothing half. Only a
    process's main thread can be interrupted: in another one, that of a sensor's tick, the block is left alone.

    Raises
    ------
    governance.Refused
        Where it is stopped already.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    if (stop := who_stopped(home)) is not None:
        reason = "stopped"
        raise Refused(reason, f"processing was {stop}; `apexline resume` lets it go on")
    over = threading.Event()
    watcher = threading.Thread(target=_watch, args=(home, over), daemon=True)
    with _interruptible():
        watcher.start()
        try:
            yield
        finally:
            over.set()
            watcher.join()


@contextmanager
def _interruptible() -> Generator[None]:
    """Let the block be interrupted where a shell began its process in the background, deaf to interrupts."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def held_while_working(settings: Settings, resource: object) -> "dg.ResourceDefinition":
    """Return `resource` as Dagster gives it to runs and sensors, which hold the lock as long as they have it.

    The kill switch ends a run that has it.
    """
    import dagster as dg  # commands that hold the lock without a run have no use for it

    @dg.resource
    def held() -> Generator[object]:
        with working(settings), stoppable(settings.home_path):
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


def lock_path(settings: Settings) -> Path:
    """Return the file whose lock says that somebody works in a home."""
    return settings.state_path / ".occupied"


def _opened(lock: Path) -> Any:
    try:
        return lock.open("ab", buffering=0)
    except FileNotFoundError:
        lock.parent.mkdir(parents=True, exist_ok=True)
        return lock.open("ab", buffering=0)


def _watch(home: UPath | Path, over: threading.Event) -> None:
    pause = _LOOK_S
    while not over.wait(pause):
        if stopped(home) is not None:
            os.kill(os.getpid(), signal.SIGINT)
            pause = _AGAIN_S
