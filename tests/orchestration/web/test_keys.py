"""Whose key opens which page: the table of roles, tried at the pages' door."""

import warnings
from datetime import UTC, datetime

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from apexline.governance import MATRIX, ROLES, SIGNED_IN, add_person, remove_person
from apexline.orchestration.commands.servers import _reviewing
from apexline.orchestration.web.keys import SIGN_IN, Keys

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", message="Using `httpx` with")
    from fastapi.testclient import TestClient

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
PAGE = {"accept": "text/html"}


def whose(request):
    return PlainTextResponse(f"for {SIGNED_IN.get() or 'anybody'}")


@pytest.fixture
def keys(tmp_path):
    """A person of each role, the officer first."""
    order = sorted(ROLES, key=lambda role: role != "officer")
    return {role: add_person(tmp_path, f"{role} person", (role,), by="Ada", now=NOW) for role in order}


@pytest.fixture
def browser(tmp_path):
    def open_it(action_of=_reviewing):
        app = Starlette(routes=[Route("/{path:path}", whose, methods=["GET", "POST"])])
        guarded = Keys(app, home=tmp_path, port=3000, action_of=action_of)
        return TestClient(guarded, follow_redirects=False)

    return open_it


def sign_in(browser, key, then="/days"):
    return browser.post(SIGN_IN, data={"key": key, "then": then}, headers=PAGE)


def test_where_nobody_is_entered_the_pages_are_as_before(browser):
    assert browser().get("/days").text == "for anybody"


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("action", ["view", "review", "rate"])
def test_each_role_opens_its_own_pages_and_nothing_else(browser, keys, role, action):
    pages = browser(lambda _: action)
    signed = sign_in(pages, keys[role])
    brought = pages.get("/days", headers={"Apexline-Key": keys[role]})
    if role in MATRIX[action]:
        assert (signed.status_code, signed.headers["location"]) == (303, "/days")
        assert pages.get("/days").text == brought.text == f"for {role} person"
    else:
        assert (signed.status_code, brought.status_code) == (403, 403)
        assert f"is {role}, expected" in brought.text
        assert pages.get("/days").status_code == 403


def test_who_may_look_may_not_say(browser, keys):
    pages = browser()
    assert sign_in(pages, keys["officer"]).status_code == 303
    assert pages.get("/days").status_code == 200
    refused = pages.post("/days", headers=PAGE)
    assert refused.status_code == 403
    assert "expected reviewer to review" in refused.text
    assert sign_in(pages, keys["reviewer"]).status_code == 303
    assert pages.post("/days").text == "for reviewer person"


def test_a_page_asks_and_leads_back_to_where_one_was(browser, keys):
    pages = browser()
    asked = pages.get("/days/x?answer=happy&q=<b>", headers=PAGE)
    assert asked.status_code == 403
    assert 'value="/days/x?answer=happy&amp;q=' in asked.text
    assert "<b>" not in asked.text
    assert "Apexline-Key" in pages.get("/days").text  # what a program is told
    assert pages.get(SIGN_IN, headers=PAGE).status_code == 403


@pytest.mark.parametrize("then", ["https://evil.example/", "//evil.example", "/\\evil.example", ""])
def test_signing_in_leads_nowhere_else(browser, keys, then):
    assert sign_in(browser(), keys["reviewer"], then).headers["location"] == "/"


def test_a_form_that_is_no_key_is_not_read(browser, keys):
    assert sign_in(browser(), "k" * 5000).status_code == 413
    assert browser().post(SIGN_IN, content=iter([b"key=", b"k" * 100]), headers=PAGE).status_code == 413


@pytest.mark.parametrize("key", ["", "guessed"])
def test_a_wrong_key_opens_nothing(browser, keys, key):
    pages = browser()
    assert sign_in(pages, key).status_code == 403
    assert pages.get("/days", headers={"Apexline-Key": key}).status_code == 403
    assert pages.get("/days", headers={"Cookie": "apexline_key_3000=guessed"}).status_code == 403


def test_who_is_taken_off_the_list_or_has_a_new_key_is_out_at_once(browser, keys, tmp_path):
    pages = browser()
    sign_in(pages, keys["reviewer"])
    renewed = add_person(tmp_path, "reviewer person", ("reviewer",), by="officer person", now=NOW)
    assert pages.get("/days").status_code == 403
    sign_in(pages, renewed)
    assert pages.get("/days").status_code == 200
    remove_person(tmp_path, "reviewer person", by="officer person", now=NOW)
    assert pages.get("/days").status_code == 403


def test_the_cookie_holds_no_key_and_stays_with_this_site(browser, keys):
    said = sign_in(browser(), keys["reviewer"]).headers["set-cookie"]
    assert keys["reviewer"] not in said
    assert "HttpOnly" in said
    assert "SameSite=strict" in said
