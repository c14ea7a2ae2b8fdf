"""A rater in a browser, from consent to thanks by the keyboard alone."""

import socket
import threading

import pytest
import uvicorn

from tests.orchestration.web.browser import PROGRAM, started_browser, wait_until
from tests.survey.browser import Page

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(PROGRAM is None, reason="no Chromium is installed"),
]


def test_a_rater_goes_from_consent_to_thanks_by_keys(tmp_path):
    page = Page(["aa-20", "aa-90"])
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(page.app, port=port, log_level="error", ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    wait_until(lambda: server.started)
    try:
        with started_browser(tmp_path / "profile") as browser:
            browser.open(f"http://127.0.0.1:{port}")
            for key in ("o", "Tab", "Tab", " ", "Tab", "Enter"):  # code, no key, consent, begin
                browser.press(key)
            wait_until(lambda: "/key" in str(browser.run("location.href")))
            for key in ("Tab", "Enter"):
                browser.press(key)
            for _ in page.stimuli.names:
                wait_until(lambda: "0 of 2 answered" in browser.text())
                for key, said in (("4", "1 of 2"), ("0", "1 of 2"), ("Enter", "")):
                    browser.press(key)
                    assert said in browser.text()
            wait_until(lambda: "You have finished all 2 clips" in browser.text())
    finally:
        server.should_exit = True
        thread.join()
    assert [(row["rater"], row["level"]) for row in page.store.rows] == [("o", 4), ("o", 4)]
