"""The evidence of a model: complete, or it says what is missing; every figure resolves."""

import json
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from upath import UPath

from apexline.assets.lake.storage import Lake
from apexline.assets.training.decisions import store_decision, undisputed
from apexline.governance import audit_lines, note_approval
from apexline.ml.registry import MODEL_CARD
from apexline.orchestration.governing import evidence
from apexline.orchestration.governing.evidence import rights_statement, unresolved, write_evidence

NOW = datetime(2026, 11, 29, tzinfo=UTC)


SLICES = "dimension,slice,accuracy\nexpression,happy,0.88\nsize,small,0.41\n"


FACTS = {MODEL_CARD: {"accuracy": 0.7269}}


class StubRegistry:
    def __init__(self, *, card="model_card.md of 3", facts=None, **tags):
        self.given = tags
        self.documents = {MODEL_CARD: card, "config.yaml": "", "slices.csv": SLICES}
        if facts is not None:
            self.documents["facts.json"] = json.dumps(facts)
        self.client = SimpleNamespace(
            list_artifacts=lambda run: [SimpleNamespace(path=each) for each in self.documents]
        )

    def list_versions(self):
        return [SimpleNamespace(number=3, tags=self.given, created_at=NOW)]

    def run_id(self, number):
        return "run"

    def document(self, number, name):
        return self.documents[name]

    def test_metrics(self, number):
        return {"recognition": 0.75, "calibration_error": 0.041}


@pytest.fixture
def lake(tmp_path):
    return Lake(UPath(tmp_path / "home"))


@pytest.fixture
def pack(lake, tmp_path):
    found = write_evidence(lake, StubRegistry(shipped="true"), 3, tmp_path / "pack", by="Ada", now=NOW)
    return tmp_path / "pack", found


def test_every_artifact_is_there_and_what_is_missing_is_said(pack, lake):
    folder, found = pack
    index = (folder / "index.md").read_text()
    for name in (
        "model_card.md",
        "lineage.json",
        "rights.md",
        "bill.cdx.json",
        "metrics.json",
        "audit.jsonl",
    ):
        assert f"[{name}]({name})" in index
        assert (folder / name).is_file()
    assert "**missing**: data_sheet.md" in index
    assert {"data_sheet.md", "confusion.csv", "EU declaration of conformity"} <= set(found["missing"])
    assert "AI RMF: Map 1, 2" in index
    assert audit_lines(lake.home)[-1]["action"] == "evidence"


def test_every_figure_resolves(pack):
    folder, found = pack
    assert found["figures"] == 4
    assert unresolved(folder) == []
    figures = {each["figure"]: each["artifact"] for each in json.loads((folder / "figures.json").read_text())}
    assert figures["accuracy on faces with size small"] == "slices.csv"
    assert "accuracy on faces with size small | 0.41 |" in (folder / "index.md").read_text()


def test_a_figure_that_does_not_is_found(pack):
    folder, _ = pack
    figures = json.loads((folder / "figures.json").read_text())
    next(each for each in figures if each["figure"] == "calibration_error")["value"] = 0.99
    (folder / "figures.json").write_text(json.dumps(figures))
    assert any("figures.json" in each for each in unresolved(folder))
    (folder / "slices.csv").write_text(SLICES.replace("0.41", "0.91"))
    assert any("size small: 0.41 is not in slices.csv" in each for each in unresolved(folder))
    assert any("calibration_error: 0.99 is not in metrics.json" in each for each in unresolved(folder))


def test_a_number_in_the_prose_of_the_card_is_a_fact(lake, tmp_path):
    registry = StubRegistry(card="Right of 0.727.\n", facts=FACTS, shipped="true")
    write_evidence(lake, registry, 3, tmp_path / "pack", by="Ada", now=NOW)
    figures = json.loads((tmp_path / "pack" / "figures.json").read_text())
    assert figures[-1] == {
        "figure": "model_card.md, line 1",
        "value": "0.727",
        "artifact": "facts.json",
        "key": "model_card.md/accuracy",
    }
    assert "[facts.json](facts.json)" in (tmp_path / "pack" / "index.md").read_text()


def test_a_number_of_nobodys_in_the_prose_makes_no_evidence(lake, tmp_path):
    registry = StubRegistry(card="Right of 0.727,\nand of 0.95 in the field.\n", facts=FACTS, shipped="true")
    with pytest.raises(ValueError, match=r"model_card\.md, line 2: 0\.95 is not in facts\.json"):
        write_evidence(lake, registry, 3, tmp_path / "pack", by="Ada", now=NOW)
    assert not (tmp_path / "pack" / "index.md").exists()
    assert audit_lines(lake.home) == []


def test_a_version_from_before_facts_were_kept_is_said_to_lack_them(pack):
    assert "facts.json" in pack[1]["missing"]


def test_without_a_statement_of_rights_there_is_no_evidence(lake, tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match=r"rights\.md"):
        write_evidence(lake, StubRegistry(synthetic="false"), 3, tmp_path / "pack", by="Ada", now=NOW)
    assert not (tmp_path / "pack").exists()
    monkeypatch.setattr(evidence, "files", lambda package: tmp_path)
    with pytest.raises(FileNotFoundError, match=r"RIGHTS\.md"):
        write_evidence(lake, StubRegistry(shipped="true"), 3, tmp_path / "pack", by="Ada", now=NOW)


def test_a_home_says_by_which_right_its_clips_train(lake):
    folder = lake.home / "governance"
    folder.mkdir(parents=True)
    (folder / "rights.md").write_text("consent of all who appear")
    assert rights_statement(lake, {"synthetic": "false"}) == "consent of all who appear"
    begun = rights_statement(lake, {"synthetic": "false", "started_from": "1"})
    assert "FER2013" in begun
    assert "NASA" in rights_statement(lake, {"synthetic": "true"})


def test_it_says_whether_the_version_learned_from_what_was_erased(lake, tmp_path):
    for said in ("true", "false"):
        registry = StubRegistry(shipped="true", learned_from_erased=said)
        write_evidence(lake, registry, 3, tmp_path / said, by="Ada", now=NOW)
        assert json.loads((tmp_path / said / "lineage.json").read_text())["learned_from_erased_data"] is (
            said == "true"
        )


def test_who_signed_and_what_was_decided_about_the_version_stands_in_it(lake, tmp_path):
    for number, incumbent in ((2, 1), (3, 2), (4, 3), (5, 2)):
        row = {**undisputed(number, f"of version {number}"), "incumbent_version": incumbent}
        store_decision(lake, row, str(number))
    note_approval(lake.home, 3, by="Ada", second="Grace", now=NOW)
    write_evidence(lake, StubRegistry(shipped="true"), 3, tmp_path / "pack", by="Ada", now=NOW)
    decisions = json.loads((tmp_path / "pack" / "decisions.json").read_text())
    assert [each["reason"] for each in decisions] == ["of version 3", "of version 4"]
    lines = [json.loads(line) for line in (tmp_path / "pack" / "audit.jsonl").read_text().splitlines()]
    [approval] = [each for each in lines if each["action"] == "approve"]
    assert (approval["model_version"], approval["who"], approval["second"]) == (3, "Ada", "Grace")


def test_an_unknown_version_is_said_to_be(lake, tmp_path):
    with pytest.raises(LookupError, match="version 9"):
        write_evidence(lake, StubRegistry(shipped="true"), 9, tmp_path, by="Ada", now=NOW)
