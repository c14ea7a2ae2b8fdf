"""Who is let in and who is not, by HTTP and WebSocket; each refusal says what was seen, expected and to be done."""

import asyncio

import pytest

from apexline.orchestration.web.guard import Guard
from tests.orchestration.web.conftest import TOKEN, ask

OWN = "http://127.0.0.1:3000"
PROXY = "https://apexline.example.org"
COOKIE = {"cookie": f"apexline_3000={TOKEN}"}
KEY = {"authorization": f"Bearer {TOKEN}"}
TYPED = {"sec-fetch-site": "none", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
OWN_SCRIPT = {"sec-fetch-site": "same-origin", "sec-fetch-mode": "cors", "sec-fetch-dest": "empty"}
FOREIGN_LINK = TYPED | {"sec-fetch-site": "cross-site"}
# What a page elsewhere can make a browser send; "same-site" is one of another port of this machine.
EMBEDDED = [
    {"sec-fetch-site": site, "sec-fetch-mode": mode, "sec-fetch-dest": kind}
    for site in ("cross-site", "same-site", "anything")
    for mode, kind in (
        ("no-cors", "image"), ("no-cors", "script"), ("no-cors", "empty"), ("cors", "empty"), ("navigate", "iframe"),
        ("navigate", "object"),
    )
] + [{"sec-fetch-site": "cross-site"}]  # fmt: skip


@pytest.fixture
def behind(recorder):
    """Ask the guarded recorder: ``behind("GET", "/", headers)``."""

    def put(method, path, headers=None, *, at=OWN, token=TOKEN, **more):
        guard = Guard(recorder, port=3000, origins=[PROXY, "http://localhost:4000"], token=token)
        return ask(guard, method, at + path, headers, **more)

    return put


def refused(recorder, response, status, *words):
    assert response.status == status
    assert recorder.reached == []
    for word in words:
        assert word in response.text
    assert "set-cookie" not in response.headers
    assert "access-control-allow-origin" not in response.headers
    return True


@pytest.mark.parametrize("host", ["127.0.0.1:3000", "localhost:3000", "LocalHost:3000", "[::1]:3000"])
def test_names_of_this_machine_are_hosts(behind, recorder, host):
    assert behind("GET", "/assets", {**COOKIE, "host": host}).status == 200
    assert recorder.reached == ["GET /assets"]


@pytest.mark.parametrize(
    "host",
    ["evil.example:3000", "127.0.0.1", "[::1]:3001", "127.0.0.1.evil.example:3000", "0.0.0.0:3000", ""],
)  # fmt: skip
@pytest.mark.parametrize("held", [{}, COOKIE, KEY])
def test_a_foreign_host_is_refused_with_any_token(behind, recorder, host, held):
    answer = behind("GET", f"/?token={TOKEN}", {**held, "host": host})
    assert refused(
        recorder, answer, 421, f"Saw the host '{host}'", "expected 127.0.0.1:3000", "APEXLINE_SERVER_ORIGINS"
    )
    assert PROXY not in answer.text  # a rebound name can read this


def test_two_hosts_are_refused(recorder):
    sent = []
    scope = {
        "type": "http", "method": "GET", "path": "/", "query_string": b"", "scheme": "http",
        "headers": [(b"host", b"127.0.0.1:3000"), (b"host", b"evil.example")],
    }  # fmt: skip

    async def send(message):
        sent.append(message)

    asyncio.run(Guard(recorder, port=3000, token=TOKEN)(scope, None, send))
    assert sent[0]["status"] == 421
    assert recorder.reached == []


@pytest.mark.parametrize("path", ["/", "/graphql", "/health", "/static/app.js"])
@pytest.mark.parametrize(
    "held",
    [{}, {"cookie": "apexline_3000=guessed"}, {"cookie": f"apexline_5000={TOKEN}"},
     {"authorization": "Bearer guessed"}, {"authorization": f"Basic {TOKEN}"}],
)  # fmt: skip
def test_without_the_token_nothing_answers(behind, recorder, path, held):
    answer = behind("GET", path, held)
    assert refused(
        recorder, answer, 401, "Saw no token", "Open the link that was printed when this server started"
    )
    assert answer.headers["www-authenticate"] == "Bearer"


def test_the_link_becomes_a_cookie_and_leaves_the_address(behind, recorder):
    answer = behind("GET", f"/runs/a%2Fb?a=1&token={TOKEN}&b=%26", TYPED)
    assert (answer.status, answer.headers["location"]) == (303, f"{OWN}/runs/a%2Fb?a=1&b=%26")
    assert answer.headers["set-cookie"] == f"apexline_3000={TOKEN}; HttpOnly; Path=/; SameSite=strict"
    assert answer.headers["cache-control"] == "no-store"
    assert recorder.reached == []
    assert behind("GET", "/runs", COOKIE | TYPED).text.endswith("inside")


def test_the_link_works_on_another_site_s_page_too(behind, recorder):
    """Where a terminal in the browser shows it: the cookie does not follow such a redirect, a new page has it."""
    answer = behind("GET", f"/?token={TOKEN}", FOREIGN_LINK)
    assert (answer.status, answer.headers["refresh"]) == (200, f"0; url={OWN}/")
    assert "apexline_3000" in answer.headers["set-cookie"]
    assert recorder.reached == []


@pytest.mark.parametrize("path", ["//evil.example/", "/\\evil.example", "/%0d%0aX:y"])
def test_the_link_leads_nowhere_else(behind, path):
    answer = behind("GET", f"{path}?token={TOKEN}", TYPED)
    assert answer.headers["location"].startswith(f"{OWN}/")


def test_a_wrong_link_sets_nothing(behind, recorder):
    assert refused(recorder, behind("GET", "/?token=guessed", TYPED), 401, "started anew")


@pytest.mark.parametrize("headers", EMBEDDED)
@pytest.mark.parametrize("held", [COOKIE, KEY])
def test_a_page_elsewhere_embeds_nothing_though_the_browser_holds_the_key(behind, recorder, headers, held):
    for path in ("/", f"/?token={TOKEN}"):
        assert refused(recorder, behind("GET", path, held | headers), 403, "a page of another site")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "null", "http://127.0.0.1:8000", "http://localhost:3000", "https://127.0.0.1:3000",
     f"{OWN}.evil.example", f"{OWN}/", PROXY],
)  # fmt: skip
def test_only_the_server_s_own_pages_change_something(behind, recorder, method, origin):
    for held in (COOKIE, KEY):
        answer = behind(method, "/graphql", held | {"origin": origin})
        assert refused(recorder, answer, 403, f"Saw the origin '{origin}', expected a page of {OWN}")


def test_a_read_from_elsewhere_is_refused_by_its_origin(behind, recorder):
    answer = behind("GET", "/", KEY | {"origin": "http://localhost:8000"})
    assert refused(recorder, answer, 403, "Saw the origin 'http://localhost:8000'")


def test_a_cookie_alone_changes_nothing(behind, recorder):
    assert refused(recorder, behind("POST", "/graphql", COOKIE), 403, "neither an origin")


def test_own_pages_and_programs_change_something(behind, recorder):
    behind("POST", "/graphql", COOKIE | OWN_SCRIPT | {"origin": OWN})
    behind("POST", "/graphql", COOKIE | {"origin": OWN})
    behind("POST", "/graphql", KEY)
    assert recorder.reached == ["POST /graphql"] * 3


def test_a_link_elsewhere_opens_a_tab_but_posts_no_form(behind, recorder):
    """The cookie stays at home then (SameSite); a proxy brings the key even so."""
    assert behind("GET", "/runs", KEY | FOREIGN_LINK).status == 200
    recorder.reached.clear()
    assert refused(recorder, behind("POST", "/runs", KEY | FOREIGN_LINK), 403)
    assert refused(recorder, behind("GET", "/runs", FOREIGN_LINK), 401)


@pytest.mark.parametrize(
    ("referrer", "status"),
    [(OWN, 200), (f"{OWN}/runs", 200), ("http://127.0.0.1:8000/", 403), (f"{OWN}0/", 403), ("https://e.example/", 403)],
)  # fmt: skip
def test_a_browser_that_does_not_say_who_asks_is_told_by_its_referrer(behind, referrer, status):
    assert behind("GET", "/", COOKIE | {"referer": referrer}).status == status


@pytest.mark.parametrize(
    ("headers", "status", "said"),
    [
        ({"origin": OWN}, 401, "Saw no token"),
        (COOKIE, 403, "neither an origin"),
        (COOKIE | {"origin": "http://evil.example"}, 403, "Saw the origin 'http://evil.example'"),
        (COOKIE | {"origin": "http://127.0.0.1:8000"}, 403, "Saw the origin"),
        (COOKIE | {"origin": "null"}, 403, "Saw the origin 'null'"),
        (KEY | {"origin": "http://evil.example"}, 403, "Saw the origin"),
        (COOKIE | {"origin": OWN, "sec-fetch-site": "same-site"}, 403, "another site"),
        (COOKIE | {"origin": "http://evil.example:3000", "host": "evil.example:3000"}, 421, "Saw the host"),
        (COOKIE | {"origin": OWN}, 101, "a face"),
        (KEY, 101, "a face"),
    ],
)
def test_a_websocket_is_opened_by_own_pages_and_programs(behind, recorder, headers, status, said):
    answer = behind("WEBSOCKET", "/graphql", headers)
    assert (answer.status, said in answer.text) == (status, True)
    assert bool(recorder.reached) == (status == 101)


def test_a_server_that_can_only_close_a_websocket_closes_it(behind, recorder):
    assert behind("WEBSOCKET", "/", {"host": "evil.example"}, extensions=()).status == 0
    assert recorder.reached == []


def test_a_proxy_has_its_own_origin_and_a_cookie_for_tls(behind):
    answer = behind("GET", f"/?token={TOKEN}", TYPED, at=PROXY)
    assert answer.headers["location"] == f"{PROXY}/"
    assert answer.headers["set-cookie"].endswith("SameSite=strict; Secure")
    assert behind("POST", "/graphql", KEY | {"origin": PROXY}, at=PROXY).status == 200
    assert (
        behind("POST", "/graphql", KEY | {"origin": PROXY.replace("https", "http")}, at=PROXY).status == 403
    )
    assert behind("GET", "/", KEY, at="http://localhost:4000").status == 200


def test_a_page_with_sessions_of_its_own_asks_for_no_token(behind, recorder):
    def page(method, path, headers=None):
        return behind(method, path, headers, token=None)

    assert page("GET", "/").status == 200
    assert page("POST", "/start", {"origin": OWN}).status == 200
    recorder.reached.clear()
    assert refused(recorder, page("POST", "/start"), 403)
    assert refused(recorder, page("POST", "/start", KEY), 403)
    assert refused(recorder, page("POST", "/start", {"origin": "http://evil.example"}), 403)
    answer = page("GET", "/", {"host": "evil.example"})
    assert refused(recorder, answer, 421, "started, http://127.0.0.1:3000/.")
    assert refused(recorder, page("GET", "/loops/a", EMBEDDED[0]), 403)


@pytest.mark.parametrize("headers", [KEY, {}])
def test_no_other_site_frames_or_embeds_an_answer(behind, headers):
    head = behind("GET", "/", headers).headers
    assert head["cross-origin-resource-policy"] == "same-origin"
    assert head["referrer-policy"] == "same-origin"
    assert head["x-content-type-options"] == "nosniff"
    assert head["x-frame-options"] == "SAMEORIGIN"
    policies = head.getlist("content-security-policy")
    assert policies[-1] == "frame-ancestors 'self'"
    assert len(policies) == (2 if headers else 1)  # the page's own holds as well


def test_start_and_end_of_the_server_pass():
    passed = []

    async def app(scope, receive, send):
        passed.append(scope["type"])

    asyncio.run(Guard(app, port=3000, token=TOKEN)({"type": "lifespan"}, None, None))
    assert passed == ["lifespan"]


def test_a_scheme_s_own_port_is_left_out_as_browsers_do(recorder):
    assert ask(Guard(recorder, port=80, token=TOKEN), "GET", "http://127.0.0.1/", KEY).status == 200
