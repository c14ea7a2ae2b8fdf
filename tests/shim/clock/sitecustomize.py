"""Programs that start with this folder on PYTHONPATH see a clock that a file sets ahead, as by a wrong time server."""

import os
import time
from pathlib import Path

import time_machine

_clock = os.environ.get("CHAOS_CLOCK")  # the decoder of videos starts without an environment
_ahead_s = float(Path(_clock).read_text()) if _clock else 0.0


def _set_ahead() -> time_machine.travel:
    traveller = time_machine.travel(time.time() + _ahead_s, tick=True)
    traveller.start()
    return traveller


if _ahead_s:
    from grpc import _server

    _start, _traveller = _server._start, _set_ahead()

    def _start_by_the_true_clock(state: object) -> None:
        """A gRPC server waits at its start until Python's time is that of its C library, which is not set ahead."""
        _traveller.stop()
        try:
            _start(state)
        finally:
            _set_ahead()

    _server._start = _start_by_the_true_clock
