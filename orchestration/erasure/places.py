"""Every place where something of a clip or a rater lies, in the order in which it is deleted.

Belongs here: the list. Stays out: finding and deleting, which have a module for each kind of place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from apexline.orchestration.erasure import answers, files, models, records
from apexline.orchestration.erasure.files import Found, delete_files
from apexline.orchestration.erasure.traces import Traces
from apexline.orchestration.line import Line


@dataclass(frozen=True)
class Place:
    """A place: what it is called, how to find something there, and how to delete all that was ever found."""

    name: str
    find: Callable[[Line, Traces], Found]
    drop: Callable[[Line, Traces, Found], None] = delete_files


PLACES = (
    Place("stored files", files.stored_clips_of),
    Place("copies", files.copies_of),
    Place("quarantined files", files.quarantined_of),
    Place("failure records", files.failures_of),
    Place("survey answers", answers.survey_answers_of, answers.drop_survey_answers),
    Place("ratings rows", answers.ratings_of, answers.drop_ratings),
    Place("reviews", answers.reviews_of),
    Place("PAD space entries", answers.space_of, answers.drop_from_space),
    Place("training_set rows", files.examples_of, files.drop_examples),
    Place("listed examples", models.listed_examples_of, models.drop_listed_examples),
    Place("registry notes", models.notes_of, models.drop_notes),
    Place("logs", records.logs_of),
    Place("recorded runs", records.runs_of, records.drop_runs),
    Place("sensor cursors", records.cursors_of, records.reset_cursors),
    Place("sensor ticks", records.ticks_of, records.drop_ticks),
    Place("pages", files.pages_of),
    Place("warehouse files", files.warehouse_of),
    Place("lake files", files.lake_files_of),
    Place("earlier receipts", files.receipts_of),
)
