"""What gives a clip or a rater away: ids, names and pixels, and whether a text or a row holds one.

Belongs here: collecting traces before anything is deleted, recognising them. Stays out: where they are looked for
(``search``) and deleted (``places``).

Ids are hex digits of at least twelve, so they are found wherever they stand, inside longer ids too. Names are found as
whole words, and a rater's code only where a rater is meant: short codes stand everywhere by chance.
"""

from __future__ import annotations

import hashlib
import html
import json
import re
from dataclasses import astuple, dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pyarrow.compute as pc

from apexline.assets.lake import TABLES, WITHOUT_CAMERA_DAY, Lake
from apexline.assets.semantics import PAGE_PREFIX
from apexline.features.tracking import track_id_of
from apexline.orchestration.erasure.target import Clip

_DIGITS = 12  # of a track id; a clip's id and hash begin with more
_HEX = re.compile(rb"[0-9a-f]{12,}")
_ORDINALS = 256  # tracks that older code may have found in a clip
_PIXEL_COLUMNS = {"face_crops": ("crop",), "training_set": ("image", "onset")}


@dataclass
class Traces:
    """What has to be gone in the end.

    Attributes
    ----------
    clips : list of Clip
    tracks : set of str
        Ids of tracks within the clips.
    names : set of str
        Names of the clips' files that nothing else bears.
    pixels : set of str
        `pixel_digest` of every stored face.
    rater : str
        Code of a rater; empty where clips are erased.
    learned : bool
        The training set holds faces of the clips.
    erasure : str
        Name of the erasure that looks for them.
    """

    clips: list[Clip] = field(default_factory=list[Clip])
    tracks: set[str] = field(default_factory=set[str])
    names: set[str] = field(default_factory=set[str])
    pixels: set[str] = field(default_factory=set[str])
    rater: str = ""
    learned: bool = False
    erasure: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return them as JSON keeps them."""
        return {
            "clips": [list(astuple(each)) for each in self.clips],
            "tracks": sorted(self.tracks),
            "names": sorted(self.names),
            "pixels": sorted(self.pixels),
            "rater": self.rater,
            "learned": self.learned,
            "erasure": self.erasure,
        }

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> Traces:
        """Return what `as_dict` gave."""
        return cls(
            [Clip(*each) for each in fields["clips"]],
            *(set(fields[name]) for name in ("tracks", "names", "pixels")),
            rater=fields["rater"],
            learned=fields["learned"],
            erasure=fields["erasure"],
        )

    @property
    def clip_ids(self) -> set[str]:
        """Ids of the clips."""
        return {clip.clip_id for clip in self.clips}

    @property
    def hashes(self) -> set[str]:
        """Content hashes of the clips, as far as they are known."""
        return {clip.sha256 for clip in self.clips if clip.sha256}

    def may_be(self, size: int) -> bool:
        """Tell whether a file of so many bytes may have the content of a clip, whose size may be unknown."""
        return any(clip.sha256 and clip.size in (0, size) for clip in self.clips)

    @property
    def camera_days(self) -> list[str]:
        """Camera-days of the stored clips, sorted."""
        return sorted({clip.camera_day for clip in self.clips if clip.camera_day})

    @property
    def owners(self) -> set[str]:
        """What rated stimuli are named after: ``<clip_id>-a<index>`` or ``<track_id>-<onset>``."""
        return self.clip_ids | self.tracks

    @cached_property
    def _ids(self) -> set[bytes]:
        return {each[:_DIGITS].encode() for each in self.owners}

    @cached_property
    def _words(self) -> re.Pattern[bytes] | None:
        words = {form for name in self.names for form in _forms(name)}
        if self.rater:
            words.add(f"{PAGE_PREFIX}{self.rater}".encode())
        if not words:
            return None
        return re.compile(rb"(?<![\w.-])(?:%b)(?![\w-])" % b"|".join(map(re.escape, sorted(words))))

    def found_in(self, data: bytes) -> str:
        """Return what stands in some bytes: ``id``, ``name``, or nothing."""
        if self._ids and any(self._has_id(match[0]) for match in _HEX.finditer(data)):
            return "id"
        return "name" if self._words is not None and self._words.search(data) else ""

    def _has_id(self, digits: bytes) -> bool:
        return any(digits[k : k + _DIGITS] in self._ids for k in range(len(digits) - _DIGITS + 1))

    def is_own(self, stimulus: str) -> bool:
        """Tell whether a rated stimulus, or an example of it, belongs to one of the clips."""
        return bool(self.found_in(stimulus.encode()))


def pixel_digest(pixels: bytes) -> str:
    """Return what stands for the pixels of a face."""
    return hashlib.sha256(pixels).hexdigest()[:24]


def collect(lake: Lake, clips: list[Clip]) -> Traces:
    """Return the traces of clips that are still in the lake; names come with the files that are found."""
    traces = Traces(clips=list(clips))
    for clip in clips:
        # Older code may have found more tracks than stand here.
        traces.tracks |= {track_id_of(clip.sha256, k) for k in range(_ORDINALS if clip.sha256 else 0)}
        for table, schema in TABLES.items():
            if table not in WITHOUT_CAMERA_DAY and clip.camera_day:
                for name in own_files(lake, table, clip):
                    _collect_rows(traces, table, lake.read(table, name, camera_day=clip.camera_day))
            elif "clip_id" in schema.names:
                for name in lake.names(table):
                    rows = lake.read(table, name).filter(pc.field("clip_id") == clip.clip_id)
                    traces.learned |= table == "training_set" and bool(rows.num_rows)
                    _collect_rows(traces, table, rows)
    return traces


def own_files(lake: Lake, table: str, clip: Clip) -> list[str]:
    """Return the names of a clip's files in a table: ``<clip_id>``, and scores ``<clip_id>-v<version>-<stamp>``."""
    names = lake.names(table, camera_day=clip.camera_day)
    return [name for name in names if name == clip.clip_id or name.startswith(f"{clip.clip_id}-")]


def _collect_rows(traces: Traces, table: str, rows: pa.Table) -> None:
    if "track_id" in rows.column_names:
        traces.tracks |= set(filter(None, rows["track_id"].unique().to_pylist()))
    for column in _PIXEL_COLUMNS.get(table, ()):
        for chunk in rows[column].chunks if column in rows.column_names else []:
            traces.pixels |= {pixel_digest(each) for each in chunk.to_pylist() if each is not None}


def _forms(name: str) -> set[bytes]:
    """Return a name as it is written plainly, in JSON, in HTML and in a link."""
    forms = {name, json.dumps(name)[1:-1], html.escape(name), quote(name)}
    return {each.encode("utf-8", "surrogateescape") for each in forms}
