"""The rating page over a lake: what it shows, and what it leaves in ``surveys/``."""

import asyncio
import json
import re
import warnings
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from time import monotonic, sleep

import httpx
import pytest
from upath import UPath

from apexline.assets.lake.storage import Lake
from apexline.assets.semantics.rating_surveys import survey_files
from apexline.orchestration.occupancy import alone
from apexline.orchestration.pages import rating_page
from apexline.orchestration.pages.rating_page import LakeStimuli, create_rating_page
from apexline.orchestration.settings import Settings
from apexline.survey import app as survey_app
from apexline.survey.loops import encode_loop
from tests.assets.small_lake import DAY_1, DAY_2, T1, T2, T3, A, B, C, at, clip, put, row_of, segment

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", message="Using `httpx` with")
    from fastapi.testclient import TestClient


def crops(clip_id, track, frames):
    rows = [
        {"clip_id": clip_id, "track_id": track, "frame": frame, "crop": bytes([frame] * 128**2)}
        for frame in frames
    ]
    return [row_of("face_crops", **row, time_s=row["frame"] / 25) for row in rows]


@pytest.fixture
def lake(tmp_path):
    """Three clips: one whole, one of whose tracks has no crops, one without a file of crops."""
    home = tmp_path / "home"
    for day, clip_id, segments, crops_of in (
        (DAY_1, A, [segment(A, T1, 2, 4, 6)], crops(A, T1, range(2, 7))),
        (DAY_1, B, [segment(B, T2, 0, 1, 3), segment(B, T3, 0, 1, 3)], crops(B, T2, (0, 3))),
        (DAY_2, C, [segment(C, T1, 9, 10, 11)], None),
    ):
        put(home / "lake", "clip_manifest", clip_id, [clip(clip_id, "gate", at("08:00"), fps=0.5)], day)
        put(home / "lake", "expression_segments", clip_id, segments, day)
        if crops_of is not None:
            put(home / "lake", "face_crops", clip_id, crops_of, day)
    return Lake(UPath(home))


def wait_until(holds):
    end = monotonic() + 60
    while not holds():
        assert monotonic() < end
        sleep(0.01)


def test_segments_with_crops_are_shown(lake):
    stimuli = LakeStimuli(lake)
    assert list(stimuli.segments()) == [f"{T1}-2", f"{T2}-0"]
    assert all(stimuli.loop(segment)[8:12] == b"WEBP" for segment in stimuli.segments())
    with pytest.raises(LookupError):
        stimuli.loop(f"{T3}-0")


def test_the_lake_is_looked_at_now_and_then_and_only_what_changed_is_read(lake, monkeypatch):
    now, read = [100.0], []
    monkeypatch.setattr(rating_page, "monotonic", lambda: now[0])
    monkeypatch.setattr(
        LakeStimuli,
        "_read",
        lambda self, *clip, whole=LakeStimuli._read: read.append(clip) or whole(self, *clip),
    )
    stimuli = LakeStimuli(lake)
    for _ in range(5):
        assert len(stimuli.segments()) == 2
    assert sorted(read) == [(DAY_1, A), (DAY_1, B)]
    put(lake.home / "lake", "face_crops", C, crops(C, T1, (9, 10, 11)), DAY_2)
    lake.remove("expression_segments", A, camera_day=DAY_1)
    assert len(stimuli.segments()) == 2
    now[0] += 6
    wait_until(lambda: list(stimuli.segments()) == [f"{T1}-9", f"{T2}-0"])
    assert read[2:] == [(DAY_2, C)]


def test_nobody_waits_while_another_looks_at_the_lake(lake, monkeypatch):
    now, looking, go_on = [100.0], Event(), Event()
    monkeypatch.setattr(rating_page, "monotonic", lambda: now[0])
    stimuli = LakeStimuli(lake)
    before = stimuli.segments()
    whole = LakeStimuli._look

    def look(self):
        looking.set()
        assert go_on.wait(60)
        return whole(self)

    monkeypatch.setattr(LakeStimuli, "_look", look)
    now[0] += 6
    assert stimuli.segments() is before
    assert looking.wait(60)
    lake.remove("expression_segments", A, camera_day=DAY_1)
    assert stimuli.segments() is before
    go_on.set()
    wait_until(lambda: list(stimuli.segments()) == [f"{T2}-0"])


def test_a_loop_is_encoded_once_and_not_kept_when_its_crops_are_gone(lake, monkeypatch):
    now, encoded = [100.0], []
    monkeypatch.setattr(rating_page, "monotonic", lambda: now[0])
    monkeypatch.setattr(rating_page, "encode_loop", lambda *given: encoded.append(1) or encode_loop(*given))
    stimuli = LakeStimuli(lake)
    first = stimuli.loop(f"{T1}-2")
    assert stimuli.loop(f"{T1}-2") is first
    assert len(encoded) == 1
    assert stimuli._encoded.cache_info().currsize == 1
    lake.remove("face_crops", A, camera_day=DAY_1)
    with pytest.raises(LookupError):
        stimuli.loop(f"{T1}-2")
    now[0] += 6
    wait_until(lambda: list(stimuli.segments()) == [f"{T2}-0"])
    assert stimuli._encoded.cache_info().currsize == 0


def test_an_empty_lake_has_nothing_to_rate(tmp_path):
    assert list(LakeStimuli(Lake(UPath(tmp_path))).segments()) == []


def test_crops_that_were_erased_a_moment_ago_are_not_found(lake):
    browser = TestClient(create_rating_page(Settings(home=str(lake.home))), raise_server_exceptions=False)
    browser.post("/start", data={"rater": "otter", "consent": "yes"})
    assert browser.get(f"/loops/{T1}-2").headers["content-type"] == "image/webp"
    lake.remove("face_crops", A, camera_day=DAY_1)
    assert browser.get(f"/loops/{T1}-2").status_code == 404


def test_consent_and_answers_lie_in_files_of_their_own_until_the_rater_withdraws(lake):
    browser = TestClient(create_rating_page(Settings(home=str(lake.home))))
    surveys = lake.home / "surveys"
    key_page = browser.post("/start", data={"rater": "otter", "consent": "yes"}).text
    key = re.search(r"(?:[A-Z2-7]{4}-){3}[A-Z2-7]{4}", key_page).group()
    stored = json.loads((surveys / "consent-otter.json").read_text())
    assert (stored["rater"], len(stored["given"])) == ("otter", 1)
    assert key not in str(stored)
    assert survey_files(lake) == []

    text = browser.get(f"/segments/{T1}-2").text
    token = re.search(r'name="form_token" value="([^"]+)"', text).group(1)
    pair = re.search(r'name="([^"]+)" value="1"', text).group(1)
    browser.post(f"/segments/{T1}-2", data={pair: "4", "form_token": token})
    assert [path.name for path in survey_files(lake)] == ["page-otter.csv"]
    assert f"otter,{T1}-2,{pair},4" in (surveys / "page-otter.csv").read_text()
    corrected = browser.get(f"/segments/{T1}-2?correct=true").text
    assert f'name="{pair}" value="4" checked' in corrected
    browser.post(f"/segments/{T1}-2?correct=true", data={pair: "2", "form_token": token})
    assert (surveys / "page-otter.csv").read_text().splitlines()[1:] == [f"otter,{T1}-2,{pair},2"]

    again = TestClient(create_rating_page(Settings(home=str(lake.home))))  # after a restart
    assert again.post("/start", data={"rater": "otter", "consent": "yes"}).status_code == 409
    again.post("/start", data={"rater": "otter", "consent": "yes", "return_key": key})
    thanks = again.get("/thanks").text
    assert "1 of 2 clips" in thanks
    token = re.search(r'name="form_token" value="([^"]+)"', thanks).group(1)
    put(lake.home / "lake", "ratings", "page-otter", [])
    assert "are erased" in again.post("/withdraw", data={"form_token": token}).text
    assert list(surveys.iterdir()) == []
    assert lake.names("ratings") == []


def test_nothing_is_written_beside_an_erasure(lake, monkeypatch):
    monkeypatch.setattr(survey_app, "_PATIENCE_S", 0.0)
    settings = Settings(home=str(lake.home))
    browser = TestClient(create_rating_page(settings))
    browser.post("/start", data={"rater": "otter", "consent": "yes"})
    text = browser.get(f"/segments/{T1}-2").text
    token = re.search(r'name="form_token" value="([^"]+)"', text).group(1)
    pair = re.search(r'name="([^"]+)" value="1"', text).group(1)
    answer, withdrawal = {pair: "4", "form_token": token}, {"form_token": token}
    with alone(settings):
        other = TestClient(create_rating_page(settings))
        refused = [
            other.post("/start", data={"rater": "heron", "consent": "yes"}),
            browser.post(f"/segments/{T1}-2", data=answer),
            browser.post("/withdraw", data=withdrawal),
        ]
    assert [each.status_code for each in refused] == [503] * 3
    assert all("nothing of this page was stored" in each.text for each in refused)
    assert [path.name for path in (lake.home / "surveys").iterdir()] == ["consent-otter.json"]
    browser.post(f"/segments/{T1}-2", data=answer)
    assert [path.name for path in survey_files(lake)] == ["page-otter.csv"]


def test_a_page_that_waited_for_its_raters_erasure_is_refused(lake):
    settings = Settings(home=str(lake.home))
    browser = TestClient(create_rating_page(settings))
    browser.post("/start", data={"rater": "otter", "consent": "yes"})
    text = browser.get(f"/segments/{T1}-2").text
    token = re.search(r'name="form_token" value="([^"]+)"', text).group(1)
    pair = re.search(r'name="([^"]+)" value="1"', text).group(1)
    with ThreadPoolExecutor() as other:
        with alone(settings):
            sent = other.submit(browser.post, f"/segments/{T1}-2", data={pair: "4", "form_token": token})
            sleep(0.5)
            assert not sent.done()
            (lake.home / "surveys" / "consent-otter.json").unlink()
        assert sent.result().status_code == 403
    assert list((lake.home / "surveys").iterdir()) == []


def test_who_waits_for_the_end_of_an_erasure_holds_up_nobody(lake):
    settings = Settings(home=str(lake.home))
    app = create_rating_page(settings)

    async def send(browser, path, **fields):
        return await browser.post(path, data=fields)

    async def try_it():
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as browser:
            await send(browser, "/start", rater="otter", consent="yes")
            text = (await browser.get(f"/segments/{T1}-2")).text
            token = re.search(r'name="form_token" value="([^"]+)"', text).group(1)
            with alone(settings):
                waits = asyncio.create_task(
                    send(browser, f"/segments/{T1}-2", form_token=token, nothing="yes")
                )
                await asyncio.sleep(0.5)
                began = monotonic()
                assert (await browser.get(f"/segments/{T2}-0")).status_code == 200
                assert monotonic() - began < 2
                assert not waits.done()
            return (await waits).status_code

    assert asyncio.run(try_it()) == 303
