"""Asset ``rating_surveys``: what raters said of expression segments."""

import hashlib
import io
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import chain, count
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd
import pyarrow as pa
from upath import UPath

from apexline.assets import checks
from apexline.assets.lake import RATINGS, Lake, fingerprint, hash_file
from apexline.assets.metadata import asset_attributes, column_schema, table_preview
from apexline.assets.parameters import Parameters
from apexline.ml import PAIRS_FILE, PROJECT_FORM, AdjectivePair, load_pairs, pairs_csv, read_pairs, target_of
from apexline.ml.surveys import (
    ANSWER_COLUMNS,
    REPEATED,
    agreement_by_pair,
    answers_once,
    compare_answers,
    read_form,
    read_ratings,
    read_scale_table,
    simulate_panel,
)

CODE_VERSION = "2"
PANEL = "simulated-panel"
PAGE_PREFIX = "page-"  # files of the rating page, one per rater
_FORMS = "surveys/forms"
_LISTED = 200  # rejected rows that one import lists
_LONGEST_STEM = 100  # of a stored file: a name may have 255 bytes, and gets a hash


@dg.asset(
    deps=["clip_manifest", "expression_segments"],
    code_version=CODE_VERSION,
    check_specs=[checks.check_spec(checks.ratings_are_complete, asset="rating_surveys")],
    **asset_attributes("semantics", "pandas", "parquet"),
)
def rating_surveys(
    context: dg.AssetExecutionContext,
    lake: dg.ResourceParam[Lake],
    parameters: dg.ResourceParam[Parameters],
) -> dg.MaterializeResult:
    """Levels 1 to 5 on adjective pairs, from the rating page or CSV files under ``surveys/``.

    Clips of the synthetic sample are rated by a simulated panel where the parameters ask for one; its ratings
    carry ``synthetic = true``, here and everywhere they are used.
    """
    sources = {path.stem: path for path in survey_files(lake)}
    sliders = [pair.pair for form in form_names(lake) for pair in load_form(lake, form)]
    # The project's pairs say which answers are to a pair, and what the panel's raters think of.
    norms = hash_file(PAIRS_FILE)
    stamps = {name: fingerprint(CODE_VERSION, norms, _hash(path), sliders) for name, path in sources.items()}
    stimuli = synthetic_stimuli(lake)
    if parameters.survey.simulated_raters and len(stimuli):
        asked = stimuli.to_dict("records")
        stamps[PANEL] = fingerprint(CODE_VERSION, norms, parameters.hash_of("survey"), asked)
    computed = 0
    unread: dict[str, str] = {}
    for name, stamp in stamps.items():
        if lake.fingerprint_of("ratings", name) == stamp:
            continue
        if name == PANEL:
            rows = simulate_panel(stimuli, raters=parameters.survey.simulated_raters)
        else:
            try:
                rows, rejected = _read_source(lake, sources[name], sliders=sliders)
            except ValueError as error:
                # What stood for the file before stays, and so do all other surveys.
                unread[sources[name].name] = str(error)
                context.log.warning(str(error))
                continue
            context.log.info(f"{sources[name].name}: {len(rows)} ratings, {len(rejected)} rejected")
        lake.write(
            "ratings", name, pa.Table.from_pandas(rows, schema=RATINGS, preserve_index=False), stamp=stamp
        )
        computed += 1
    for gone in set(lake.names("ratings")) - set(stamps):
        lake.remove("ratings", gone)
    table = lake.read_all("ratings")
    once = answers_once(table.to_pandas())
    return dg.MaterializeResult(
        metadata={
            "computed": computed,
            "unchanged": len(stamps) - computed,
            "ratings": len(once),
            "repeated": table.num_rows - len(once),
            "raters": len(set(table["rater"].to_pylist())),
            "synthetic": bool(table.num_rows) and all(table["synthetic"].to_pylist()),
            **({"unread": unread} if unread else {}),
            **_agreement(once),
            "dagster/row_count": table.num_rows,
            **column_schema("ratings"),
        },
        data_version=dg.DataVersion(fingerprint(stamps)),
        check_results=[
            checks.ratings_are_complete(table, _expected_pairs(lake, parameters.survey.form), unread)
        ],
    )


def synthetic_stimuli(lake: Lake) -> pd.DataFrame:
    """Return the annotated segments of synthetic clips: columns segment and emotion."""
    labels = lake.read_all("annotations").to_pandas()
    chosen = labels[labels["synthetic"].astype(bool)].sort_values("annotation_id")
    return pd.DataFrame({"segment": chosen["annotation_id"], "emotion": chosen["emotion"]}).reset_index(
        drop=True
    )


def survey_files(lake: Lake) -> list[Any]:
    """Return the CSV files of ratings that were imported or came from the rating page, by name."""
    folder = lake.home / "surveys"
    return (
        sorted((path for path in folder.glob("*.csv") if path.is_file()), key=lambda path: path.name)
        if folder.is_dir()
        else []
    )


def form_names(lake: Lake) -> list[str]:
    """Return the names of the imported forms, sorted."""
    folder = lake.home / _FORMS
    return sorted(path.stem for path in folder.glob("*.csv")) if folder.is_dir() else []


def load_form(lake: Lake, name: str) -> tuple[AdjectivePair, ...]:
    """Return the scales of a form: the project's, or an imported one's.

    Raises
    ------
    LookupError
        Where there is no such form.
    """
    if name == PROJECT_FORM:
        return load_pairs()
    path = lake.home / _FORMS / f"{name}.csv"
    if not path.exists():
        msg = (
            f"saw survey.form {name!r}, expected one of {[PROJECT_FORM, *form_names(lake)]}; import it with "
            "`apexline survey import --poles`"
        )
        raise LookupError(msg)
    return read_pairs(io.StringIO(path.read_text(encoding="utf-8")))


def _expected_pairs(lake: Lake, form: str) -> list[str]:
    # The simulated panel can't rate a pair whose poles have no norm.
    return [str(pair) for pair in target_of(load_form(lake, form)).dropna().index]


def import_csv(lake: Lake, file: Path) -> dict[str, Any]:
    """Check a CSV of ratings and keep its good rows under ``surveys/``, each answer once.

    An answer is known by its rater, segment and pair. What an earlier import or the rating page holds adds nothing;
    where the level differs, the earlier one is kept and the later one is rejected.

    Returns
    -------
    dict
        Counts of rows accepted, known already and rejected; of the first `_LISTED` rejected the reasons.

    Raises
    ------
    ValueError
        Where the file is too large or no text, or its header lacks a column.
    """
    ratings, rejected = read_ratings(file)
    return _store_ratings(lake, file, ratings, rejected)


def import_scale_table(
    lake: Lake, file: Path, *, poles: Path, norms: Path, rater: str, stimulus: str
) -> dict[str, Any]:
    """Check a table of slider answers to scales of its own, and keep it and its form.

    Returns
    -------
    dict
        As `import_csv`, and ``form``: the value of ``survey.form`` that makes the PAD space of it.

    Raises
    ------
    ValueError
        Where a file lacks columns.
    """
    # Another survey's interested-bored is not the project's: the form is part of the name.
    form = {
        column: replace(pair, pair=f"{poles.stem}/{pair.pair}")
        for column, pair in read_form(poles, norms).items()
    }
    ratings, rejected = read_scale_table(file, form, rater=rater, stimulus=stimulus)
    pairs = [pair.pair for pair in form.values()]
    result = _store_ratings(lake, file, ratings, rejected, pairs=pairs)
    if result["accepted"] or result["known"]:  # else the form that stands is not touched
        with lake.replacing(lake.home / _FORMS / f"{poles.stem}.csv") as stored:
            stored.write(pairs_csv(form.values()).encode())
    return {**result, "form": poles.stem}


def _store_ratings(
    lake: Lake, file: Path, ratings: pd.DataFrame, rejected: pd.DataFrame, pairs: Sequence[str] = ()
) -> dict[str, Any]:
    above = rejected["reason"].eq(REPEATED).to_numpy(np.bool_)
    new, known, conflicts = compare_answers(ratings, _standing(lake, ratings, pairs))
    rejected = pd.concat([rejected.loc[~above], conflicts]).sort_values("row", kind="stable")
    if len(new):
        with lake.replacing(_free_place(lake, file)) as stored:
            # %g: whole levels stay "3", as raters gave them
            table = new[list(ANSWER_COLUMNS)]
            stored.write(table.to_csv(index=False, float_format="%g").encode())
    return {
        "file": file.name,
        "accepted": len(new),
        "known": known + int(np.count_nonzero(above)),
        "rejected": len(rejected),
        "reasons": rejected.head(_LISTED).to_dict("records"),
    }


def _standing(lake: Lake, ratings: pd.DataFrame, pairs: Sequence[str]) -> pd.DataFrame:
    """Return the answers of all files that came before; `rating_surveys` tells of those that can't be read."""
    sliders = [*pairs, *(pair.pair for form in form_names(lake) for pair in load_form(lake, form))]
    tables: list[pd.DataFrame] = []
    for path in survey_files(lake):
        with suppress(ValueError):
            tables.append(_read_source(lake, path, sliders=sliders)[0])
    return pd.concat(tables) if tables else ratings.head(0)


def _free_place(lake: Lake, file: Path) -> UPath:
    """Return where to store the new answers of a file; some answers of the same file may stand already."""
    name = f"{file.stem[:_LONGEST_STEM]}-{_hash(file)[:8]}"
    taken = {path.stem for path in survey_files(lake)}
    free = next(each for each in chain([name], (f"{name}-{k}" for k in count(2))) if each not in taken)
    return lake.home / "surveys" / f"{free}.csv"


def _read_source(lake: Lake, path: UPath, *, sliders: Sequence[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read a file under ``surveys/``; raises ValueError where nothing in it is a rating, though it has rows."""
    with lake.local_copy(path) as file:
        rows, rejected = read_ratings(file, sliders=sliders)
    if rows.empty and len(rejected):
        first = rejected.iloc[0]
        msg = f"{path.name}: none of {len(rejected)} rows is a rating; line {first['row']}: {first['reason']}"
        raise ValueError(msg)
    return rows, rejected


def _hash(path: Any) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _agreement(ratings: pd.DataFrame) -> dict[str, Any]:
    if ratings.empty:
        return {}
    by_pair = agreement_by_pair(ratings, num_resamples=50)
    return {"agreement_by_pair": table_preview(by_pair.reset_index().to_dict("records"), limit=50)}
