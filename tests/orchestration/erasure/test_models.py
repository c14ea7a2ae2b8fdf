"""Which models are named in a receipt."""

from types import SimpleNamespace

import pytest

from apexline.assets.training.decisions import is_tainted, untainted_ancestor
from apexline.ml.registry import MODEL_NAME, ModelRegistry
from apexline.orchestration.erasure import models
from apexline.orchestration.erasure.target import Clip
from apexline.orchestration.erasure.traces import Traces

CLIP = "0123456789abcdef"


@pytest.fixture
def line(monkeypatch):
    """Versions: one of the package, one without a list, one of train and valid, one of other clips."""
    listed = {
        "old": None,
        "own": {f"{CLIP}-a0-7": "train", "fedcba987654-3-4": "valid", "c" * 16 + "-a0-1": "test"},
        "other": {"c" * 16 + "-a0-1": "train"},
    }
    versions = [SimpleNamespace(number=1, run_id="shipped", tags={"shipped": "true"})]
    versions += [SimpleNamespace(number=k + 2, run_id=name, tags={}) for k, name in enumerate(listed)]
    monkeypatch.setattr(models, "learned_examples", lambda client, run_id: listed[run_id])
    return SimpleNamespace(registry=SimpleNamespace(client=None, list_versions=lambda: versions))


def test_versions_that_learned_are_named_and_those_that_may_have(line):
    found = models.models_that_learned(line, Traces([Clip(CLIP, CLIP * 4, "d")], {"fedcba987654"}))
    assert [(each["version"], each["fold"]) for each in found] == [(2, "not recorded"), (3, "train, valid")]


def test_a_raters_answers_may_be_in_every_version(line):
    assert [each["version"] for each in models.models_that_learned(line, Traces(rater="r1"))] == [2, 3, 4]


@pytest.fixture
def registry(tmp_path):
    """Versions 2 (of the clip), 3 (went on from 2), 4 (went on from 3), 5 (of others); 4 is challenger, 5 champion."""
    found = ModelRegistry(
        f"sqlite:///{tmp_path / 'mlflow.db'}", str(tmp_path / "artifacts"), loader_module="x"
    )
    client = found.client
    client.create_registered_model(MODEL_NAME)
    for tags in (
        {"shipped": "true"},
        {},
        {"started_from": "2"},
        {"started_from": "3"},
        {"started_from": "1"},
    ):
        run = client.create_run(client.create_experiment(f"of {tags} {len(client.search_experiments())}"))
        client.create_model_version(MODEL_NAME, f"runs:/{run.info.run_id}/model", run.info.run_id, tags=tags)
    found.set_alias("challenger", 4)
    found.set_alias("champion", 5)
    return found


def test_what_went_on_from_a_version_that_learned_has_learned_too(registry, monkeypatch):
    own = registry.run_id(2)
    monkeypatch.setattr(
        models, "learned_examples", lambda client, run_id: {f"{CLIP}-a0-1": "train"} if run_id == own else {}
    )
    line = SimpleNamespace(registry=registry)
    found = models.models_that_learned(line, Traces([Clip(CLIP, CLIP * 4, "d")]))
    assert [(each["version"], each["fold"]) for each in found] == [
        (2, "train"),
        (3, "went on from version 2"),
        (4, "went on from version 3"),
    ]
    assert models.mark_tainted(line, found) == [2, 3, 4]
    assert [is_tainted(registry, number) for number in range(1, 6)] == [False, True, True, True, False]
    assert registry.get_alias("challenger") is None
    assert registry.get_alias("champion") == 5
    assert untainted_ancestor(registry, 4) is None  # the first of the chain had learned of it itself
    assert untainted_ancestor(registry, 5) == 5
    assert untainted_ancestor(registry, None) is None


def test_a_version_that_was_only_tested_on_it_stays_as_it_is(registry):
    assert models.mark_tainted(SimpleNamespace(registry=registry), [{"version": 4, "fold": "test"}]) == []
    assert not is_tainted(registry, 4)
    assert registry.get_alias("challenger") == 4
