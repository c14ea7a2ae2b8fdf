"""Asset ``drift``: whether each camera's latest days look like what the champion knows.

Belongs here: what is compared with which reference, and when it is worth a warning. Stays out: the measures
(``sql/marts/measures.sql``), the statistics (``ml.drift``).

Faces are compared with those that the champion learned from, where they are this home's; else, and answers always, with
what it scored first: the model that ships learned from faces that this home does not hold, and the shares of a training
set are chosen, not met.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import dagster as dg
import duckdb
import pandas as pd

from apexline.assets import checks
from apexline.assets.figures import drift_plot
from apexline.assets.lake import fingerprint
from apexline.assets.metadata import asset_attributes, figures, table_preview
from apexline.assets.parameters import DriftConfig, Parameters
from apexline.assets.publishing.relations import read_sql
from apexline.assets.publishing.warehouse_read import open_warehouse
from apexline.ml import Shift, shift_of_values, shift_of_words

CODE_VERSION = "1"
COLUMNS = (
    "day",
    "camera",
    "measure",
    "reference",
    "count",
    "psi",
    "distance",
    "p_value",
    "before",
    "now",
    "moved",
)


@dg.asset(
    deps=["warehouse"],
    code_version=CODE_VERSION,
    check_specs=[checks.check_spec(checks.camera_days_are_as_learned, asset="drift")],
    **asset_attributes("publishing", "duckdb", "scipy"),
)
def drift(
    context: dg.AssetExecutionContext,
    parameters: dg.ResourceParam[Parameters],
    warehouse_path: dg.ResourceParam[Path],
) -> dg.MaterializeResult:
    """Size, blur, yaw and light of faces, confidence, emotions and abstentions by camera and day, against a reference.

    Emotions and abstentions are compared once more for small, turned, dark and bright faces alone: a group that is
    answered otherwise than it was hides among the others.

    Population stability index, Kolmogorov-Smirnov test (of words: chi-square), per camera of the latest days. A
    camera-day that moved is a warning: look at the camera, have segments of it reviewed, run the job ``retrain``.
    """
    with open_warehouse(warehouse_path) as connection:
        rows, reference = read_measures(connection, parameters.drift)
        synthetic = bool(connection.execute("select bool_or(synthetic) from clips").fetchall()[0][0])
    table = compare(rows, reference, parameters.drift)
    version = fingerprint(CODE_VERSION, parameters.hash_of("drift"), table.to_json(double_precision=9))
    moved = pd.DataFrame(table[table["moved"]])
    return dg.MaterializeResult(
        metadata={
            "compared": len(table),
            "moved": len(moved),
            "reference": dg.MetadataValue.json(reference.groupby("measure").size().to_dict()),
            "preview": table_preview(moved.to_dict("records")),
            **figures(
                context,
                changed=True,
                draw=lambda: (
                    [("Drift", drift_plot(table, least=parameters.drift.min_psi, synthetic=synthetic))]
                    if len(table)
                    else []
                ),
            ),
        },
        data_version=dg.DataVersion(version),
        check_results=[checks.camera_days_are_as_learned(moved.to_dict("records"))],
    )


def read_measures(
    connection: duckdb.DuckDBPyConnection, config: DriftConfig
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read the latest days, and what they are compared with, from a warehouse.

    Returns
    -------
    rows : DataFrame, columns day (as text), camera, measure, value, word
    reference : DataFrame, columns measure, value, word, reference
        `reference` says where a row comes from: ``training faces`` or ``first answers``.
    """
    rows = connection.execute(read_sql("drift", "latest"), {"days": config.days}).to_arrow_table().to_pandas()
    found = connection.execute(
        read_sql("drift", "reference"), {"first_answers": config.first_answers, "min_count": config.min_count}
    )
    return rows, found.to_arrow_table().to_pandas()


def compare(rows: pd.DataFrame, reference: pd.DataFrame, config: DriftConfig) -> pd.DataFrame:
    """Compare each measure of each camera-day with its reference.

    Parameters
    ----------
    rows, reference : DataFrame
        As `read_measures` gives them.

    Returns
    -------
    DataFrame, columns `COLUMNS`
        A row for each camera-day and measure of which there is enough. `before` and `now` are medians, of words the
        most frequent one and its share; `moved` is a shift that is large enough to matter and too large for luck in any
        of the comparisons.
    """
    found = pd.DataFrame(_shifts(rows, reference, config), columns=pd.Index(COLUMNS[:-1]))
    level = config.false_alarms / max(1, len(found))  # Bonferroni
    found["moved"] = ((found["psi"] >= config.min_psi) & (found["p_value"] <= level)).astype(bool)
    return found


def _shifts(rows: pd.DataFrame, reference: pd.DataFrame, config: DriftConfig) -> Iterator[dict[str, object]]:
    known = {str(measure): part for measure, part in reference.groupby("measure")}
    for key, part in rows.groupby(["day", "camera", "measure"]):
        day, camera, measure = cast("tuple[str, str, str]", key)
        before = known.get(measure)
        if before is None or min(len(before), len(part)) < config.min_count:
            continue
        is_words = bool(part["value"].isna().all())
        column = "word" if is_words else "value"
        shift: Shift = (shift_of_words if is_words else shift_of_values)(before[column], part[column])
        yield {
            "day": day,
            "camera": camera,
            "measure": measure,
            "reference": before["reference"].iloc[0],
            "count": len(part),
            "psi": shift.psi,
            "distance": shift.distance,
            "p_value": shift.p_value,
            "before": _typical(pd.Series(before[column])),
            "now": _typical(pd.Series(part[column])),
        }


def _typical(values: pd.Series) -> str:
    if pd.api.types.is_numeric_dtype(values):
        return f"{values.median():.3g}"
    shares = values.value_counts(normalize=True)
    return f"{shares.index[0]} {shares.iloc[0]:.0%}"
