"""Work through the clips of a camera-day, each whole or not at all, several at once, resumable.

Belongs here: the partition definition, the loop that all clip-level assets share. Stays out: the processes that
it may use (``workers``), what is kept of a failure (``failures``), what any asset computes.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import dagster as dg

from apexline.assets.lake.clips import without_video
from apexline.assets.lake.failures import (
    Failure,
    forget_failure,
    record_failure,
    recorded_failures,
    this_release,
)
from apexline.assets.lake.storage import DamagedFile, Lake, fingerprint
from apexline.assets.lake.workers import ClipWorkers, Compute, Fault, Job, may_pass

# One key per camera and day: a partition per clip or track would drown Dagster beyond some 40,000 keys.
CAMERA_DAYS = dg.DynamicPartitionsDefinition(name="camera_day")
_SHOWN = 50  # failed clips
# A full disk is cleared, a store comes back: the step waits and goes on where it stopped, a few times.
_RETRIES, _WAIT_S = 3, (5.0, 15.0)
# Any number of files may be bad, and the machine still sound.
_OF_FILES = {"UnreadableVideo", DamagedFile.__name__}


@dataclass
class Progress:
    """What a pass over camera-days did: clips computed, left as they were and failed, and the files' fingerprints."""

    computed: list[str] = field(default_factory=list[str])
    unchanged: list[str] = field(default_factory=list[str])
    removed: list[str] = field(default_factory=list[str])
    failed: list[Failure] = field(default_factory=list[Failure])
    stamps: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def data_version(self) -> dg.DataVersion:
        """Version of the partition: it changes exactly when one of its files does."""
        return dg.DataVersion(fingerprint(self.stamps))

    def metadata(self) -> dict[str, dg.MetadataValue]:
        """Counts for the asset's metadata."""
        return {
            "clips_computed": dg.MetadataValue.int(len(self.computed)),
            "clips_unchanged": dg.MetadataValue.int(len(self.unchanged)),
            "clips_removed": dg.MetadataValue.int(len(self.removed)),
            **failed_metadata(self.failed),
        }


def failed_metadata(failures: Sequence[Failure]) -> dict[str, dg.MetadataValue]:
    """Return count, reason and retry command of failed clips for an asset's metadata; nothing where none failed."""
    if not failures:
        return {}
    shown = [
        {"clip": each.clip_id, "reason": f"{each.reason}: {each.detail}", "retry": each.retry}
        for each in failures[:_SHOWN]
    ]
    return {
        "clips_failed": dg.MetadataValue.int(len(failures)),
        "failed": dg.MetadataValue.json(shown),
    }


def fingerprints(lake: Lake, camera_day: str, *tables: str) -> dict[str, str]:
    """Return for each clip that has a file in every one of `tables` the fingerprint of those files together.

    A damaged file has none: whoever computes from it fails, and says so, until it is made again.
    """
    names = [set(lake.names(table, camera_day=camera_day)) for table in tables]
    return {
        clip_id: fingerprint(
            *[lake.fingerprint_of(table, clip_id, camera_day=camera_day) for table in tables]
        )
        for clip_id in sorted(set.intersection(*names))
    }


def for_each_clip(
    lake: Lake,
    camera_days: Sequence[str],
    tables: Sequence[str],
    *,
    clips: Callable[[str], Mapping[str, str]],
    code_version: str,
    depends_on: Sequence[object] = (),
    compute: Compute,
    workers: ClipWorkers | None = None,
) -> Progress:
    """Bring `tables` up to date, clip by clip.

    Parameters
    ----------
    camera_days : sequence of str
        Partition keys; a backfill runs over many at once.
    tables : sequence of str
        The tables that `compute` writes for a clip; it writes the last one last, so that whoever comes after goes by
        its fingerprint.
    clips : callable
        ``clips(camera_day)``: which clips there should be, each with the fingerprint of what it is computed from.
    code_version : str
        Of the stage.
    depends_on : sequence, optional
        What else the result depends on: parameter hashes.
    compute : callable
        ``compute(camera_day, clip_id, stamp)`` writes the clip's files with the fingerprint `stamp`.
    workers : ClipWorkers, optional
        Processes to compute in; by default this one.

    Returns
    -------
    Progress
        Clips whose files already carry the expected fingerprint are not computed again, which a damaged file does
        not, nor are those whose video was deleted in time;
        files whose clip is gone are removed. A clip that fails stops no other and is recorded as `compute_clips`
        says; a file that it had before stays.

    Raises
    ------
    Exception
        As `compute_clips`.
    """
    progress = Progress()
    jobs: list[Job] = []
    for camera_day in camera_days:
        wanted, kept = clips(camera_day), without_video(lake, camera_day)
        for clip_id, upstream in wanted.items():
            if clip_id in kept:
                known = lake.fingerprint_of(tables[-1], clip_id, camera_day=camera_day)
                progress.unchanged.append(clip_id)
                progress.stamps[f"{camera_day}/{clip_id}"] = known or ""
                continue
            stamp = fingerprint(list(tables), upstream, code_version, *depends_on)
            if all(lake.fingerprint_of(table, clip_id, camera_day=camera_day) == stamp for table in tables):
                progress.unchanged.append(clip_id)
                progress.stamps[f"{camera_day}/{clip_id}"] = stamp
            else:
                jobs.append((camera_day, clip_id, stamp))
        for orphan in sorted(set(lake.names(tables[-1], camera_day=camera_day)) - set(wanted) - kept):
            for table in tables:
                lake.remove(table, orphan, camera_day=camera_day)
            progress.removed.append(orphan)
    progress.failed = compute_clips(
        lake, camera_days, tables[-1], jobs, compute=compute, code_version=code_version, workers=workers
    )
    failed = {(each.camera_day, each.clip_id) for each in progress.failed}
    for camera_day, clip_id, stamp in jobs:
        if (camera_day, clip_id) not in failed:
            progress.computed.append(clip_id)
            progress.stamps[f"{camera_day}/{clip_id}"] = stamp
    return progress


def compute_clips(
    lake: Lake,
    camera_days: Sequence[str],
    stage: str,
    jobs: Sequence[Job],
    *,
    compute: Compute,
    code_version: str,
    workers: ClipWorkers | None = None,
) -> list[Failure]:
    """Compute the clips of a stage that are out of date, and keep on record which ones can't be computed.

    A clip that failed is left alone while nothing that it depends on has changed: inputs, parameters, code version,
    release of the package; ``apexline retry`` tries it all the same. Its record goes when it is computed or gone.

    Parameters
    ----------
    camera_days : sequence of str
        All that are looked at, also those without a job.
    jobs : sequence of (str, str, str)
        Camera-day, clip and fingerprint of each clip that is out of date.

    Returns
    -------
    list of Failure
        The clips among `jobs` that failed, now or before.

    Raises
    ------
    RuntimeError
        If several clips and all that were tried failed for one reason that does not say of their files that they are
        bad: more likely code or machine than clips. They are on record, so that the next run goes on without them.
    dagster.RetryRequested
        Of a fault of the machine that may pass, which is its cause.
    Exception
        What else `ClipWorkers.run` counts as the machine's fault.
    """
    known = [each for day in camera_days for each in recorded_failures(lake, stage=stage, camera_day=day)]
    standing = {(each.camera_day, each.clip_id): each for each in known}
    failures = [
        standing[day, clip_id]
        for day, clip_id, stamp in jobs
        if (day, clip_id) in standing and standing[day, clip_id].stands(stamp)
    ]
    spared = {(each.camera_day, each.clip_id) for each in failures}
    tried = [job for job in jobs if job[:2] not in spared]
    try:
        faults = (workers or ClipWorkers()).run(compute, tried)
    except Exception as error:
        if not may_pass(error):
            raise
        wait_s = random.uniform(*_WAIT_S)  # else all runs that a full disk met would come back together
        raise dg.RetryRequested(_RETRIES, seconds_to_wait=wait_s) from error
    for (camera_day, clip_id, stamp), fault in faults.items():
        failure = Failure(
            stage=stage,
            camera_day=camera_day,
            clip_id=clip_id,
            stamp=stamp,
            reason=fault.reason,
            detail=fault.detail,
            failed_at=datetime.now(UTC).isoformat(timespec="seconds"),
            code_version=code_version,
            release=this_release(),
        )
        record_failure(lake, failure)
        failures.append(failure)
    still = {(each.camera_day, each.clip_id) for each in failures}
    for each in known:
        if (each.camera_day, each.clip_id) not in still:
            forget_failure(lake, each)
    _check_that_it_is_the_clips(stage, len(tried), list(faults.values()))
    return sorted(failures, key=lambda each: (each.camera_day, each.clip_id))


def _check_that_it_is_the_clips(stage: str, num_tried: int, faults: Sequence[Fault]) -> None:
    reasons = {fault.reason for fault in faults}
    if 1 < num_tried == len(faults) and len(reasons) == 1 and not reasons <= _OF_FILES:
        msg = (
            f"{stage}: none of {num_tried} clips could be computed, the first for {faults[0].reason}: "
            f"{faults[0].detail}; expected one to succeed. Mend the machine or the code, then run `apexline retry`"
        )
        raise RuntimeError(msg)
