"""Asset ``rating_surveys``: what raters said of expression segments."""

import hashlib
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
import pyarrow as pa

from assets import checks
from assets.describe import about, columns_of, table_preview
from assets.lake import Lake, fingerprint
from assets.parameters import Parameters
from assets.schemas import RATINGS
from ml.agreement import agreement_by_pair
from ml.norms import pad_target
from ml.ratings import read_ratings, simulate_panel

CODE_VERSION = "1"
PANEL = "simulated-panel"
PAGE_PREFIX = "page-"  # files of the rating page, one per rater


@dg.asset(
    deps=["clip_manifest", "expression_segments"],
    code_version=CODE_VERSION,
    check_specs=[dg.AssetCheckSpec("ratings_are_complete", asset="rating_surveys")],
    **about("semantics", "pandas", "parquet"),
)
def rating_surveys(
    context: dg.AssetExecutionContext,
    lake: dg.ResourceParam[Lake],
    parameters: dg.ResourceParam[Parameters],
) -> dg.MaterializeResult:
    """Levels 1 to 5 on 50 adjective pairs, from the rating page or CSV files under ``surveys/``.

    Clips of the synthetic sample are rated by a simulated panel where the parameters ask for one; its ratings
    carry ``synthetic = true``, here and everywhere they are used.
    """
    sources = {path.stem: path for path in survey_files(lake)}
    stamps = {name: fingerprint(CODE_VERSION, _hash(path)) for name, path in sources.items()}
    stimuli = synthetic_stimuli(lake)
    if parameters.survey.simulated_raters and len(stimuli):
        stamps[PANEL] = fingerprint(CODE_VERSION, parameters.hash_of("survey"), stimuli.to_dict("records"))
    computed = 0
    for name, stamp in stamps.items():
        if lake.fingerprint_of("ratings", name) == stamp:
            continue
        if name == PANEL:
            rows = simulate_panel(stimuli, raters=parameters.survey.simulated_raters)
        else:
            rows, rejected = read_ratings(Path(str(sources[name])))
            context.log.info(f"{sources[name].name}: {len(rows)} ratings, {len(rejected)} rejected")
        lake.write(
            "ratings", name, pa.Table.from_pandas(rows, schema=RATINGS, preserve_index=False), stamp=stamp
        )
        computed += 1
    for gone in set(lake.names("ratings")) - set(stamps):
        lake.remove("ratings", gone)
    table = lake.read_all("ratings")
    return dg.MaterializeResult(
        metadata={
            "computed": computed,
            "unchanged": len(stamps) - computed,
            "ratings": table.num_rows,
            "raters": len(set(table["rater"].to_pylist())),
            "synthetic": bool(table.num_rows) and all(table["synthetic"].to_pylist()),
            **_agreement(table.to_pandas()),
            "dagster/row_count": table.num_rows,
            **columns_of("ratings"),
        },
        data_version=dg.DataVersion(fingerprint(stamps)),
        # The simulated panel can't rate a pair whose poles have no norm.
        check_results=[checks.ratings_are_complete(table, pad_target().dropna().index)],
    )


def synthetic_stimuli(lake: Lake) -> pd.DataFrame:
    """Return the annotated stretches of synthetic clips: columns segment and emotion."""
    labels = lake.read_all("annotations").to_pandas()
    chosen = labels[labels["synthetic"].astype(bool)].sort_values("annotation_id")
    return pd.DataFrame({"segment": chosen["annotation_id"], "emotion": chosen["emotion"]}).reset_index(
        drop=True
    )


def survey_files(lake: Lake) -> list[Any]:
    """Return the CSV files of ratings that were imported or came from the rating page, by name."""
    folder = lake.home / "surveys"
    return sorted(folder.glob("*.csv"), key=lambda path: path.name) if folder.is_dir() else []


def import_csv(lake: Lake, file: Path) -> dict[str, Any]:
    """Check a CSV of ratings and keep its good rows under ``surveys/``.

    Returns
    -------
    dict
        Counts of accepted and rejected rows, and the rejected rows with their reasons.

    Raises
    ------
    ValueError
        Where the header lacks a column.
    """
    ratings, rejected = read_ratings(file)
    target = lake.home / "surveys" / f"{file.stem}-{_hash(file)[:8]}.csv"
    with lake.replacing(target) as stored:
        columns = ["rater", "segment", "pair", "level"]
        stored.write(ratings[columns].to_csv(index=False).encode())
    return {
        "file": file.name,
        "accepted": len(ratings),
        "rejected": len(rejected),
        "reasons": rejected.to_dict("records"),
    }


def _hash(path: Any) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _agreement(ratings: pd.DataFrame) -> dict[str, Any]:
    if ratings.empty:
        return {}
    by_pair = agreement_by_pair(ratings, num_resamples=50)
    return {"agreement_by_pair": table_preview(by_pair.reset_index().to_dict("records"), limit=50)}
