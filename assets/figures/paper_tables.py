"""The paper's Tables 2 and 3 from results, beside the printed numbers.

Belongs here: tables and the plot of Table 3. Stays out: where results come from, and the page about them.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pandas as pd

from apexline.assets.figures.evaluation import METHOD_NAMES, comparison_plot
from apexline.ml.evaluation import PAPER_AUC, PAPER_RESULTS, VERSION_NAMES

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def table_2(areas: pd.DataFrame) -> pd.DataFrame:
    """Set measured areas under the ROC curve beside the paper's Table 2.

    Parameters
    ----------
    areas : DataFrame, columns method, auc, low, high, synthetic
        One row per measured method.

    Returns
    -------
    DataFrame, columns name, paper, value, low, high, synthetic
        The paper's methods in its order, then further ones; NaN where a value does not exist.
    """
    measured = areas.drop_duplicates("method", keep="last").set_index("method")
    further = [method for method in measured.index if method not in PAPER_AUC]
    rows: list[dict[str, Any]] = []
    for method in [*PAPER_AUC, *further]:
        known = method in measured.index
        row: Any = measured.loc[method] if known else None
        rows.append(
            {
                "name": METHOD_NAMES.get(method, method),
                "paper": PAPER_AUC.get(method, math.nan),
                "value": float(row["auc"]) if known else math.nan,
                "low": float(row["low"]) if known else math.nan,
                "high": float(row["high"]) if known else math.nan,
                "synthetic": bool(row["synthetic"]) if known else False,
            }
        )
    return pd.DataFrame(rows)


def table_3(comparison: pd.DataFrame) -> pd.DataFrame:
    """Set the three versions' test results beside the paper's Table 3.

    Parameters
    ----------
    comparison : DataFrame
        Rows of ``model_comparison``; of each version the highest model version counts.

    Returns
    -------
    DataFrame
        One row per version in the paper's order: name, model_version, synthetic, and for loss, recognition
        and classification the columns ``<name>_paper`` and ``<name>``, for the accuracies (0..1) also
        ``<name>_low`` and ``<name>_high``; NaN where a version has not been tested.
    """
    latest = (
        comparison.sort_values("model_version").drop_duplicates("version", keep="last").set_index("version")
    )
    rows: list[dict[str, Any]] = []
    for version, (loss, recognition, classification) in PAPER_RESULTS.items():
        known = version in latest.index
        row: Any = latest.loc[version] if known else None
        entry: dict[str, Any] = {
            "name": VERSION_NAMES[version],
            "model_version": int(row["model_version"]) if known else None,
            "synthetic": bool(row["synthetic"]) if known else False,
            "loss_paper": loss,
            "loss": float(row["loss"]) if known else math.nan,
        }
        for measure, paper in (("recognition", recognition), ("classification", classification)):
            entry[f"{measure}_paper"] = paper
            for column in (measure, f"{measure}_low", f"{measure}_high"):
                entry[column] = float(row[column]) if known else math.nan
        rows.append(entry)
    return pd.DataFrame(rows)


def _accuracies(table: pd.DataFrame) -> pd.DataFrame:
    """Turn Table 3 into one row per version and accuracy, in percent, for drawing."""
    rows = [
        {
            "name": f"{row['name']}: {measure}",
            "paper": 100 * row[f"{measure}_paper"],
            "value": 100 * row[measure],
            "low": 100 * row[f"{measure}_low"],
            "high": 100 * row[f"{measure}_high"],
            "synthetic": row["synthetic"],
        }
        for row in records_of(table)
        for measure in ("recognition", "classification")
    ]
    return pd.DataFrame(rows)


def table_3_plot(comparison: pd.DataFrame) -> Figure:
    """Draw the accuracies of Table 3 with their intervals beside the paper's values."""
    rows = _accuracies(table_3(comparison))
    return comparison_plot(rows, x="test accuracy (%)", synthetic=bool(rows["synthetic"].any()))


def records_of(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of a table as dicts by column."""
    return [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]
