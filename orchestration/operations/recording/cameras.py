"""Records several cameras at once, until a person, a service manager or a clock ends it.

Belongs here: one thread a camera, who may record it, the end of all. Stays out: recording one (``recorder``).
"""

from __future__ import annotations

import fcntl
import signal
from collections.abc import Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Any

from apexline.assets.ingest import parse_manifest
from apexline.orchestration.operations.recording.ledger import Ledger
from apexline.orchestration.operations.recording.recorder import Recorder, Recording
from apexline.orchestration.settings import Settings


def record_cameras(
    settings: Settings, recordings: Sequence[Recording], *, seconds: float | None = None
) -> list[dict[str, Any]]:
    """Record cameras until SIGINT or SIGTERM, or for so many seconds.

    Returns
    -------
    list of dict
        Camera, pictures received, written and dropped by reason, clips, connections, gaps.

    Raises
    ------
    ValueError
        Where a sidecar would be refused, a camera is named twice, or the landing folder is no local one.
    BlockingIOError
        Where another recorder has a camera.
    """
    _check(recordings)
    settings.prepare()
    landing = settings.home_path / "landing"
    if not isinstance(landing, Path):
        msg = f"{landing} is an object store; record into the landing folder of a local home, and copy from there"
        raise ValueError(msg)
    stop = Event()
    with ExitStack() as stack:
        stack.enter_context(_stopped_by_signals(stop))
        folders = [settings.state_path / "recordings" / each.camera for each in recordings]
        ledgers = [Ledger(stack.enter_context(_held(folder))) for folder in folders]
        recorders = [
            Recorder(each, landing, ledger) for each, ledger in zip(recordings, ledgers, strict=True)
        ]
        with ThreadPoolExecutor(len(recorders), thread_name_prefix="camera") as pool:
            try:
                running = [pool.submit(each.run, stop) for each in recorders]
                _wait(running, stop, seconds)
            finally:
                stop.set()
        for each in running:
            each.result()  # raises what ended it
    return [
        {"camera": each.camera, **ledger.counts.as_dict()}
        for each, ledger in zip(recordings, ledgers, strict=True)
    ]


def _wait(running: Sequence[Any], stop: Event, seconds: float | None) -> None:
    """Return when it is time, `stop` is set, or a recorder has ended, which it does by an error only."""
    left = seconds
    while not stop.is_set() and (left is None or left > 0):
        step = 0.5 if left is None else min(0.5, left)
        ended, _ = wait(running, timeout=step, return_when=FIRST_COMPLETED)
        if ended:
            return
        left = None if left is None else left - step


def _check(recordings: Sequence[Recording]) -> None:
    names = [each.camera for each in recordings]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        msg = f"saw the camera {twice[0]!r} for two streams; give each a name of its own"
        raise ValueError(msg)
    for each in recordings:
        parse_manifest({**each.manifest, "captured_at": datetime.now(UTC)})


@contextmanager
def _held(folder: Path) -> Generator[Path]:
    """Keep other recorders from a camera."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            msg = f"another recorder has the camera {folder.name}; end it first"
            raise BlockingIOError(msg) from error
        yield folder


@contextmanager
def _stopped_by_signals(stop: Event) -> Generator[None]:
    """Let SIGINT and SIGTERM end the recording: what was recorded by then is published."""
    before = {each: signal.signal(each, lambda *_: stop.set()) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
