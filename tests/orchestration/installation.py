"""A home where the demonstration ran, and what its Dagster instance has on record."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg

from apexline.assets.lake.schemas import TABLES
from apexline.assets.lake.storage import Lake
from apexline.ml.registry.client import ModelRegistry
from apexline.orchestration.resources import build_registry
from apexline.orchestration.settings import Settings

# Asset by asset: group, and what must be there before it.
LINE = {
    "clip_manifest": ("ingest", set()),
    "face_tracks": ("faces", {"clip_manifest"}),
    "texture_features": ("features", {"face_tracks"}),
    "flow_features": ("features", {"face_tracks"}),
    "expression_features": ("features", {"face_tracks"}),
    "expression_segments": ("features", {"texture_features", "flow_features", "expression_features"}),
    "rating_surveys": ("semantics", {"clip_manifest", "expression_segments"}),
    "pad_space": ("semantics", {"rating_surveys"}),
    "training_set": ("training", {"clip_manifest", "face_tracks", "expression_segments", "pad_space"}),
    "deepid_baseline": ("training", {"training_set", "pad_space"}),
    "deepid_features": ("training", {"training_set", "pad_space"}),
    "deepid_semantic": ("training", {"training_set", "pad_space"}),
    "model_comparison": ("training", {"deepid_baseline", "deepid_features", "deepid_semantic"}),
    "champion": ("training", {"model_comparison"}),
    "segment_scores": ("scoring", {"expression_segments", "champion"}),
    "warehouse": ("publishing", {"segment_scores", "rating_surveys", "model_comparison", "champion"}),
    "score_shift": ("scoring", {"model_comparison", "segment_scores"}),
    "drift": ("publishing", {"warehouse"}),
    "report": ("publishing", {"warehouse"}),
}
BY_CAMERA_DAY = {
    "clip_manifest",
    "face_tracks",
    "texture_features",
    "flow_features",
    "expression_features",
    "expression_segments",
    "segment_scores",
}


@dataclass(frozen=True)
class Installation:
    """A home where the demonstration ran, and what it said."""

    settings: Settings
    summary: dict[str, Any]

    @property
    def lake(self) -> Lake:
        return Lake(self.settings.home_path)

    @property
    def registry(self) -> ModelRegistry:
        return build_registry(self.settings)


def quiet(text, done, total):
    """Say nothing about progress."""


def data_versions(settings):
    """Latest data version of every asset and partition that was materialised."""
    found = {}
    with dg.DagsterInstance.from_config(str(settings.dagster_home)) as instance:
        for key in instance.all_asset_keys():
            records = instance.fetch_materializations(key, limit=1000, ascending=True).records
            for record in records:
                tags = record.asset_materialization.tags
                found[key.to_user_string(), record.partition_key] = tags["dagster/data_version"]
    return found


def drawings(settings, camera_day):
    """Pictures in the latest record of what shows faces, as they are stored."""
    found = {}
    with dg.DagsterInstance.from_config(str(settings.dagster_home)) as instance:
        for asset, days in (
            ("face_tracks", [camera_day]),
            ("expression_segments", [camera_day]),
            ("training_set", None),
        ):
            wanted = dg.AssetRecordsFilter(asset_key=dg.AssetKey(asset), asset_partitions=days)
            for record in instance.fetch_materializations(wanted, limit=1).records:
                for title, value in record.asset_materialization.metadata.items():
                    if isinstance(value, dg.MarkdownMetadataValue):
                        half = len(value.md_str) // 2  # past what every picture begins with
                        found[asset, title] = value.md_str[half : half + 200].encode()
    return found


def check_evaluations(settings):
    """All that the asset checks of all runs found."""
    with dg.DagsterInstance.from_config(str(settings.dagster_home)) as instance:
        return [
            record.event_log_entry.asset_check_evaluation
            for run in instance.get_runs()
            for record in instance.get_records_for_run(
                run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION
            ).records
        ]


def latest_metadata(settings, asset, camera_day):
    """Metadata of an asset's last materialisation of a camera-day."""
    wanted = dg.AssetRecordsFilter(dg.AssetKey(asset), asset_partitions=[camera_day])
    with dg.DagsterInstance.from_config(str(settings.dagster_home)) as instance:
        [record] = instance.fetch_materializations(wanted, limit=1).records
    return record.asset_materialization.metadata


def with_changes(path: Path, **sections: str) -> str:
    """Text of a parameter file with other sections in place of its own."""
    lines = path.read_text().splitlines()
    kept = [each for each in lines if each.partition(":")[0] not in sections]
    return "\n".join([*kept, *(f"{name}: {value}" for name, value in sections.items())])


def computed(work):
    """Assets of which something was computed."""
    return {asset for asset, count in work.computed.items() if count}


def files_of(lake, day):
    """Score files of a camera-day, as bytes by name."""
    names = lake.names("segment_scores", camera_day=day)
    return {name: lake.path("segment_scores", name, camera_day=day).read_bytes() for name in names}


def shown_code(word):
    """Return the Python block of the how-to page that holds `word`."""
    text = (Path(__file__).parents[2] / "docs" / "howto" / "ask.md").read_text(encoding="utf-8")
    [block] = [each for each in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if word in each]
    return block


def names(keys):
    return {key.to_user_string() for key in keys}


def promote(line, number):
    """Make a version champion without a comparison, as a decision that is kept."""
    now = datetime.now(UTC)
    row = {field.name: None for field in TABLES["promotions"]}
    row |= {"decided_at": now, "model_version": number, "promoted": True, "approved_by": "ada"}
    line.lake.write("promotions", f"{now:%Y%m%dT%H%M%S%f}-v{number}", [row], stamp="of a test")
    line.registry.set_alias("champion", number)
