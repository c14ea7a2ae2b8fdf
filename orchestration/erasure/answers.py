"""What raters and reviewers said: ratings of clips that are erased, or everything that one person said.

Belongs here: files under ``surveys/``, the tables ``ratings`` and ``reviews``, what the PAD space keeps of stimuli and
sources. Stays out: fitting the space anew, which the next training does.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from upath import UPath

from apexline.assets.lake import listed_camera_days
from apexline.assets.semantics import PAGE_PREFIX, read_record, survey_files, write_record
from apexline.ml.semantic_space import SemanticSpace
from apexline.ml.surveys import plain, without_rows
from apexline.orchestration.erasure.files import Found, rewrite
from apexline.orchestration.erasure.search import files_in
from apexline.orchestration.erasure.traces import Traces
from apexline.orchestration.line import Line


def survey_answers_of(line: Line, traces: Traces) -> Found:
    """Find answers in files that were imported or came from the rating page, and whatever else names a rater there."""
    found: Found = {}
    for path in _survey_files(line):
        count = _without_answers(line, path, traces)[1]
        if count:
            found[path.relative_to(line.lake.home).as_posix()] = count
    return found


def drop_survey_answers(line: Line, traces: Traces, found: Found) -> None:
    """Write the files anew without those answers; a file of one rater alone is deleted with them."""
    for key in found:
        path = line.lake.home / key
        if not path.exists():  # a killed erasure deleted it
            continue
        text, _ = _without_answers(line, path, traces)
        if text is None:
            path.unlink(missing_ok=True)
            continue
        with line.lake.replacing(path) as file:
            file.write(text.encode())


def ratings_of(line: Line, traces: Traces) -> Found:
    """Find rows of the table ``ratings``."""
    found: Found = {}
    for name in line.lake.names("ratings"):
        rows = line.lake.read("ratings", name, columns=["rater", "segment"])
        count = rows.filter(_doomed(rows, traces)).num_rows
        if count or _is_own_page(name, traces):
            found[name] = count
    return found


def drop_ratings(line: Line, traces: Traces, found: Found) -> None:
    """Write the table's files anew without those rows."""
    for name in found:
        if _is_own_page(name, traces):
            line.lake.remove("ratings", name)
            continue
        rows = line.lake.read("ratings", name, columns=["rater", "segment"])
        rewrite(line.lake, "ratings", name, ~_doomed(rows, traces))


def reviews_of(line: Line, traces: Traces) -> Found:
    """Find what a person reviewed; reviews of erased clips go with the clips' other files."""
    if not traces.rater:
        return {}
    lake = line.lake
    files = [
        (day, name) for day in listed_camera_days(lake) for name in lake.names("reviews", camera_day=day)
    ]
    return {
        lake.path("reviews", name, camera_day=day).relative_to(lake.home).as_posix(): 1
        for day, name in files
        if any(
            plain(each) == traces.rater
            for each in lake.read("reviews", name, camera_day=day, columns=["reviewer"])[
                "reviewer"
            ].to_pylist()
        )
    }


def space_of(line: Line, traces: Traces) -> Found:
    """Find stimuli and sources that the PAD space keeps."""
    record = read_record(line.lake)
    count = _pruned(record, traces)[1] if record else 0
    return {"pad_space.json": count} if count else {}


def drop_from_space(line: Line, traces: Traces, found: Found) -> None:
    """Take stimuli and sources out of the stored space; what it learned from them stays until it is fitted anew."""
    del found
    write_record(line.lake, _pruned(read_record(line.lake), traces)[0])


def _survey_files(line: Line) -> list[UPath]:
    tables = survey_files(line.lake)
    others = [path for path in files_in(line.lake.home / "surveys") if path.suffix != ".csv"]
    return [*tables, *others]


def _is_own_page(name: str, traces: Traces) -> bool:
    return bool(traces.rater) and name == f"{PAGE_PREFIX}{traces.rater}"


def _without_answers(line: Line, path: UPath, traces: Traces) -> tuple[str | None, int]:
    """Return what a file is without the answers, None for nothing at all, and how many they are.

    Raises
    ------
    ValueError
        Where a table can't be read and holds a trace all the same.
    """
    if path.suffix != ".csv":
        return _without_entries(path, traces)
    column = "rater" if traces.rater else "segment"

    def is_doomed(value: str, text: str) -> bool:
        return plain(value) == traces.rater if traces.rater else bool(traces.found_in(text.encode()))

    try:
        with line.lake.local_copy(path) as file:
            text, count = without_rows(file, column, is_doomed)
    except ValueError as error:
        if traces.found_in(path.read_bytes()):
            msg = f"{path.name} can't be read, and names what is to be erased: {error}; delete the file yourself"
            raise ValueError(msg) from error
        return "", 0
    return (None if _is_own_page(path.stem, traces) else text), count


def _without_entries(path: UPath, traces: Traces) -> tuple[str | None, int]:
    """Take what names the rater, or a clip, out of a JSON file; lines are taken out of any other text."""
    text = path.read_bytes().decode("utf-8", "surrogateescape")
    try:
        document = json.loads(text)
    except ValueError:
        lines = text.splitlines(keepends=True)
        kept = [line for line in lines if not _names(line, traces)]
        return ("".join(kept) if kept else None), len(lines) - len(kept)
    pruned, count = _prune(document, traces)
    return (json.dumps(pruned, indent=1) if pruned else None), count


def _prune(value: Any, traces: Traces) -> tuple[Any, int]:
    """Drop entries of lists and mappings that name what is erased; a mapping that says so of itself goes whole."""
    if isinstance(value, dict):
        fields: dict[str, Any] = value
        if any(_is_named(each, traces) for each in fields.values()):
            return None, 1
        found = {key: _prune(key if _is_named(key, traces) else each, traces) for key, each in fields.items()}
        kept = {key: each for key, (each, _) in found.items() if each is not None or fields[key] is None}
        return kept, sum(count for _, count in found.values())
    if isinstance(value, list):
        items: list[Any] = value
        pruned = [_prune(each, traces) for each in items]
        kept_items = [
            each for (each, _), item in zip(pruned, items, strict=True) if each is not None or item is None
        ]
        return kept_items, sum(count for _, count in pruned)
    return (None, 1) if _is_named(value, traces) else (value, 0)


def _is_named(value: Any, traces: Traces) -> bool:
    if not isinstance(value, str):
        return False
    return plain(value) == traces.rater if traces.rater else bool(traces.found_in(value.encode()))


def _names(line: str, traces: Traces) -> bool:
    if traces.rater:
        return json.dumps(traces.rater) in line
    return bool(traces.found_in(line.encode("utf-8", "surrogateescape")))


def _doomed(rows: pa.Table, traces: Traces) -> pc.Expression:
    if traces.rater:
        raters = {each for each in rows["rater"].unique().to_pylist() if plain(each) == traces.rater}
        return pc.field("rater").isin(pa.array(sorted(raters), pa.string()))
    rated = {each for each in rows["segment"].unique().to_pylist() if traces.is_own(each)}
    return pc.field("segment").isin(pa.array(sorted(rated), pa.string()))


def _pruned(record: dict[str, Any], traces: Traces) -> tuple[dict[str, Any], int]:
    """Return the record of a space without the traces, and how many stimuli and sources those were."""
    space = SemanticSpace.from_json(record["space"])
    own = np.array([traces.is_own(each) for each in space.segments], np.bool_)
    refused: dict[str, Any] = record.get("refused", {})
    source, count = _without(traces, record["diagnostics"].get("source", "").split(", "))
    pruned = {**record, "diagnostics": {**record["diagnostics"], "source": ", ".join(source)}}
    if own.any():
        pruned["space"] = space.without_stimuli(own).to_json()
    if refused:
        sources, in_sources = _without(traces, refused["sources"])
        problems, in_problems = _without(traces, refused["problems"])
        pruned["refused"] = {**refused, "sources": sources, "problems": problems}
        count += in_sources + in_problems
    return pruned, count + int(own.sum())


def _without(traces: Traces, texts: list[str]) -> tuple[list[str], int]:
    kept = [each for each in texts if not traces.found_in(each.encode())]
    return kept, len(texts) - len(kept)
