"""Numbers about a home for Prometheus.

Belongs here: which numbers, under which names. Stays out: what is the matter (``orchestration.watching``).
"""

import shutil
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from apexline.assets.ingest import quarantined
from apexline.assets.lake import Lake, clip_ids, recorded_failures, stored_camera_days, unprocessed_clips
from apexline.orchestration.operations.recording import read_ledger
from apexline.orchestration.resources import build_registry
from apexline.orchestration.settings import Settings
from apexline.orchestration.watching import watched


def metrics_text(settings: Settings) -> bytes:
    """Return all metrics of a home in Prometheus' text format."""
    settings.prepare()
    registry = CollectorRegistry()
    registry.register(HomeCollector(settings))
    return generate_latest(registry)


class HomeCollector(Collector):
    """Looks at a home whenever it is scraped."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def describe(self) -> list[Metric]:
        """Say nothing before the first look, which takes a while."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics."""
        lake = Lake(self.settings.home_path)
        days = stored_camera_days(lake)
        yield _gauge("clips", "Clips that are stored", sum(len(clip_ids(lake, day)) for day in days))
        yield _gauge("camera_days", "Camera-days with clips", len(days))
        yield _gauge(
            "camera_days_unprocessed", "With clips that have no scores", len(unprocessed_clips(lake))
        )
        yield _gauge("clips_failed", "Clips that a stage could not compute", len(recorded_failures(lake)))
        yield _gauge("files_quarantined", "Files that were refused", len(quarantined(lake)))
        usage = shutil.disk_usage(self.settings.state_path)
        yield _gauge("disk_free_bytes", "Free where the state lies", usage.free)
        with dg.DagsterInstance.from_config(str(self.settings.dagster_home)) as instance:
            yield from _runs(instance)
            yield from _daemons(instance)
            registry = build_registry(self.settings)
            kinds = Counter(each.kind for each in watched(self.settings, lake, registry, instance))
        yield _by("problems", "Things that somebody is told of", "kind", kinds)
        champion = registry.get_alias("champion")
        yield _gauge("champion_version", "The version that scores; 0: none yet", champion or 0)
        yield from _recorders(self.settings)


def _runs(instance: dg.DagsterInstance) -> Iterator[Metric]:
    since = datetime.now(UTC) - timedelta(days=1)
    statuses = Counter(
        run.status.value.lower() for run in instance.get_runs(dg.RunsFilter(created_after=since))
    )
    yield _by("runs_day", "Runs created within a day", "status", statuses)


def _daemons(instance: dg.DagsterInstance) -> Iterator[Metric]:
    beats = {name: int(beat.timestamp) for name, beat in instance.get_daemon_heartbeats().items()}
    yield _by("daemon_heartbeat_seconds", "When a daemon last reported, s since the epoch", "daemon", beats)


def _recorders(settings: Settings) -> Iterator[Metric]:
    frames = GaugeMetricFamily(
        "apexline_recorder_frames", "Frames since the recorder started", labels=["camera", "became"]
    )
    folder = settings.state_path / "recordings"
    for camera in sorted(folder.iterdir()) if folder.is_dir() else []:
        counted = [each for each in read_ledger(camera) if "received" in each]
        for name in ("received", "written", "missing") if counted else ():
            frames.add_metric([camera.name, name], counted[-1][name])
        if counted:
            frames.add_metric([camera.name, "dropped"], sum(counted[-1]["dropped"].values()))
    yield frames


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"apexline_{name}", text, value=value)


def _by(name: str, text: str, label: str, values: dict[str, int]) -> Metric:
    family = GaugeMetricFamily(f"apexline_{name}", text, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family
