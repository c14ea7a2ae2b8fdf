"""Wrong usage is said before anything heavy is imported, and no home is made for it."""

import os
import subprocess
import sys

import pytest

import apexline.bench
from apexline.orchestration.commands import usage

HEAVY = {
    "dagster",
    "torch",
    "mlflow",
    "duckdb",
    "cv2",
    "pandas",
    "numpy",
    "matplotlib",
    "pydantic_settings",
    "upath",
}
# The command as the installed script runs it; then what it had to import.
RUN = """
import sys
from apexline.orchestration.commands.cli import main
try:
    main()
finally:
    print("modules", *{name.partition(".")[0] for name in sys.modules})
"""
WRONG = [
    "fly",
    "demo --clip x",
    "demo --clips /nowhere",
    "ingest /nowhere/clip.mp4",
    "ingest clip.mp4 --camera gate-03",
    "score /nowhere/clip.mp4",
    "score {file} other.mp4",
    "score {file} --plot other.mp4",
    "erase",
    "erase 0123456789abcdef",
    "approve",
    "rollback --to one --by ada --reason drift",
    "compare 1 parameters.yaml",
    "compare {file} {file}",
    "compare 1 2 --plot x.png",
    "survey import /nowhere/ratings.csv",
    "survey import {file} --poles {file}",
    "bench speed",
    "bench flow --quick",
]


@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_usage_is_said_at_once(tmp_path, wrong):
    file = tmp_path / "file.csv"
    file.write_text("")
    home = tmp_path / "home"
    words = [sys.executable, "-c", RUN, *wrong.format(file=file).split()]
    environment = {**os.environ, "APEXLINE_HOME": str(home)}
    done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 2, done.stderr
    assert set(done.stdout.split()) & HEAVY == set()
    assert "Traceback" not in done.stderr
    assert not home.exists()


def test_benchmarks_are_those_that_there_are():
    assert set(usage.BENCHMARKS) == set(apexline.bench.BENCHMARKS)
    assert set(usage.QUICK_BENCHMARKS) == set(apexline.bench.QUICK_BENCHMARKS)


def test_options_belong_together():
    assert usage.require_all_or_none({"camera": "gate-03", "legal_basis": "consent"})
    assert not usage.require_all_or_none({"camera": None, "legal_basis": None})
    with pytest.raises(usage.WrongUsage, match="missing --legal-basis: give all four"):
        usage.require_all_or_none({"camera": "gate-03", "legal_basis": None})
