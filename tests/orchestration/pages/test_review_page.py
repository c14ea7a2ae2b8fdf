"""The review pages over a lake: clip, copy, faces, curves, words; nothing of them is left behind."""

import io
import re
import warnings
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from apexline.assets.lake.clips import clip_ids, read_clip
from apexline.assets.lake.storage import Lake
from apexline.assets.parameters import load_parameters
from apexline.assets.publishing.warehouse_build import build_warehouse
from apexline.assets.training.training_set import _examples, labelled_segments
from apexline.features.video.reader import read_frames
from apexline.features.video.writer import write_video
from apexline.governance import SIGNED_IN, audit_lines, governance_folder, opaque
from apexline.orchestration.occupancy import alone
from apexline.orchestration.pages import review_page
from apexline.orchestration.pages.review_page import LakeArchive, create_review_page
from apexline.orchestration.settings import CONFIGS
from tests.assets.decided_track import bump, decision, view
from tests.assets.small_lake import T1, ask, at, clip, put, segment
from tests.orchestration.pages.conftest import DAY

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", message="Using `httpx` with")
    from fastapi.testclient import TestClient


@pytest.fixture
def lake(seen):
    return Lake(seen.home_path)


@pytest.fixture
def pages(seen, monkeypatch):
    """A browser; the curves are those of a track that was decided by hand."""
    monkeypatch.setattr(review_page, "track_view", lambda *_: view(decision(bump(30, 40, 50, 3.0))))
    said = {"segment_id": f"{T1}-2", "decision": "Micro-expression", "grounds": "Moved far enough."}
    monkeypatch.setattr(review_page, "why", lambda *_: [said])
    return TestClient(create_review_page(seen), raise_server_exceptions=False)


@pytest.fixture
def clip_id(lake):
    return clip_ids(lake, DAY)[0]


def files(lake):
    """Paths of the home but its audit, which grows by looking."""
    return sorted(
        str(path)
        for path in lake.home.rglob("*")
        if path.is_file() and path.suffix != ".lock" and path.parent.name != "governance"
    )


def test_a_clip_is_seen_from_the_day_to_its_pixels(pages, lake, clip_id):
    before = files(lake)
    assert f"/days/{DAY}" in pages.get("/").text
    (address,) = re.findall(rf'href="(/days/{DAY}/segments/[\w-]+)', pages.get(f"/days/{DAY}").text)
    text = pages.get(address).text
    assert "Micro-expression. Moved far enough." in text
    assert read_clip(lake, DAY, clip_id).sha256 in text
    pictures = re.findall(r'src="(/clips/[^"#]+)', text)
    assert len(pictures) == 6
    answers = [pages.get(picture.replace("&amp;", "&")) for picture in pictures]
    assert [each.status_code for each in answers] == [200] * 6
    assert answers[0].content == read_clip(lake, DAY, clip_id).path.read_bytes()
    onset, apex, offset = (np.asarray(Image.open(io.BytesIO(each.content))) for each in answers[2:5])
    assert (onset[0, 0], apex[0, 0], offset[0, 0], onset.shape) == (18, 45, 81, (128, 128))
    assert Image.open(io.BytesIO(answers[5].content)).width > 600
    axis = pages.get(f"{pictures[5]}/axis").json()
    assert 0 < axis["left"] < axis["right"] <= 1
    assert axis["from_s"] < axis["to_s"]
    assert files(lake) == before


def test_looks_reviews_and_exports_are_on_record_and_name_no_clip(pages, lake, clip_id):
    hidden = opaque(governance_folder(lake.home), clip_id)
    pages.post("/reviewer", data={"reviewer": "otter"})
    for _ in range(2):  # the second look within an hour is no other one
        assert pages.get(f"/clips/{DAY}/{clip_id}/faces/{T1}/4").status_code == 200
    assert pages.get(f"/days/{DAY}/segments.csv").status_code == 200
    said = {"label": "calm", "onset": "2", "apex": "5", "offset": "9", "version": ""}
    assert pages.post(f"/days/{DAY}/segments/{T1}-2/reviews", data=said).status_code < 400
    lines = audit_lines(lake.home, actions=["view", "export", "review"])
    assert [each["action"] for each in lines] == ["view", "export", "review"]
    assert lines[0]["clip"] == lines[2]["clip"] == hidden
    assert len({each["who"] for each in lines}) == 1
    assert "otter" not in str(lines)
    assert clip_id not in str(lines)
    assert lines[1]["rows"] == 1


def test_who_showed_a_key_is_named(pages, lake, clip_id):
    token = SIGNED_IN.set("Ada Lovelace")
    try:
        pages.get(f"/clips/{DAY}/{clip_id}/video")
    finally:
        SIGNED_IN.reset(token)
    assert audit_lines(lake.home, actions=["view"])[0]["who"] == "Ada Lovelace"


def test_what_cannot_be_put_on_record_is_not_shown(pages, lake, clip_id):
    pages.get(f"/clips/{DAY}/{clip_id}/video")
    log = lake.home / "governance" / "audit.jsonl"
    log.write_bytes(log.read_bytes()[:-9])
    pages.post("/reviewer", data={"reviewer": "otter"})
    refused = pages.get(f"/clips/{DAY}/{clip_id}/video")
    assert refused.status_code == 422
    assert "cut off or added" in refused.text


def test_the_lineage_of_a_score_is_walked_in_this_home(pages, lake, seen, monkeypatch):
    asked = []
    monkeypatch.setattr(review_page, "build_registry", lambda settings: settings.tracking_uri)
    monkeypatch.setattr(
        review_page, "trace_score", lambda *given: asked.append(given) or {"runs": {"a": "b"}}
    )
    [segment] = re.findall(rf'href="/days/{DAY}/segments/([\w-]+)', pages.get(f"/days/{DAY}").text)
    text = pages.get(f"/days/{DAY}/segments/{segment}/lineage/1").text
    assert "<dt>a</dt><dd>b</dd>" in text
    assert asked == [(Lake(seen.home_path, seen.scratch_path), seen.tracking_uri, f"{segment}@1")]


def test_a_clip_that_browsers_can_not_decode_is_copied_around_the_segment(pages, lake, clip_id, tmp_path):
    stored = read_clip(lake, DAY, clip_id).path
    wide = (np.full((41 * 2, 900, 3), 20 * k, np.uint8) for k in range(12))
    write_video(tmp_path / "wide.mkv", wide, fps=25)
    stored.write_bytes((tmp_path / "wide.mkv").read_bytes())
    copy = tmp_path / "copy.mp4"
    copy.write_bytes(pages.get(f"/clips/{DAY}/{clip_id}/stretch?from_s=0.1&to_s=0.3").content)
    frames = list(read_frames(copy))
    assert [round(float(frame.image.mean()) / 20) for frame in frames] == [3, 4, 5, 6, 7]  # 0.12 to 0.28 s
    assert frames[0].image.shape == (58, 640, 3)
    late = pages.get(f"/clips/{DAY}/{clip_id}/stretch?from_s=5&to_s=6")
    assert late.status_code == 404
    assert "No frame of this clip can be decoded between 5 and 6 s" in late.text


@pytest.mark.parametrize(
    ("gone", "address"),
    [("clips", "stretch?from_s=0.1&to_s=0.3"), ("clips", "video"), ("lake/face_crops", f"faces/{T1}/3")],
)
def test_what_is_gone_is_said(pages, lake, clip_id, gone, address):
    address = f"/clips/{DAY}/{clip_id}/{address}"
    assert pages.get(address).status_code == 200
    for path in (lake.home / gone).rglob("*.*"):
        if path.is_file():
            path.unlink()
    answer = pages.get(address)
    assert answer.status_code == 404
    assert "That did not work" in answer.text


CORRECTION = {"label": "scared", "onset": "1", "apex": "5", "offset": "10", "reason": "wide eyes"}


def learned(lake):
    """Rows of the training set, by what is labelled in the lake."""
    # Somebody rated another clip: without ratings there is no space to learn in.
    rated = {"rater": "r", "segment": "elsewhere-1", "pair": "p", "level": 1, "source": "s"}
    put(lake.home / "lake", "ratings", "page", [rated])
    space = SimpleNamespace(pairs=["p"], to_pad=lambda means: np.zeros((len(means), 3)))
    parameters = load_parameters(CONFIGS / "default.yaml")
    labelled = list(labelled_segments(lake, space))
    return _examples(lake, parameters, labelled)


def test_a_correction_comes_from_the_click_to_the_training_set_and_the_warehouse(pages, lake, seen, clip_id):
    address = f"/days/{DAY}/segments/{T1}-2"
    assert learned(lake) == []
    pages.post("/reviewer", data={"reviewer": "otter", "then": address})
    text = pages.post(f"{address}/reviews", data=CORRECTION).text
    assert "wide eyes" in text
    (review,) = lake.read_all("reviews").to_pylist()
    rows = learned(lake)
    assert {row["emotion"] for row in rows} == {"scared"}
    assert {row["label_source"] for row in rows} == {"review"}
    assert {tuple(row["review_ids"]) for row in rows} == {(review["review_id"],)}
    assert {row["example_id"] for row in rows} == {f"{T1}-2-{row['frame']}" for row in rows}
    assert (review["reviewer"], review["answer"], review["shown_as"]) == ("otter", "unscored", "opened")
    build_warehouse(lake.home / "lake", seen.warehouse_path)
    assert ask(seen.warehouse_path, "select emotion, reason from reviews") == [("scared", "wide eyes")]

    other = TestClient(pages.app, raise_server_exceptions=False)
    other.post("/reviewer", data={"reviewer": "heron", "then": address})
    assert (
        "reviewers disagree" in other.post(f"{address}/reviews", data={**CORRECTION, "label": "angry"}).text
    )
    assert learned(lake) == []
    pages.post(f"{address}/undo", data={"review_id": review["review_id"]})
    assert {row["emotion"] for row in learned(lake)} == {"angry"}
    assert lake.read_all("reviews").num_rows == 3  # nothing that was said is lost


def test_a_drawn_segment_is_learned_and_seen(pages, lake, clip_id):
    pages.post("/reviewer", data={"reviewer": "otter"})
    drawn = {**CORRECTION, "track_id": T1, "onset": "3"}
    text = pages.post(f"/days/{DAY}/clips/{clip_id}/segments", data=drawn).text
    assert "Drawn by a person" in text
    assert f"{T1}-drawn-3" in pages.get(f"/days/{DAY}").text
    assert {row["example_id"].rpartition("-")[0] for row in learned(lake)} == {f"{T1}-drawn-3"}
    too_far = pages.post(f"/days/{DAY}/clips/{clip_id}/segments", data={**drawn, "offset": "99"})
    assert too_far.status_code == 422
    assert "it is seen in 0 to 11" in too_far.text


def test_nothing_is_kept_beside_an_erasure(pages, lake, seen, monkeypatch):
    monkeypatch.setattr(review_page, "_PATIENCE_S", 0.0)
    pages.post("/reviewer", data={"reviewer": "otter"})
    with alone(seen):
        answer = pages.post(f"/days/{DAY}/segments/{T1}-2/reviews", data=CORRECTION)
    assert (answer.status_code, "being erased" in answer.text) == (503, True)
    assert lake.read_all("reviews").num_rows == 0


def test_a_track_without_curves_is_said(pages, clip_id, monkeypatch):
    monkeypatch.setattr(review_page, "track_view", lambda *_: None)
    answer = pages.get(f"/clips/{DAY}/{clip_id}/curves/{T1}")
    assert (answer.status_code, "has no curves" in answer.text) == (404, True)


@pytest.mark.parametrize("address", ["video", f"faces/{T1}/1", f"curves/{T1}", "stretch?from_s=0&to_s=1"])
def test_pixels_of_another_day_are_not_reached(pages, clip_id, address):
    assert pages.get(f"/clips/2026-03-09_gate-03/{clip_id}/{address}").status_code == 404
    assert pages.get(f"/clips/{DAY}/0000000000000000/{address}").status_code == 404


def test_the_last_day_of_each_camera_is_read_before_it_is_asked_for(seen, lake, monkeypatch):
    earlier, whole, read = "2026-03-02_gate-03", Lake.read, []
    put(lake.home / "lake", "clip_manifest", "c" * 16, [clip("c" * 16, "gate-03", at("08:00", 2))], earlier)

    def noted(self, table, name, **more):
        read.append(more["camera_day"])
        return whole(self, table, name, **more)

    monkeypatch.setattr(Lake, "read", noted)
    archive = LakeArchive(lake, load_parameters(CONFIGS / "default.yaml"), seen)
    archive.read_ahead()
    assert set(read) == {DAY}
    read.clear()
    assert len(archive.segments(DAY)) == 1
    assert read == []


def counting(whole, called):
    def counted(*given, **named):
        called[whole.__name__] += 1
        return whole(*given, **named)

    return counted


def bytes_read():
    """Bytes that this process has read from files so far, by whatever library."""
    fields = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(fields["rchar"])


def test_what_a_day_costs_does_not_grow_with_other_days(seen, lake, clip_id):
    """Files and bytes that a page and its axis read, in a home of one day and of 101."""

    def cost():
        browser, opened = TestClient(create_review_page(seen)), Counter()
        with pytest.MonkeyPatch.context() as patched:
            for name in ("read", "names", "path"):
                patched.setattr(Lake, name, counting(getattr(Lake, name), opened))
            before = bytes_read()
            for address in (f"/days/{DAY}", f"/days/{DAY}/columns"):
                assert browser.get(address).status_code == 200
            return opened, bytes_read() - before

    cost()  # libraries are imported
    few, few_bytes = cost()
    for k in range(100):
        day = f"2026-01-{1 + k % 28:02d}_other-{k}"
        other = f"{k:064x}"
        put(lake.home / "lake", "clip_manifest", other, [clip(other, f"other-{k}", at("08:00"))], day)
        put(lake.home / "lake", "expression_segments", other, [segment(other, T1, 9, 10, 11)], day)
    many, many_bytes = cost()
    assert few["read"] >= 2
    assert many == few
    assert many_bytes <= few_bytes + 10_000
