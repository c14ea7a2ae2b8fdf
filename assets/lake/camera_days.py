"""Work through the clips of a camera-day, each whole or not at all, several at once, resumable.

Belongs here: the partition definition, the loop that all clip-level assets share. Stays out: the processes that
it may use (``workers``), what any asset computes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import dagster as dg

from apexline.assets.lake.storage import Lake, fingerprint
from apexline.assets.lake.workers import ClipWorkers, Compute

# One key per camera and day: a partition per clip or track would drown Dagster beyond some 40,000 keys.
CAMERA_DAYS = dg.DynamicPartitionsDefinition(name="camera_day")


@dataclass
class Progress:
    """What a pass over a camera-day did: clips computed and left as they were, and the files' fingerprints."""

    computed: list[str] = field(default_factory=list[str])
    unchanged: list[str] = field(default_factory=list[str])
    removed: list[str] = field(default_factory=list[str])
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
        }


def fingerprints(lake: Lake, camera_day: str, *tables: str) -> dict[str, str]:
    """Return for each clip that has a file in every one of `tables` the fingerprint of those files together."""
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
    depends_on: Sequence[object],
    compute: Compute,
    workers: ClipWorkers | None = None,
) -> Progress:
    """Bring `tables` up to date, clip by clip.

    Parameters
    ----------
    camera_days : sequence of str
        Partition keys; a backfill runs over many at once.
    tables : sequence of str
        The tables that `compute` writes for a clip; it writes the last one last, so that its fingerprint
        vouches for the others.
    clips : callable
        ``clips(camera_day)``: which clips there should be, each with the fingerprint of what it is computed from.
    depends_on
        What else the result depends on: code version and parameter hashes.
    compute : callable
        ``compute(camera_day, clip_id, stamp)`` writes the clip's files with the fingerprint `stamp`.
    workers : ClipWorkers, optional
        Processes to compute in; by default this one.

    Returns
    -------
    Progress
        Clips whose file already carries the expected fingerprint are not computed again; files whose clip is
        gone are removed.
    """
    progress = Progress()
    jobs: list[tuple[str, str, str]] = []
    for camera_day in camera_days:
        wanted = clips(camera_day)
        for clip_id, upstream in wanted.items():
            stamp = fingerprint(list(tables), upstream, *depends_on)
            progress.stamps[f"{camera_day}/{clip_id}"] = stamp
            if lake.fingerprint_of(tables[-1], clip_id, camera_day=camera_day) == stamp:
                progress.unchanged.append(clip_id)
            else:
                jobs.append((camera_day, clip_id, stamp))
                progress.computed.append(clip_id)
        for orphan in sorted(set(lake.names(tables[-1], camera_day=camera_day)) - set(wanted)):
            for table in tables:
                lake.remove(table, orphan, camera_day=camera_day)
            progress.removed.append(orphan)
    (workers or ClipWorkers()).run(compute, jobs)
    return progress
