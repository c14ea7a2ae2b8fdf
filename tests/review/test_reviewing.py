"""Forms: who says what of which segment, undo, a segment that was missed, the queue; what is refused."""

import re
import warnings

import pytest

from apexline.review.app import create_app
from tests.review.archive import DAY, MemoryArchive, segment

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", message="Using `httpx` with")
    from fastapi.testclient import TestClient

HERE = f"/days/{DAY}/segments/aa-10"
SAID = {"label": "angry", "onset": "8", "apex": "15", "offset": "22", "reason": " brows <b> "}


@pytest.fixture
def archive():
    return MemoryArchive([segment(1, "happy"), segment(5, "abstained"), segment(9, "calm", track="bb")])


@pytest.fixture
def person(archive):
    """A browser of the person otter."""
    browser = TestClient(create_app(archive), raise_server_exceptions=False, follow_redirects=False)
    assert browser.post("/reviewer", data={"reviewer": "otter", "then": HERE}).headers["location"] == HERE
    return browser


def test_without_a_code_there_is_no_form_and_nothing_is_kept(archive):
    browser = TestClient(create_app(archive), raise_server_exceptions=False)
    text = browser.get(HERE).text
    assert 'name="reviewer"' in text
    assert 'name="label"' not in text
    assert browser.post(f"{HERE}/reviews", data=SAID).status_code == 403
    assert browser.post("/reviewer", data={"reviewer": "Otter Seven"}).status_code == 422
    assert archive.kept == []


def test_a_correction_is_kept_with_what_was_shown(archive, person):
    text = person.get(HERE).text
    assert re.search(r'name="onset" min="0" max="50" value="10"', text)  # three seconds on either side
    answer = person.post(f"{HERE}/reviews", data={**SAID, "version": "3"})
    assert answer.headers["location"].endswith("segments/aa-10?version=3#reviews")
    (kept,) = archive.kept
    assert {**kept, "reviewed_at": 0} == {
        "clip_id": "c1",
        "track_id": "aa",
        "segment_id": "aa-10",
        "model_version": 3,
        "answer": "happy",
        "onset": 8,
        "apex": 15,
        "offset": 22,
        "label": "angry",
        "reason": "brows <b>",
        "reviewer": "otter",
        "shown_as": "opened",
        "review_id": "r0",
        "reviewed_at": 0,
    }
    text = person.get(HERE).text
    assert "brows &lt;b&gt;" in text
    assert re.search(r'value="angry" required checked', text)
    assert 'value="22"' in text


def test_an_undo_takes_ones_own_back(archive, person):
    person.post(f"{HERE}/reviews", data=SAID)
    assert 'value="r0"' in person.get(HERE).text
    other = TestClient(person.app, raise_server_exceptions=False, cookies={"apexline-reviewer": "heron"})
    assert 'value="r0"' not in other.get(HERE).text
    assert other.post(f"{HERE}/undo", data={"review_id": "r0"}).status_code == 404
    assert person.post(f"{HERE}/undo", data={"review_id": "r0"}).headers["location"] == HERE
    assert archive.kept == []


def test_a_missed_segment_is_drawn(archive, person):
    address = f"/days/{DAY}/clips/c1/draw"
    assert address in person.get(HERE).text
    assert "?track=aa" in person.get(address).text
    text = person.get(f"{address}?track=aa").text
    assert f'action="/days/{DAY}/clips/c1/segments"' in text
    assert 'value="not_a_face"' not in text
    nothing = {**SAID, "track_id": "aa", "label": "no_expression"}
    assert person.post(f"/days/{DAY}/clips/c1/segments", data=nothing).status_code == 422
    answer = person.post(f"/days/{DAY}/clips/c1/segments", data={**SAID, "track_id": "aa"})
    assert answer.headers["location"].endswith("/segments/aa-drawn-8#reviews")
    assert (archive.kept[0]["shown_as"], archive.kept[0]["model_version"]) == ("drawn", None)


def test_a_queue_leads_from_segment_to_segment_until_nothing_waits(archive, person):
    seen = []
    answer = person.get(f"/queue/{DAY}/next?order=uncertain")
    while "/segments/" in answer.headers["location"]:
        seen.append(answer.headers["location"])
        assert "Save and go on" in person.get(seen[-1]).text
        address = seen[-1].partition("?")[0]
        person.post(f"{address}/reviews", data={**SAID, "shown_as": "uncertain"})
        answer = person.get(f"/queue/{DAY}/next?order=uncertain")
    assert [re.search(r"segments/([\w-]+)", each).group(1) for each in seen] == ["aa-50", "aa-10", "bb-90"]
    assert "Nothing waits in this order" in person.get(answer.headers["location"]).text
    assert {each["shown_as"] for each in archive.kept} == {"uncertain"}


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"label": "sad"}, 422),
        ({"label": ""}, 422),
        ({"onset": "-1"}, 422),
        ({"apex": "x"}, 422),
        ({"reason": "erasing"}, 503),
    ],
)
def test_what_can_not_be_kept_is_said(archive, person, change, status):
    answer = person.post(f"{HERE}/reviews", data={**SAID, **change})
    assert answer.status_code == status
    assert "That did not work" in answer.text
    assert archive.kept == []


@pytest.mark.parametrize(
    "then", ["https://elsewhere.example/", "//elsewhere.example", "/\\elsewhere.example", ""]
)
def test_nobody_is_led_elsewhere(person, then):
    assert person.post("/reviewer", data={"reviewer": "otter", "then": then}).headers["location"] == "/"


def test_the_days_table_and_filters_know_reviews(archive, person):
    archive.rows[0]["reviewed"] = "disputed"
    archive.rows[1]["reviewed"] = "not_a_face"
    for asked, count in (("yes", 2), ("no", 1), ("disputed", 1)):
        assert f"{count} of 3 segments" in person.get(f"/days/{DAY}?reviewed={asked}").text
    assert "not a face" in person.get(f"/days/{DAY}").text
    assert person.get(f"/days/{DAY}?reviewed=maybe").status_code == 422
