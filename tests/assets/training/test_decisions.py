"""Who was champion when, and how one that was comes back."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from apexline.assets.lake.storage import fingerprint
from apexline.assets.training.decisions import (
    champion_at,
    latest_decision,
    moved_alias,
    promoted_version,
    reigns,
    roll_back,
    store_decision,
    undisputed,
    untainted_ancestor,
)

START = datetime(2026, 3, 2, 8, tzinfo=UTC)


class StubRegistry:
    tainted = ()

    def __init__(self, champion, versions=(1, 2, 3)):
        self.champion = champion
        self.versions = versions

    def list_versions(self):
        return [SimpleNamespace(number=number) for number in self.versions]

    def tags(self, number):
        return {"learned_from_erased": "true"} if number in self.tainted else {}

    def set_alias(self, alias, number):
        assert alias == "champion"
        self.champion = number


@pytest.fixture
def decided(lake):
    """Versions 1, 2 and 3 were promoted an hour after each other; a challenger 4 was not."""
    for number in (1, 2, 3, 4):
        row = {
            **undisputed(number, "of a test", approved_by="ada"),
            "decided_at": START + timedelta(hours=number),
            "promoted": number < 4,
        }
        store_decision(lake, row, fingerprint(number))
    return lake


def test_a_version_reigns_until_the_next_is_promoted(decided):
    assert [each.model_version for each in reigns(decided)] == [1, 2, 3]
    first, _, last = reigns(decided)
    assert (first.since, first.until) == (START + timedelta(hours=1), START + timedelta(hours=2))
    assert (last.until, last.approved_by) == (None, "ada")


@pytest.mark.parametrize(("hours", "version"), [(0.9, None), (1, 1), (1.9, 1), (2, 2), (3, 3), (999, 3)])
def test_the_champion_of_a_moment(decided, hours, version):
    found = champion_at(decided, START + timedelta(hours=hours))
    assert (None if found is None else found.model_version) == version


def test_an_alias_that_was_put_back_begins_no_other_reign(decided):
    row = {**undisputed(3, "put back"), "decided_at": START + timedelta(hours=9)}
    store_decision(decided, row, "put back")
    assert [each.model_version for each in reigns(decided)] == [1, 2, 3]
    assert (reigns(decided)[-1].since, reigns(decided)[-1].until) == (START + timedelta(hours=3), None)


def test_a_clock_that_was_set_back_makes_no_decision_an_earlier_one(decided):
    early = {**undisputed(1, "the clock was set back"), "decided_at": datetime(1999, 1, 1, tzinfo=UTC)}
    store_decision(decided, early, "early")
    assert promoted_version(decided) == 1
    assert latest_decision(decided)["reason"] == "the clock was set back"


def test_an_earlier_champion_comes_back_and_the_decision_is_kept(decided):
    registry = StubRegistry(3)
    decision = roll_back(decided, registry, to=1, by="bob", reason="too many false alarms at gate 3")
    assert registry.champion == promoted_version(decided) == 1
    assert latest_decision(decided) == {**decision, "decided_at": latest_decision(decided)["decided_at"]}
    assert (decision["approved_by"], decision["promoted"], decision["incumbent_version"]) == (
        "bob",
        True,
        None,
    )
    assert decision["reason"] == "put back in the place of version 3: too many false alarms at gate 3"
    assert [each.model_version for each in reigns(decided)] == [1, 2, 3, 1]
    assert moved_alias(decided, 1) is None


def test_demoting_brings_the_one_before_back(decided):
    registry = StubRegistry(3)
    roll_back(decided, registry, to=None, by="bob", reason="drift")
    roll_back(decided, registry, to=None, by="bob", reason="that was no better")
    assert [each.model_version for each in reigns(decided)] == [1, 2, 3, 2, 3]


@pytest.mark.parametrize(
    ("to", "says"),
    [(3, r"champion is version 3, and before it were \[1, 2\]"), (4, "never was champion"), (9, "never was")],
)
def test_only_an_earlier_champion_comes_back(decided, to, says):
    registry = StubRegistry(3)
    with pytest.raises(ValueError, match=says):
        roll_back(decided, registry, to=to, by="bob", reason="why not")
    assert (registry.champion, len(reigns(decided))) == (3, 3)


def test_a_version_that_the_registry_lost_does_not_come_back(decided):
    with pytest.raises(ValueError, match="does not hold it any more"):
        roll_back(decided, StubRegistry(3, versions=(2, 3)), to=1, by="bob", reason="drift")
    assert promoted_version(decided) == 3


@pytest.mark.parametrize(("by", "reason"), [("", "drift"), ("bob", " ")])
def test_a_person_answers_for_it(decided, by, reason):
    with pytest.raises(ValueError, match="expected both"):
        roll_back(decided, StubRegistry(3), to=1, by=by, reason=reason)


def test_in_a_new_home_there_is_nobody_to_go_back_to(lake):
    with pytest.raises(ValueError, match="can't be put back"):
        roll_back(lake, StubRegistry(None), to=None, by="bob", reason="drift")


def test_an_alias_that_no_decision_moved_is_named(decided):
    assert "points at version 2" in moved_alias(decided, 2)
    assert moved_alias(decided, 3) is None


def test_a_version_that_learned_from_erased_data_is_not_put_back(decided):
    registry = StubRegistry(champion=3)
    registry.tainted = (2,)
    with pytest.raises(ValueError, match="learned from data that was erased"):
        roll_back(decided, registry, to=2, by="ada", reason="it was better")
    assert registry.champion == 3


def test_a_training_goes_on_from_the_last_version_that_knows_nothing_erased():
    tags = {
        3: {"learned_from_erased": "true", "started_from": "2"},
        2: {"learned_from_erased": "true", "started_from": "1"},
    }
    registry = SimpleNamespace(tags=lambda number: tags.get(number, {}))
    assert [untainted_ancestor(registry, number) for number in (3, 2, 1)] == [1, 1, 1]
