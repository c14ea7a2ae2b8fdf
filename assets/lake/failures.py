"""Clips that a stage could not compute: which, why, and how they are tried again.

Belongs here: the records under ``failures/``, beside ``quarantine/`` and outside the lake, whose content they are no
part of, and going on without such clips. Stays out: whose fault an error is (``workers``), the loop over clips
(``camera_days``).
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError
from upath import UPath

from apexline.assets.lake.storage import DamagedFile, Lake

_T = TypeVar("_T")
_R = TypeVar("_R")
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Failure:
    """A clip that a stage could not compute.

    Attributes
    ----------
    stage, camera_day, clip_id : str
    stamp : str
        Fingerprint of what it was computed from and by; the same would fail again.
    reason, detail : str
        The exception's class and message.
    failed_at : str
        ISO 8601, UTC.
    code_version, release : str
        Of the stage and of the package: code of another one tries the clip again.
    """

    stage: str
    camera_day: str
    clip_id: str
    stamp: str
    reason: str
    detail: str
    failed_at: str
    code_version: str
    release: str

    def __str__(self) -> str:
        return f"{self.clip_id} of {self.camera_day}: {self.reason}: {self.detail}; to try it again: {self.retry}"

    @property
    def retry(self) -> str:
        """Command that tries the clip again."""
        return f"apexline retry {self.clip_id}"

    def stands(self, stamp: str) -> bool:
        """Tell whether computing the clip now, with the fingerprint `stamp`, would be what failed."""
        return (stamp, this_release()) == (self.stamp, self.release)


_RECORD = TypeAdapter(Failure)


def this_release() -> str:
    """Return the version of the package."""
    return version("apexline")


def record_failure(lake: Lake, failure: Failure) -> None:
    """Keep a failure until the clip is computed, tried again, gone or erased."""
    with lake.replacing(_path(lake, failure)) as file:
        file.write(json.dumps({**asdict(failure), "retry": failure.retry}, indent=1).encode())


def forget_failure(lake: Lake, failure: Failure) -> None:
    """Delete the record of a failure; what is not there is none."""
    _path(lake, failure).unlink(missing_ok=True)


def recorded_failures(
    lake: Lake, *, stage: str | None = None, camera_day: str | None = None, clip_id: str | None = None
) -> list[Failure]:
    """Return what is on record, of one stage, camera-day or clip where they are given, in this order."""
    stages = _folders(lake.home / "failures") if stage is None else [lake.home / "failures" / stage]
    days = [
        day
        for each in stages
        for day in (_folders(each) if camera_day is None else [each / camera_day])
        if day.is_dir()
    ]
    paths = sorted((path for day in days for path in day.glob(f"{clip_id or '*'}.json")), key=str)
    return [_read(path) for path in paths if path.is_file()]


def _folders(root: UPath) -> Iterator[UPath]:
    yield from (folder for folder in root.iterdir() if folder.is_dir()) if root.is_dir() else ()


def _read(path: UPath) -> Failure:
    try:
        return _RECORD.validate_json(path.read_bytes())
    except (ValidationError, OSError) as error:
        # It stands for nothing, so that the next run tries the clip again and writes or deletes the record.
        return Failure(
            stage=path.parent.parent.name,
            camera_day=path.parent.name,
            clip_id=path.stem,
            reason=DamagedFile.__name__,
            detail=f"the record of its failure can't be read: {type(error).__name__}",
            **dict.fromkeys(("stamp", "failed_at", "code_version", "release"), ""),
        )


def _path(lake: Lake, failure: Failure) -> UPath:
    return lake.home / "failures" / failure.stage / failure.camera_day / f"{failure.clip_id}.json"


def each_readable(read: Callable[[_T], _R], items: Iterable[_T]) -> Iterator[_R]:
    """Yield what `read` gives for each of some clips or tracks; a clip without sound files is left out, and logged.

    The stage that makes a missing or damaged file keeps on record why it could not.
    """
    for item in items:
        try:
            found = read(item)
        except (DamagedFile, FileNotFoundError) as error:
            _log.warning("left out: %s", error)
        else:
            yield found
