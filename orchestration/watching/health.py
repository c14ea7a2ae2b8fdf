"""What is the matter with a home that works by itself, each with its remedy.

Belongs here: looking, the same for `apexline doctor`, for alerts and for metrics. Stays out: telling somebody
(``alerts``), clips that failed or were refused (the doctor's own lists: they say something about the clip, and the home
is sound).
"""

import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import time

import dagster as dg
from dagster._core.launcher import WorkerStatus
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus

from apexline.assets.lake import Lake, clip_ids, stored_camera_days, unprocessed_clips
from apexline.assets.training import CHAMPION, moved_alias
from apexline.ml.registry import TAINTED, ModelRegistry
from apexline.orchestration.settings import Settings

_DAY_S = 24 * 3600.0
# Older failures are history; of cameras that were silent for as long nobody waits for a clip.
_LOOK_BACK = timedelta(days=7)
_LISTED_RUNS = 100
_BEAT_S = 5 * 60.0  # daemons report every 30 s
_FULL, _NEARLY_FULL = 2 << 30, 0.1  # bytes left; share left
_UNFINISHED = (
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)


@dataclass(frozen=True)
class Problem:
    """Something that is the matter.

    Attributes
    ----------
    kind : str
        ``failed run``, ``stuck run``, ``failed check``, ``late camera``, ``moved alias``, ``erased data``, ``disk``,
        ``unprocessed``, ``daemon`` or ``champion``.
    key : str
        Tells it from others of its kind for as long as it lasts.
    detail : str
        What was seen, and the remedy.
    is_wrong : bool
        False for what may mend itself.
    """

    kind: str
    key: str
    detail: str
    is_wrong: bool = True


def watched(
    settings: Settings, lake: Lake, registry: ModelRegistry, instance: dg.DagsterInstance
) -> list[Problem]:
    """Look for all that somebody should be told of: cheap enough for every minute."""
    looks: tuple[Callable[[], Iterable[Problem]], ...] = (
        lambda: failed_runs(instance),
        lambda: stuck_runs(instance),
        lambda: late_cameras(lake, silent_s=settings.camera_silent_s),
        lambda: moved(lake, registry),
        lambda: learned_from_erased(registry),
        lambda: full_disks(settings),
    )
    return [problem for look in looks for problem in look()]


def failed_runs(instance: dg.DagsterInstance) -> Iterator[Problem]:
    """Yield runs of the last week that failed, and that no later run of the same made good."""
    since = datetime.now(UTC) - _LOOK_BACK
    wanted = dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE], created_after=since)
    seen: set[tuple[str, str]] = set()
    for record in instance.get_run_records(wanted, limit=_LISTED_RUNS):
        run = record.dagster_run
        subject = (run.job_name, run.tags.get("dagster/partition", ""))
        if subject in seen or _is_made_good(instance, run):
            continue
        seen.add(subject)
        of = f" of {subject[1]}" if subject[1] else ""
        yield Problem(
            "failed run",
            run.run_id,
            f"{run.job_name}{of} failed at {_utc(record.end_time)} (run {run.run_id}): read its log in the UI, mend "
            "what it names, then run it again there",
        )


def _is_made_good(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    partition = run.tags.get("dagster/partition")
    tags = {"dagster/partition": partition} if partition else {}
    wanted = dg.RunsFilter(job_name=run.job_name, tags=tags, statuses=[dg.DagsterRunStatus.SUCCESS])
    later = instance.get_run_records(wanted, limit=1)
    failed = instance.get_run_record_by_id(run.run_id)
    return bool(later) and failed is not None and later[0].storage_id > failed.storage_id


def stuck_runs(instance: dg.DagsterInstance) -> Iterator[Problem]:
    """Yield runs whose process is gone."""
    launcher = instance.run_launcher
    if not launcher.supports_check_run_worker_health:
        return
    for record in instance.get_run_records(dg.RunsFilter(statuses=list(_UNFINISHED))):
        run = record.dagster_run
        health = launcher.check_run_worker_health(run)
        if health.status is WorkerStatus.FAILED:
            yield Problem(
                "stuck run",
                run.run_id,
                f"{run.job_name} (run {run.run_id}) counts as {run.status.value.lower()}, but {health.msg}: the daemon "
                "ends it within two minutes while `apexline ui` runs; else terminate it in the UI",
            )


def failed_checks(instance: dg.DagsterInstance, keys: Iterable[dg.AssetCheckKey]) -> Iterator[Problem]:
    """Yield asset checks that failed when they last ran; those that only warn are not wrong."""
    found = instance.event_log_storage.get_latest_asset_check_execution_by_key(list(keys))
    for key, record in found.items():
        if record.status is not AssetCheckExecutionRecordStatus.FAILED or record.event is None:
            continue
        event = record.event.dagster_event
        if event is None:
            continue
        evaluation = event.asset_check_evaluation_data
        name = f"{key.asset_key.to_user_string()}:{key.name}"
        yield Problem(
            "failed check",
            f"{name} {record.run_id}",
            f"{name} failed at {_utc(record.create_timestamp)} (run {record.run_id}): its metadata in the UI names the "
            "rows",
            is_wrong=evaluation.severity is dg.AssetCheckSeverity.ERROR,
        )


def late_cameras(lake: Lake, *, silent_s: float) -> Iterator[Problem]:
    """Yield cameras that sent clips as they recorded them, and have sent none for longer than `silent_s`."""
    newest: dict[str, str] = {}
    for key in stored_camera_days(lake):
        day, _, camera = key.partition("_")
        newest[camera] = max(newest.get(camera, ""), day)
    now = time()
    for camera, day in newest.items():
        began = datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()
        if now - began > _LOOK_BACK.total_seconds():
            continue
        arrived = _last_arrival(lake, f"{day}_{camera}")
        was_live = arrived - began < 2 * _DAY_S
        if was_live and now - arrived > silent_s:
            yield Problem(
                "late camera",
                f"{camera} {arrived:.0f}",
                f"{camera} is silent for {(now - arrived) / 3600:.1f} h, since {_utc(arrived)}: look at the camera, "
                "its network and `apexline record`",
            )


def _last_arrival(lake: Lake, camera_day: str) -> float:
    folder = lake.home / "clips" / camera_day
    return max(
        ((folder / f"{clip}.json").stat().st_mtime for clip in clip_ids(lake, camera_day)), default=0.0
    )


def moved(lake: Lake, registry: ModelRegistry) -> Iterator[Problem]:
    """Yield the alias that somebody moved in MLflow."""
    alias = registry.get_alias(CHAMPION)
    if alias is not None and (said := moved_alias(lake, alias)) is not None:
        yield Problem("moved alias", str(alias), said)


def learned_from_erased(registry: ModelRegistry) -> Iterator[Problem]:
    """Yield that the champion learned from something that was erased since: it scores until another one can."""
    number = registry.get_alias(CHAMPION)
    if number is not None and TAINTED in registry.tags(number):
        detail = (
            f"the champion, version {number}, learned from data that was erased since: `apexline retrain`, then "
            "`apexline approve --by NAME`; or `apexline demote` where the one before it learned from none of it"
        )
        yield Problem("erased data", str(number), detail)


def full_disks(settings: Settings) -> Iterator[Problem]:
    """Yield the disks of home and state that are full or will be."""
    home = settings.home_path
    folders = [settings.state_path, *([home] if isinstance(home, Path) else [])]
    for folder in {each.stat().st_dev: each for each in folders if each.exists()}.values():
        usage = shutil.disk_usage(folder)
        is_full = usage.free < _FULL
        if is_full or usage.free < _NEARLY_FULL * usage.total:
            detail = (
                f"{usage.free / 2**30:.1f} of {usage.total / 2**30:.0f} GiB are free at {folder}: delete files or move "
                "the home to a larger disk (`apexline backup`, `apexline restore`)"
            )
            yield Problem(
                "disk", f"{folder} {'full' if is_full else 'nearly full'}", detail, is_wrong=is_full
            )


def silent_daemons(instance: dg.DagsterInstance) -> Iterator[Problem]:
    """Yield that no daemon reports, or what the daemons say went wrong."""
    beats = instance.get_daemon_heartbeats()
    last = max((each.timestamp for each in beats.values()), default=None)
    if last is None or time() - last > _BEAT_S:
        seen = "none has ever run" if last is None else f"the last one reported at {_utc(last)}"
        yield Problem(
            "daemon",
            "silent",
            f"no daemon is at work ({seen}): sensors and schedules wait until `apexline ui` runs",
            is_wrong=False,
        )
        return
    for name, beat in beats.items():
        if beat.errors:
            detail = f"{name} reports {beat.errors[0].message.strip()[:300]}: see the UI, Deployment, Daemons"
            yield Problem("daemon", name, detail)


def waiting_clips(lake: Lake) -> Iterator[Problem]:
    """Yield what is stored and has not come to scores."""
    waiting = unprocessed_clips(lake)
    if waiting:
        shown = ", ".join(sorted(waiting)[:5])
        more = "" if len(waiting) <= 5 else f" and {len(waiting) - 5} more"
        detail = (
            f"{len(waiting)} camera-days hold clips that are not processed ({shown}{more}): `apexline ui` processes "
            "them, and `apexline ingest` does now"
        )
        yield Problem("unprocessed", shown, detail, is_wrong=False)


def unloadable_champion(lake: Lake, registry: ModelRegistry) -> Iterator[Problem]:
    """Yield that the champion does not load: it loads it, which takes seconds."""
    number = registry.get_alias(CHAMPION)
    if number is None:
        return
    try:
        registry.load_model(number)
    except Exception as error:  # whatever it is, nothing can be scored
        detail = (
            f"version {number} does not load ({type(error).__name__}: {error}): put its files back from a backup, "
            "or `apexline rollback` to an earlier version"
        )
        yield Problem("champion", str(number), detail)


def _utc(moment: float | None) -> str:
    return (
        "an unknown time" if moment is None else f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d %H:%M} UTC"
    )
