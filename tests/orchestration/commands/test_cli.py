"""The command: help, exit codes, one-line errors, JSON. Commands that need a trained model are in test_line.py."""

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from apexline.orchestration.commands import cli

COMMANDS = (
    *("demo", "ui", "ingest", "score", "erase", "doctor", "retry", "review", "bench"),
    *("approve", "champion", "rollback", "demote", "compare", "lineage"),
    *("survey", "survey serve", "survey import", "survey power"),
)
OPTIONS = "--camera gate-03 --captured-at 2026-03-02T08:15:00 --purpose test --legal-basis consent"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command):
    result = CliRunner().invoke(cli.app, [*command.split(), "--help"])
    assert result.exit_code == 0
    assert "Usage" in result.stdout
    assert len(result.stdout) > 200


def test_help_waits_for_no_heavy_package():
    heavy = {"dagster", "torch", "mlflow", "duckdb", "cv2", "pandas"}
    code = "import sys, apexline.orchestration.commands.cli; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert heavy & set(loaded.split()) == set()


def test_no_command_is_left_out():
    click = cli.typer.main.get_command(cli.app)
    found = set(click.commands) | {f"survey {name}" for name in click.commands["survey"].commands}
    assert found == set(COMMANDS)


@pytest.mark.parametrize(
    "wrong",
    [
        "fly",
        "demo --clip x",
        "erase",
        "erase 0123456789abcdef",
        "approve",
        "score /nowhere/clip.mp4",
        "survey import /nowhere/ratings.csv",
        "bench speed",
        f"ingest x.mp4 {OPTIONS.replace('2026', 'in')}",
    ],
)
def test_wrong_usage_exits_with_two(apexline, home, wrong):
    code, out, err = apexline(wrong)
    assert (code, out) == (2, "")
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("ingest /nowhere/[clip].mp4", "/nowhere/[clip].mp4 does not exist"),
        (
            "ingest clip.mp4 --camera gate-03",
            "missing --captured-at, --purpose, --legal-basis: give all four",
        ),
        (
            f"ingest clip.mp4 {OPTIONS.replace('gate-03', 'gate/3')}",
            "invalid_field: camera: String should match",
        ),
        ("demo --clips /nowhere/clips", "/nowhere/clips is no folder"),
        ("erase 0123456789abcdef --by ada", "no clip '0123456789abcdef' is stored"),
        ("retry 0123456789abcdef", "no failure of a clip '0123456789abcdef' is on record; `apexline doctor`"),
        ("approve --by ada", "run the job `retrain` first"),
    ],
)
def test_failure_exits_with_one_and_names_the_remedy(apexline, home, arguments, message):
    code, out, err = apexline(arguments)
    assert (code, out) == (1, "")
    assert message in err
    assert "Traceback" not in err


@pytest.mark.parametrize("options", ["--camera gate-03", OPTIONS.replace("gate-03", "gate/3")])
def test_an_error_is_one_line(apexline, home, options):
    _, _, err = apexline("ingest clip.mp4", options)
    assert err.count("\n") == 1
    assert err.startswith("apexline: ")


def test_a_broken_parameter_file_is_named(apexline, home, tmp_path, monkeypatch):
    broken = tmp_path / "broken.yaml"
    broken.write_text("trainig: {}\n")
    monkeypatch.setenv("APEXLINE_CONFIG", str(broken))
    code, _, err = apexline("ingest", OPTIONS)
    assert code == 1
    assert "broken.yaml: unknown sections ['trainig']" in err
