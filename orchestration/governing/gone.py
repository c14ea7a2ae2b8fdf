"""Deleting what is due, and proving that it is gone.

Belongs here: deleting class by class, searching afterwards. Stays out: what is due (``due``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc
from upath import UPath

from apexline.assets.lake import TABLES, WITHOUT_CAMERA_DAY, delete_video, forget_failure, recorded_failures
from apexline.orchestration.erasure import (
    Clip,
    Traces,
    copies_of,
    delete_files,
    drop_examples,
    examples_of,
    pages_of,
    pixel_digest,
    search_home,
)
from apexline.orchestration.governing.due import TABLES_OF, StoredClip
from apexline.orchestration.line import Line


@dataclass
class Gone:
    """What was deleted: how much of each class, and what the search looks for afterwards.

    Attributes
    ----------
    counts : dict
        Things deleted, by class.
    clips : list of Clip
        Whose content must be nowhere; without ids, since results may be kept.
    pixels : set of str
        Digests of faces that must be nowhere.
    paths : list of UPath
        Files that must not be there.
    clip_ids : set of str
        Clips of which nothing may be left in lake and warehouse.
    """

    counts: dict[str, int] = field(default_factory=dict[str, int])
    clips: list[Clip] = field(default_factory=list[Clip])
    pixels: set[str] = field(default_factory=set[str])
    paths: list[UPath] = field(default_factory=list[UPath])
    clip_ids: set[str] = field(default_factory=set[str])

    def count(self, name: str, number: int) -> None:
        """Add to the count of a class."""
        if number:
            self.counts[name] = self.counts.get(name, 0) + number


def delete_of_clip(line: Line, clip: StoredClip, gone: Gone) -> None:
    """Delete what is due of one clip, the video first: without it nothing is computed again."""
    lake = line.lake
    if "clips" in clip.due:
        _delete_video(line, clip, gone)
    if "crops" in clip.due:
        _delete_faces(line, clip, gone)
    for name in ("crops", "features"):
        if name in clip.due:
            gone.count(name, _remove(line, clip, TABLES_OF[name], gone))
    if "scores" in clip.due:
        others = [table for table in TABLES if table not in WITHOUT_CAMERA_DAY]
        gone.count("scores", _remove(line, clip, others, gone))
        for failure in recorded_failures(lake, camera_day=clip.camera_day):
            if failure.clip_id == clip.clip_id:
                forget_failure(lake, failure)
        for path in (lake.home / "clips" / clip.camera_day).glob(f"{clip.clip_id}.*"):
            path.unlink()
        gone.clip_ids.add(clip.clip_id)


def delete_paths(paths: Iterable[UPath], name: str, gone: Gone) -> None:
    """Delete files."""
    for path in paths:
        path.unlink(missing_ok=True)
        gone.paths.append(path)
        gone.count(name, 1)


def remains(line: Line, gone: Gone) -> tuple[int, list[str]]:
    """Search the home for what was deleted; return how many files were looked at, and what is left."""
    left = [f"{path} is still there" for path in gone.paths if path.exists()]
    for clip_id in sorted(gone.clip_ids):
        left += [f"{path} is still there" for path in (line.lake.home / "lake").rglob(f"{clip_id}*")]
    traces = Traces(clips=gone.clips, pixels=gone.pixels)
    if not (gone.clips or gone.pixels):
        return 0, left
    number, found = search_home(line.settings, traces)
    return number, [*left, *found]


def _delete_video(line: Line, clip: StoredClip, gone: Gone) -> None:
    path = line.lake.home / "clips" / clip.camera_day / clip.video
    if not path.exists():
        return
    content = Clip("", clip.sha256, "", path.stat().st_size)
    copies = Traces(clips=[content])
    delete_video(line.lake, clip.camera_day, clip.clip_id)
    delete_files(line, copies, found := copies_of(line, copies))
    gone.clips.append(content)
    gone.paths.append(path)
    gone.count("clips", 1)
    gone.count("copies", len(found))


def _delete_faces(line: Line, clip: StoredClip, gone: Gone) -> None:
    """Delete pages that show the clip's faces and its rows of the training set; note what the faces look like."""
    traces = Traces(clips=[Clip(clip.clip_id, "", clip.camera_day)])
    lake = line.lake
    if clip.clip_id in lake.names("face_crops", camera_day=clip.camera_day):
        rows = lake.read("face_crops", clip.clip_id, camera_day=clip.camera_day, columns=["crop"])
        gone.pixels |= _digests(rows["crop"])
    examples = examples_of(line, traces)
    for name in examples:
        rows = lake.read("training_set", name, columns=["clip_id", "image", "onset"])
        own = rows.filter(pc.field("clip_id") == clip.clip_id)
        gone.pixels |= _digests(own["image"]) | _digests(own["onset"])
    drop_examples(line, traces, examples)
    gone.count("training_set rows", sum(examples.values()))
    delete_files(line, traces, pages := pages_of(line, traces))
    gone.count("pages", len(pages))


def _digests(column: pa.ChunkedArray) -> set[str]:
    return {pixel_digest(each) for each in column.to_pylist() if each is not None}


def _remove(line: Line, clip: StoredClip, tables: Sequence[str], gone: Gone) -> int:
    count = 0
    for table in tables:
        for name in line.lake.names(table, camera_day=clip.camera_day):
            if name == clip.clip_id or name.startswith(f"{clip.clip_id}-"):
                line.lake.remove(table, name, camera_day=clip.camera_day)
                gone.paths.append(line.lake.path(table, name, camera_day=clip.camera_day))
                count += 1
    return count
