"""What importing a stage costs beside what it needs anyway: the features and Dagster.

Every process that computes clips or runs a step pays it at its start.
"""

import subprocess
import sys
from typing import Any

from apexline.bench.speed.processes import children_cpu_s

_STAGES = (
    "ingest.clip_manifest",
    "spotting.face_tracks",
    "spotting.face_features",
    "spotting.expression_segments",
)
_ROUNDS = 5


def bench_imports() -> list[dict[str, Any]]:
    """Return for each stage of a clip the CPU time of its import, and its ratio to that of features and Dagster.

    Each import has a process of its own. Times are the least of several rounds, s, less the interpreter's own start;
    modules alternate within a round.
    """
    modules = ["apexline.features.pipeline", "dagster", *(f"apexline.assets.{stage}" for stage in _STAGES)]
    start = min(_cpu_s("pass") for _ in range(_ROUNDS))
    rounds = [{name: _cpu_s(f"import {name}") - start for name in modules} for _ in range(_ROUNDS)]
    seconds = {name: min(each[name] for each in rounds) for name in modules}
    base = seconds["apexline.features.pipeline"] + seconds["dagster"]
    return [
        {"import": name, "cpu_s": seconds[name], "/ (features + dagster)": seconds[name] / base}
        for name in modules
    ]


def _cpu_s(code: str) -> float:
    before = children_cpu_s()
    subprocess.run([sys.executable, "-c", code], check=True)
    return children_cpu_s() - before
