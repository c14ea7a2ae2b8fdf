"""How an asset presents itself in the UI: group, kinds, owner, column schema with units.

Belongs here: wording and metadata shared by all assets. Stays out: results.
"""

from collections.abc import Callable, Iterable, Mapping, Set
from time import time
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias, TypedDict

import dagster as dg

import apexline.assets.figures
from apexline.assets.lake import TABLES, Lake
from apexline.review import PORT

if TYPE_CHECKING:
    from matplotlib.figure import Figure

OWNER = "team:vision"
REVIEW = f"http://127.0.0.1:{PORT}"
_SENSOR = "dagster/sensor_name"  # tag of a run that a sensor asked for
_DRAWN_AT = "drawn_at"
_LASTS_S = 3600.0
_NO_TABLES: Mapping[str, Callable[[], dg.MetadataValue]] = MappingProxyType({})

Drawing: TypeAlias = "Figure | tuple[str, Figure]"  # a figure, or words and the figure that they belong to


class AssetAttributes(TypedDict):
    """Keyword arguments of an asset decorator."""

    group_name: str
    kinds: set[str]
    owners: list[str]


def asset_attributes(group: str, *kinds: str) -> AssetAttributes:
    """Return the keyword arguments that every asset decorator gets."""
    return {"group_name": group, "kinds": set(kinds), "owners": [OWNER]}


def column_schema(table: str) -> dict[str, dg.TableSchemaMetadataValue]:
    """Return the column schema of a lake table, units in the descriptions, as Dagster metadata."""
    columns: list[dg.TableColumn] = []
    for each in TABLES[table]:
        notes = {key.decode(): value.decode() for key, value in (each.metadata or {}).items()}
        unit = f" [{notes['unit']}]" if notes.get("unit") else ""
        columns.append(dg.TableColumn(each.name, str(each.type), description=notes["description"] + unit))
    return {"dagster/column_schema": dg.TableSchemaMetadataValue(dg.TableSchema(columns))}


def table_preview(
    rows: list[dict[str, Any]], *, limit: int = 20
) -> dg.TableMetadataValue | dg.TextMetadataValue:
    """Show the first rows as a table in the UI; nested values are written out as text."""
    if not rows:
        return dg.MetadataValue.text("no rows")
    shown = [
        {
            key: value if isinstance(value, int | float | str | bool) else str(value)
            for key, value in row.items()
        }
        for row in rows[:limit]
    ]
    return dg.MetadataValue.table([dg.TableRecord(row) for row in shown])


def links(lake: Lake, *, camera_day: str = "") -> dict[str, dg.MetadataValue]:
    """Return where people look further: the newest report, and the timeline while ``apexline review`` runs here.

    Parameters
    ----------
    camera_day : str
        Whose timeline; by default the page of all.
    """
    page = f"{REVIEW}/days/{camera_day}" if camera_day else REVIEW
    report = lake.home / "reports" / "latest" / "index.html"
    return {"timeline": dg.MetadataValue.url(page), "report": dg.MetadataValue.path(str(report))}


def figures(
    context: dg.AssetExecutionContext,
    *,
    changed: bool,
    draw: Callable[[], Iterable[tuple[str, Drawing]]],
    tables: Mapping[str, Callable[[], dg.MetadataValue]] = _NO_TABLES,
) -> dict[str, dg.MetadataValue]:
    """Return drawings by title for the UI, words above them where there are; unchanged ones from the last run.

    Drawing takes seconds, often more than what is drawn: a run that computed nothing takes over what was drawn, a run
    that a sensor asked for does so for an hour, and one that covers several camera-days, each of which would show the
    same drawing, has none. The same goes for `tables` by name, which take as long.
    """
    if context.has_partition_key_range and len(context.partition_keys) > 1:
        return {}
    kept = _last_drawings(context, set(tables))
    if kept and (not changed or (_SENSOR in context.run.tags and not _is_old(kept.get(_DRAWN_AT)))):
        return kept
    drawn: dict[str, dg.MetadataValue] = {
        title: dg.MetadataValue.md(_markdown(title, drawing)) for title, drawing in draw()
    }
    drawn |= {name: make() for name, make in tables.items()}
    return {**drawn, _DRAWN_AT: dg.MetadataValue.timestamp(time())} if drawn else {}


def _is_old(drawn_at: dg.MetadataValue | None) -> bool:
    return not isinstance(drawn_at, dg.TimestampMetadataValue) or time() - drawn_at.value > _LASTS_S


def _markdown(title: str, drawing: Drawing) -> str:
    text, figure = drawing if isinstance(drawing, tuple) else ("", drawing)
    picture = apexline.assets.figures.figure_markdown(figure, title=title)
    return f"{text}\n\n{picture}" if text else picture


def _last_drawings(context: dg.AssetExecutionContext, tables: Set[str]) -> dict[str, dg.MetadataValue]:
    wanted = dg.AssetRecordsFilter(
        asset_key=context.asset_key,
        asset_partitions=[context.partition_keys[-1]] if context.has_partition_key else None,
    )
    for record in context.instance.fetch_materializations(wanted, limit=1).records:
        found = record.asset_materialization
        if found is not None:
            drawn = {
                k: v
                for k, v in found.metadata.items()
                if isinstance(v, dg.MarkdownMetadataValue) or k in tables
            }
            at = {k: v for k, v in found.metadata.items() if k == _DRAWN_AT}
            return {**drawn, **at} if drawn else {}
    return {}
