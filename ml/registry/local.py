"""What scoring asks of a registry in an SQLite file, read without MLflow, whose import takes seconds.

Belongs here: the version of an alias, and the folder of a version. Stays out: all else that is asked of a registry, and
registries on servers (``client``); writing (``moved`` and MLflow itself).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

_FILE = "sqlite:///"


class LocalRegistry:
    """A registry's database on this machine, opened to be read.

    Parameters
    ----------
    tracking_uri : str
        As MLflow takes it.
    model_name : str
        Registered model.
    """

    def __init__(self, tracking_uri: str, model_name: str) -> None:
        self._database = Path(tracking_uri.removeprefix(_FILE)) if tracking_uri.startswith(_FILE) else None
        self._model_name = model_name

    def is_here(self) -> bool:
        """Tell whether there is such a file, and MLflow has made its tables."""
        if self._database is None or not self._database.is_file():
            return False
        with self._opened() as connection:
            query = "select count(*) from sqlite_master where name in ('registered_model_aliases', 'model_versions')"
            return connection.execute(query).fetchone()[0] == 2

    def alias(self, alias: str) -> int | None:
        """Version an alias points at; None if it points at none."""
        query = "select version from registered_model_aliases where name = ? and alias = ?"
        with self._opened() as connection:
            row = connection.execute(query, (self._model_name, alias)).fetchone()
        return None if row is None else int(row[0])

    def folder(self, number: int) -> Path | None:
        """Folder in which a version's files lie; None where MLflow knows more, or has to say what is wrong."""
        if not self.is_here():
            return None
        query = (
            "select storage_location from model_versions"
            " where name = ? and version = ? and current_stage <> 'Deleted_Internal'"
        )
        with self._opened() as connection:
            row = connection.execute(query, (self._model_name, number)).fetchone()
        location = urlsplit(row[0] or "") if row else None
        folder = Path(unquote(location.path)) if location is not None and location.scheme == "file" else None
        return folder if folder is not None and folder.is_dir() else None

    @contextmanager
    def _opened(self) -> Generator[sqlite3.Connection]:
        assert self._database is not None
        place = self._database.absolute().as_uri()  # a folder may be called "a#b" or "100%"
        with closing(sqlite3.connect(f"{place}?mode=ro", uri=True, timeout=60)) as connection:
            yield connection
