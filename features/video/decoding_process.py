"""The process that decodes: started, asked, watched, ended.

Belongs here: one process for each reader at work, one of them kept for the next, and what becomes of it when it takes
too long, dies, is abandoned, or when this process forks or ends. Stays out: what is asked and what answers hold
(``guarded``, ``messages``), what the process does (``decoder``).
"""

from __future__ import annotations

import atexit
import fcntl
import json
import math
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from apexline.features.video.containers import UnreadableReason
from apexline.features.video.limits import DecodingUnavailable, setting
from apexline.features.video.messages import HEAD_BYTES, Head, unpack, unpack_text

_CRASHED: Final[UnreadableReason] = "decoder_crashed"
_TOO_LONG: Final[UnreadableReason] = "limit_exceeded"
_PROGRAM: Final = "apexline.features.video.decoder"
_FORKED: Final = "this reader was opened before the process forked; open the clip again in the new process"
_START_S: Final = 60.0
_END_S: Final = 5.0
_PIPE_BYTES: Final = 1 << 20
# What else stands in the environment, secrets among it, is no business of a process that reads files from anywhere.
_ENVIRONMENT: Final = (
    "LANG",
    "LC_ALL",
    "LD_LIBRARY_PATH",
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONHOME",
    "PYTHONPYCACHEPREFIX",
    "TZ",
)


class DecoderStopped(Exception):  # noqa: N818  (it says what happened)
    """The decoding process gave no answer, or none that can be used.

    Attributes
    ----------
    reason, detail : str
        As `UnreadableVideo` takes them.
    """

    def __init__(self, reason: UnreadableReason, detail: str) -> None:
        super().__init__(detail)
        self.reason: UnreadableReason = reason
        self.detail = detail


@dataclass
class Patience:
    """How long an answer is waited for: `left_s`, s, which waiting takes from, and the limit that says so."""

    left_s: float
    limit: str


class DecodingProcess:
    """A process of its own that opens and decodes untrusted files, one after the other.

    Parameters
    ----------
    memory_bytes : int
        What it may take for a clip, bytes.

    Attributes
    ----------
    at_rest : bool
        Whether nothing is asked that is not answered.

    Raises
    ------
    DecodingUnavailable
        If it can't be started.
    """

    def __init__(self, memory_bytes: int) -> None:
        self.memory_bytes = memory_bytes
        self.at_rest = False
        self._owner = os.getpid()
        self._requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", _PROGRAM, str(memory_bytes)],
                stdin=theirs.fileno(),
                stdout=subprocess.PIPE,
                bufsize=0,
                cwd="/",
                env=_environment(),
                process_group=0,  # Ctrl-C is for this process, whose end is that one's
            )
        except OSError as error:
            self._requests.close()
            message = f"the decoding process can't be started: {error}"
            raise DecodingUnavailable(message) from error
        finally:
            theirs.close()
        assert self._process.stdout is not None
        self._answers = self._process.stdout
        os.set_blocking(self._answers.fileno(), False)
        self._poll = select.poll()
        self._poll.register(self._answers, select.POLLIN)
        # What the pipes of one user may hold together is limited; a smaller one works as well.
        with suppress(PermissionError):
            fcntl.fcntl(self._answers, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        _living.add(self)
        self._await_start()

    def _await_start(self) -> None:
        try:
            self.answer(Patience(_START_S, "start"))
        except DecoderStopped as stopped:
            self.kill()
            message = f"the decoding process does not start: {stopped.detail}; its standard error says more"
            raise DecodingUnavailable(message) from stopped
        except BaseException:
            self.kill()
            raise
        self.at_rest = True

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    def is_alive(self) -> bool:
        """Tell whether it can be asked: one that rests may have been killed by others."""
        return self._process.poll() is None

    def ask(self, request: Mapping[str, Any], file: int) -> None:
        """Send a request and an open file's descriptor; `answer` gives what comes of it, `at_rest` is the asker's."""
        self.at_rest = False
        # A process that has died meanwhile says so by its answer.
        with suppress(ConnectionError):
            socket.send_fds(self._requests, [json.dumps(request).encode()], [file])

    def answer(self, patience: Patience, *, max_pixels: int = 0) -> Head:
        """Head of the next answer; a text or a picture of at most `max_pixels` follows.

        Raises
        ------
        DecoderStopped
            If none comes in time, the process dies, or what it sends is no answer.
        """
        data = bytearray(HEAD_BYTES)
        self.fill([memoryview(data)], patience)
        return unpack(data, max_pixels=max_pixels)

    def text(self, head: Head, patience: Patience) -> dict[str, Any]:
        """What an answer's text says; raises as `answer`."""
        data = bytearray(head.text_bytes)
        self.fill([memoryview(data)], patience)
        return unpack_text(data)

    def fill(self, arrays: Sequence[memoryview], patience: Patience) -> None:
        """Fill arrays of bytes with what the process sends; raises as `answer`."""
        if self._answers.closed:
            raise RuntimeError(_FORKED)
        left = [array for array in arrays if array.nbytes]
        while left:
            try:
                count = os.readv(self._answers.fileno(), left)
            except BlockingIOError:
                self._wait(patience)
                continue
            if not count:
                raise DecoderStopped(_CRASHED, self._end())
            while left and count >= left[0].nbytes:
                count -= left.pop(0).nbytes
            if left:
                left[0] = left[0][count:]

    def _wait(self, patience: Patience) -> None:
        if self._owner != os.getpid():
            raise RuntimeError(_FORKED)
        started = time.monotonic()
        ready = self._poll.poll(math.ceil(1000 * max(0, patience.left_s)))
        patience.left_s -= time.monotonic() - started
        if not ready:
            detail = f"the decoder gave nothing within the time that {setting(patience.limit)} allows"
            raise DecoderStopped(_TOO_LONG, detail)

    def _end(self) -> str:
        """Say how the process, whose pipe has no more to give, came to its end."""
        try:
            code = self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            return "the decoding process closed its pipe and did not end"
        if code < 0:
            return f"the decoding process ended by signal {-code} ({signal.strsignal(-code)})"
        return f"the decoding process ended with exit code {code}"

    def kill(self) -> None:
        """End it, whatever it does; one that another process started is only let go."""
        if self._owner == os.getpid():
            self._process.kill()
            self._process.wait()
        self.let_go()

    def let_go(self) -> None:
        """Close this end of its pipes."""
        _living.discard(self)
        self._requests.close()
        self._answers.close()
        if self._owner != os.getpid():
            # Its end is for the process to wait for that started it.
            self._process.returncode = 0


@contextmanager
def decoding_process(memory_bytes: int) -> Generator[DecodingProcess]:
    """Lend a decoding process: the one that rests, or a new one; afterwards one that is `at_rest` is kept, else killed.

    Raises
    ------
    DecodingUnavailable
        If none can be started.
    """
    process = _take(memory_bytes) or DecodingProcess(memory_bytes)
    try:
        yield process
    finally:
        if not (process.at_rest and _keep(process)):
            process.kill()


_lock = threading.Lock()
_resting: list[DecodingProcess] = []
_living: set[DecodingProcess] = set()


def _take(memory_bytes: int) -> DecodingProcess | None:
    """Return the process that rests, if it can be used."""
    with _lock:
        process = _resting.pop() if _resting else None
    if process is None or (process.memory_bytes == memory_bytes and process.is_alive()):
        return process
    process.kill()
    return None


def _keep(process: DecodingProcess) -> bool:
    """Let a process rest until it is wanted, unless another does."""
    with _lock:
        if _resting or process not in _living:
            return False
        _resting.append(process)
        return True


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    # It imports what this process does, however that was told where to look.
    return {
        **kept,
        "PYTHONPATH": os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path),
        "OPENBLAS_NUM_THREADS": "1",
    }


@atexit.register
def end_all() -> None:
    """End every process, at work or not."""
    with _lock:
        _resting.clear()
    for process in list(_living):
        process.kill()


def _let_go_all() -> None:
    """In a forked process: the parent's decoding processes are not this one's to talk to."""
    global _lock
    _lock = threading.Lock()
    _resting.clear()
    for process in list(_living):
        process.let_go()


os.register_at_fork(after_in_child=_let_go_all)
