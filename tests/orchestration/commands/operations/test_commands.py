"""The commands of operation: their arguments, and that the handbook's lines are theirs."""

import re
import shlex
from contextlib import suppress
from pathlib import Path

import pytest
import typer

from apexline.orchestration.commands.cli import app
from apexline.orchestration.commands.operations.commands import COMMANDS

ROOT = Path(__file__).resolve().parents[4]
NAMES = {command.__name__ for command in COMMANDS}
BLOCKS = re.findall(
    r"^```\n(.*?)^```", (ROOT / "docs" / "operations.md").read_text(), re.DOTALL | re.MULTILINE
)
LINES = [
    line.partition(" #")[0]
    for block in BLOCKS
    for line in block.splitlines()
    if "apexline" in line and line.partition("apexline ")[2].split(" ")[0] in NAMES
]


@pytest.mark.parametrize("line", LINES)
def test_the_handbook_gives_what_the_command_takes(line):
    _, _, given = line.partition("apexline ")
    name, *arguments = shlex.split(given)
    command = typer.main.get_command(app).commands[name]
    # Folders of an example are not there.
    with suppress(_NotThere):
        _parse(command, name, arguments)


class _NotThere(Exception):
    pass


def _parse(command, name, arguments):
    try:
        command.make_context(name, list(arguments))
    except typer.BadParameter as error:
        if "does not exist" in str(error):
            raise _NotThere from error
        raise


def test_the_handbook_shows_each_command():
    assert {line.partition("apexline ")[2].split()[0] for line in LINES} == NAMES


def test_each_stream_has_a_camera(apexline, home):
    code, _, said = apexline(
        "record udp://127.0.0.1:1 udp://127.0.0.1:2 --camera a --purpose p --legal-basis l"
    )
    assert code == 2
    assert "saw 2 URLs and 1 times --camera" in said


def test_metrics_are_written_for_another_user(apexline, home, tmp_path):
    code, _, _ = apexline("metrics --out", tmp_path / "apexline.prom")
    assert code == 0
    assert "apexline_clips 0.0" in (tmp_path / "apexline.prom").read_text()
    assert (tmp_path / "apexline.prom").stat().st_mode & 0o777 == 0o644


def test_an_alert_by_hand_says_what_is_the_matter(apexline, home):
    code, out, _ = apexline("alert --json")
    assert code == 0
    assert out.lstrip().startswith("[")


def test_backup_and_restore_by_command(apexline, home, tmp_path, monkeypatch):
    home.prepare()
    (home.home_path / "lake").mkdir()
    (home.home_path / "lake" / "a").write_text("a")
    assert apexline("backup", tmp_path / "backups", "--json")[0] == 0
    code, _, said = apexline("restore", tmp_path / "backups")
    assert code == 1
    assert "is not empty" in said
