"""A registry whose folder was copied or moved.

Belongs here: the paths that MLflow keeps in its database. Stays out: everything that is asked of MLflow itself
(``client``): there is no call that changes where an experiment lies.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from apexline.ml.registry.client import EXPERIMENT

# Where MLflow 3 keeps absolute URIs of artifacts; `source` was one until versions named the logged model.
_COLUMNS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)


def follow_artifacts(database: Path, artifact_root: Path) -> int:
    """Make the registry of a home that was copied or moved use its own artifacts, not those of the original.

    Parameters
    ----------
    database : Path
        MLflow's SQLite file; nothing happens where there is none.
    artifact_root : Path
        Where the artifacts lie now. What is recorded below a folder of the same name elsewhere is recorded anew, in
        one transaction; artifacts recorded under any other name or in an object store are left alone.

    Returns
    -------
    int
        Number of paths that changed; 0 where everything lies where it is recorded.

    Raises
    ------
    FileNotFoundError
        Where the artifacts did not come along.
    """
    if not database.is_file():
        return 0
    root = artifact_root.resolve()
    with closing(sqlite3.connect(database, timeout=60, isolation_level=None)) as connection:
        if _recorded_root(connection, root) is None:
            return 0
        connection.execute("begin immediate")
        with connection:  # commits, or rolls back
            recorded = _recorded_root(connection, root)  # another process may have been faster
            if recorded is None:
                return 0
            if not (root / EXPERIMENT).is_dir() and connection.execute("select 1 from runs").fetchone():
                msg = (
                    f"{database} records its models and plots below {recorded}, but there is no {root / EXPERIMENT}; "
                    f"copy the folder {root.name} of that home too, so that this one does not use it"
                )
                raise FileNotFoundError(msg)
            return sum(_rewrite(connection, *column, recorded, root.as_uri()) for column in _COLUMNS)


def _recorded_root(connection: sqlite3.Connection, root: Path) -> str | None:
    """URI under which artifacts are recorded; None where that is `root`, or no folder of its name."""
    if not connection.execute("select 1 from sqlite_master where name = 'experiments'").fetchone():
        return None  # MLflow is about to make its tables
    query = "select artifact_location from experiments where name = ?"
    location = next((row[0] for row in connection.execute(query, (EXPERIMENT,))), "")
    recorded = location.removesuffix(f"/{EXPERIMENT}")
    moved = recorded.startswith("file:") and recorded.endswith(f"/{root.name}") and recorded != root.as_uri()
    return recorded if moved else None


def _rewrite(connection: sqlite3.Connection, table: str, column: str, old: str, new: str) -> int:
    # The names come from this file.
    changed = connection.execute(
        f"update {table} set {column} = ? || substr({column}, ?) where substr({column}, 1, ?) = ?",  # noqa: S608
        (new, len(old) + 1, len(old) + 1, f"{old}/"),
    )
    return changed.rowcount
