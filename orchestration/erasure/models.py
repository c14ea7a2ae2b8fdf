"""What MLflow keeps of clips, and which registered models learned from them.

Belongs here: lists of examples and predictions among the artifacts, tags and parameters that name a clip. Stays out:
what the weights learned. That goes with the next training, and the receipt says so.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from upath import UPath

from apexline.assets.training import CHALLENGER
from apexline.ml.registry import MODEL_NAME, TAINTED, learned_examples
from apexline.orchestration.erasure.files import Found
from apexline.orchestration.erasure.search import files_in
from apexline.orchestration.erasure.traces import Traces
from apexline.orchestration.line import Line

_UNKNOWN, _TESTED = "not recorded", "test"
# Tables of MLflow 3 whose rows say something of a run or version in a name and a value.
_NOTES = (
    *("tags", "params", "input_tags", "model_version_tags"),
    *("logged_model_tags", "logged_model_params", "experiment_tags", "registered_model_tags"),
)


def models_that_learned(line: Line, traces: Traces) -> list[dict[str, str | int]]:
    """Return the registered versions that were trained, stopped or tested on the clips.

    Returns
    -------
    list of dict
        ``model``, ``version`` and ``fold``: train, valid, test, several of them, or "not recorded" for a version that
        was trained before 0.2.0, and for answers of a rater: it may have learned from them; or the version that it
        went on from, where that one learned. The model that ships with the package knows no clip of a home.
    """
    found: list[dict[str, str | int]] = []
    learned: set[str] = set()
    for version in line.registry.list_versions():  # oldest first
        if version.tags.get("shipped") == "true":
            continue
        examples = None if traces.rater else learned_examples(line.registry.client, version.run_id)
        if examples is None:
            fold = _UNKNOWN
        else:
            fold = ", ".join(sorted({fold for each, fold in examples.items() if traces.is_own(each)}))
        begun = version.tags.get("started_from", "")
        if fold in ("", _TESTED) and begun in learned:
            fold = f"went on from version {begun}"
        if fold:
            learned |= {str(version.number)} if fold != _TESTED else set()
            found.append({"model": MODEL_NAME, "version": version.number, "fold": fold})
    return found


def mark_tainted(line: Line, models: list[dict[str, str | int]]) -> list[int]:
    """Tag the versions that learned from what is erased; return their numbers.

    None of them is promoted any more, and a challenger among them is none any more. One that was only tested on it
    learned nothing from it.
    """
    learned = [int(each["version"]) for each in models if each["fold"] != _TESTED]
    client = line.registry.client
    for number in learned:
        client.set_model_version_tag(MODEL_NAME, str(number), TAINTED, "true")
    if line.registry.get_alias(CHALLENGER) in learned:
        client.delete_registered_model_alias(MODEL_NAME, CHALLENGER)
    return learned


def listed_examples_of(line: Line, traces: Traces) -> Found:
    """Find the clips' lines in tables among the artifacts: what was learned from, and predictions of test faces."""
    found: Found = {}
    for path in _tables(line):
        count = sum(bool(traces.found_in(each)) for each in path.read_bytes().splitlines()[1:])
        if count:
            found[str(path)] = count
    return found


def drop_listed_examples(line: Line, traces: Traces, found: Found) -> None:
    """Write the tables anew without those lines."""
    for key in found:
        path = UPath(key)
        header, *lines = path.read_bytes().splitlines(keepends=True)
        with line.lake.replacing(path) as file:
            file.write(b"".join([header, *(each for each in lines if not traces.found_in(each))]))


def notes_of(line: Line, traces: Traces) -> Found:
    """Find tags and parameters that name a clip, in an MLflow that lies in the home."""
    path = line.settings.mlflow_file
    if not path.is_file():
        return {}
    with closing(sqlite3.connect(path, timeout=60)) as connection:
        counts = {table: len(_rows(connection, table, traces)) for table in _present(connection)}
    return {table: count for table, count in counts.items() if count}


def drop_notes(line: Line, traces: Traces, found: Found) -> None:
    """Delete those tags and parameters."""
    with closing(sqlite3.connect(line.settings.mlflow_file, timeout=60)) as connection, connection:
        for table in found:
            rows = [(each,) for each in _rows(connection, table, traces)]
            connection.executemany(f"delete from {table} where rowid = ?", rows)  # noqa: S608  (one of _NOTES)


def _tables(line: Line) -> list[UPath]:
    root = UPath(line.settings.artifact_root)
    return [path for path in files_in(root) if path.suffix == ".csv"] if root.is_dir() else []


def _present(connection: sqlite3.Connection) -> list[str]:
    names = {name for (name,) in connection.execute("select name from sqlite_master where type = 'table'")}
    return [table for table in _NOTES if table in names]


def _rows(connection: sqlite3.Connection, table: str, traces: Traces) -> list[int]:
    rows = connection.execute(f"select rowid, * from {table}").fetchall()  # noqa: S608  (one of _NOTES)
    return [rowid for rowid, *values in rows if traces.found_in("\n".join(map(str, values)).encode())]


def databases_of(line: Line) -> list[Path]:
    """Return the SQLite files of MLflow and Dagster in the home."""
    mlflow = line.settings.mlflow_file
    return [*line.settings.dagster_home.rglob("*.db"), *([mlflow] if mlflow.is_file() else [])]
