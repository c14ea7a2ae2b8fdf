"""The command: help, exit codes, one-line errors, JSON. Commands that need a trained model are in test_line.py."""

import json
import subprocess
import sys
from importlib.metadata import version

import pytest
from typer.testing import CliRunner

from apexline.orchestration.commands import cli, demo

COMMANDS = (
    *("demo", "ui", "ingest", "score", "erase", "doctor", "retry", "review", "publish", "bench"),
    *("retrain", "approve", "champion", "rollback", "demote", "compare", "lineage"),
    *(
        "register",
        "registered",
        "notice",
        "dpia",
        "purge",
        "export",
        "consented",
        "evidence",
        "fairness",
        "hold",
        "release",
        "holds",
        "incident",
        "incidents",
    ),
    *("alert", "backup", "metrics", "record", "restore", "upgrade"),
    *("stop", "resume", "audit", "audit verify", "audit head", "audit show"),
    *("people", "people add", "people remove", "people list", "people matrix", "people rules"),
    *("survey", "survey serve", "survey import", "survey power", "survey plan", "survey status"),
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
    groups = ("survey", "audit", "people")
    found = set(click.commands) | {
        f"{group} {name}" for group in groups for name in click.commands[group].commands
    }
    assert found == set(COMMANDS)


def test_a_moment_that_is_none_is_wrong_usage(apexline, home):
    code, out, err = apexline(f"ingest x.mp4 {OPTIONS.replace('2026', 'in')}")
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
        ("demo --clips /nowhere/clips", "/nowhere/clips is no folder"),
        ("bench speed", "saw 'speed', expected one of crops, features, flow,"),
        ("compare 1 here.yaml", "saw '1' and 'here.yaml', expected two version numbers, two parameter files"),
    ],
)
def test_wrong_usage_is_one_line(apexline, home, arguments, message):
    code, out, err = apexline(arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("apexline: ")
    assert message in err


def test_version_is_that_of_the_distribution(apexline):
    assert apexline("--version")[:2] == (0, f"apexline {version('apexline')}\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            f"ingest {__file__} {OPTIONS.replace('gate-03', 'gate/3')}",
            "invalid_field: camera: String should match",
        ),
        ("erase 0123456789abcdef --by ada", "no clip '0123456789abcdef' is stored"),
        ("retry 0123456789abcdef", "no failure of a clip '0123456789abcdef' is on record; `apexline doctor`"),
        ("approve --by ada", "run the job `retrain` first"),
        ("retrain", "nothing to learn: nobody has rated a segment"),
    ],
)
def test_failure_exits_with_one_and_names_the_remedy(apexline, home, arguments, message):
    code, out, err = apexline(arguments)
    assert (code, out) == (1, "")
    assert message in err
    assert "Traceback" not in err


def test_an_error_is_one_line_after_the_steps(apexline, home):
    _, _, err = apexline(f"ingest {__file__}", OPTIONS.replace("gate-03", "gate/3"))
    assert [line.partition(":")[0] for line in err.splitlines()] == ["loading the line", "apexline"]


def test_a_broken_parameter_file_is_named(apexline, home, tmp_path, monkeypatch):
    broken = tmp_path / "broken.yaml"
    broken.write_text("trainig: {}\n")
    monkeypatch.setenv("APEXLINE_CONFIG", str(broken))
    code, _, err = apexline("ingest", OPTIONS)
    assert code == 1
    assert "broken.yaml: unknown sections ['trainig']" in err


def test_clips_of_which_none_is_taken_in_fail(apexline, home, tmp_path, monkeypatch):
    summary = {"clips": [{"file": "empty.mp4", "status": "zero_bytes", "clip_id": ""}]}
    monkeypatch.setattr(demo, "run_demo", lambda *_, **__: summary)
    code, out, err = apexline("demo", "--clips", tmp_path, "--json")
    assert (code, json.loads(out)) == (1, summary)
    assert f"no clip of {tmp_path} was taken in" in err
