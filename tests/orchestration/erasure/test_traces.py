"""What counts as a trace, and what does not."""

import sqlite3
from contextlib import closing

import numpy as np
import pytest

from apexline.features.tracking.track import track_id_of
from apexline.orchestration.erasure.search import _sqlite_cells
from apexline.orchestration.erasure.target import Clip
from apexline.orchestration.erasure.traces import Traces, collect
from tests.orchestration.erasure.small_home import DAY, track

SHA = "0123456789abcdef" * 4
TRACES = Traces([Clip(SHA[:16], SHA, "d")], {"fedcba987654"}, {"anna's gate.mp4"})


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (SHA, "id"),
        (f"x{SHA[:16]}-a0-7,", "id"),
        (f"{SHA[:12]}-clip.mp4", "id"),
        ("abc fedcba987654-17", "id"),
        ("deadfedcba987654", "id"),
        ("fedcba98765", ""),
        ("anna's gate.mp4", "name"),
        ("anna&#x27;s gate.mp4", "name"),
        ("anna%27s%20gate.mp4", "name"),
        ("johanna's gate.mp4", ""),
        ("anna's gate.mp4x", ""),
    ],
)
def test_ids_are_found_inside_other_digits_and_names_as_words(text, what):
    assert TRACES.found_in(text.encode()) == what


def test_they_come_back_from_their_record():
    assert Traces.from_dict(TRACES.as_dict()) == TRACES


def test_a_rater_is_found_by_the_page_only():
    traces = Traces(rater="r1")
    assert traces.found_in(b"page-r1.csv: 50 ratings") == "name"
    assert traces.found_in(b"page-r11.csv r1 r2") == ""


def test_what_is_in_the_lake_is_collected(small):
    traces = collect(small.lake, [Clip(small.doomed, small.sha256, DAY)])
    assert track(small.doomed) in traces.tracks
    assert track(small.kept) not in traces.tracks
    assert len(traces.pixels) == 6
    assert traces.learned


def test_tracks_are_named_as_the_tracker_names_them(small):
    """Tracks that older code found may stand in old pages, though the lake knows them no more."""
    traces = collect(small.lake, [Clip(small.doomed, small.sha256, DAY)])
    assert track_id_of(small.sha256, 5) in traces.tracks
    assert np.unique([len(each) for each in traces.tracks]).tolist() == [12]


def test_cells_are_read_in_a_home_of_any_name(tmp_path):
    folder = tmp_path / "100% of gate#3?"
    folder.mkdir()
    with closing(sqlite3.connect(folder / "a.db")) as connection, connection:
        connection.execute("create table said (words text)")
        connection.execute("insert into said values ('face')")
    assert list(_sqlite_cells(folder / "a.db")) == [("said", b"face")]
