"""How every figure is built."""

from __future__ import annotations

import sys
from pathlib import Path

from apexline.assets import figures


def test_no_figure_needs_pyplot() -> None:
    # pyplot keeps every figure alive and is not safe between threads.
    for file in Path(str(figures.__file__)).parent.glob("*.py"):
        source = file.read_text()
        assert "import matplotlib.pyplot" not in source
        assert "from matplotlib import pyplot" not in source
    assert "matplotlib.pyplot" not in sys.modules or "pyplot" not in vars(figures)
