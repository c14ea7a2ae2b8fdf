"""Who decides which version scores, where MLflow itself lets anybody move an alias; the rest is in test_line.py."""

import pytest

from apexline.assets.training import promoted_version
from apexline.ml.registry.client import MODEL_NAME
from apexline.orchestration.commands.approve import approve_challenger
from apexline.orchestration.line import open_line
from apexline.orchestration.settings import Settings
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
    with (
        open_line(moved) as line,
        pytest.raises(ValueError, match=r"points at version 2, .*approved by ada .* is of version 1"),
    ):
        line.run("rescore", camera_day=DAY)


def test_approving_puts_the_alias_back_and_promotes_nothing(moved):
    decision = approve_challenger(moved, by="bob")
    assert (decision["model_version"], decision["approved_by"]) == (1, "bob")
    assert "pointed at version 2, which no decision had made champion: put back" in decision["reason"]
    with open_line(moved) as line:
        assert line.registry.get_alias("champion") == promoted_version(line.lake) == 1
