"""What a start costs, measured on commands that cost little."""

import sys

import pytest

from apexline.bench.speed import start


def spin(seconds):
    return [
        sys.executable,
        "-c",
        f"import time\nuntil = time.process_time() + {seconds}\nwhile time.process_time() < until: pass",
    ]


def test_the_cpu_time_of_the_command_and_of_what_it_starts_counts(tmp_path):
    child = f"import subprocess\nsubprocess.run({spin(0.3)!r}, check=True)"
    cost = start._cost(start._Command([sys.executable, "-c", child], tmp_path))
    assert cost["cpu s"] >= 0.3
    assert cost["wall s"] >= 0.3


def test_a_command_that_ends_otherwise_than_it_has_to_is_no_figure(tmp_path):
    failing = start._Command([sys.executable, "-c", "raise SystemExit('what went wrong')"], tmp_path)
    with pytest.raises(RuntimeError, match=r"ended with code 1, expected 0; .*what went wrong"):
        start._cost(failing)
    assert start._cost(failing._replace(code=1))["cpu s"] > 0
