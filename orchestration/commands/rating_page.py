"""The rating page over this installation's lake: what is shown, and where answers go."""

import csv
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from fastapi import FastAPI

from apexline.assets.lake import Lake, crops_at, listed_camera_days
from apexline.assets.semantics import PAGE_PREFIX, survey_files
from apexline.ml import load_pairs
from apexline.ml.surveys import ANSWER_COLUMNS
from apexline.survey.app import Scale, create_app
from apexline.survey.loops import encode_loop


class LakeStimuli:
    """Expression segments of the lake as looping images."""

    def __init__(self, lake: Lake):
        self._lake = lake

    def segments(self) -> Sequence[str]:
        """Return every segment's id."""
        return sorted(self._rows())

    def loop(self, segment: str) -> bytes:
        """Return the aligned face from onset to offset as an animated image."""
        camera_day, row = self._rows()[segment]
        wanted = [(row["track_id"], frame) for frame in range(row["onset"], row["offset"] + 1)]
        crops = crops_at(self._lake, camera_day, row["clip_id"], wanted)
        clip = self._lake.read("clip_manifest", row["clip_id"], camera_day=camera_day)
        return encode_loop(np.stack([crops[key] for key in wanted]), float(clip["fps"][0].as_py()))

    def _rows(self) -> dict[str, tuple[str, dict[str, Any]]]:
        return {
            row["segment_id"]: (day, row)
            for day in listed_camera_days(self._lake)
            for row in self._lake.read_all("expression_segments", camera_days=[day]).to_pylist()
        }


def create_rating_page(lake: Lake) -> FastAPI:
    """Return the page; a rater's answers are added to ``surveys/page-<rater>.csv`` as they come."""

    def save(rows: list[dict[str, Any]]) -> None:
        rater = str(rows[0]["rater"])
        text = io.StringIO()
        writer = csv.DictWriter(text, fieldnames=ANSWER_COLUMNS)
        writer.writeheader()
        writer.writerows([*_answers(lake, rater), *rows])
        with lake.replacing(lake.home / "surveys" / f"{PAGE_PREFIX}{rater}.csv") as file:
            file.write(text.getvalue().encode())

    return create_app(
        stimuli=LakeStimuli(lake),
        pairs=[Scale(each.pair, each.first.adjective, each.second.adjective) for each in load_pairs()],
        save=save,
        rated=lambda rater: {row["segment"] for row in _answers(lake, rater)},
    )


def _answers(lake: Lake, rater: str) -> list[dict[str, str]]:
    for path in survey_files(lake):
        if path.name == f"{PAGE_PREFIX}{rater}.csv":
            return list(csv.DictReader(io.StringIO(path.read_text())))
    return []
