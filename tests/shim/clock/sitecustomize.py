"""Programs that start with this folder on PYTHONPATH see a clock that a file sets ahead, as by a wrong time server."""

import os
import time
from pathlib import Path

import time_machine

_ahead_s = float(Path(os.environ["CHAOS_CLOCK"]).read_text())
if _ahead_s:
    time_machine.travel(time.time() + _ahead_s, tick=True).start()
