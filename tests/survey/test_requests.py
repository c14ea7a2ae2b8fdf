"""What a browser may send: bounded, announced, of this site, in time; every answer bears the headers."""

import asyncio
from urllib.parse import parse_qsl

import pytest
from starlette.requests import Request

from apexline.survey import requests
from apexline.survey.requests import MAX_BODY


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


def test_more_fields_than_pairs_are_refused(page):
    page.begin()
    body = "&".join(f"f{k}=1" for k in range(9))
    kind = "application/x-www-form-urlencoded"
    response = page.client.post("/segments/aa-20", content=body.encode(), headers={"content-type": kind})
    assert response.status_code == 413
    assert "Saw 9 fields, expected at most 6" in response.text
    assert page.store.rows == []


@pytest.mark.parametrize("kind", ["multipart/form-data; boundary=b", "application/json", "text/plain"])
def test_another_kind_of_form_is_refused(page, kind):
    page.begin()
    response = page.client.post("/segments/aa-20", content=b"angry_calm=1", headers={"content-type": kind})
    assert response.status_code == 415
    assert "expected application/x-www-form-urlencoded" in response.text
    assert page.store.rows == []


def test_style_and_script_stay_in_a_browser_and_pages_do_not(page):
    page.begin()
    for path in ("/rating.js", "/rating.css"):
        assert page.client.get(path).headers["cache-control"] == "max-age=600"
    assert page.client.get("/segments/aa-20").headers["cache-control"] == "no-store"
    assert "unsafe" not in page.client.get("/").headers["content-security-policy"]


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_form_on_another_site_begins_and_sends_nothing(page, site):
    page.client.headers["sec-fetch-site"] = site
    response = page.start()
    assert response.status_code == 403
    assert "another site" in response.text
    page.client.headers["sec-fetch-site"] = "same-origin"
    assert page.start().status_code == 303


def test_large_headers_are_refused(page):
    response = page.client.get("/", headers={"cookie": "a=" + "x" * 20_000})
    assert response.status_code == 431


def test_a_form_that_does_not_arrive_is_not_waited_for(page, monkeypatch):
    monkeypatch.setattr(requests, "BODY_S", 0.05)

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


@pytest.mark.parametrize(
    "body",
    [b"a=1&b=2", b"a=1&&b=", b"a&b=1=2", b"a=%20+x&b=1", b"", b"\xff=1", b"a=%C3%A4"],
)
def test_a_form_is_read_as_the_library_reads_it(body):
    async def receive():
        return {"type": "http.request", "body": body}

    read = requests.read_form(
        Request({"type": "http", "method": "POST", "headers": []}, receive), most_fields=9
    )
    assert asyncio.run(read) == parse_qsl(body.decode(errors="replace"), keep_blank_values=True)
