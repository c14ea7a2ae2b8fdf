"""Dagster's SQLite storage with engines that are kept: a quarter of a run that finds nothing to do was making them.

Belongs here: how Dagster's own storages come by a connection. Stays out: what they store; PostgreSQL, whose
storage keeps its engine.

Dagster makes an engine of SQLAlchemy for each statement, and each engine translates it anew. A kept one holds no
connection, so that a process may still be forked. Dagster also compares tables with their history whenever a storage is
opened; here once in a process.
"""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, Self, TypeVar

import dagster as dg
import yaml
from dagster._core.instance.ref import InstanceRef
from dagster._core.storage.event_log.sqlite.sqlite_event_log import INDEX_SHARD_NAME, SqliteEventLogStorage
from dagster._core.storage.runs.sqlite.sqlite_run_storage import SqliteRunStorage
from dagster._core.storage.schedules.sqlite.sqlite_schedule_storage import SqliteScheduleStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS, create_db_conn_string
from dagster._core.storage.sqlite_storage import (
    DagsterSqliteStorage,
    SqliteStorageConfig,
    _event_logs_directory,
    _runs_directory,
    _schedule_directory,
)
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.pool import NullPool

T = TypeVar("T")
_KEPT = 64  # engines: each run has a file of its own
_opened: set[str] = set()


class Instance(dg.DagsterInstance):
    """An instance whose records lie in `SqliteStorage`, in the folder of its ``dagster.yaml``.

    Naming the storage there would take its path, and a home that was copied would write into the old one.
    """

    @classmethod
    def config_schema(cls) -> dict[str, Any]:
        """Nothing can be set."""
        return {}

    @classmethod
    def config_defaults(cls, base_dir: str) -> dict[str, ConfigurableClassData | None]:
        """Dagster's own defaults with another storage."""
        storage = ConfigurableClassData(
            __name__, SqliteStorage.__name__, yaml.safe_dump({"base_dir": base_dir})
        )
        return {**InstanceRef.config_defaults(base_dir), "storage": storage}


class SqliteStorage(DagsterSqliteStorage):
    """Runs, events and ticks in the files of `dagster._core.storage.sqlite_storage.DagsterSqliteStorage`.

    Parameters
    ----------
    base_dir : str
        Folder of the files, as Dagster's own storage has it.
    inst_data : ConfigurableClassData, optional
        What stands in ``dagster.yaml``.
    """

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        # Dagster's own would open its storages first; each looks up the version of its tables.
        super(DagsterSqliteStorage, self).__init__()
        self.base_dir = base_dir
        self._inst_data = inst_data
        self._run_storage = _Runs.from_local(_runs_directory(base_dir))
        self._event_log_storage = _Events(_event_logs_directory(base_dir))
        self._schedule_storage = _Schedules.from_local(_schedule_directory(base_dir))

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData, config_value: SqliteStorageConfig
    ) -> "SqliteStorage":
        """Make it as ``dagster.yaml`` says."""
        return cls.from_local(inst_data=inst_data, **config_value)


class _Events(SqliteEventLogStorage):
    @contextmanager
    def _connect(self, shard: str) -> Generator[Connection]:
        with self._db_lock:
            engine = _engine(self.conn_string_for_shard(shard), SQLITE_BUSY_TIMEOUT_SECONDS)
            if shard not in self._initialized_dbs:
                self._compare(shard, engine)
                self._initialized_dbs.add(shard)
            with engine.begin() as connection:
                yield connection

    def _compare(self, shard: str, engine: Engine) -> None:
        path = self.path_for_shard(shard)
        if path in _opened and Path(path).exists():
            return
        self._initdb(engine)
        if shard == INDEX_SHARD_NAME:  # runs have too many
            _opened.add(path)


class _Runs(SqliteRunStorage):
    @classmethod
    def from_local(cls, base_dir: str, inst_data: ConfigurableClassData | None = None) -> Self:
        return _open_once(base_dir, "runs", super().from_local, lambda address: cls(address, inst_data))

    @contextmanager
    def connect(self) -> Generator[Connection]:
        with _engine(self._conn_string).begin() as connection:
            yield connection


class _Schedules(SqliteScheduleStorage):
    @classmethod
    def from_local(
        cls, base_dir: str, inst_data: ConfigurableClassData | None = None
    ) -> SqliteScheduleStorage:
        return _open_once(base_dir, "schedules", super().from_local, lambda address: cls(address, inst_data))

    @contextmanager
    def connect(self) -> Generator[Connection]:
        with _engine(self._conn_string).begin() as connection:
            yield connection


@lru_cache(maxsize=_KEPT)
def _engine(address: str, timeout_s: float | None = None) -> Engine:
    options: dict[str, Any] = {} if timeout_s is None else {"timeout": timeout_s}
    return create_engine(address, poolclass=NullPool, connect_args=options)


def _open_once(base_dir: str, name: str, first: Callable[[str], T], again: Callable[[str], T]) -> T:
    """Open a file by `first`, which compares its tables with their history, and later in this process by `again`.

    A tick of a sensor has an instance of its own, of which reading that history was two thirds.
    """
    address = create_db_conn_string(base_dir, name)
    if address in _opened and (Path(base_dir) / f"{name}.db").exists():
        return again(address)
    found = first(base_dir)
    _opened.add(address)
    return found
