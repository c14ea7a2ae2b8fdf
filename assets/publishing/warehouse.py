"""Asset ``warehouse``: the DuckDB file that readers query."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb

from apexline.assets import checks
from apexline.assets.lake import Lake, fingerprint, scratch_folder
from apexline.assets.metadata import asset_attributes
from apexline.assets.publishing.warehouse_build import (
    build_warehouse,
    foreign_log,
    open_warehouse,
    run_checks,
)

CODE_VERSION = "3"


@dg.asset(
    deps=["segment_scores", "rating_surveys", "model_comparison", "champion"],
    code_version=CODE_VERSION,
    check_specs=[checks.check_spec(checks.warehouse_is_consistent, asset="warehouse")],
    **asset_attributes("publishing", "duckdb", "sql"),
)
def warehouse(
    context: dg.AssetExecutionContext,
    lake: dg.ResourceParam[Lake],
    warehouse_path: dg.ResourceParam[Path],
) -> dg.MaterializeResult:
    """One DuckDB file with the marts of ``sql/marts``, built aside and renamed over the old one.

    Open it read-only: readers never wait, and keep the old file until they open the new one.
    """
    stamp = lake_stamp(lake)
    record = warehouse_path.with_suffix(".json")
    # A log beside it shows that another program wrote into the file itself.
    stands = record.exists() and warehouse_path.exists() and not foreign_log(warehouse_path).exists()
    known: dict[str, Any] = json.loads(record.read_text()) if stands else {}
    computed = int(known.get("stamp") != stamp)
    if computed:
        counts, left_out = _build(lake, warehouse_path)
        known = {"stamp": stamp, "rows": counts, "left_out": left_out}
        with scratch_folder(record.parent / "tmp") as folder:
            (folder / record.name).write_text(json.dumps(known, indent=1))
            (folder / record.name).replace(record)
    with open_warehouse(warehouse_path) as connection:
        offending = {name: rows.to_dict("records") for name, rows in run_checks(connection).items()}
    return dg.MaterializeResult(
        metadata={
            "computed": computed,
            "unchanged": 1 - computed,
            "path": dg.MetadataValue.path(str(warehouse_path)),
            "rows": dg.MetadataValue.json(known["rows"]),
            "left_out": dg.MetadataValue.json(known.get("left_out", [])),  # absent: built before 0.2.0
        },
        data_version=dg.DataVersion(stamp),
        check_results=[checks.warehouse_is_consistent(offending)],
    )


def _build(lake: Lake, target: Path) -> tuple[dict[str, int], list[str]]:
    """Build the warehouse; return rows by relation, and what is wrong with the files that had to be left out."""
    build = partial(build_warehouse, lake.home / "lake", target, quarantine_root=lake.home / "quarantine")
    try:
        return build(), []
    except duckdb.Error:
        damaged = lake.damaged_files()
        if not damaged:
            raise
        return build(left_out={str(each.path) for each in damaged}), [str(each) for each in damaged]


def lake_stamp(lake: Lake) -> str:
    """Fingerprint of every file that the warehouse is built from, without reading any."""
    files = [
        (path.as_posix(), stat.st_size, stat.st_mtime)
        for folder in ("lake", "quarantine")
        for path in sorted((lake.home / folder).rglob("*"))
        if path.is_file() and (stat := path.stat())
    ]
    return fingerprint(CODE_VERSION, files)
