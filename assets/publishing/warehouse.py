"""Asset ``warehouse``: the DuckDB file that readers query."""

import json
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Self

import dagster as dg
import duckdb

from apexline.assets import checks
from apexline.assets.lake import DamagedFile, Lake, fingerprint, scratch_file
from apexline.assets.metadata import asset_attributes
from apexline.assets.publishing.lake_files import REIGNS, SHARED, LakeFiles, day_of, list_files
from apexline.assets.publishing.warehouse_build import write_warehouse
from apexline.assets.publishing.warehouse_read import foreign_log, open_warehouse, run_checks

CODE_VERSION = "4"


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
    warehouse_mb: dg.ResourceParam[int],
) -> dg.MaterializeResult:
    """One DuckDB file with the marts of ``sql/marts``, built aside and renamed over the old one.

    Only camera-days whose files changed are built anew, and everything where the champion did. Open it read-only:
    readers never wait, and keep the old file until they open the new one.
    """
    before = Record.of(warehouse_path)
    record = publish_warehouse(lake, warehouse_path, memory_mb=warehouse_mb)
    unchanged = int(record == before)
    with open_warehouse(warehouse_path) as connection:
        connection.execute(f"set memory_limit = '{warehouse_mb}MB'")
        offending = {name: rows.to_dict("records") for name, rows in run_checks(connection).items()}
    return dg.MaterializeResult(
        metadata={
            "computed": 1 - unchanged,
            "unchanged": unchanged,
            "camera_days_built": 0 if unchanged else len(record.built),
            "path": dg.MetadataValue.path(str(warehouse_path)),
            "rows": dg.MetadataValue.json(record.rows),
            "left_out": dg.MetadataValue.json([said for each in record.left_out.values() for said in each]),
        },
        data_version=dg.DataVersion(_stamp(record.stamps)),
        check_results=[checks.warehouse_is_consistent(offending)],
    )


@dataclass(frozen=True)
class Record:
    """What a warehouse was built from; ``warehouse.json`` beside it.

    Attributes
    ----------
    code_version : str
    stamps : dict of str to str
        Of each camera-day's files, and of the others.
    rows : dict of str to int
        By relation.
    left_out : dict of str to list of str
        What is wrong with files that had to be left out, by camera-day.
    built : list of str
        Camera-days that were built anew.
    """

    code_version: str
    stamps: dict[str, str]
    rows: dict[str, int]
    left_out: dict[str, list[str]]
    built: list[str]

    @classmethod
    def of(cls, warehouse: Path) -> Self:
        """Read the record of a warehouse; an empty one where there is none that a build left, or an older one's."""
        path = warehouse.with_suffix(".json")
        # A log beside it shows that another program wrote into the file itself.
        stands = path.exists() and warehouse.exists() and not foreign_log(warehouse).exists()
        found: dict[str, Any] = json.loads(path.read_text()) if stands else {}
        known = found if found.get("code_version") == CODE_VERSION else {}
        empty: dict[str, Any] = {"code_version": "", "stamps": {}, "rows": {}, "left_out": {}, "built": []}
        return cls(**{**empty, **known})

    def changed(self, files: LakeFiles) -> list[str]:
        """Return the camera-days that came, changed or went since."""
        days = {*self.stamps, *files.stamps} - {SHARED, REIGNS}
        return sorted(day for day in days if self.stamps.get(day) != files.stamps.get(day))

    def write(self, warehouse: Path) -> None:
        """Put it beside its warehouse."""
        path = warehouse.with_suffix(".json")
        with scratch_file(path.parent / "tmp") as aside:
            aside.write_text(json.dumps(asdict(self), indent=1))
            aside.replace(path)


def publish_warehouse(lake: Lake, target: Path, *, memory_mb: int) -> Record:
    """Bring a warehouse up to the lake, as little of it as has changed, and return what it was built from.

    A damaged file is left out, and named in the record, until it is mended.
    """
    known, files = Record.of(target), _list(lake)
    if known.stamps == files.stamps and known.code_version:
        return known
    # The champions decide about the rows of every camera-day.
    is_whole = known.stamps.get(REIGNS) != files.stamps.get(REIGNS) or not known.code_version
    days = files.camera_days if is_whole else known.changed(files)
    write = partial(
        write_warehouse, target=target, camera_days=None if is_whole else days, memory_mb=memory_mb
    )
    damaged: list[DamagedFile] = []
    try:
        rows = write(files)
    except duckdb.Error:
        damaged = lake.damaged_files(camera_days=days)
        if not damaged:
            raise
        rows = write(files.without({str(each.path) for each in damaged}))
    left_out = {} if is_whole else {day: said for day, said in known.left_out.items() if day not in days}
    for each in damaged:
        left_out.setdefault(day_of(each.path), []).append(str(each))
    record = Record(CODE_VERSION, dict(files.stamps), rows, left_out, days)
    record.write(target)
    return record


def lake_stamp(lake: Lake) -> str:
    """Fingerprint of every file that the warehouse is built from, without reading any."""
    return _stamp(_list(lake).stamps)


def _list(lake: Lake) -> LakeFiles:
    return list_files(lake.home / "lake", lake.home / "quarantine")


def _stamp(stamps: dict[str, str]) -> str:
    return fingerprint(CODE_VERSION, stamps)
