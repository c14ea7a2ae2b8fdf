from datetime import UTC, datetime

import pytest

from apexline.governance.audit import audit_lines
from apexline.governance.people import (
    MATRIX,
    ROLES,
    NotAllowed,
    acting,
    add_person,
    allow,
    allow_second,
    check_person,
    read_people,
    remove_person,
    set_rules,
)

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
# Who may do what, written a second time: the table in the code is held against it.
ALLOWED = {
    "rater": {"rate", "stop"},
    "reviewer": {"view", "review", "score", "incident", "stop"},
    "engineer": {
        *("ingest", "score", "operate", "promote", "override"),
        *("purge", "evidence", "incident", "stop"),
    },
    "officer": {
        *("view", "register", "notice", "hold", "purge", "erase", "export", "audit", "evidence", "incident"),
        *("stop", "resume", "people", "sign"),
    },
}


@pytest.fixture
def keys(tmp_path):
    found = {"officer": add_person(tmp_path, "officer person", ("officer",), by="Ada", now=NOW)}
    for role in ROLES:
        if role != "officer":
            found[role] = add_person(tmp_path, f"{role} person", (role,), by="Ada", now=NOW)
    return found


@pytest.mark.parametrize("role", ROLES)
def test_each_role_may_do_its_own_and_nothing_else(tmp_path, keys, role):
    for action in MATRIX:
        if action in ALLOWED[role]:
            allow(tmp_path, action, by=f"{role} person", key=keys[role])
        else:
            with pytest.raises(NotAllowed, match=f"'{role} person' is {role}"):
                allow(tmp_path, action, by=f"{role} person", key=keys[role])


def test_an_action_that_is_in_no_table_is_nobodys(tmp_path):
    with pytest.raises(NotAllowed, match="nobody may"):
        allow(tmp_path, "forget", by="Ada")


@pytest.mark.parametrize("key", ["", "guessed"])
def test_a_name_without_its_key_may_do_nothing(tmp_path, keys, key):
    with pytest.raises(NotAllowed, match="saw no key of 'officer person'"):
        allow(tmp_path, "erase", by="officer person", key=key)


def test_somebody_elses_key_is_no_key(tmp_path, keys):
    with pytest.raises(NotAllowed, match="saw no key of 'officer person'"):
        allow(tmp_path, "stop", by="officer person", key=keys["engineer"])


def test_where_nobody_is_entered_a_name_is_enough(tmp_path, monkeypatch):
    monkeypatch.setenv("USER", "ada")
    allow(tmp_path, "erase", by="Ada")
    assert acting(tmp_path, "score") == "ada"


def test_a_command_without_a_name_asks_the_key(tmp_path, keys, monkeypatch):
    monkeypatch.setenv("APEXLINE_KEY", keys["engineer"])
    assert acting(tmp_path, "ingest") == "engineer person"
    with pytest.raises(NotAllowed, match="engineer"):
        acting(tmp_path, "review")
    monkeypatch.delenv("APEXLINE_KEY")
    with pytest.raises(NotAllowed, match="of anybody"):
        acting(tmp_path, "ingest")


def test_two_people_are_two_people(tmp_path, keys, monkeypatch):
    add_person(tmp_path, "officer person", ("officer",), by="Ada", now=NOW)
    second = add_person(tmp_path, "Grace", ("officer",), by="Ada", now=NOW)
    monkeypatch.setenv("APEXLINE_SECOND_KEY", second)
    allow_second(tmp_path, "sign", by="officer person", second="Grace")
    with pytest.raises(NotAllowed, match="second person"):
        allow_second(tmp_path, "sign", by="Grace", second="grace ")
    with pytest.raises(NotAllowed, match="second person"):
        allow_second(tmp_path, "sign", by="Grace", second="")
    for again in ("Officer  Person", "officer\u00a0person", "\uff4fﬃcer person"):
        with pytest.raises(NotAllowed, match="second person"):
            allow_second(tmp_path, "sign", by="officer person", second=again)
    monkeypatch.setenv("APEXLINE_SECOND_KEY", keys["engineer"])
    with pytest.raises(NotAllowed, match="no key"):
        allow_second(tmp_path, "sign", by="officer person", second="Grace")


def test_no_key_is_kept(tmp_path, keys):
    kept = b"".join(path.read_bytes() for path in (tmp_path / "governance").iterdir())
    assert not [key for key in keys.values() if key.encode() in kept]
    assert [each["person"] for each in audit_lines(tmp_path, actions=["people"])][0] == "officer person"


def test_there_is_always_an_officer(tmp_path):
    with pytest.raises(NotAllowed, match="expected an officer"):
        add_person(tmp_path, "Ada", ("engineer",), by="Ada", now=NOW)
    add_person(tmp_path, "Ada", ("officer",), by="Ada", now=NOW)
    add_person(tmp_path, "Bob", ("rater",), by="Ada", now=NOW)
    with pytest.raises(NotAllowed, match="last officer"):
        remove_person(tmp_path, "Ada", by="Ada", now=NOW)
    with pytest.raises(NotAllowed, match="'Ada', the last officer"):
        add_person(tmp_path, "Ada", ("engineer",), by="Ada", now=NOW)
    remove_person(tmp_path, "Bob", by="Ada", now=NOW)
    with pytest.raises(LookupError, match="Bob"):
        remove_person(tmp_path, "Bob", by="Ada", now=NOW)


def test_a_damaged_list_lets_nobody_in(tmp_path):
    (tmp_path / "governance").mkdir()
    (tmp_path / "governance" / "people.yaml").write_text("people: [{name: Ada}]")
    with pytest.raises(ValueError, match=r"people\.yaml can't be read"):
        read_people(tmp_path)


@pytest.mark.parametrize("name", ["", " ", "7", "x", "a\nb", "a\x1b[31m", "n" * 300])
def test_a_name_is_that_of_a_person(name):
    with pytest.raises(ValueError, match="name of a person"):
        check_person(name)


@pytest.mark.parametrize("name", ["Ada", " Jürgen Müller ", "李娜", "O'Brien"])
def test_names_are_taken_as_they_are(name):
    assert check_person(name) == name.strip()


def test_the_rules_are_kept_when_people_come_and_go(tmp_path):
    set_rules(tmp_path, by="Ada", now=NOW, two_for_promotions=True)
    add_person(tmp_path, "Ada", ("officer",), by="Ada", now=NOW)
    known = read_people(tmp_path)
    assert (known.two_for_promotions, known.two_for_exemptions) == (True, True)
    set_rules(tmp_path, by="Ada", now=NOW, two_for_exemptions=False)
    known = read_people(tmp_path)
    assert (known.two_for_promotions, known.two_for_exemptions, len(known.people)) == (True, False, 1)
