"""The evidence of a registered model: a folder from which somebody else can judge it.

Belongs here: gathering the artifacts, the index over them, checking that every figure resolves. Stays out: what the
artifacts say (they are written where the work is done), what the law asks for: check with counsel.

The headings follow Annex IV of Regulation (EU) 2024/1689 and name the functions of NIST's AI RMF 1.0 beside them.
What is missing is said, never left out.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

from apexline.assets.lake import Lake
from apexline.assets.semantics import read_record
from apexline.governance import (
    MATRIX,
    audit_lines,
    cyclonedx,
    entries_in_force,
    export_head,
    governance_folder,
    incidents_of,
    parts,
    read_retention,
    record,
)
from apexline.ml.registry import (
    DATA_SHEET,
    FACTS,
    FAIRNESS,
    MODEL_CARD,
    TAINTED,
    ModelRegistry,
    learned_examples,
)
from apexline.orchestration.governing.prose import printed_facts, printed_numbers

_INDEX, _FIGURES, _MANIFEST = "index.md", "figures.json", "manifest.json"
_SLICES = "slices.csv"
_PAGES = (MODEL_CARD, DATA_SHEET)
_DOCUMENTS = (*_PAGES, FACTS, "config.yaml", _SLICES, "confusion.csv", FAIRNESS)
# Heading, function of the AI RMF, artifacts.
_HEADINGS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("1. General description of the system", "Map 1, 2", (MODEL_CARD, FACTS, "lineage.json")),
    (
        "2. Elements and development",
        "Map 2, Measure 2",
        ("config.yaml", DATA_SHEET, "rights.md", "bill.cdx.json"),
    ),
    ("3. Monitoring, functioning, control", "Measure 2, 3", ("metrics.json", "slices.csv", "confusion.csv")),
    ("4. Appropriateness of the performance metrics", "Measure 1", ("pad_space.json", FAIRNESS)),
    (
        "5. Risk management",
        "Govern 1, Map 5, Manage 1",
        ("register.json", "incidents.json", "retention.json"),
    ),
    ("6. Changes through the lifecycle", "Manage 4", ("decisions.json", "audit.jsonl", "audit_head.txt")),
    ("7. Standards applied", "Govern 1", ()),
    ("8. EU declaration of conformity", "Govern 1", ()),
    ("9. Post-market monitoring, human oversight", "Manage 4, Govern 2", ("roles.json",)),
)


@dataclass
class _Pack:
    folder: Path
    written: list[str] = field(default_factory=list[str])
    figures: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text, encoding="utf-8")
        self.written.append(name)

    def write_json(self, name: str, data: Any) -> None:
        self.write(name, json.dumps(data, indent=1, default=str))


def write_evidence(
    lake: Lake, registry: ModelRegistry, number: int, folder: Path, *, by: str, now: datetime
) -> dict[str, Any]:
    """Write the evidence of a version.

    Returns
    -------
    dict
        Folder, artifacts, figures, and what is missing.

    Raises
    ------
    LookupError
        Where there is no such version.
    FileNotFoundError
        Where nothing is said about the rights in what it learned from: without that there is no evidence.
    ValueError
        Where a figure does not resolve to an artifact.
    """
    known = {each.number: each for each in registry.list_versions()}
    if number not in known:
        msg = f"no version {number} is registered; there are {sorted(known) or 'none yet'}"
        raise LookupError(msg)
    tags = known[number].tags
    rights = rights_statement(lake, tags)
    folder.mkdir(parents=True, exist_ok=True)
    pack = _Pack(folder)
    pack.write("rights.md", rights)
    _write_documents(pack, registry, number)
    _write_numbers(pack, registry, number)
    _write_lineage(pack, registry, number, tags, known[number].created_at)
    _write_space(pack, lake)
    _write_governance(pack, lake, number)
    pack.write("bill.cdx.json", cyclonedx(parts()))
    missing = _write_index(pack, number, now)
    if wrong := unresolved(folder):
        for name in (_INDEX, _MANIFEST):  # what is left is no evidence, and does not look like it
            (folder / name).unlink()
        msg = f"figures without an artifact: {'; '.join(wrong)}"
        raise ValueError(msg)
    record(lake.home, "evidence", who=by, now=now, model_version=number, missing=missing)
    return {
        "folder": str(folder.resolve()),
        "artifacts": len(pack.written),
        "figures": len(pack.figures),
        "missing": missing,
    }


def rights_statement(lake: Lake, tags: dict[str, str]) -> str:
    """Return what is said about the rights in what a version learned from.

    The shipped model has a statement in the package; a version that went on from it has that one too. Drawn faces are
    the project's own. For clips of a home its ``rights.md`` of the home's governance speaks.

    Raises
    ------
    FileNotFoundError
        Where one of these is not there.
    """
    shipped = files("apexline.ml").joinpath("data", "RIGHTS.md")
    if not shipped.is_file():
        msg = "the package holds no data/RIGHTS.md, the statement of the rights in the shipped weights"
        raise FileNotFoundError(msg)
    if tags.get("shipped") == "true":
        return shipped.read_text(encoding="utf-8")
    begun = f"\n\n{shipped.read_text(encoding='utf-8')}" if tags.get("started_from") else ""
    if tags.get("synthetic") == "true":
        drawn = (
            "# Rights in the training data\n\nFaces drawn by the project's own generator from scikit-image's portrait "
            "of Eileen Collins, a picture by NASA in the public domain.\n"
        )
        return drawn + begun
    own = governance_folder(lake.home) / "rights.md"
    if not own.exists():
        msg = (
            f"{own} is not there: say in it by which right the faces of this home's clips train a model (consent, "
            "licence, law), then ask for the evidence again"
        )
        raise FileNotFoundError(msg)
    return own.read_text(encoding="utf-8") + begun


def unresolved(folder: Path) -> list[str]:
    """Return the figures of a pack that its artifacts do not hold, and artifacts that were changed afterwards."""
    manifest: dict[str, str] = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
    wrong = [
        f"{name} is not there, or was changed"
        for name, digest in manifest.items()
        if not (folder / name).is_file() or _digest(folder / name) != digest
    ]
    held: dict[str, dict[str, Any]] = {}
    figures: list[dict[str, Any]] = json.loads((folder / _FIGURES).read_text(encoding="utf-8"))
    for each in [*figures, *_in_prose(folder)]:
        name = each["artifact"]
        if name not in held:
            held[name] = _values(name, (folder / name).read_text(encoding="utf-8"))
        if each["value"] not in held[name].get(each["key"], ()):
            wrong.append(f"{each['figure']}: {each['value']} is not in {name}")
    return [*dict.fromkeys(wrong)]


def _values(name: str, text: str) -> dict[str, Any]:
    """Return what an artifact holds by its keys: as which values each can stand elsewhere."""
    if name == FACTS:
        return dict(printed_facts(json.loads(text)))
    read = {_SLICES: _accuracies, FAIRNESS: _fairness}.get(name, json.loads)
    return {key: (value,) for key, value in read(text).items()}


def _in_prose(folder: Path) -> list[dict[str, Any]]:
    """Return the numbers that stand in the prose of the pages as figures; one that prints no fact has no key.

    A version that was registered before facts were kept has none of them, which the index says.
    """
    if not (folder / FACTS).is_file():
        return []
    facts: dict[str, Any] = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    return [
        {"figure": f"{name}, line {each.line}", "value": each.text, "artifact": FACTS, "key": each.key}
        for name in _PAGES
        if (folder / name).is_file()
        for each in printed_numbers((folder / name).read_text(encoding="utf-8"), {name: facts[name]})
    ]


def _write_documents(pack: _Pack, registry: ModelRegistry, number: int) -> None:
    there = {each.path for each in registry.client.list_artifacts(registry.run_id(number))}
    for name in _DOCUMENTS:
        if name in there:
            pack.write(name, registry.document(number, name))
    for name, read in ((_SLICES, _accuracies), (FAIRNESS, _fairness)):
        if name not in there:
            continue
        pack.figures += [
            {"figure": f"accuracy on faces with {key}", "value": value, "artifact": name, "key": key}
            for key, value in read((pack.folder / name).read_text(encoding="utf-8")).items()
        ]


def _accuracies(table: str) -> dict[str, float]:
    """Return the accuracy of each group of faces by its name."""
    rows = csv.DictReader(io.StringIO(table))
    return {f"{row['dimension']} {row['slice']}": float(row["accuracy"]) for row in rows if row["accuracy"]}


def _fairness(text: str) -> dict[str, float]:
    """Return the accuracy of each group of the people who consented to be tested on, by its name."""
    return {f"{row['attribute']} {row['group']}": row["accuracy"] for row in json.loads(text)["groups"]}


def _write_numbers(pack: _Pack, registry: ModelRegistry, number: int) -> None:
    metrics = registry.test_metrics(number)
    pack.write_json("metrics.json", metrics)
    pack.figures += [
        {"figure": name, "value": value, "artifact": "metrics.json", "key": name}
        for name, value in sorted(metrics.items())
    ]


def _write_lineage(
    pack: _Pack, registry: ModelRegistry, number: int, tags: dict[str, str], created_at: datetime
) -> None:
    run_id = registry.run_id(number)
    examples = learned_examples(registry.client, run_id)
    pack.write_json(
        "lineage.json",
        {
            "model_version": number,
            "mlflow_run": run_id,
            "registered_at": created_at,
            "tags": tags,
            "learned_from_erased_data": tags.get(TAINTED) == "true",
            "examples_by_fold": dict(Counter(examples.values()))
            if examples
            else "not recorded with this version",
        },
    )


def _write_space(pack: _Pack, lake: Lake) -> None:
    space = read_record(lake)
    if not space:
        return
    diagnostics = {
        name: value
        for name, value in space["diagnostics"].items()
        if isinstance(value, int | float | bool | str)
    }
    pack.write_json("pad_space.json", diagnostics)
    pack.figures += [
        {"figure": f"PAD space: {name}", "value": value, "artifact": "pad_space.json", "key": name}
        for name, value in diagnostics.items()
        if isinstance(value, float)
    ]


def _write_governance(pack: _Pack, lake: Lake, number: int) -> None:
    home = lake.home
    rows = lake.read_all("promotions").to_pylist()
    pack.write_json(
        "decisions.json", [row for row in rows if number in (row["model_version"], row["incumbent_version"])]
    )
    lines = audit_lines(
        home,
        actions=(
            *("register", "approve", "promote", "override", "erase", "train", "purge"),
            *("people", "incident", "stop", "resume"),
        ),
    )
    pack.write("audit.jsonl", "".join(f"{json.dumps(line)}\n" for line in lines))
    pack.write("audit_head.txt", export_head(home))
    entries = {camera: entry.model_dump(mode="json") for camera, entry in entries_in_force(home).items()}
    pack.write_json("register.json", entries)
    pack.write_json("retention.json", read_retention(home).model_dump())
    pack.write_json("incidents.json", [asdict(each) for each in incidents_of(home)])
    pack.write_json("roles.json", {action: list(roles) for action, roles in MATRIX.items()})


def _write_index(pack: _Pack, number: int, now: datetime) -> list[str]:
    """Write the index, figures and digests; return what is missing."""
    there = set(pack.written)
    missing: list[str] = []
    lines = [
        f"# Evidence: apexline-expression, version {number}",
        "",
        f"Written {now.astimezone(UTC):%Y-%m-%d %H:%M} UTC. Headings: Annex IV of Regulation (EU) 2024/1689; beside "
        "them functions of NIST's AI RMF 1.0. The model describes apparent expression, never what a person feels. "
        "Check with counsel.",
    ]
    for heading, function, names in _HEADINGS:
        lines += ["", f"## {heading}", "", f"AI RMF: {function}", ""]
        lines += [f"* [{name}]({name})" for name in names if name in there]
        lost = [name for name in names if name not in there] or (
            [] if names else [heading.partition(". ")[2]]
        )
        lines += [f"* **missing**: {name}" for name in lost]
        missing += lost
    lines += ["", "## Figures", "", "| figure | value | artifact |", "|---|---|---|"]
    lines += [
        f"| {each['figure']} | {each['value']:.4g} | [{each['artifact']}]({each['artifact']}) |"
        for each in pack.figures
    ]
    pack.figures += _in_prose(pack.folder)
    lines += [
        "",
        f"Numbers in the prose of {' and '.join(_PAGES)} are facts of [{FACTS}]({FACTS}): "
        f"[{_FIGURES}]({_FIGURES}) says of each which one.",
    ]
    pack.write(_INDEX, "\n".join(lines) + "\n")
    pack.write_json(_FIGURES, pack.figures)
    digests = {name: _digest(pack.folder / name) for name in pack.written}
    (pack.folder / _MANIFEST).write_text(json.dumps(digests, indent=1), encoding="utf-8")
    return missing


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
