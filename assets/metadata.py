"""How an asset presents itself in the UI: group, kinds, owner, column schema with units.

Belongs here: wording and metadata shared by all assets. Stays out: results.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeAlias, TypedDict

import dagster as dg

import apexline.assets.figures
from apexline.assets.lake import TABLES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

OWNER = "team:vision"

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


def figures(
    context: dg.AssetExecutionContext,
    *,
    changed: bool,
    draw: Callable[[], Iterable[tuple[str, Drawing]]],
) -> dict[str, dg.MetadataValue]:
    """Return drawings by title for the UI, words above them where there are; unchanged ones from the last run.

    Drawing takes seconds, so a rerun that computed nothing takes over what was drawn.
    """
    kept = {} if changed else _last_drawings(context)
    return kept or {title: dg.MetadataValue.md(_markdown(title, drawing)) for title, drawing in draw()}


def _markdown(title: str, drawing: Drawing) -> str:
    text, figure = drawing if isinstance(drawing, tuple) else ("", drawing)
    picture = apexline.assets.figures.figure_markdown(figure, title=title)
    return f"{text}\n\n{picture}" if text else picture


def _last_drawings(context: dg.AssetExecutionContext) -> dict[str, dg.MetadataValue]:
    wanted = dg.AssetRecordsFilter(
        asset_key=context.asset_key,
        asset_partitions=[context.partition_keys[-1]] if context.has_partition_key else None,
    )
    for record in context.instance.fetch_materializations(wanted, limit=1).records:
        found = record.asset_materialization
        if found is not None:
            return {k: v for k, v in found.metadata.items() if isinstance(v, dg.MarkdownMetadataValue)}
    return {}
