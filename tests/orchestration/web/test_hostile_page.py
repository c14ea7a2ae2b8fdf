"""A page of another site in a real browser that holds the key: without the guard all of it arrives, with it nothing."""

import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import uvicorn

from apexline.orchestration.web.guard import Guard
from tests.orchestration.web.browser import needs_browser, started_browser, wait_until
from tests.orchestration.web.conftest import TOKEN, Recorder

pytestmark = [pytest.mark.slow, needs_browser]

# What needs no consent of the server that is asked; each promise ends when the browser has done with it.
ATTACKS = {
    "GET /image": "done => { const i = new Image(); i.onload = i.onerror = done; i.src = AT + '/image?promote=7' }",
    "GET /script": "done => { const s = document.createElement('script'); s.onload = s.onerror = done;"
    " s.src = AT + '/script'; document.body.append(s) }",
    "GET /style": "done => { const s = document.createElement('link'); s.rel = 'stylesheet';"
    " s.onload = s.onerror = done; s.href = AT + '/style'; document.body.append(s) }",
    "GET /frame": "done => { const f = document.createElement('iframe'); f.onload = done;"
    " f.src = AT + '/frame'; document.body.append(f) }",
    "POST /form": "done => { const t = document.createElement('iframe'); t.name = 'sink'; document.body.append(t);"
    " const f = document.createElement('form'); f.method = 'post'; f.enctype = 'text/plain'; f.target = 'sink';"
    " f.action = AT + '/form'; document.body.append(f); t.onload = done; f.submit() }",
    "POST /no-cors": "done => fetch(AT + '/no-cors', {method: 'POST', mode: 'no-cors', credentials: 'include',"
    " body: '{}'}).then(done, done)",
    "GET /no-cors": "done => fetch(AT + '/no-cors', {mode: 'no-cors', credentials: 'include',"
    " referrerPolicy: 'no-referrer'}).then(done, done)",
    "POST /beacon": "done => { navigator.sendBeacon(AT + '/beacon', '{}'); setTimeout(done, 1000) }",
    "OPTIONS /cors": "done => fetch(AT + '/cors', {method: 'POST', credentials: 'include', body: '{}',"
    " headers: {'Content-Type': 'application/json'}}).then(done, done)",
    "WEBSOCKET /socket": "done => { const w = new WebSocket(AT.replace('http', 'ws') + '/socket');"
    " w.onclose = w.onerror = done }",
}


class _Page(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<title>elsewhere</title><body>elsewhere")

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def elsewhere():
    """Port of a page that has nothing to do with the servers."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@contextmanager
def listening(app, port):
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error", ws="websockets-sansio"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_until(lambda: server.started)
        yield
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with started_browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture
def attacked(browser, elsewhere, unused_tcp_port):
    """Sign in to a server, then open a page elsewhere that does all this; returns what reached the server."""

    def attack(name, guarded):
        recorder, own = Recorder(), f"http://127.0.0.1:{unused_tcp_port}"
        app = Guard(recorder, port=unused_tcp_port, token=TOKEN) if guarded else recorder
        with listening(app, unused_tcp_port):
            assert browser.open(f"{own}/?token={TOKEN}").startswith(f"{own}/")
            assert browser.text() == "inside"
            browser.open(f"http://{name}:{elsewhere}/")
            recorder.reached.clear()
            for script in ATTACKS.values():
                browser.run(
                    f"new Promise(({script}).bind(null))".replace("AT +", f"'{own}' +").replace(
                        "AT.", f"'{own}'."
                    )
                )
            reached = list(recorder.reached)
            browser.open(f"{own}/still")
            assert (browser.text() == "inside") is True
        return {each for each in reached if not each.endswith("favicon.ico")}

    return attack


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
def test_a_page_of_another_site_reaches_nothing(attacked, name):
    """From another port of the same name the browser even sends the cookie along."""
    assert attacked(name, guarded=True) == set()


def test_without_the_guard_all_of_it_arrives(attacked):
    assert attacked("localhost", guarded=False) == set(ATTACKS)


def test_own_pages_do_all_of_it(browser, unused_tcp_port):
    own = f"http://127.0.0.1:{unused_tcp_port}"
    recorder = Recorder()
    with listening(Guard(recorder, port=unused_tcp_port, token=TOKEN), unused_tcp_port):
        assert browser.open(f"{own}/?token={TOKEN}") == f"{own}/"
        assert "apexline" not in str(browser.run("document.cookie"))
        browser.run("fetch('/fetch', {method: 'POST', body: '{}'}).then(r => r.text())")
        browser.run("new Promise(done => { const i = new Image(); i.onerror = done; i.src = '/image' })")
        said = "new Promise(done => { const w = new WebSocket('/socket'.replace('/', location.origin + '/')"
        assert browser.run(f"{said}.replace('http', 'ws')); w.onmessage = m => done(m.data) }})") == "a face"
        browser.run(
            "(() => { document.body.innerHTML = '<form method=post action=/form>'; document.forms[0].submit() })()"
        )
        wait_until(lambda: "POST /form" in recorder.reached)
    assert {"POST /fetch", "GET /image", "WEBSOCKET /socket", "POST /form"} <= set(recorder.reached)


def test_a_link_on_another_site_s_page_signs_in(browser, elsewhere, unused_tcp_port):
    """Where a terminal in the browser shows the link; without the token the tab is refused."""
    recorder, own = Recorder(), f"http://127.0.0.1:{unused_tcp_port}"
    with listening(Guard(recorder, port=unused_tcp_port, token=TOKEN), unused_tcp_port):
        browser.open(f"http://localhost:{elsewhere}/")
        browser.run(f"void setTimeout(() => {{ location.href = '{own}/runs' }})")
        time.sleep(2)
        assert recorder.reached == []
        browser.open(f"http://localhost:{elsewhere}/")
        browser.run(f"void setTimeout(() => {{ location.href = '{own}/runs?token={TOKEN}' }})")
        wait_until(lambda: "GET /runs" in recorder.reached)
        wait_until(lambda: browser.run("document.readyState") == "complete")
        assert browser.run("location.href") == f"{own}/runs"
