"""Each command asks whose it is before it does anything, and two people where two are needed."""

from datetime import UTC, datetime, timedelta

import pytest
import typer

from apexline.governance import MATRIX, add_person, set_rules
from apexline.governance.people import NotAllowed
from apexline.orchestration.commands import cli
from apexline.orchestration.commands.decisions import approve_challenger, put_back

NOW = datetime.now(UTC)
# What is asked of whom gives the command, and the action that it is in the matrix.
ASKED = {
    "ingest CLIP": "ingest",
    "score CLIP": "score",
    "erase CLIP_ID --by Rob": "erase",
    "retry": "operate",
    "publish": "operate",
    "retrain": "operate",
    "compare 1 2": "operate",
    "record rtsp://127.0.0.1/1 --camera gate-01 --purpose survey --legal-basis consent": "ingest",
    "backup FOLDER": "operate",
    "upgrade --backups FOLDER": "operate",
    "survey plan --raters 9 --minutes 20": "operate",
    "survey import CLIP": "operate",
    "approve --by Rob": "promote",
    "rollback --to 1 --by Rob --reason why": "override",
    "demote --by Rob --reason why": "override",
    "register gate-01 --own --purpose survey --by Rob": "register",
    "notice gate-01 --by Rob": "notice",
    "purge --by Rob": "purge",
    "export TRACK --by Rob --reason why --out FOLDER": "export",
    "consented FOLDER --consent why --until 2999-01-01 --by Rob": "register",
    "fairness 1": "evidence",
    "evidence 1": "evidence",
    "hold CLIP_ID --by Rob --reason why --until 2999-01-01": "hold",
    "release HOLD --by Rob --reason why": "hold",
    "incident what --by Rob": "incident",
    "resume --by Rob --reason why": "resume",
    "audit show": "audit",
    "people add Eve --role rater --by Rob": "people",
    "people remove Ada --by Rob": "people",
    "people rules --two-for-promotions --by Rob": "people",
}
# Everybody may stop; pages ask for keys themselves; the rest shows numbers, or works on no face of a home.
OPEN = {
    *(
        "stop",
        "demo",
        "ui",
        "review",
        "survey serve",
        "restore",
        "bench",
        "metrics",
        "alert",
    ),
    *(
        "doctor",
        "champion",
        "lineage",
        "registered",
        "dpia",
        "holds",
        "incidents",
        "survey status",
        "survey power",
    ),
    *("audit verify", "audit head", "people list", "people matrix"),
}


@pytest.fixture
def keys(home):
    """Keys of Ada, an officer, Eve, an engineer, and Rob, who rates."""
    people = {"Ada": "officer", "Eve": "engineer", "Rob": "rater"}
    return {
        name: add_person(home.home_path, name, (role,), by="Ada", now=NOW) for name, role in people.items()
    }


def commands(group, before=""):
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{name} ")
        else:
            yield before + name


def test_every_command_asks_or_is_open():
    words = {line: " ".join(line.split()[:2]) for line in ASKED}
    known = set(commands(typer.main.get_command(cli.app)))
    asked = {two if two in known else two.split()[0] for two in words.values()}
    assert asked | OPEN == known
    assert asked & OPEN == set()
    # The pages ask for these, signing is the second person's part, and everybody may stop.
    assert set(MATRIX) - set(ASKED.values()) == {"rate", "view", "review", "sign", "stop"}


@pytest.mark.parametrize("line", ASKED)
def test_a_command_is_refused_to_who_may_not_give_it(line, home, apexline, keys, monkeypatch, tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "a.mp4").write_bytes(b"no video")
    before = sorted(home.home_path.rglob("*"))
    monkeypatch.setenv("APEXLINE_KEY", keys["Rob"])
    given = line.replace("FOLDER", str(tmp_path / "folder")).replace("CLIP ", str(tmp_path / "a.mp4 "))
    given = given.removesuffix("CLIP") + str(tmp_path / "a.mp4") if given.endswith("CLIP") else given
    code, _, err = apexline(given)
    assert code == 1
    assert f"'Rob' is rater, expected {' or '.join(MATRIX[ASKED[line]])} to {ASKED[line]}" in err
    assert [each for each in home.home_path.rglob("*.jsonl") if each not in before] == []


@pytest.mark.parametrize("line", ["stop --by Ada --reason why", "erase CLIP_ID --by Ada"])
def test_a_name_without_its_key_gives_no_command(line, apexline, keys, monkeypatch):
    monkeypatch.setenv("APEXLINE_KEY", keys["Rob"])
    code, _, err = apexline(line)
    assert (code, "saw no key of 'Ada'" in err) == (1, True)


DECISIONS = {
    "approve": lambda home, second: approve_challenger(home, by="Eve", second=second),
    "rollback": lambda home, second: put_back(home, to=1, by="Eve", reason="why", second=second),
    "demote": lambda home, second: put_back(home, to=None, by="Eve", reason="why", second=second),
}


@pytest.mark.parametrize("name", DECISIONS)
def test_two_people_make_a_champion(name, home, keys, monkeypatch):
    set_rules(home.home_path, by="Ada", now=NOW, two_for_promotions=True)
    monkeypatch.setenv("APEXLINE_KEY", keys["Eve"])
    decide = DECISIONS[name]
    for second, key, said in (
        ("", "", "expected a second person"),
        ("Eve", keys["Eve"], "expected a second person"),
        ("Ada", "", "saw no key of 'Ada'"),
        ("Rob", keys["Rob"], "'Rob' is rater, expected officer to sign"),
    ):
        monkeypatch.setenv("APEXLINE_SECOND_KEY", key)
        with pytest.raises(NotAllowed, match=said):
            decide(home, second)
    monkeypatch.setenv("APEXLINE_SECOND_KEY", keys["Ada"])
    with pytest.raises(ValueError, match="no challenger|champion") as passed:
        decide(home, "Ada")
    assert not isinstance(passed.value, NotAllowed)


def test_an_exemption_is_signed_by_an_officer_with_a_key(home, apexline, keys, monkeypatch):
    bob = add_person(home.home_path, "Bob", ("officer",), by="Ada", now=NOW)
    monkeypatch.setenv("APEXLINE_KEY", keys["Ada"])
    until = f"{NOW + timedelta(days=30):%Y-%m-%d}"
    line = (
        "register press --type workplace --site Press --purpose safety --legal-basis consent --responsible Ada "
        f"--exempt safety --exempt-reason fatigue --exempt-until {until} --by Ada --signed-by "
    )
    for second, key, said in (
        ("Bob", "", "saw no key of 'Bob'"),
        ("Eve", keys["Eve"], "'Eve' is engineer, expected officer to sign"),
        ("Ada", keys["Ada"], "expected a second person"),
    ):
        monkeypatch.setenv("APEXLINE_SECOND_KEY", key)
        code, _, err = apexline(line + second)
        assert (code, said in err) == (1, True), err
    monkeypatch.setenv("APEXLINE_SECOND_KEY", bob)
    code, out, err = apexline(f"{line}Bob --json")
    assert (code, "signed by Bob" in out) == (0, True), err


def test_an_exemption_is_for_what_its_second_person_signed(home, apexline):
    until = f"{NOW + timedelta(days=30):%Y-%m-%d}"
    cab = "register cab --type workplace --site Cab --purpose fatigue --legal-basis consent --responsible Ada --by Ada"
    signed = f"--exempt safety --exempt-reason fatigue --exempt-until {until} --signed-by Grace"
    assert apexline(f"{cab} {signed}")[0] == 0
    assert apexline("register cab --by Ada")[0] == 0  # renewed, and it says the same
    mood = "register cab --purpose 'mood of drivers' --by Ada"
    code, _, err = apexline(mood)
    assert (code, "was signed by Grace for what its entry said before" in err) == (1, True), err
    assert apexline(f"{mood} {signed}")[0] == 0
    assert apexline("register cab --site Depot --withdraw --by Ada")[0] == 0
