"""Who decides which version scores, where MLflow itself lets anybody move an alias; the rest is in test_line.py."""

import json
from datetime import UTC, datetime

import pytest

from apexline.assets.training import promoted_version
from apexline.governance.people import KEY_VARIABLE, NotAllowed, add_person
from apexline.ml.registry.client import MODEL_NAME
from apexline.orchestration.commands import decisions
from apexline.orchestration.commands.decisions import (
    _side_by_side,
    approve_challenger,
    present_champion,
    put_back,
)
from apexline.orchestration.line import open_line
from apexline.orchestration.settings import Settings
from tests.assets.small_lake import row_of
from tests.orchestration.installation import promote

DAY = "2026-03-02_gate-03"


@pytest.fixture
def moved(tmp_path):
    """A home where version 1 was promoted, and where somebody moved its alias to version 2, the challenger."""
    settings = Settings(home=str(tmp_path / "home"))
    with open_line(settings) as line:
        client = line.registry.client
        client.create_registered_model(MODEL_NAME)
        for _ in range(2):
            run = client.create_run("0")
            client.create_model_version(MODEL_NAME, f"runs:/{run.info.run_id}/model", run.info.run_id)
        promote(line, 1)
        line.registry.set_alias("challenger", 2)
        client.set_registered_model_alias(MODEL_NAME, "champion", "2")
    return settings


def test_nothing_is_scored_by_a_version_that_nobody_promoted(moved):
    row = row_of("expression_segments", clip_id="aaaa000011112222")
    with open_line(moved) as line:
        line.lake.write("expression_segments", "aaaa000011112222", [row], stamp="s", camera_day=DAY)
        with pytest.raises(ValueError, match=r"points at version 2, .*approved by ada .* is of version 1"):
            line.run("rescore", camera_day=DAY)


def test_approving_puts_the_alias_back_and_promotes_nothing(moved):
    decision, shift = approve_challenger(moved, by="bob")
    assert shift == []
    assert (decision["model_version"], decision["approved_by"]) == (1, "bob")
    assert "pointed at version 2, which no decision had made champion: put back" in decision["reason"]
    with open_line(moved) as line:
        assert line.registry.get_alias("champion") == promoted_version(line.lake) == 1


def test_where_people_are_entered_only_an_engineer_with_a_key_decides(moved, monkeypatch):
    now = datetime.now(UTC)
    officer = add_person(moved.home_path, "Ada", ("officer",), by="Ada", now=now)
    engineer = add_person(moved.home_path, "bob", ("engineer",), by="Ada", now=now)
    for shown in ("", officer):
        monkeypatch.setenv(KEY_VARIABLE, shown)
        with pytest.raises(NotAllowed, match="saw no key of 'bob'"):
            approve_challenger(moved, by="bob")
        with pytest.raises(NotAllowed, match="saw no key of 'bob'"):
            put_back(moved, to=1, by="bob", reason="x")
    monkeypatch.setenv(KEY_VARIABLE, engineer)
    assert approve_challenger(moved, by="bob")[0]["approved_by"] == "bob"
    with pytest.raises(ValueError, match="version 1 can't be put back"):
        put_back(moved, to=1, by="bob", reason="x")


def test_a_shift_is_printed_with_both_shares_in_a_column():
    row = {"camera": "a", "segments": 2, "changed": 0.5, "happy_before": 1.0, "happy_after": 0.5}
    assert _side_by_side([row]) == [{"camera": "a", "segments": 2, "changed": 0.5, "happy": "1.00 > 0.50"}]


def test_an_earlier_champion_is_looked_up_and_put_back(moved):
    with open_line(moved) as line:
        promote(line, 2)
    assert present_champion(moved, at=None)["model_version"] == 2
    between = present_champion(moved, at=None)["since"]
    decision = put_back(moved, to=1, by="bob", reason="drift")
    assert (decision["model_version"], decision["approved_by"]) == (1, "bob")
    now = present_champion(moved, at=None)
    assert (now["model_version"], now["alias"]) == (1, "as decided")
    assert present_champion(moved, at=between)["model_version"] == 2
    with open_line(moved) as line:
        assert line.registry.get_alias("champion") == 1


def test_a_moved_alias_is_said(moved):
    assert "points at version 2" in present_champion(moved, at=None)["alias"]


def test_before_the_first_there_was_nobody(moved):
    with pytest.raises(LookupError, match="nobody was champion at 2001-01-01"):
        present_champion(moved, at=datetime(2001, 1, 1))


def test_where_nothing_is_promoted_the_exit_status_says_so(apexline, home, monkeypatch):
    decision = {"promoted": False, "reason": "no better on the frozen subjects"}
    monkeypatch.setattr(decisions, "approve_challenger", lambda *_, **__: (decision, []))
    code, out, err = apexline("approve --by ada --json")
    assert (code, json.loads(out)) == (1, {**decision, "score_shift": []})
    assert "nothing was promoted: no better on the frozen subjects" in err
