"""Reading the warehouse: open it, its relations, its checks.

Belongs here: what readers of a finished file need. Stays out: building it (``warehouse_build``).
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import pandas as pd

from apexline.assets.publishing.relations import MARTS, STAGING, read_sql, sql_names


def open_warehouse(path: Path) -> duckdb.DuckDBPyConnection:
    """Open a local warehouse read-only, with times in UTC.

    Raises
    ------
    FileNotFoundError
        Where it has not been built.
    ValueError
        Where another program wrote into it and left its log.
    """
    if not path.is_file():
        msg = f"there is no warehouse at {path}; materialise the asset warehouse first"
        raise FileNotFoundError(msg)
    if (log := foreign_log(path)).exists():
        msg = (
            f"{log} is the log of a program that wrote into the warehouse and was killed or still runs; DuckDB would "
            "show its rows as the lake's. Materialise the asset warehouse (job publish): it is built anew without them"
        )
        raise ValueError(msg)
    connection = duckdb.connect(str(path), read_only=True)
    connection.execute("set TimeZone = 'UTC'")
    return connection


def read_relation(connection: duckdb.DuckDBPyConnection, name: str) -> pd.DataFrame:
    """Read a whole relation of the warehouse, such as ``segments`` or ``staging.learning_curves``.

    Raises
    ------
    KeyError
        Where the warehouse has no such relation.
    """
    if name not in (*MARTS, *STAGING):
        msg = f"the warehouse has no relation {name!r}; it has {sorted([*MARTS, *STAGING])}"
        raise KeyError(msg)
    return _frame(connection, f"select * from {name}")


def run_checks(connection: duckdb.DuckDBPyConnection) -> dict[str, pd.DataFrame]:
    """Run every check on an open warehouse.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The warehouse; read-only is enough.

    Returns
    -------
    dict of str to DataFrame
        Offending rows by check; an empty frame is a check that holds.
    """
    return {name: _frame(connection, read_sql("checks", name)) for name in sql_names("checks")}


def count_rows(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Return the rows of every relation of an open warehouse, mirrors of the lake as ``staging.<table>``."""
    # The names come from this project's own code.
    return {name: connection.sql(f"select * from {name}").shape[0] for name in (*MARTS, *STAGING)}


def foreign_log(warehouse: Path) -> Path:
    """Return where a program that writes into a warehouse keeps its write-ahead log.

    The build leaves none beside the warehouse. DuckDB replays what lies there, onto whichever file has the name then.
    """
    return warehouse.with_name(f"{warehouse.name}.wal")


def _frame(connection: duckdb.DuckDBPyConnection, query: str) -> pd.DataFrame:
    return connection.execute(query).to_arrow_table().to_pandas()
