"""The pages: what they show and to whom, and what a browser may send."""

import re

import pytest

from apexline.survey import sessions
from apexline.survey.app import create_app
from apexline.survey.contracts import Scale
from tests.survey.browser import PAIRS, SEGMENTS, Page, Stimuli, Store


def test_the_first_page_tells_what_is_stored_and_asks_for_a_code_and_consent(page):
    text = page.client.get("/").text
    assert 'name="rater"' in text
    assert re.search(r'type="checkbox"[^>]*name="consent"[^>]*required', text)
    assert "voluntary" in text
    assert "2 pairs" in text


def test_pages_load_nothing_from_elsewhere_and_run_no_script_but_their_own(page):
    page.begin()
    for path in ("/", "/key", "/next", "/thanks", "/withdraw"):
        response = page.client.get(path)
        assert re.findall("<script[^>]*>", response.text) in ([], ['<script src="/rating.js" defer>'])
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
        assert sorted(values[:5]) == [(str(level), "") for level in range(1, 6)]  # from either side
        assert values[5:] == [("", " checked")]
        assert re.search(
            rf"<legend>({scale.first} \(.+\) or {scale.second}|{scale.second} \(.+\) or {scale.first}) \(",
            text,
        )
        assert f"strongly {scale.second}" in text


def test_stopping_early_says_how_to_go_on(page):
    page.begin()
    page.send("aa-20", {"angry_calm": "4"})
    text = page.client.get("/thanks").text
    assert "1 of 3 clips" in text
    assert "otter-7" in text


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


@pytest.mark.parametrize("pairs", [[], [PAIRS[0], PAIRS[0]], [Scale("form_token", "a", "b")]])
def test_pairs_are_needed_and_each_once(pairs):
    with pytest.raises(ValueError, match="each once"):
        create_app(stimuli=Stimuli(SEGMENTS), pairs=pairs, store=Store())


def test_raters_are_told_whom_they_can_ask(page):
    assert "ask whoever invited you" in page.client.get("/").text
    named = Page(contact="Ada <ada@lab.example>")
    assert "Ada &lt;ada@lab.example&gt;" in named.client.get("/").text
    named.begin()
    (agreement,) = named.store.consents["otter-7"].given
    assert "lost: Ada &lt;ada@lab.example&gt;." in agreement.text
