"""A rater in a browser by the keyboard alone: consent, answers, back, resume, withdrawal, thanks."""

import re

import pytest

from tests.orchestration.web.browser import needs_browser, served, started_browser, wait_until
from tests.survey.browser import Page

pytestmark = [pytest.mark.slow, needs_browser]
_SEGMENTS = ["aa-20", "aa-90"]


@pytest.fixture(scope="module")
def page():
    return Page(_SEGMENTS)


@pytest.fixture(scope="module")
def address(page):
    with served(page.app) as address:
        yield address


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with started_browser(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


def tab_to(browser, text):
    """Go on with Tab until what is in focus says `text`."""
    said = "document.activeElement.textContent.trim()"
    for _ in range(40):
        if browser.run(said) == text:
            return
        browser.press("Tab")
    pytest.fail(f"no Tab leads to {text!r}")


def answered(page):
    return [(row["segment"], row["level"]) for row in page.store.rows]


def test_a_rater_goes_from_consent_to_thanks_corrects_comes_back_and_withdraws(browser, address, page):
    browser.open(address)
    browser.press("o", "t", "Tab", "Tab", " ", "Tab")  # code, no key, consent
    assert browser.follow().endswith("/key")
    key = re.search(r"(?:[A-Z2-7]{4}-){3}[A-Z2-7]{4}", browser.text()).group()
    browser.press("Tab")
    browser.follow()
    wait_until(lambda: "0 of 2 answered" in browser.text())
    browser.press("4")
    assert "1 of 2" in browser.text()
    browser.press("0")
    assert "1 of 2" in browser.text()
    browser.run("document.getElementById('pause').focus()")
    browser.press(" ")
    assert browser.run("getComputedStyle(document.querySelector('.loop')).display") == "none"
    assert browser.run("getComputedStyle(document.querySelector('.still')).display") == "inline"
    browser.run("document.querySelector('button[type=submit]').focus()")
    browser.follow()
    [(first, level)] = answered(page)
    # The fourth circle from the left, on whichever side the poles are for this rater.
    assert level in (2, 4)

    tab_to(browser, "Back to the clip before")
    assert browser.follow().endswith(f"/segments/{first}?correct=true")
    browser.press("2", "0")
    browser.follow()
    assert answered(page) == [(first, 6 - level)]

    tab_to(browser, "Stop here")
    assert browser.follow().endswith("/thanks")
    assert "You have finished 1 of 2 clips" in browser.text()
    tab_to(browser, "End my session in this browser")
    browser.follow()
    assert "Your session in this browser has ended" in browser.text()

    browser.open(address)  # and comes back with the key
    browser.press("o", "t", "Tab", *key, "Tab", " ", "Tab")
    (second,) = set(_SEGMENTS) - {first}
    assert browser.follow().endswith(f"/segments/{second}")
    wait_until(lambda: "0 of 2 answered" in browser.text())
    browser.press("5", "1")
    assert browser.follow().endswith("/thanks")
    assert "You have finished all 2 clips" in browser.text()
    assert len(answered(page)) == 3

    tab_to(browser, "Withdraw and erase my answers")
    browser.follow()
    tab_to(browser, "Erase my answers")
    browser.follow()
    assert "Your answers are erased" in browser.text()
    assert (page.store.given, page.store.consents) == ({}, {})


def test_no_page_of_the_survey_shuts_anybody_out(browser, address, page):
    browser.open(address)
    found = {"welcome": browser.violations()}
    browser.press("a", "x", "Tab", "Tab", " ", "Tab")
    browser.follow()
    for name, path in {
        "key": "/key",
        "page": "/segments/aa-20",
        "correct": "/segments/aa-20?correct=true",
        "thanks": "/thanks",
        "withdraw": "/withdraw",
        "refused": "/segments/nowhere",
    }.items():
        browser.open(address + path)
        found[name] = browser.violations()
    assert found == dict.fromkeys(found, [])
