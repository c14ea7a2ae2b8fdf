"""Who becomes champion: a win in the paired test, and a person's name."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from apexline.assets.parameters import Parameters, PromotionConfig
from apexline.assets.training import champion as module
from apexline.assets.training.champion import Comparison, champion, compare_versions
from apexline.assets.training.decisions import (
    latest_decision,
    promoted_version,
    store_decision,
    store_first_decision,
    undisputed,
)
from apexline.features.config import FeatureConfig
from apexline.governance import add_person, audit_lines, note_approval
from tests.assets.small_lake import row_of
from tests.assets.training.examples import FoldReader, example


class StubRegistry:
    """Aliases; versions in `synthetic` learned from drawn faces, those in `tainted` from erased ones; 1 ships."""

    def __init__(self, *, synthetic=(), tainted=(), models=None, **aliases):
        self.synthetic = synthetic
        self.tainted = tainted
        self.models = models
        self.aliases = aliases

    def load_model(self, number):
        return self.models[number]

    def tags(self, number):
        taint = {"learned_from_erased": "true"} if number in self.tainted else {}
        return {"synthetic": str(number in self.synthetic).lower(), **taint}

    def register_shipped(self, shipped, *, parameters):
        assert shipped.model.version == "baseline"
        assert "features" in parameters
        return 1

    def list_versions(self):
        return [SimpleNamespace(number=number) for number in range(1, 6)]

    def get_alias(self, alias):
        return self.aliases.get(alias)

    def set_alias(self, alias, number):
        self.aliases[alias] = number


@pytest.fixture
def decide(materialise, lake, monkeypatch):
    """Run the asset with a given outcome of the paired bootstrap: (difference, low, high)."""

    def run(registry, *, approved_by="", difference=None, p_value=0.0, lost=(), **resources):
        def compare(lake, config, registry, challenger, incumbent):
            assert difference is not None, "compared although there is nothing to compare"
            return Comparison(*difference, p_value=p_value, lost=lost)

        monkeypatch.setattr(module, "compare_versions", compare)
        config = {"approved_by": approved_by} if approved_by else None
        return materialise(champion, config=config, lake=lake, registry=registry, **resources)

    return run


WIN = (0.3, 0.2, 0.4)


def test_at_first_the_shipped_model_is_champion(decide, lake):
    registry = StubRegistry()
    assert decide(registry).metadata["champion"].value == 1
    assert registry.get_alias("champion") == 1
    decision = latest_decision(lake)
    assert (decision["promoted"], decision["approved_by"], decision["model_version"]) == (True, "apexline", 1)
    assert (decision["incumbent_version"], decision["difference"]) == (None, None)
    assert "ships with the package" in decision["reason"]
    decide(registry)
    assert len(lake.names("promotions")) == 1


def test_a_synthetic_model_never_follows_a_real_one(decide, lake):
    registry = StubRegistry(champion=1, challenger=4, synthetic=(4,))
    decide(registry, approved_by="ada", difference=(0.3, 0.2, 0.4))
    assert registry.get_alias("champion") == 1
    assert "it learned from synthetic faces, the champion from real ones" in latest_decision(lake)["reason"]


def test_a_synthetic_model_may_follow_its_like(decide):
    registry = StubRegistry(champion=3, challenger=4, synthetic=(3, 4))
    decide(registry, approved_by="ada", difference=WIN)
    assert registry.get_alias("champion") == 4


def test_what_learned_from_erased_data_is_never_promoted(decide, lake):
    registry = StubRegistry(champion=3, challenger=4, tainted=(4,))
    decide(registry, approved_by="ada", difference=WIN)
    assert registry.get_alias("champion") == promoted_version(lake) == 3
    assert (
        "it learned from data that was erased since; run the job `retrain`" in latest_decision(lake)["reason"]
    )
    registry = StubRegistry(champion=3, challenger=5, tainted=(3,))  # it follows one that did
    decide(registry, approved_by="ada", difference=WIN)
    assert registry.get_alias("champion") == 5


def test_a_group_that_loses_keeps_a_winner_from_promotion(decide, lake):
    registry = StubRegistry(champion=3, challenger=4)
    decide(registry, approved_by="ada", difference=WIN, lost=("light dark: -0.750",))
    assert registry.get_alias("champion") == 3
    assert "it is worse than the champion on light dark: -0.750" in latest_decision(lake)["reason"]


@pytest.mark.parametrize(
    ("difference", "approved_by", "promoted", "reason"),
    [
        ((0.1, 0.02, 0.2), "ada", True, "promoted, approved by ada"),
        ((0.1, 0.02, 0.2), "", False, "waits for a person"),
        ((0.1, 0.0, 0.2), "ada", False, "no clear win"),
        ((-0.1, -0.2, -0.02), "ada", False, "no clear win"),
    ],
)
def test_a_later_challenger_needs_a_win_and_a_person(decide, lake, difference, approved_by, promoted, reason):
    registry = StubRegistry(challenger=5, champion=3)
    decide(registry, approved_by=approved_by, difference=difference)
    decision = latest_decision(lake)
    assert registry.get_alias("champion") == (5 if promoted else 3)
    assert decision["promoted"] is promoted
    assert reason in decision["reason"]
    assert (
        f"{difference[0]:+.3f} (95 % interval {difference[1]:+.3f} to {difference[2]:+.3f})"
        in decision["reason"]
    )
    assert decision["incumbent_version"] == 3
    assert decision["difference_low"] == difference[1]


def test_nothing_is_decided_without_a_challenger(decide, lake):
    for registry in (StubRegistry(champion=3), StubRegistry(champion=3, challenger=3)):
        metadata = decide(registry, approved_by="ada").metadata
        assert (metadata["computed"].value, metadata["unchanged"].value) == (0, 1)
    assert promoted_version(lake) == 3
    assert len(lake.names("promotions")) == 1


def test_decisions_are_kept_and_the_data_version_is_that_of_the_champion(decide, lake):
    registry = StubRegistry(champion=2, challenger=3)
    versions = [
        decide(registry, approved_by=by, difference=WIN).tags["dagster/data_version"]
        for by in ("", "", "ada", "bob")
    ]
    # At first the champion is taken over; the second asked the same again, the fourth had nothing to decide.
    assert len(lake.names("promotions")) == 3
    assert versions[0] == versions[1] != versions[2] == versions[3]


def test_an_alias_moved_behind_its_back_is_an_alarm_that_names_who_may_approve(decide, lake):
    registry = StubRegistry(challenger=4)
    decide(registry, difference=WIN)
    registry.set_alias("champion", 4)
    with pytest.raises(
        ValueError,
        match=r"points at version 4, .* approved by apexline at .* is of version 1: .*`apexline approve --by NAME`",
    ):
        decide(registry)
    assert len(lake.names("promotions")) == 2


def test_of_two_first_runs_that_begin_together_one_makes_the_champion(decide, lake):
    class Other(StubRegistry):
        """Another run makes the first champion while this one registers the shipped model."""

        def register_shipped(self, shipped, *, parameters):
            store_first_decision(lake, undisputed(2, "the other run's"), "other")
            return 1

    registry = Other()
    decide(registry)
    assert registry.get_alias("champion") == promoted_version(lake) == 2
    assert len(lake.names("promotions")) == 1


def test_a_person_puts_a_moved_alias_back_and_approves_nothing_by_that(decide, lake):
    registry = StubRegistry(challenger=4)
    decide(registry, difference=WIN)
    registry.set_alias("champion", 4)
    decide(registry, approved_by="ada")
    assert registry.get_alias("champion") == promoted_version(lake) == 1
    decision = latest_decision(lake)
    assert (decision["model_version"], decision["approved_by"]) == (1, "ada")
    assert "pointed at version 4, which no decision had made champion: put back" in decision["reason"]
    decide(registry, approved_by="ada", difference=WIN)
    assert registry.get_alias("champion") == promoted_version(lake) == 4


def test_a_promotion_killed_before_the_alias_moved_is_ended_by_the_same_command(decide, lake):
    class Killed(StubRegistry):
        def set_alias(self, alias, number):
            msg = "killed"
            raise RuntimeError(msg)

    registry = Killed(champion=2, challenger=4)
    with pytest.raises(RuntimeError, match="killed"):
        decide(registry, approved_by="ada", difference=WIN)
    registry = StubRegistry(**registry.aliases)
    decide(registry, approved_by="ada")
    assert registry.get_alias("champion") == promoted_version(lake) == 4


def test_a_champion_from_before_the_first_decision_is_taken_over_once(decide, lake):
    registry = StubRegistry(champion=3)
    decide(registry)
    decide(registry)
    decision = latest_decision(lake)
    assert (decision["model_version"], decision["promoted"]) == (3, True)
    assert "it is taken over" in decision["reason"]
    assert len(lake.names("promotions")) == 1


def test_a_deleted_alias_comes_back_to_what_was_promoted_last(decide, lake):
    registry = StubRegistry(champion=2, challenger=4)
    decide(registry, approved_by="ada", difference=WIN)
    del registry.aliases["champion"]
    decide(registry)
    assert registry.get_alias("champion") == 4
    assert len(lake.names("promotions")) == 2


def test_in_a_registry_made_anew_the_shipped_model_is_the_first_again(decide, lake):
    registry = StubRegistry(champion=9)
    decide(registry)
    decide(again := StubRegistry())
    assert again.get_alias("champion") == promoted_version(lake) == 1


def test_each_further_look_of_a_year_needs_a_clearer_win(decide, lake):
    """The first may err in 1 of 40 cases, the second in 1 of 120, all together in 1 of 20."""
    registry = StubRegistry(champion=2, challenger=3)
    decide(registry, approved_by="ada", difference=WIN, p_value=0.03)
    assert "at look 1 of a year at most 0.025 is a win" in latest_decision(lake)["reason"]
    decide(registry, approved_by="bob", difference=WIN, p_value=0.03)  # the same pair is no other look
    assert "at look 1 of" in latest_decision(lake)["reason"]
    registry.set_alias("challenger", 4)
    decide(registry, approved_by="ada", difference=WIN, p_value=0.02)
    assert "no clear win" in latest_decision(lake)["reason"]
    assert "at look 2 of a year at most 0.0083 is a win" in latest_decision(lake)["reason"]
    assert registry.get_alias("champion") == 2
    registry.set_alias("challenger", 5)
    decide(registry, approved_by="ada", difference=WIN, p_value=0.004)
    assert registry.get_alias("champion") == 5


@pytest.mark.parametrize(("days", "look"), [(364, 2), (366, 1)])
def test_looks_of_more_than_a_year_ago_do_not_count(decide, lake, days, look):
    at = datetime.now(UTC) - timedelta(days=days)
    row = {**undisputed(3, "no clear win"), "decided_at": at, "promoted": False, "incumbent_version": 2}
    store_decision(lake, row | {"difference": 0.1, "difference_low": 0.0, "difference_high": 0.2}, "s")
    decide(StubRegistry(champion=2, challenger=4), approved_by="ada", difference=WIN, p_value=0.02)
    assert f"at look {look} of a year" in latest_decision(lake)["reason"]


# The comparison itself


FOLDS = {"train": range(0, 8), "valid": range(8, 16), "test": range(16, 24)}


def knowing(*folds):
    return FoldReader(number for fold in folds for number in FOLDS[fold])


@pytest.mark.parametrize(
    ("challenger", "incumbent", "difference"),
    [
        (("test",), ("train", "valid"), 1.0),
        (("train", "valid"), ("test",), -1.0),
        (("train",), ("valid",), 0.0),
    ],
)
def test_the_challenger_has_to_win_on_the_test_fold(materialise, lake, challenger, incumbent, difference):
    rows = [example(number, fold=fold) for fold, numbers in FOLDS.items() for number in numbers]
    lake.write("training_set", "examples", rows, stamp="s")
    registry = StubRegistry(
        champion=2, challenger=3, models={2: knowing(*incumbent), 3: knowing(*challenger)}
    )
    materialise(champion, config={"approved_by": "ada"}, lake=lake, registry=registry)
    decision = latest_decision(lake)
    assert [decision[f"difference{end}"] for end in ("", "_low", "_high")] == [difference] * 3
    assert registry.get_alias("champion") == (3 if difference > 0 else 2)


def test_groups_by_source_size_light_and_pose_are_compared(lake):
    """The small, turned, dark faces of one camera are lost; as many others are won."""
    rows = [
        example(number, fold="test", clip_id="near" if number < 24 else "far", track_id="t", frame=number)
        for number in range(48)
    ] + [example(number, fold=fold) for fold, number in (("train", 90), ("valid", 91))]
    for row in rows[24:48]:
        row["image"] = bytes([100 + row["frame"]]) * 48 * 48
    lake.write("training_set", "examples", rows, stamp="s")
    for day, name, yaw, size in (
        ("2026-03-02_gate-01", "near", 0.25, 40.0),
        ("2026-03-02_gate-02", "far", 0.0, 90.0),
    ):
        faces = [
            row_of("face_tracks", clip_id=name, track_id="t", frame=frame, time_s=frame / 25, kept=True)
            | {"size_px": size, "yaw": yaw, "blur": 100.0, "roll_deg": 0.0}
            for frame in range(48)
        ]
        lake.write("clip_manifest", name, [row_of("clip_manifest", clip_id=name)], stamp="m", camera_day=day)
        lake.write("face_tracks", name, faces, stamp="t", camera_day=day)
    models = {2: FoldReader(range(24)), 3: FoldReader(range(124, 148))}
    found = compare_versions(lake, PromotionConfig(num_resamples=50), StubRegistry(models=models), 3, 2)
    assert {each.partition(":")[0] for each in found.lost} == {
        "source gate-01",
        "size small (< 64 px)",
        "light dark (< 80)",
        "pose turned",
    }


def test_a_win_by_the_faces_of_one_subject_is_none(materialise, lake):
    rows = [
        example(number, fold=fold, subject="many faces" if number in range(19, 24) else f"v{number}")
        for fold, numbers in FOLDS.items()
        for number in numbers
    ]
    lake.write("training_set", "examples", rows, stamp="s")
    models = {2: FoldReader([]), 3: FoldReader(range(19, 24))}
    registry = StubRegistry(champion=2, challenger=3, models=models)
    materialise(champion, config={"approved_by": "ada"}, lake=lake, registry=registry)
    decision = latest_decision(lake)
    assert (decision["difference"], decision["difference_low"]) == (5 / 8, 0.0)
    assert registry.get_alias("champion") == 2


def test_a_win_has_to_be_as_large_as_the_parameters_ask(decide):
    asked = Parameters(features=FeatureConfig(), promotion=PromotionConfig(min_difference=0.05))
    registry = StubRegistry(champion=3)
    for challenger, low, promoted in ((4, 0.05, 3), (5, 0.06, 5)):
        registry.set_alias("challenger", challenger)
        decide(registry, approved_by="ada", difference=(0.1, low, 0.2), parameters=asked)
        assert registry.get_alias("champion") == promoted


def test_a_name_typed_in_the_launchpad_promotes_nothing_where_people_have_keys(decide, lake, monkeypatch):
    registry = StubRegistry(champion=1, challenger=2)
    store_first_decision(lake, undisputed(1, "test"), "1")
    now = datetime.now(UTC)
    add_person(lake.home, "Grace", ("officer",), by="Grace", now=now)
    monkeypatch.setenv("APEXLINE_KEY", add_person(lake.home, "Ada", ("engineer",), by="Grace", now=now))
    decide(registry, approved_by="Ada", difference=WIN)
    assert registry.get_alias("champion") == 1
    assert "no approval of version 2 by 'Ada' is on record" in latest_decision(lake)["reason"]
    note_approval(lake.home, 2, by="Ada", second="", now=now)
    decide(registry, approved_by="Ada", difference=WIN)
    assert registry.get_alias("champion") == 2


def test_every_decision_is_in_the_audit(decide, lake):
    registry = StubRegistry(champion=1, challenger=2)
    store_first_decision(lake, undisputed(1, "test"), "1")
    decide(registry, difference=WIN)
    decide(registry, approved_by="Ada", difference=WIN)
    lines = audit_lines(lake.home)
    assert [(each["action"], each["promoted"], each["model_version"]) for each in lines] == [
        ("override", True, 1),
        ("promote", False, 2),
        ("promote", True, 2),
    ]
    assert lines[-1]["who"] == "Ada"
