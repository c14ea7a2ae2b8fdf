"""What erasing drops from the tables that no camera-day owns; the whole of it is in test_line.py."""

import pytest
from upath import UPath

from apexline.assets.lake.failures import Failure, record_failure, recorded_failures
from apexline.assets.lake.storage import Lake
from apexline.orchestration.commands.erase import _drop_failures, _drop_pages, _drop_ratings

CLIP, TRACK = "aaaa000011112222", "bbbb00001111"
OWN = {CLIP, TRACK}


@pytest.fixture
def lake(tmp_path):
    return Lake(UPath(tmp_path))


def rating(segment):
    return {"rater": "r1", "segment": segment, "pair": "p", "level": 2, "synthetic": False, "source": "s"}


def test_ratings_of_annotations_and_segments_go_and_others_stay(lake):
    names = [f"{CLIP}-a0", f"{TRACK}-17", "cccc000011112222-a0", f"{TRACK[:-1]}2-17"]
    lake.write("ratings", "page", [rating(name) for name in names], stamp="f")
    lake.write("ratings", "other", [rating("cccc000011112222-a1")], stamp="g")
    assert _drop_ratings(lake, OWN) == 2
    assert lake.read("ratings", "page")["segment"].to_pylist() == names[2:]
    assert lake.fingerprint_of("ratings", "page") == "f"
    assert lake.read("ratings", "other").num_rows == 1


def test_ratings_go_from_the_imported_file_too(lake):
    """Otherwise the next import of the file would bring them back."""
    (lake.home / "surveys").mkdir()
    file = lake.home / "surveys" / "page.csv"
    file.write_text(f'rater,segment,pair,level\n"r, 1",{CLIP}-a0,p,2\n"r, 1",cccc000011112222-a0,p,5\n')
    _drop_ratings(lake, OWN)
    assert file.read_text() == 'rater,segment,pair,level\n"r, 1",cccc000011112222-a0,p,5\n'


def test_report_pages_that_show_the_clip_go(lake):
    for name, text in {"old": f"track {TRACK}", "other": "track cccc00001111", "latest": CLIP}.items():
        (lake.home / "reports" / name).mkdir(parents=True)
        (lake.home / "reports" / name / "index.html").write_text(text)
    assert _drop_pages(lake.home / "reports", OWN) == 2
    assert [page.parent.name for page in (lake.home / "reports").glob("*/index.html")] == ["other"]


def test_records_of_stages_that_failed_go(lake):
    for stage, clip in (("face_tracks", CLIP), ("flow_features", CLIP), ("face_tracks", "cccc000011112222")):
        record_failure(lake, Failure(stage, "2026-03-02_gate-03", clip, *("",) * 6))
    assert _drop_failures(lake, CLIP) == 2
    assert [each.clip_id for each in recorded_failures(lake)] == ["cccc000011112222"]
    assert not list(lake.home.rglob(f"*{CLIP}*"))


def test_nothing_to_drop_is_no_error(lake):
    assert _drop_ratings(lake, OWN) == _drop_pages(lake.home / "reports", OWN) == 0
