import asyncio
import dataclasses
import hashlib
import re
import warnings
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from apexline.survey import app, sessions
from apexline.survey.answers import Scale
from apexline.survey.app import MAX_BODY, create_app
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


class Store:
    """Consent and answers in memory, and the order in which they came."""

    def __init__(self):
        self.consents, self.answers, self.log = {}, {}, []

    def consent(self, rater):
        return self.consents.get(rater)

    def keep_consent(self, consent):
        self.log.append(("consent", consent.rater))
        self.consents[consent.rater] = consent

    def rated(self, rater):
        return [row["segment"] for row in self.answers.get(rater, [])]

    def save(self, rows):
        self.log.append(("answers", rows[0]["rater"]))
        self.answers.setdefault(rows[0]["rater"], []).extend(rows)

    def forget(self, rater):
        self.answers.pop(rater, None)
        self.consents.pop(rater, None)

    @property
    def rows(self):
        return [row for rows in self.answers.values() for row in rows]


class Page:
    """A browser at the survey, and what was stored."""

    def __init__(self, segments=SEGMENTS, store=None, like=None, base_url="http://testserver"):
        self.store = like.store if like else store or Store()
        self.stimuli = like.stimuli if like else Stimuli(segments)
        self.app = like.app if like else create_app(stimuli=self.stimuli, pairs=PAIRS, store=self.store)
        self.client = TestClient(self.app, raise_server_exceptions=False, base_url=base_url)

    def start(self, rater="otter-7", **fields):
        data = {"rater": rater, "consent": "yes", **fields}
        return self.client.post("/start", data=data, follow_redirects=False)

    def begin(self, rater="otter-7", **fields):
        assert self.start(rater, **fields).status_code == 303
        return self.client.get("/next")

    @property
    def token(self):
        return re.search(r'name="form_token" value="([^"]+)"', self.client.get("/withdraw").text).group(1)

    @property
    def return_key(self):
        return re.search(r"(?:[A-Z2-7]{4}-){3}[A-Z2-7]{4}", self.client.get("/key").text).group()

    def send(self, segment, answers):
        return self.post(f"/segments/{segment}", answers)

    def post(self, path, fields=()):
        data = {**dict(fields), "form_token": self.token}
        return self.client.post(path, data=data, follow_redirects=False)


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
    for path in ("/", "/key", "/next", "/thanks", "/withdraw"):
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
    assert page.store.rows == [{"rater": "otter-7", "segment": "aa-20", "pair": "angry_calm", "level": 4}]


def test_a_rater_goes_through_all_segments_once_and_is_thanked(page):
    response = page.begin()
    seen = []
    while "/segments/" in str(response.url):
        seen.append(response.url.path.removeprefix("/segments/"))
        response = page.client.post(
            response.url, data={"angry_calm": "1", "happy_sad": "5", "form_token": page.token}
        )
    assert sorted(seen) == sorted(SEGMENTS)
    assert response.url.path == "/thanks"
    assert "finished all 3 clips" in response.text
    assert len(page.store.rows) == 6


def test_a_finished_segment_is_neither_shown_nor_saved_again(page):
    page.begin()
    page.send("aa-20", {"angry_calm": "4"})
    page.send("aa-20", {"angry_calm": "1"})
    assert [row["level"] for row in page.store.rows] == [4]
    response = page.client.get("/segments/aa-20", follow_redirects=False)
    assert (response.status_code, response.headers["location"]) == (303, "/next")


def test_a_segment_left_wholly_unanswered_is_finished_without_a_row(page):
    page.begin()
    assert page.send("aa-20", {"angry_calm": "", "happy_sad": ""}).status_code == 303
    assert page.store.rows == []
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
    before = Page()
    before.begin()
    before.send("aa-20", {"angry_calm": "4"})
    before.store.answers["otter-7"].append({"segment": "gone"})
    page = Page(store=before.store)
    text = page.begin(return_key=before.return_key).text
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
    assert Page(like=page).client.get(path).status_code != 404


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
    assert page.store.rows == []
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
    assert page.store.rows == []


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
    assert page.store.rows == []


@pytest.mark.parametrize("code", ["a b", "x" * 33, "<b>", "ä"])
def test_a_bad_code_is_refused(page, code):
    assert page.start(code).status_code == 422
    assert page.store.log == []


@pytest.mark.parametrize("data", [{"rater": "otter-7"}, {"consent": "yes"}, {"rater": "o", "consent": "no"}])
def test_nobody_begins_without_code_and_consent(page, data):
    response = page.client.post("/start", data=data)
    assert response.status_code == 422
    assert "That did not work" in response.text
    assert not page.client.cookies
    assert page.store.log == []


@pytest.mark.parametrize("cookie", [None, "<script>", "otter-7", "A" * 43, "ä"])
def test_without_a_session_nothing_is_shown_and_nothing_taken(page, cookie):
    page.begin()
    other = Page(like=page)
    # What was the cookie of 0.1.0, and a guess at the present one.
    other.client.headers.update(
        {"cookie": f"rater=otter-7; apexline-survey={cookie}".encode()} if cookie else {}
    )
    for path in ("/key", "/next", "/segments/aa-20", "/segments/zz-1", "/withdraw"):
        response = other.client.get(path, follow_redirects=False)
        assert (response.status_code, response.headers["location"]) == (303, "/")
    assert other.client.get("/loops/aa-20").status_code == 403
    assert other.client.get("/loops/zz-1").status_code == 403
    for path in ("/segments/aa-20", "/leave", "/withdraw"):
        answer = other.client.post(path, data={"angry_calm": "1", "form_token": page.token})
        assert answer.status_code == 403
        assert "Your session has ended" in answer.text
    assert page.store.rows == []
    assert "No ratings were sent" in other.client.get("/thanks").text


def test_the_cookie_is_a_secret_of_its_own_and_new_at_every_start(page):
    cookie = page.start().headers["set-cookie"]
    assert re.match(r"apexline-survey=[\w-]{43}; HttpOnly; Max-Age=43200; Path=/; SameSite=strict$", cookie)
    first = page.client.cookies["apexline-survey"]
    assert "otter" not in first
    page.start()  # the same browser needs no key
    assert page.client.cookies["apexline-survey"] != first
    stale = Page(like=page)
    stale.client.cookies.set("apexline-survey", first)
    assert stale.client.get("/loops/aa-20").status_code == 403


def test_a_token_that_somebody_put_into_the_browser_is_worth_nothing(page):
    page.client.cookies.set("apexline-survey", "chosen-by-another")
    page.start()
    other = Page(like=page)
    other.client.cookies.set("apexline-survey", "chosen-by-another")
    assert other.client.get("/loops/aa-20").status_code == 403


def test_over_https_the_cookie_is_bound_to_the_host():
    page = Page(base_url="https://testserver")
    cookie = page.start().headers["set-cookie"]
    assert cookie.startswith("__Host-apexline-survey=")
    assert cookie.endswith("; Secure")
    assert "Domain" not in cookie
    assert page.client.get("/loops/aa-20").status_code == 200


def test_another_browser_needs_the_return_key(page):
    page.begin()
    page.send("aa-20", {"angry_calm": "4"})
    other = Page(like=page)
    refused = other.start()
    assert refused.status_code == 409
    assert "in use" in refused.text
    for key in ("AAAA-BBBB-CCCC-DDDD", "x", page.return_key[:-1]):
        assert other.start(return_key=key).status_code == 403
    assert other.start("nobody", return_key=page.return_key).status_code == 403
    assert not other.client.cookies
    assert (
        other.start(return_key=f" {page.return_key.lower().replace('-', ' ')} ").headers["location"]
        == "/next"
    )
    assert "1 of 3 clips" in other.client.get("/thanks").text
    assert "1 of 3 clips" in page.client.get("/thanks").text


def test_answers_without_a_stored_consent_are_nobodys_to_continue():
    store = Store()
    store.answers["otter-7"] = [{"segment": "aa-20"}]
    page = Page(store=store)
    assert page.start().status_code == 409
    assert page.start(return_key="AAAA-BBBB-CCCC-DDDD").status_code == 403


def test_one_of_two_browsers_gets_a_code(page):
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: Page(like=page).start().status_code, range(8)))
    assert sorted(found) == [303] + 7 * [409]
    assert page.store.log == [("consent", "otter-7")]


def test_consent_is_stored_before_any_answer(page):
    page.begin()
    page.send("aa-20", {"angry_calm": "4"})
    assert page.store.log == [("consent", "otter-7"), ("answers", "otter-7")]
    consent = page.store.consents["otter-7"]
    [given] = consent.given
    assert datetime.now(UTC) - datetime.fromisoformat(given.at) < timedelta(minutes=5)
    assert given.text_sha256 == hashlib.sha256(given.text.encode()).hexdigest()
    assert given.text in page.client.get("/").text
    assert "voluntary" in given.text
    assert page.return_key not in str(consent)


def test_another_text_is_agreed_to_anew(page):
    page.begin()
    consent = page.store.consents["otter-7"]
    older = dataclasses.replace(consent.given[0], text_sha256="0", text="older")
    page.store.consents["otter-7"] = dataclasses.replace(consent, given=(older,))
    for _ in range(2):
        Page(like=page).begin(return_key=page.return_key)
        assert page.store.consents["otter-7"].given[0] == older
        assert len(page.store.consents["otter-7"].given) == 2


def test_a_consent_that_cannot_be_stored_begins_nothing():
    class Full(Store):
        def keep_consent(self, consent):
            raise OSError(28, "disk full")

    page = Page(store=Full())
    assert page.start().status_code == 500
    assert not page.client.cookies


def test_a_rater_withdraws_and_nothing_is_left(page):
    page.begin()
    page.send("aa-20", {"angry_calm": "4"})
    page.send("aa-90", {"angry_calm": ""})
    key, other = page.return_key, Page(like=page)
    other.begin(return_key=key)
    token = other.token
    assert "cannot be brought back" in page.client.get("/withdraw").text
    response = page.post("/withdraw")
    assert "Your answers are erased" in response.text
    assert (page.store.consents, page.store.answers) == ({}, {})
    assert not page.client.cookies
    # The other browser's session ended, too, and a page on its way is not taken.
    answers = {"angry_calm": "1", "form_token": token}
    assert other.client.post("/segments/aa-20", data=answers).status_code == 403
    assert Page(like=page).start(return_key=key).status_code == 403
    assert "Clip 1 of 3" in page.begin().text
    assert page.return_key != key


def test_what_was_erased_elsewhere_takes_no_more_answers(page):
    page.begin()
    page.store.forget("otter-7")
    assert page.send("aa-20", {"angry_calm": "1"}).status_code == 403
    Page(like=page).begin()  # somebody else takes the code
    refused = page.send("aa-20", {"angry_calm": "1"})
    assert refused.status_code == 403
    assert "only with consent" in refused.text
    assert page.store.rows == []


def test_a_session_is_left(page):
    page.begin()
    cookie, key = page.client.cookies["apexline-survey"], page.return_key
    assert "session in this browser has ended" in page.post("/leave").text
    stale = Page(like=page)
    stale.client.cookies.set("apexline-survey", cookie)
    assert stale.client.get("/loops/aa-20").status_code == 403
    assert "Clip 1 of 3" in page.begin(return_key=key).text


@pytest.mark.parametrize("path", ["/segments/aa-20", "/withdraw", "/leave"])
def test_a_form_of_another_session_is_refused(page, path):
    page.begin()
    other = Page(like=page)
    other.begin("other")
    for fields in ({}, {"form_token": ""}, {"form_token": other.token}, {"form_token": "ä"}):
        response = page.client.post(
            path, data={"angry_calm": "1", **fields} if "segments" in path else fields
        )
        assert response.status_code == 403
        assert "not of your session" in response.text
    assert page.store.rows == []
    assert page.client.get("/loops/aa-20").status_code == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_form_on_another_site_begins_and_sends_nothing(page, site):
    page.client.headers["sec-fetch-site"] = site
    response = page.start()
    assert response.status_code == 403
    assert "another site" in response.text
    page.client.headers["sec-fetch-site"] = "same-origin"
    assert page.start().status_code == 303


def test_loops_are_for_this_site_alone(page):
    page.begin()
    assert page.client.get("/loops/aa-20").headers["cross-origin-resource-policy"] == "same-origin"


def test_a_loop_that_is_gone_is_not_found(page):
    page.begin()
    page.stimuli.loop = {}.__getitem__
    response = page.client.get("/loops/aa-20")
    assert response.status_code == 404
    assert "not there any more" in response.text


def test_starts_are_bounded(page, monkeypatch):
    monkeypatch.setattr(sessions, "monotonic", lambda: 1000.0)
    codes = [page.start(f"r{k}").status_code for k in range(sessions.MAX_STARTS_PER_MINUTE + 1)]
    assert codes == [303] * sessions.MAX_STARTS_PER_MINUTE + [429]
    monkeypatch.setattr(sessions, "monotonic", lambda: 1061.0)
    assert page.start("late").status_code == 303


def test_large_headers_are_refused(page):
    response = page.client.get("/", headers={"cookie": "a=" + "x" * 20_000})
    assert response.status_code == 431


def test_a_form_that_does_not_arrive_is_not_waited_for(page, monkeypatch):
    monkeypatch.setattr(app, "BODY_S", 0.05)

    async def ask():
        sent = []

        async def receive():
            await asyncio.sleep(60)

        async def send(message):
            sent.append(message)

        headers = [(b"content-length", b"9"), (b"content-type", b"application/x-www-form-urlencoded")]
        scope = {"type": "http", "method": "POST", "path": "/start", "query_string": b"", "headers": headers}
        scope |= {"scheme": "http", "http_version": "1.1", "server": ("testserver", 80), "root_path": ""}
        await asyncio.wait_for(page.app(scope, receive, send), 20)
        return sent[0]["status"]

    assert asyncio.run(ask()) == 408


def test_what_could_not_be_saved_can_be_sent_again():
    class Broken(Store):
        def save(self, rows):
            self.log.append(("tried", rows[0]["rater"]))
            if len(self.log) == 2:
                message = "disk full"
                raise OSError(message)
            super().save(rows)

    page = Page(store=Broken())
    page.begin()
    assert page.send("aa-20", {"angry_calm": "4"}).status_code == 500
    assert page.send("aa-20", {"angry_calm": "4"}).status_code == 303
    assert len(page.store.rows) == 1


@pytest.mark.parametrize("pairs", [[], [PAIRS[0], PAIRS[0]], [Scale("form_token", "a", "b")]])
def test_pairs_are_needed_and_each_once(pairs):
    with pytest.raises(ValueError, match="each once"):
        create_app(stimuli=Stimuli(SEGMENTS), pairs=pairs, store=Store())
