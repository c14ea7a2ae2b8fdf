"""An approval counts where its holder's key was asked for, and where needed a second person's."""

from datetime import UTC, datetime

import pytest

from apexline.governance import audit_lines
from apexline.governance.approvals import missing_approval, note_approval
from apexline.governance.people import KEY_VARIABLE, SECOND_KEY_VARIABLE, NotAllowed, add_person, set_rules

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


@pytest.fixture
def people(tmp_path, monkeypatch):
    officer = add_person(tmp_path, "Grace", ("officer",), by="Grace", now=NOW)
    engineer = add_person(tmp_path, "Ada", ("engineer",), by="Grace", now=NOW)
    monkeypatch.setenv(KEY_VARIABLE, engineer)
    return officer, engineer


def test_where_nobody_is_entered_a_name_is_enough(tmp_path):
    assert missing_approval(tmp_path, 2, by="Ada") == ""


def test_a_name_alone_is_no_approval_where_people_have_keys(tmp_path, people):
    assert "no approval of version 2 by 'Ada' is on record" in missing_approval(tmp_path, 2, by="Ada")
    note_approval(tmp_path, 2, by="Ada", second="", now=NOW)
    assert missing_approval(tmp_path, 2, by="Ada") == ""
    assert "'Bob'" in missing_approval(tmp_path, 2, by="Bob")
    assert "version 3" in missing_approval(tmp_path, 3, by="Ada")
    assert audit_lines(tmp_path, actions=["approve"])[0]["model_version"] == 2


def test_two_people_are_needed_where_the_settings_say_so(tmp_path, people, monkeypatch):
    note_approval(tmp_path, 2, by="Ada", second="", now=NOW)
    set_rules(tmp_path, by="Grace", now=NOW, two_for_promotions=True)
    assert "and a second person" in missing_approval(tmp_path, 2, by="Ada")
    for second in ("", "Ada", "ada "):
        with pytest.raises(NotAllowed, match="second person"):
            note_approval(tmp_path, 2, by="Ada", second=second, now=NOW)
    with pytest.raises(NotAllowed, match="no key of 'Grace'"):
        note_approval(tmp_path, 2, by="Ada", second="Grace", now=NOW)
    monkeypatch.setenv(SECOND_KEY_VARIABLE, people[1])
    with pytest.raises(NotAllowed, match="no key of 'Grace'"):
        note_approval(tmp_path, 2, by="Ada", second="Grace", now=NOW)
    monkeypatch.setenv(SECOND_KEY_VARIABLE, people[0])
    note_approval(tmp_path, 2, by="Ada", second="Grace", now=NOW)
    assert missing_approval(tmp_path, 2, by="Ada") == ""
    assert audit_lines(tmp_path, actions=["approve"])[-1]["second"] == "Grace"


def test_the_rule_holds_without_keys_too(tmp_path):
    set_rules(tmp_path, by="Grace", now=NOW, two_for_promotions=True)
    with pytest.raises(NotAllowed, match="second person"):
        note_approval(tmp_path, 2, by="Ada", second="Ada", now=NOW)
    note_approval(tmp_path, 2, by="Ada", second="Grace", now=NOW)
    assert missing_approval(tmp_path, 2, by="Ada") == ""
    assert audit_lines(tmp_path, actions=["people"])[-1]["two_for_promotions"] is True
