"""Answers are added to a rater's file, and a file that something else changed is read anew."""

import io
from pathlib import Path

import pytest
from upath import UPath

from apexline.assets.lake.storage import Lake
from apexline.governance import audit_lines
from apexline.orchestration.pages.rating_store import LakeStore
from apexline.orchestration.settings import Settings
from apexline.survey.contracts import Agreement, Consent


@pytest.fixture
def store(tmp_path):
    return LakeStore(Lake(UPath(tmp_path)), Settings(home=str(tmp_path)))


@pytest.fixture
def file(tmp_path):
    return tmp_path / "surveys" / "page-otter.csv"


def answer(segment, level, pair="angry_calm"):
    return {"rater": "otter", "segment": segment, "pair": pair, "level": level}


def test_that_a_rater_begins_to_look_is_on_record_under_no_code(store, tmp_path):
    store.keep_consent(Consent("otter", "0" * 64, (Agreement("2026-03-02T08:00:00+00:00", "0" * 64, "yes"),)))
    [line] = audit_lines(tmp_path)
    assert (line["action"], line["why"]) == ("view", "rating")
    assert line["who"].startswith("rater ")
    assert "otter" not in str(line)


def test_answers_are_added_and_what_stands_is_not_written_again(store, file):
    store.save([answer("s1", 4), answer("s1", 2, "happy_sad")])
    before = file.stat().st_ino
    store.save([answer("s2", 1)])
    assert file.stat().st_ino == before
    assert file.read_text().splitlines() == [
        "rater,segment,pair,level",
        "otter,s1,angry_calm,4",
        "otter,s1,happy_sad,2",
        "otter,s2,angry_calm,1",
    ]
    assert store.rated("otter") == {"s1", "s2"}
    assert store.answers("otter", "s1") == {"angry_calm": 4, "happy_sad": 2}


def test_a_line_that_was_cut_off_was_never_acknowledged(store, file):
    store.save([answer("s1", 4)])
    file.write_bytes(file.read_bytes() + b"otter,s2,angry_c")
    assert store.rated("otter") == {"s1"}
    store.save([answer("s2", 5)])
    assert file.read_text().splitlines()[1:] == ["otter,s1,angry_calm,4", "otter,s2,angry_calm,5"]


def test_what_an_erasure_took_away_is_not_remembered(store, file):
    store.save([answer("s1", 4)])
    store.save([answer("s2", 4)])
    file.write_text("rater,segment,pair,level\r\notter,s2,angry_calm,4\r\n")
    assert store.rated("otter") == {"s2"}
    file.unlink()
    assert store.rated("otter") == set()
    store.save([answer("s3", 3)])
    assert file.read_text().splitlines() == ["rater,segment,pair,level", "otter,s3,angry_calm,3"]


def test_a_correction_takes_the_place_of_what_was_said(store, file):
    store.save([answer("s1", 4)])
    store.save([answer("s2", 4)])
    store.replace("otter", "s1", [answer("s1", 1)])
    assert store.answers("otter", "s1") == {"angry_calm": 1}
    assert store.rated("otter") == {"s1", "s2"}


def test_of_a_page_for_which_there_is_no_room_nothing_stays(store, file, monkeypatch):
    store.save([answer("s1", 4)])
    before = file.read_bytes()

    class Full(io.FileIO):
        def write(self, data):
            return super().write(data[:9])

    monkeypatch.setattr(Path, "open", lambda path, *_, **__: Full(path, "ab"))
    with pytest.raises(OSError, match="No space left"):
        store.save([answer("s2", 1)])
    monkeypatch.undo()
    assert file.read_bytes() == before
    assert store.rated("otter") == {"s1"}


def test_what_needs_quotes_gets_them(store, file):
    store.save([answer('a, "b"', 4)])
    assert store.answers("otter", 'a, "b"') == {"angry_calm": 4}
