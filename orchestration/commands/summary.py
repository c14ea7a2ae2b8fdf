"""What a run of the line came to, as tables for the terminal."""

import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from apexline.assets.ingest import IntakeResult, quarantined
from apexline.assets.lake import Lake
from apexline.assets.publishing import open_warehouse, read_relation
from apexline.assets.training import CHAMPION, VERSIONS
from apexline.orchestration.line import Line, open_line
from apexline.orchestration.settings import Settings


def line_summary(line: Line, *, seconds: float) -> dict[str, Any]:
    """Return the summary's sections by title: the lake, spotting, the three versions, what was done, where to look."""
    return {
        "line": _totals(line),
        "spotting against the sample's truth (synthetic)": _spotting(line),
        "three DeepID versions, test subjects (synthetic)": _versions(line),
        "this run": _work(line, seconds),
        "where to look next": {
            **_published(line),
            "UI": f"{_command()} ui  (Dagster and MLflow: open the links that it prints)",
        },
    }


def publish_now(settings: Settings, *, on_step: Callable[[str], None]) -> dict[str, str]:
    """Build warehouse and report, and return where they lie."""
    with open_line(settings) as line:
        on_step("warehouse and report")
        line.run("publish")
        return _published(line)


def _published(line: Line) -> dict[str, str]:
    return {
        "report": str(line.lake.home / "reports" / "latest" / "index.html"),
        "warehouse": str(line.settings.warehouse_path),
    }


def _command() -> str:
    """Say how the command is called from here, whether or not its environment is active."""
    command = Path(sys.executable).with_name("apexline")
    return str(command.relative_to(Path.cwd()) if command.is_relative_to(Path.cwd()) else command)


def clip_table(lake: Lake, results: list[IntakeResult]) -> list[dict[str, Any]]:
    """Return one row per file: what became of it, tracks, segments, and what the champion said of them."""
    return [
        {
            "file": result.name,
            "status": result.reason or result.status,
            "tracks": len(_distinct(lake, result, "face_tracks", "track_id")),
            "segments": len(_distinct(lake, result, "expression_segments", "segment_id")),
            "apparent expressions": _apparent(lake, result),
            "clip_id": result.clip_id,
        }
        for result in results
    ]


def _distinct(lake: Lake, result: IntakeResult, table: str, column: str) -> set[str]:
    if result.clip_id not in lake.names(table, camera_day=result.camera_day or None):
        return set()
    rows = lake.read(table, result.clip_id, camera_day=result.camera_day, columns=[column])
    return set(rows[column].to_pylist())


def _apparent(lake: Lake, result: IntakeResult) -> str:
    """Count the emotions that the newest scores of a clip name."""
    if not result.camera_day:
        return ""
    rows = lake.read_all("segment_scores", camera_days=[result.camera_day]).to_pylist()
    own = sorted((row for row in rows if row["clip_id"] == result.clip_id), key=lambda row: row["scored_at"])
    newest = {row["segment_id"]: row["emotion"] for row in own}
    return ", ".join(f"{emotion} {count}" for emotion, count in Counter(newest.values()).most_common())


def _totals(line: Line) -> dict[str, Any]:
    lake = line.lake
    champion = line.registry.get_alias(CHAMPION)
    name = f"version {champion} ({line.registry.tags(champion)['version']})" if champion else "none"
    return {
        "clips": lake.read_all("clip_manifest", columns=["clip_id"]).num_rows,
        "quarantined": len(quarantined(lake)),
        "tracks": len(set(lake.read_all("face_tracks", columns=["track_id"])["track_id"].to_pylist())),
        "segments": lake.read_all("expression_segments", columns=["segment_id"]).num_rows,
        "champion": name,
        "scores stored": lake.read_all("segment_scores", columns=["segment_id"]).num_rows,
    }


def _versions(line: Line) -> list[dict[str, Any]]:
    names = line.lake.names("model_comparison")
    rows = [row for name in names for row in line.lake.read("model_comparison", name).to_pylist()]
    latest = {row["version"]: row for row in sorted(rows, key=lambda row: row["model_version"])}
    return [
        {
            "version": f"{version} (v{latest[version]['model_version']})",
            "loss": latest[version]["loss"],
            **{key: _interval(latest[version], key) for key in ("recognition", "classification")},
            "data": "synthetic" if latest[version]["synthetic"] else "real",
        }
        for version in VERSIONS
        if version in latest
    ]


def _interval(row: dict[str, Any], key: str) -> str:
    return f"{row[key]:.3f} [{row[f'{key}_low']:.3f}, {row[f'{key}_high']:.3f}]"


def _work(line: Line, seconds: float) -> dict[str, Any]:
    computed = {asset: count for asset, count in line.work.computed.items() if count}
    return {
        "computed": computed or "nothing: everything was up to date",
        "files and models unchanged": sum(line.work.unchanged.values()),
        "seconds": round(seconds, 1),
    }


def _spotting(line: Line) -> list[dict[str, Any]]:
    with open_warehouse(line.settings.warehouse_path) as connection:
        rows = read_relation(connection, "spotting_summary").to_dict("records")
    return [{str(key): value for key, value in row.items() if key != "synthetic"} for row in rows]
