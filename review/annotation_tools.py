"""Segments as annotation programs read them: Label Studio and ELAN.

Belongs here: those two formats. Stays out: tables and what the timeline draws (``exports``), which segments
(``filters``).

``static/label-studio.xml`` is the set-up of Label Studio that shows them. What the model says and what each reviewer
says stand side by side: predictions and annotations, tiers of their own.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from xml.etree import ElementTree as ET

from apexline.review.archive import Row

_EAF_VERSION = "3.0"
_MODEL = "model"


@dataclass(frozen=True)
class _Said:
    """A label over a stretch: by whom, of which face, frames (0-based, the last included) and seconds."""

    by: str
    row: Row
    label: str
    frames: tuple[int, int]
    seconds: tuple[float, float]


def as_label_studio(rows: Sequence[Row], reviews: Mapping[str, Sequence[Row]], *, origin: str) -> str:
    """Return tasks as Label Studio imports them, one for each clip (JSON).

    Parameters
    ----------
    rows : sequence of dict
    reviews : mapping of str to sequence of dict
        What stands of what people said, by segment.
    origin : str
        Where the clips are served, such as ``http://127.0.0.1:8010``.
    """
    tasks = []
    for clip_id, said in _by_clip(rows, reviews).items():
        by = defaultdict(list)
        for each in said:
            by[each.by].append(_region(each))
        first = said[0].row
        predictions = [{"model_version": f"v{first['model_version']}", "result": by.pop(_MODEL, [])}]
        annotations = [{"completed_by": {"email": who}, "result": found} for who, found in by.items()]
        video = f"{origin}/clips/{first['camera_day']}/{clip_id}/video"
        about = {"video": video, "clip_id": clip_id, "camera_day": first["camera_day"]}
        tasks.append({"data": about, "predictions": predictions, "annotations": annotations})
    return json.dumps(tasks)


def as_elan(rows: Sequence[Row], reviews: Mapping[str, Sequence[Row]]) -> bytes:
    """Return an archive (ZIP) with a file for ELAN (EAF) for each clip; put the clips beside them.

    Parameters
    ----------
    rows, reviews
        As for `as_label_studio`.
    """
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for clip_id, said in _by_clip(rows, reviews).items():
            archive.writestr(f"{clip_id}.eaf", _eaf(clip_id, said))
    return packed.getvalue()


def _by_clip(rows: Iterable[Row], reviews: Mapping[str, Sequence[Row]]) -> dict[str, list[_Said]]:
    found: dict[str, list[_Said]] = defaultdict(list)
    for row in rows:
        found[row["clip_id"]] += _said_of(row, reviews.get(row["segment_id"], []))
    return dict(found)


def _said_of(row: Row, reviews: Sequence[Row]) -> Iterator[_Said]:
    if not row["drawn"]:
        yield _stretch(_MODEL, row, row["answer"], row)
    for each in reviews:
        yield _stretch(each["reviewer"], row, each["label"], each)


def _stretch(by: str, row: Row, label: str, bounds: Row) -> _Said:
    frames = (bounds["onset"], bounds["offset"])
    return _Said(by, row, label, frames, (bounds["onset_s"], bounds["offset_s"]))


def _region(said: _Said) -> Row:
    start, end = said.frames
    value = {"ranges": [{"start": start + 1, "end": end + 1}], "timelinelabels": [said.label]}
    region = {
        "id": f"{said.row['segment_id']}-{said.by}",
        "type": "timelinelabels",
        "from_name": "expression",
        "to_name": "video",
        "value": value,  # frames from 1, as Label Studio counts
        "meta": {"text": [f"face {said.row['track_id']}, segment {said.row['segment_id']}"]},
    }
    sure = said.row["confidence"] if said.by == _MODEL else None
    return region if sure is None else {**region, "score": sure}


def _eaf(clip_id: str, said: Sequence[_Said]) -> bytes:
    root = ET.Element("ANNOTATION_DOCUMENT", AUTHOR="apexline", FORMAT=_EAF_VERSION, VERSION=_EAF_VERSION)
    root.set("DATE", f"{said[0].row['onset_at'].isoformat(timespec='seconds')}")
    head = ET.SubElement(root, "HEADER", MEDIA_FILE="", TIME_UNITS="milliseconds")
    ET.SubElement(head, "MEDIA_DESCRIPTOR", MEDIA_URL=f"./{clip_id}.mp4", MIME_TYPE="video/mp4")
    times = ET.SubElement(root, "TIME_ORDER")
    tiers: dict[str, ET.Element] = {}
    numbers = count(1)
    for each in said:
        name = f"{each.row['track_id']} {each.by}"
        tier = tiers.setdefault(name, ET.Element("TIER", LINGUISTIC_TYPE_REF="expression", TIER_ID=name))
        slots = [f"ts{next(numbers)}" for _ in each.seconds]
        for slot, second in zip(slots, each.seconds, strict=True):
            ET.SubElement(times, "TIME_SLOT", TIME_SLOT_ID=slot, TIME_VALUE=str(round(1000 * second)))
        place = ET.SubElement(ET.SubElement(tier, "ANNOTATION"), "ALIGNABLE_ANNOTATION")
        place.attrib = {
            "ANNOTATION_ID": f"a{next(numbers)}",
            "TIME_SLOT_REF1": slots[0],
            "TIME_SLOT_REF2": slots[1],
        }
        ET.SubElement(place, "ANNOTATION_VALUE").text = each.label
    root.extend(tiers.values())
    ET.SubElement(
        root,
        "LINGUISTIC_TYPE",
        LINGUISTIC_TYPE_ID="expression",
        TIME_ALIGNABLE="true",
        GRAPHIC_REFERENCES="false",
    )
    return ET.tostring(root, encoding="UTF-8", xml_declaration=True)
