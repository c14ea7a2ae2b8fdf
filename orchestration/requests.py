"""Which runs to ask for: what is stored and not processed, or not scored by the champion, less what is on its way.

Belongs here: requests, derived from the lake and from the runs on record and never from what a tick did: a tick or a
run that was killed is made good by the next. Stays out: taking clips in, cursors, words for people (``sensors``).

A run covers a range of camera-days: those between two keys in the order in which Dagster came to know them. What a run
costs before it does anything is then shared, and a new champion takes tens of runs instead of thousands.
"""

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from time import time

import dagster as dg

from apexline.assets.lake import CAMERA_DAYS, Lake, fingerprint, unprocessed_clips
from apexline.assets.scoring import unscored_camera_days
from apexline.orchestration.jobs import process_camera_day, promote, publish, rescore, retrain

# A camera-day whose runs failed as often for the same clips waits for a person or for another clip.
MAX_RUNS = 3
# A clip could be what kills them.
_MAX_KILLED = 10
# A killed process leaves its run "started" for ever; one that said nothing for so long is taken for dead.
_SILENT_S = 6 * 3600.0
# Clips of a camera come one after another. A camera-day rests for so many times as long as its run took, within a
# minute of that run's creation: what came in meanwhile is taken together.
_REST_S, _RESTS = 60.0, 2.0
_DAYS_A_RUN, _RESCORED_A_RUN = 50, 200
_RUNS_AT_ONCE = 10  # what comes in meanwhile waits, and shares the next ones
# A run's tags: for which camera-day and which clips of it, so that each set of clips is tried for itself.
_MARK = "apexline"
_PARTITION_TAG, _RUN_KEY_TAG, _PRIORITY_TAG = "dagster/partition", "dagster/run_key", "dagster/priority"
_REASON_TAG, _OWN_FAULT = "dagster/failure_reason", "STEP_FAILURE"
_START_TAG, _END_TAG = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
_UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
_FINISHED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]


@dataclass(frozen=True)
class Requests:
    """What to ask for.

    Attributes
    ----------
    runs : list of RunRequest
    camera_days : list of str
        All that the lake holds: what Dagster has to know first.
    given_up : list of str
        Camera-days that are asked for no more.
    is_settled : bool
        There is nothing to ask for and nothing to wait for.
    """

    runs: list[dg.RunRequest]
    camera_days: list[str]
    given_up: list[str]
    is_settled: bool


def request_processing(lake: Lake, instance: dg.DagsterInstance) -> Requests:
    """Ask for runs of the camera-days that hold unprocessed clips, a few at once.

    One of which a run is on its way, or ended a moment ago, waits; `MAX_RUNS` runs in which an asset failed
    for one set of clips are enough, or ten whatever became of them.
    """
    due = unprocessed_clips(lake)
    if not due:
        return Requests([], [], [], is_settled=True)
    order = _known_order(instance, due)
    busy = _on_record(instance, process_camera_day.name, order)
    marks: dict[str, str] = {}
    taken: set[str] = set()
    given_up: list[str] = []
    for day in sorted(set(due) - busy.camera_days):
        mark = f"{_MARK}/{fingerprint(day, due[day])[:16]}"
        records = instance.get_run_records(dg.RunsFilter(job_name=process_camera_day.name, tags={mark: day}))
        if any(each.dagster_run.is_success for each in records):
            continue  # it went all the way and said which clips it could not process
        if _is_enough(records):
            given_up.append(day)
            continue
        marks[day] = mark
        taken |= {each.dagster_run.tags.get(_RUN_KEY_TAG, "") for each in records}
    runs = [
        _request(chunk, {marks[day]: day for day in chunk}, taken)
        for chunk in _neighbours(order, marks, _DAYS_A_RUN)[: max(0, _RUNS_AT_ONCE - busy.num_runs)]
    ]
    return Requests(runs, sorted(due), given_up, is_settled=False)


def request_rescoring(lake: Lake, instance: dg.DagsterInstance, champion: int) -> Requests:
    """Ask for one run at a time over the camera-days that the champion has not scored, the newest first.

    It stands behind what comes in: its priority is lower. `MAX_RUNS` runs for a camera-day that came to their end are
    enough, failed or not, or ten whatever became of them.
    """
    unscored = unscored_camera_days(lake, champion)
    if not unscored:
        return Requests([], [], [], is_settled=True)
    order = _known_order(instance, unscored)
    tags = {"champion": str(champion)}
    records = instance.get_run_records(dg.RunsFilter(job_name=rescore.name, tags=tags))
    if any(_is_on_its_way(instance, each) for each in records):
        return Requests([], unscored, [], is_settled=False)
    tried: dict[str, list[dg.RunRecord]] = defaultdict(list)
    for each in records:
        for day in _covered(each.dagster_run.tags, order):
            tried[day].append(each)
    processed = _on_record(instance, process_camera_day.name, order).camera_days
    asked = {day for day in unscored if not _is_enough(tried[day])}
    chunks = _neighbours(order[::-1], asked - processed, _RESCORED_A_RUN)
    taken = {each.dagster_run.tags.get(_RUN_KEY_TAG, "") for each in records}
    runs = [_request(chunk[::-1], {**tags, _PRIORITY_TAG: "-1"}, taken) for chunk in chunks[:1]]
    return Requests(runs, unscored, sorted(set(unscored) - asked), is_settled=not asked)


def request_publishing(instance: dg.DagsterInstance) -> dg.RunRequest | str:
    """Ask for the warehouse where a run ended since it was built, or say why not.

    It rests twice as long as the last build took: as a warehouse grows, it is built less often. `MAX_RUNS` failed
    builds in a row wait for a person, or for the daily one.
    """
    records = instance.get_run_records(dg.RunsFilter(job_name=publish.name), limit=MAX_RUNS)
    if any(_is_on_its_way(instance, each) for each in records):
        return "a build of the warehouse is on its way"
    if len(records) == MAX_RUNS and not any(each.dagster_run.is_success for each in records):
        return f"the last {MAX_RUNS} builds of the warehouse failed; see the runs of `publish` for the reason"
    last = next((each for each in records if each.dagster_run.is_success), None)
    built = 0.0 if last is None or last.start_time is None else last.start_time
    if not _ended_since(instance, built):
        return "nothing was computed since the warehouse was built"
    if records and records[0].start_time is not None and _rests(records[0]):
        return "the warehouse was built a moment ago"
    return dg.RunRequest(asset_selection=[dg.AssetKey("warehouse")])


def _ended_since(instance: dg.DagsterInstance, moment: float) -> bool:
    """Tell whether a run ended after a moment (s since the epoch) that may have changed what the warehouse says."""
    jobs = (process_camera_day, rescore, retrain, promote)
    since = datetime.fromtimestamp(moment, UTC)
    return any(
        (record.end_time or 0.0) > moment
        for job in jobs
        for record in instance.get_run_records(
            dg.RunsFilter(job_name=job.name, statuses=_FINISHED, updated_after=since), limit=1
        )
    )


@dataclass(frozen=True)
class _OnRecord:
    """Runs of a job that are on their way, and the camera-days that those and the latest runs cover."""

    num_runs: int
    camera_days: set[str]


def _on_record(instance: dg.DagsterInstance, job: str, order: Sequence[str]) -> _OnRecord:
    unfinished = instance.get_run_records(dg.RunsFilter(job_name=job, statuses=_UNFINISHED))
    under_way = [each for each in unfinished if _is_on_its_way(instance, each)]
    since = datetime.fromtimestamp(time() - _REST_S, UTC)
    latest = instance.get_run_records(dg.RunsFilter(job_name=job, created_after=since))
    resting = [each for each in latest if each.dagster_run.is_finished and _rests(each)]
    covered = (_covered(each.dagster_run.tags, order) for each in (*under_way, *resting))
    return _OnRecord(len(under_way), set().union(*covered))


def _rests(record: dg.RunRecord) -> bool:
    """Tell whether what a finished run worked on is to rest; what never began rests as long as there is a rest."""
    if record.start_time is None or record.end_time is None:
        return True
    return time() - record.end_time < _RESTS * (record.end_time - record.start_time)


def _known_order(instance: dg.DagsterInstance, camera_days: Iterable[str]) -> list[str]:
    """Return the camera-days as Dagster will know them: in the order in which they were added."""
    known = list(instance.get_dynamic_partitions(str(CAMERA_DAYS.name)))
    return [*known, *sorted(set(camera_days) - set(known))]


def _neighbours(order: Sequence[str], wanted: Container[str], limit: int) -> list[list[str]]:
    """Cut the wanted keys into runs of neighbours in `order`, none longer than `limit`."""
    chunks: list[list[str]] = []
    is_open = False
    for key in order:
        if key not in wanted:
            is_open = False
        elif is_open and len(chunks[-1]) < limit:
            chunks[-1].append(key)
        else:
            chunks.append([key])
            is_open = True
    return chunks


def _request(chunk: Sequence[str], tags: Mapping[str, str], taken: Container[str]) -> dg.RunRequest:
    """Ask for a run under a key that no run has: Dagster asks for a key once, whatever became of the run."""
    key = fingerprint(list(chunk), dict(tags))
    keys = (key if number == 0 else f"{key}-{number}" for number in count())
    run_key = next(each for each in keys if each not in taken)
    if len(chunk) == 1:
        return dg.RunRequest(run_key, partition_key=chunk[0], tags=tags)
    return dg.RunRequest(run_key, tags={**tags, _START_TAG: chunk[0], _END_TAG: chunk[-1]})


def _is_enough(records: Sequence[dg.RunRecord]) -> bool:
    """Tell whether to try no more: what fails by itself fails again, a run whose process was killed may not."""
    runs = [each.dagster_run for each in records]
    own = [each for each in runs if each.is_success or each.tags.get(_REASON_TAG) == _OWN_FAULT]
    return len(own) >= MAX_RUNS or len(records) >= _MAX_KILLED


def _covered(tags: Mapping[str, str], order: Sequence[str]) -> Sequence[str]:
    """Return the camera-days that a run with these tags is about."""
    if _PARTITION_TAG in tags:
        return [tags[_PARTITION_TAG]]
    try:
        return order[order.index(tags[_START_TAG]) : order.index(tags[_END_TAG]) + 1]
    except (KeyError, ValueError):  # of none, or of keys that were deleted
        return []


def _is_on_its_way(instance: dg.DagsterInstance, record: dg.RunRecord) -> bool:
    if record.dagster_run.is_finished:
        return False
    last = instance.get_records_for_run(record.dagster_run.run_id, limit=1, ascending=False).records
    said = last[0].timestamp if last else record.create_timestamp.timestamp()
    return time() - said < _SILENT_S
