"""Run the line from Python: what the commands do, step by step, as ordinary Dagster runs.

Belongs here: which jobs run for which camera-days, and what came of it. Stays out: printing
(``orchestration.commands``).
"""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import dagster as dg

from apexline.assets.lake import CAMERA_DAYS, Lake
from apexline.ml.registry import ModelRegistry
from apexline.orchestration.definitions import build_definitions
from apexline.orchestration.launcher import here
from apexline.orchestration.resources import build_resources
from apexline.orchestration.settings import Settings

# A command prints its own summary; what happened in detail stands in the run's log in the UI.
_QUIET: dict[str, Any] = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass
class Work:
    """How much was computed and how much was already there, over a command's runs, by asset."""

    computed: dict[str, int] = field(default_factory=dict[str, int])
    unchanged: dict[str, int] = field(default_factory=dict[str, int])
    run_ids: list[str] = field(default_factory=list[str])

    @property
    def total_computed(self) -> int:
        """Number of files and models that were computed."""
        return sum(self.computed.values())

    def add(self, result: dg.ExecuteInProcessResult) -> None:
        """Add what the assets of a run reported."""
        self.run_ids.append(result.run_id)
        for event in result.get_asset_materialization_events():
            materialization = event.materialization
            asset = materialization.asset_key.to_user_string()
            for key, into in (("computed", self.computed), ("unchanged", self.unchanged)):
                value = materialization.metadata.get(f"clips_{key}") or materialization.metadata.get(key)
                count = value.value if isinstance(value, dg.IntMetadataValue) else None
                into[asset] = into.get(asset, 0) + (count or 0)


class Line:
    """The jobs of one installation, run in this process and recorded in its Dagster instance."""

    def __init__(self, settings: Settings, instance: dg.DagsterInstance):
        self.settings = settings
        self.instance = instance
        self.definitions = build_definitions(settings)
        resources = build_resources(settings)
        self.lake: Lake = resources["lake"]
        self.registry: ModelRegistry = resources["registry"]
        self.work = Work()

    def run(
        self,
        job: str,
        *,
        camera_day: str | None = None,
        config: dict[str, Any] | None = None,
        tags: dict[str, str] | None = None,
    ) -> None:
        """Run a job to its end; raises what the failing asset raised."""
        if camera_day is not None:
            self.instance.add_dynamic_partitions(str(CAMERA_DAYS.name), [camera_day])
        result = self.definitions.resolve_job_def(job).execute_in_process(
            instance=self.instance,
            partition_key=camera_day,
            run_config={**_QUIET, **(config or {})},
            tags={**here(), **(tags or {})},
        )
        self.work.add(result)


@contextmanager
def open_line(settings: Settings) -> Generator[Line]:
    """Open the installation's Dagster instance for the block."""
    settings.prepare()
    with dg.DagsterInstance.from_config(str(settings.dagster_home)) as instance:
        yield Line(settings, instance)
