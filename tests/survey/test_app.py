import re
import warnings

import numpy as np
import pytest

from apexline.survey.app import MAX_BODY, Scale, create_app
from apexline.survey.loops import encode_loop

with warnings.catch_warnings():
    # Starlette's test client announces that it will want httpx2 one day.
    warnings.filterwarnings("ignore", message="Using `httpx` with")
    from fastapi.testclient import TestClient


SEGMENTS = ["aa-20", "aa-90", "b/b 5"]
PAIRS = [Scale("angry_calm", "angry", "calm"), Scale("happy_sad", "happy", "sad")]


class Stimuli:
    def __init__(self, segments):
        self.names = list(segments)
        self.image = encode_loop(np.zeros((2, 8, 8), np.uint8), 25)

    def segments(self):
        return self.names

    def loop(self, segment):
        return self.image


class Page:
    """A browser at the survey, and what was saved."""

    def __init__(self, segments=SEGMENTS, **options):
        self.saved = []
        self.stimuli = Stimuli(segments)
        options.setdefault("save", self.saved.append)
        app = create_app(stimuli=self.stimuli, pairs=PAIRS, **options)
        self.client = TestClient(app, raise_server_exceptions=False)

    def begin(self, rater="otter-7", consent="yes"):
        return self.client.post("/start", data={"rater": rater, "consent": consent})

    def send(self, segment, answers):
        return self.client.post(f"/segments/{segment}", data=answers, follow_redirects=False)


@pytest.fixture
def page():
    return Page()


def test_the_first_page_tells_what_is_stored_and_asks_for_a_code_and_consent(page):
    text = page.client.get("/").text
    assert 'name="rater"' in text
    assert re.search(r'type="checkbox"[^>]*name="consent"[^>]*required', text)
    assert "voluntary" in text
    assert "2 pairs" in text


def test_pages_need_no_script_and_load_nothing_from_elsewhere(page):
    page.begin()
    for path in ("/", "/next", "/thanks"):
        response = page.client.get(path)
        assert "<script" not in response.text
        assert "http" not in re.sub(r"https?://testserver", "", response.text)
        assert "default-src 'none'" in response.headers["content-security-policy"]
        assert response.headers["cache-control"] == "no-store"


def test_a_rater_begins_with_one_segment_and_a_loop(page):
    response = page.begin()
    assert response.status_code == 200
    assert "Clip 1 of 3" in response.text
    source = re.search(r'<img src="(/loops/[^"]+)"', response.text).group(1)
    loop = page.client.get(source)
    assert loop.status_code == 200
    assert loop.headers["content-type"] == "image/webp"


def test_every_pair_has_five_levels_and_no_answer_as_the_choice_made_at_first(page):
    text = page.begin().text
    for scale in PAIRS:
        values = re.findall(rf'<input type="radio" name="{scale.pair}" value="(\d?)"( checked)?', text)
        assert values == [(str(level), "") for level in range(1, 6)] + [("", " checked")]
        assert f"<legend>{scale.first} or {scale.second}</legend>" in text
        assert f"strongly {scale.second}" in text


def test_answers_are_saved_as_tidy_rows_and_skipped_pairs_are_not(page):
    page.begin()
    response = page.send("aa-20", {"angry_calm": "4", "happy_sad": ""})
    assert response.status_code == 303
    assert page.saved == [[{"rater": "otter-7", "segment": "aa-20", "pair": "angry_calm", "level": 4}]]


def test_a_rater_goes_through_all_segments_once_and_is_thanked(page):
    response = page.begin()
    seen = []
    while "/segments/" in str(response.url):
        seen.append(response.url.path.removeprefix("/segments/"))
        response = page.client.post(response.url, data={"angry_calm": "1", "happy_sad": "5"})
    assert sorted(seen) == sorted(SEGMENTS)
    assert response.url.path == "/thanks"
    assert "finished all 3 clips" in response.text
    assert len(page.saved) == 3


def test_a_finished_segment_is_neither_shown_nor_saved_again(page):
    page.begin()
    page.send("aa-20", {"angry_calm": "4"})
    page.send("aa-20", {"angry_calm": "1"})
    assert len(page.saved) == 1
    response = page.client.get("/segments/aa-20", follow_redirects=False)
    assert (response.status_code, response.headers["location"]) == (303, "/next")


def test_a_segment_left_wholly_unanswered_is_finished_without_a_row(page):
    page.begin()
    assert page.send("aa-20", {"angry_calm": "", "happy_sad": ""}).status_code == 303
    assert page.saved == []
    assert "1 of 3 clips" in page.client.get("/thanks").text


def test_stopping_early_says_how_to_go_on(page):
    page.begin()
    page.send("aa-20", {"angry_calm": "4"})
    text = page.client.get("/thanks").text
    assert "1 of 3 clips" in text
    assert "otter-7" in text


def test_raters_do_not_share_what_is_done(page):
    page.begin("first")
    page.send("aa-20", {"angry_calm": "4"})
    page.begin("second")
    assert page.client.get("/segments/aa-20", follow_redirects=False).status_code == 200


def test_segments_rated_before_a_restart_are_not_asked_again():
    page = Page(rated=lambda rater: ["aa-20", "gone"] if rater == "otter-7" else [])
    text = page.begin().text
    assert "Clip 2 of 3" in text
    assert page.client.get("/segments/aa-20", follow_redirects=False).status_code == 303


def test_raters_get_orders_of_their_own_that_stay():
    def orders():
        return [Page([f"s{i}" for i in range(20)]).begin(f"rater-{i}").url.path for i in range(8)]

    first = orders()
    assert len(set(first)) > 3
    assert orders() == first


def test_new_segments_appear_while_the_page_runs(page):
    page.begin()
    page.stimuli.names = ["new-1"]
    assert page.client.get("/next").url.path == "/segments/new-1"


def test_no_stimuli_is_said_and_no_form_is_shown():
    page = Page([])
    assert "nothing to rate" in page.client.get("/").text
    assert page.begin().url.path == "/thanks"


@pytest.mark.parametrize("path", ["/segments/zz-1", "/loops/zz-1"])
def test_an_unknown_segment_is_not_found(page, path):
    page.begin()
    response = page.client.get(path)
    assert response.status_code == 404
    assert "zz-1" in response.text
    assert page.send("zz-1", {"angry_calm": "1"}).status_code == 404


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ({"angry_calm": "6"}, "expected 1 to 5"),
        ({"angry_calm": "0"}, "expected 1 to 5"),
        ({"angry_calm": "2.5"}, "expected 1 to 5"),
        ({"hot_cold": "1"}, "hot_cold is not an adjective pair"),
        ({"angry_calm": ["1", "2"]}, "two answers"),
    ],
)
def test_a_bad_answer_is_refused_and_nothing_of_its_page_is_saved(page, answers, reason):
    page.begin()
    response = page.send("aa-20", {"happy_sad": "1", **answers})
    assert response.status_code == 422
    assert reason in response.text
    assert page.saved == []
    assert page.client.get("/segments/aa-20", follow_redirects=False).status_code == 200


@pytest.mark.parametrize("path", ["/start", "/segments/aa-20", "/nowhere"])
def test_a_form_is_bounded_and_its_size_announced(page, path):
    page.begin()
    response = page.client.post(path, content=b"a=" + b"x" * MAX_BODY)
    assert response.status_code == 413
    assert "larger than 64 KiB" in response.text
    assert page.client.post(path, headers={"content-length": "9" * 5000}, content=b"").status_code == 413
    response = page.client.post(path, content=iter([b"angry_calm=1"]))  # in chunks of any number
    assert response.status_code == 411
    assert response.headers["cache-control"] == "no-store"
    assert page.saved == []


@pytest.mark.parametrize("as_parts", [False, True])
def test_more_fields_than_pairs_are_refused(page, as_parts):
    page.begin()
    body = "&".join(f"f{k}=1" for k in range(9))
    kind = "application/x-www-form-urlencoded"
    if as_parts:
        kind = "multipart/form-data; boundary=b"
        part = '--b\r\nContent-Disposition: form-data; name="angry_calm"\r\n\r\n1\r\n'
        body = part * 9 + "--b--\r\n"
    response = page.client.post("/segments/aa-20", content=body.encode(), headers={"content-type": kind})
    assert response.status_code in {400, 413}
    assert "That did not work" in response.text
    assert page.saved == []


@pytest.mark.parametrize("code", ["a b", "x" * 33, "<b>", "ä"])
def test_a_bad_code_is_refused(page, code):
    assert page.begin(code).status_code == 422


@pytest.mark.parametrize("data", [{"rater": "otter-7"}, {"consent": "yes"}, {"rater": "o", "consent": "no"}])
def test_nobody_begins_without_code_and_consent(page, data):
    response = page.client.post("/start", data=data)
    assert response.status_code == 422
    assert "That did not work" in response.text
    assert "rater" not in page.client.cookies


@pytest.mark.parametrize("cookie", [None, "<script>"])
def test_without_a_code_every_page_leads_to_the_first(page, cookie):
    if cookie:
        page.client.cookies.set("rater", cookie)
    for path in ("/next", "/segments/aa-20"):
        assert page.client.get(path).url.path == "/"
    assert page.send("aa-20", {"angry_calm": "1"}).headers["location"] == "/"
    assert page.saved == []
    assert "No ratings were sent" in page.client.get("/thanks").text


def test_what_could_not_be_saved_can_be_sent_again():
    def broken(rows):
        if not calls:
            calls.append(rows)
            message = "disk full"
            raise OSError(message)
        calls.append(rows)

    calls = []
    page = Page(save=broken)
    page.begin()
    assert page.send("aa-20", {"angry_calm": "4"}).status_code == 500
    assert page.send("aa-20", {"angry_calm": "4"}).status_code == 303
    assert len(calls) == 2


@pytest.mark.parametrize("pairs", [[], [PAIRS[0], PAIRS[0]]])
def test_pairs_are_needed_and_each_once(pairs):
    with pytest.raises(ValueError, match="each once"):
        create_app(stimuli=Stimuli(SEGMENTS), pairs=pairs, save=print)
