"""Where the peers' own Python lies.

Belongs here: paths of ``.venv-fer``. Stays out: the scripts that it runs.
"""

from __future__ import annotations

from apexline.bench.paths import ROOT

FER_PYTHON = ROOT / ".venv-fer" / "bin" / "python"
