from datetime import UTC, date, datetime, timedelta

import pytest

from apexline.governance.audit import audit_lines
from apexline.governance.entries import Entry, Notice
from apexline.governance.register import (
    OWN_RECORDINGS,
    Refused,
    enter,
    entries_in_force,
    entry_of,
    permit,
    register_versions,
)
from apexline.governance.switch import stop

pytestmark = pytest.mark.usefixtures("strict_register")
NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


def entry(**changes):
    fields = {
        "camera": "gate-01",
        "site": "North gate",
        "site_type": "public",
        "purposes": ("visitor survey",),
        "legal_basis": "consent",
        "responsible": "Ada Lovelace, ada@example.org",
        "expires": NOW + timedelta(days=300),
    }
    made = Entry(**{**fields, **changes})
    if "notice" in changes:
        return made
    notice = Notice(version=1, since=date(2026, 11, 1), languages=("en",), says=made.statement)
    return made.model_copy(update={"notice": notice})


def asked(home, camera="gate-01", **more):
    return permit(home, camera, door="ingest", **{"now": NOW, **more})


def test_what_is_registered_is_let_in(tmp_path):
    enter(tmp_path, entry(), by="Ada", now=NOW)
    found = asked(tmp_path, purpose=" Visitor  survey", legal_basis="Consent")
    assert found.site == "North gate"
    assert [each["action"] for each in audit_lines(tmp_path)] == ["register"]


@pytest.mark.parametrize(
    ("reason", "changes", "question"),
    [
        ("unregistered", {"camera": "gate-02"}, {}),
        ("lapsed", {"expires": NOW + timedelta(days=1)}, {"now": NOW + timedelta(days=1)}),
        ("no_notice", {"notice": None}, {}),
        ("no_notice", {}, {"now": datetime(2026, 10, 31, tzinfo=UTC)}),
        ("other_purpose", {}, {"purpose": "Monitoring employees' mood at their workplace"}),
        ("other_legal_basis", {}, {"legal_basis": "none"}),
    ],
)
def test_what_is_not_is_refused(tmp_path, reason, changes, question):
    enter(tmp_path, entry(**changes), by="Ada", now=NOW)
    with pytest.raises(Refused) as refusal:
        asked(tmp_path, **question)
    assert refusal.value.reason == reason


def test_nothing_is_let_in_without_a_register(tmp_path):
    with pytest.raises(Refused, match="apexline register gate-01 --site"):
        asked(tmp_path)
    with pytest.raises(Refused, match="apexline register own-recordings --own"):
        asked(tmp_path, OWN_RECORDINGS)


@pytest.mark.parametrize(
    "changes",
    [
        {"purposes": ("crowd research",)},
        {"responsible": "Bob, bob@example.org"},
        {"legal_basis": "contract"},
        {"site": "South gate"},
        {"site_type": "retail"},
    ],
)
def test_a_notice_that_says_something_else_is_none(tmp_path, changes):
    before = entry()
    enter(tmp_path, before, by="Ada", now=NOW)
    enter(tmp_path, before.model_copy(update=changes), by="Ada", now=NOW)
    with pytest.raises(Refused, match="says something else"):
        asked(tmp_path)


def test_a_withdrawn_entry_has_lapsed(tmp_path):
    enter(tmp_path, entry(), by="Ada", now=NOW)
    enter(tmp_path, entry(withdrawn=True), by="Ada", now=NOW)
    with pytest.raises(Refused, match="withdrawal"):
        asked(tmp_path)


@pytest.mark.parametrize(
    "changes",
    [
        {"site_type": "workplace"},
        {"site_type": "education"},
        {"purposes": ("Monitoring employees' mood at their workplace",)},
        {"purposes": ("Aufmerksamkeit der Schüler im Unterricht",)},
    ],
)
def test_work_and_school_are_prohibited_at_the_desk_and_at_the_door(tmp_path, changes):
    with pytest.raises(ValueError, match=r"Art\. 5\(1\)\(f\)"):
        enter(tmp_path, entry(**changes), by="Ada", now=NOW)
    assert entries_in_force(tmp_path) == {}
    _write_past_the_desk(tmp_path, entry(**changes))
    with pytest.raises(Refused, match=r"Art\. 5\(1\)\(f\)") as refusal:
        asked(tmp_path)
    assert refusal.value.reason in ("workplace", "education")


def test_a_safety_reason_that_a_second_person_signed_opens_the_door_until_it_ends(tmp_path):
    exemption = {
        "grounds": "safety",
        "reason": "fatigue of drivers",
        "signed_by": "Grace Hopper",
        "expires": NOW + timedelta(days=30),
    }
    cab = entry(site_type="workplace", exemption=exemption)
    for herself in ("grace hopper", "Grace  Hopper", "Ｇｒａｃｅ Hopper"):
        with pytest.raises(ValueError, match="second person"):
            enter(tmp_path, cab, by=herself, now=NOW)
    enter(tmp_path, cab, by="Ada", now=NOW)
    assert asked(tmp_path).site_type == "workplace"
    with pytest.raises(Refused) as refusal:
        asked(tmp_path, now=NOW + timedelta(days=30))
    assert refusal.value.reason == "workplace"


@pytest.mark.parametrize("days", [-1, 400])
def test_an_end_has_to_come_within_a_year(tmp_path, days):
    with pytest.raises(ValueError, match="within a year"):
        enter(tmp_path, entry(expires=NOW + timedelta(days=days)), by="Ada", now=NOW)


def test_the_file_only_grows_and_versions_are_counted(tmp_path):
    for name in ("gate-01", "gate-02", "gate-01"):
        before = register_file(tmp_path).read_bytes() if register_file(tmp_path).exists() else b""
        enter(tmp_path, entry(camera=name), by="Ada", now=NOW)
        assert register_file(tmp_path).read_bytes().startswith(before)
    assert [(each.version, each.entry.camera) for each in register_versions(tmp_path)] == [
        (1, "gate-01"),
        (2, "gate-02"),
        (3, "gate-01"),
    ]


@pytest.mark.parametrize("damage", ["a line that is none", "a line that is gone"])
def test_a_damaged_register_opens_no_door(tmp_path, damage):
    for name in ("gate-01", "gate-02"):
        enter(tmp_path, entry(camera=name), by="Ada", now=NOW)
    lines = register_file(tmp_path).read_text().splitlines(keepends=True)
    register_file(tmp_path).write_text(
        lines[1] if damage == "a line that is gone" else "".join(lines) + "{}\n"
    )
    with pytest.raises(Refused) as refusal:
        asked(tmp_path, "gate-02")
    assert refusal.value.reason == "unreadable_register"


def test_a_stop_shuts_every_door(tmp_path):
    enter(tmp_path, entry(), by="Ada", now=NOW)
    stop(tmp_path, by="Grace", why="faces look wrong", now=NOW)
    with pytest.raises(Refused, match="faces look wrong"):
        asked(tmp_path)


def test_an_unknown_camera_has_no_entry(tmp_path):
    with pytest.raises(LookupError, match="apexline register"):
        entry_of(tmp_path, "gate-09")


def register_file(home):
    return home / "governance" / "register.jsonl"


def _write_past_the_desk(home, made):
    register_file(home).parent.mkdir(exist_ok=True)
    line = f'{{"version": 1, "at": "{NOW.isoformat()}", "by": "Eve", "entry": {made.model_dump_json()}}}\n'
    register_file(home).write_text(line)
