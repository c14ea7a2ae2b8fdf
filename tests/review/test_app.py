"""The pages over an archive in memory: timeline, clip, exports, what is refused."""

import json
import re
import warnings

import pytest

from apexline.review.app import create_app
from apexline.review.filters import PER_PAGE
from apexline.review.reviewing import LABELS
from tests.review.archive import DAY, MemoryArchive, segment

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", message="Using `httpx` with")
    from fastapi.testclient import TestClient

ROWS = [
    segment(1, "happy"),
    segment(5, "abstained", disagree=True, answers={2: "angry", 3: "abstained"}),
    segment(10, "other", synthetic=True),
    segment(20, "unscored"),
]


@pytest.fixture
def archive(tmp_path):
    video = tmp_path / "clip.mp4"
    video.write_bytes(bytes(range(200)))
    return MemoryArchive(ROWS, video)


@pytest.fixture
def pages(archive):
    return TestClient(create_app(archive), raise_server_exceptions=False)


def test_the_days_are_listed_by_camera(pages):
    text = pages.get("/").text
    assert f'href="/days/{DAY}"' in text
    assert text.index("gate-01") < text.index("gate-02")


def test_a_day_lists_every_segment_and_an_abstention_says_no_emotion(pages):
    text = pages.get(f"/days/{DAY}").text
    assert "4 of 4 segments" in text
    rows = re.findall(r"<tr><td>.*?</tr>", text, re.DOTALL)
    assert [re.search(r"segments/([\w-]+)", row).group(1) for row in rows] == [r["segment_id"] for r in ROWS]
    assert "no answer: low confidence" in rows[1]
    assert "versions differ" in rows[1]
    assert not re.search(r"happy|angry|glad|0\.25", rows[1])
    assert "other" in rows[2]
    assert "synthetic" in rows[2]
    assert "not scored yet" in rows[3]
    assert "synthetic" not in rows[0]


def test_a_view_is_its_address(pages, archive):
    text = pages.get(f"/days/{DAY}?answer=happy&answer=other&version=3&from=08:00:05").text
    assert "1 of 4 segments" in text
    assert archive.asked[-1] == (DAY, 3)
    assert 'value="happy" checked' in text
    assert 'value="angry" checked' not in text
    kept = "answer=happy&amp;answer=other&amp;version=3&amp;from=08%3A00%3A05"
    assert f"segments/aa-100?{kept}" in text
    assert f"segments.csv?{kept}" in text
    columns = pages.get(f"/days/{DAY}/columns?answer=happy&answer=other").json()
    assert columns["id"] == ["aa-10", "aa-100"]


def test_long_days_come_in_pages(archive, pages):
    archive.rows = [segment(k, "calm", track=f"t{k}") for k in range(PER_PAGE + 3)]
    first, second = (pages.get(f"/days/{DAY}?page={page}").text for page in (1, 2))
    assert f"1 to {PER_PAGE} of {PER_PAGE + 3}" in first
    assert "?page=2" in first
    assert second.count("<tr><td>") == 3
    assert pages.get(f"/days/{DAY}?page=9").text.count("<tr><td>") == 3


def test_a_segment_shows_clip_faces_scores_and_lineage(pages):
    text = pages.get(f"/days/{DAY}/segments/aa-10?answer=happy&answer=other").text
    assert '<source src="/clips/2026-03-02_gate-01/c1/video#t=0.000">' in text
    assert "stretch?from_s=0.000&amp;to_s=3.500" in text
    assert [f"faces/aa/{frame}" in text for frame in (10, 15, 20)] == [True] * 3
    assert "curves/aa" in text
    assert "version 3 (baseline)" in text
    assert "It moved &lt;far&gt; enough." in text
    assert "f" * 64 in text
    assert "run-1" in text
    assert "0a1b" in text
    assert 'rel="next" href="/days/2026-03-02_gate-01/segments/aa-100?answer=happy&amp;answer=other"' in text
    assert 'rel="prev"' not in text


def test_a_segment_leads_to_all_that_its_score_comes_from(pages):
    address = f"/days/{DAY}/segments/aa-10/lineage/3"
    assert f'href="{address}"' in pages.get(f"/days/{DAY}/segments/aa-10").text
    text = pages.get(address).text
    assert "<dt>segment id</dt><dd>aa-10@3</dd>" in text
    assert "<dd>0.1235</dd>" in text
    assert "<dd>small, blurred</dd>" in text
    assert "&lt;ada&gt;" in text
    assert "<dd>2026-03-02 08:00:00 UTC</dd>" in text
    assert "<dt>reason</dt><dd>–</dd>" in text
    assert "lineage" not in pages.get(f"/days/{DAY}/segments/aa-200").text.partition("<dl class")[0]
    assert pages.get(f"/days/{DAY}/segments/aa-11/lineage/3").status_code == 404


def test_an_abstention_and_a_silence_are_named_on_their_pages(pages):
    text = pages.get(f"/days/{DAY}/segments/aa-50").text
    assert "no answer: low confidence" in text
    assert "not to be relied on" in text
    assert re.search(r'version=2">2: angry</a>', text)
    assert "The champion has not scored" in pages.get(f"/days/{DAY}/segments/aa-200").text


def test_exports_hold_what_is_shown(pages):
    answer = pages.get(f"/days/{DAY}/segments.csv?answer=abstained")
    assert answer.headers["content-disposition"] == f'attachment; filename="{DAY}.csv"'
    assert answer.text.count("\r\n") == 2
    rows = json.loads(pages.get(f"/days/{DAY}/segments.json?from=08:00:08&to=08:00:30").text)
    assert [row["answer"] for row in rows] == ["other", "unscored"]
    assert pages.get(f"/days/{DAY}/segments.xml").status_code == 404


def test_a_clip_is_sent_in_ranges(pages):
    whole = pages.get(f"/clips/{DAY}/c1/video")
    assert (whole.status_code, whole.headers["accept-ranges"]) == (200, "bytes")
    part = pages.get(f"/clips/{DAY}/c1/video", headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, bytes(range(10, 20)))
    assert part.headers["content-range"] == "bytes 10-19/200"
    assert pages.get(f"/clips/{DAY}/c1/stretch?from_s=1&to_s=2.5").content == b"1.0 2.5"
    assert pages.get(f"/clips/{DAY}/c1/stretch?from_s=1&to_s=99").status_code == 422
    assert pages.get(f"/clips/{DAY}/c1/faces/aa/3").headers["content-type"] == "image/png"
    assert pages.get(f"/clips/{DAY}/c1/curves/aa").headers["content-type"] == "image/png"


@pytest.mark.parametrize(
    ("address", "status", "said"),
    [
        ("/days/2026-03-09_gate-01", 404, "no camera-day"),
        ("/days/..%2f..%2fclips", 404, ""),
        (f"/days/{DAY}?answer=%3Cb%3E", 422, "&lt;b&gt;"),
        (f"/days/{DAY}/segments/aa-11", 404, "no segment aa-11"),
    ],
)
def test_what_is_not_there_is_said(pages, address, status, said):
    answer = pages.get(address)
    assert answer.status_code == status
    assert said in answer.text


def test_a_video_that_was_erased_is_not_found(archive, pages):
    archive.path = None
    answer = pages.get(f"/clips/{DAY}/c1/video")
    assert answer.status_code == 404
    assert "not stored any more" in answer.text


@pytest.mark.parametrize(
    "address", ["/", f"/days/{DAY}", f"/days/{DAY}/columns", "/static/timeline.js", "/x"]
)
def test_nothing_is_loaded_from_elsewhere_or_kept(pages, address):
    answer = pages.get(address)
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"
    assert not re.findall(r"https?://|style=|<script>|onclick", answer.text)


@pytest.mark.parametrize(("suffix", "begins"), [("label-studio.json", b"[{"), ("eaf.zip", b"PK")])
def test_other_programs_read_what_is_shown(pages, suffix, begins):
    answer = pages.get(f"/days/{DAY}/segments.{suffix}")
    assert answer.status_code == 200
    assert answer.content.startswith(begins)
    assert f'filename="{DAY}.{suffix}"' in answer.headers["content-disposition"]


def test_the_set_up_for_label_studio_knows_every_label(pages):
    text = pages.get("/static/label-studio.xml").text
    assert all(f'value="{label}"' in text for label in (*LABELS, "abstained", "unscored"))
