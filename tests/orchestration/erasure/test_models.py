"""Which models are named in a receipt."""

from types import SimpleNamespace

import pytest

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
