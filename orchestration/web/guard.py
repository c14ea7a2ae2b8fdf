"""What may reach a server: its own pages and programs that hold its token, and nobody else.

Belongs here: Host, Origin, token and the headers that keep other sites out, for HTTP and WebSocket alike. Stays
out: the servers behind it (files beside this one), sessions of raters (``survey.app``).

Loopback keeps no web page out: a browser fetches ``http://127.0.0.1:3000/`` for any page, and sends its cookies along
from a page of another port. So three things are asked of each request [1]_:

* its **Host** is a name of this server; else a foreign name that was pointed here (DNS rebinding) reads everything;
* its **Origin** is that very name, where it changes something or opens a WebSocket; and where a browser says who asks
  (``Sec-Fetch-Site``, else ``Referer``), it was this server's own page, or a person who opened a link in a tab;
* it holds the **token**, as a cookie or as ``Authorization: Bearer``. A person's link brings it in once.

References
----------
.. [1] OWASP, Cross-Site Request Forgery Prevention Cheat Sheet; W3C, Fetch Metadata Request Headers.
"""

import gc
import hmac
from collections.abc import Sequence
from functools import partial
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = "127.0.0.1"
_LOOPBACK_NAMES = (LOOPBACK, "localhost", "[::1]")
_TOKEN = "token"
_PATIENCE_S = 5  # at the end, for connections that a browser keeps open
_KEPT_S = 75  # a person looks at a page for a minute: what they send then finds the connection as it was
_SAFE = ("GET", "HEAD")
_REFUSED_WEBSOCKET = 1008  # RFC 6455: violates policy
_HEADERS = {
    b"cross-origin-resource-policy": b"same-origin",
    # "no-referrer" would make a browser send "Origin: null" with the forms of our own pages.
    b"referrer-policy": b"same-origin",
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"SAMEORIGIN",
}
_ADDED = (*_HEADERS.items(), (b"content-security-policy", b"frame-ancestors 'self'"))


def serve(app: ASGIApp, *, port: int, origins: Sequence[str], token: str | None = None) -> None:
    """Serve an application behind the guard, whose parameters these are, on 127.0.0.1 until interrupted."""
    import uvicorn

    gc.freeze()  # what was imported stays: looking through all of it again and again would hold up answers
    uvicorn.run(
        Guard(app, port=port, origins=origins, token=token),
        host=LOOPBACK,
        port=port,
        log_level="warning",
        access_log=False,  # the link's token would stand in it
        timeout_graceful_shutdown=_PATIENCE_S,
        timeout_keep_alive=_KEPT_S,
    )


def own_origins(port: int, others: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the origins of the server at a port of 127.0.0.1, and those of its proxies."""
    suffix = "" if port == 80 else f":{port}"  # browsers leave a scheme's own port out
    return (*(f"http://{name}{suffix}" for name in _LOOPBACK_NAMES), *others)


class Guard:
    """ASGI middleware that lets in whom a server is for.

    Parameters
    ----------
    app : ASGI application
        What is guarded.
    port : int
        Port on 127.0.0.1 at which the server listens.
    origins : sequence of str
        Where it can be reached besides its port on this machine: ``https://apexline.example.org`` of a proxy,
        ``http://localhost:4000`` of a tunnel.
    token : str, optional
        What everybody has to bring, of characters that a cookie may hold. None where the application asks for
        something itself.
    """

    def __init__(self, app: ASGIApp, *, port: int, origins: Sequence[str] = (), token: str | None = None):
        self._app = app
        self._origins = {urlsplit(origin).netloc: origin for origin in own_origins(port, origins)}
        self._token = token
        self._own = ", ".join(urlsplit(origin).netloc for origin in own_origins(port))
        self._cookie = f"apexline_{port}"  # cookies know hosts, not ports
        link = f"http://{LOOPBACK}:{port}/" + ("" if token is None else "?token=...")
        self._links = f"the link that was printed when this server started, {link}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request in the application's place, or pass it on."""
        if scope["type"] not in ("http", "websocket"):  # the server's own start and end
            await self._app(scope, receive, send)
            return
        answer = self._answer(HTTPConnection(scope))
        hardened = partial(_send_hardened, send)
        if answer is None:
            await self._app(scope, receive, hardened)
        elif scope["type"] == "websocket" and "websocket.http.response" not in scope.get("extensions", {}):
            await send({"type": "websocket.close", "code": _REFUSED_WEBSOCKET})
        else:
            await answer(scope, receive, hardened)

    def _answer(self, seen: HTTPConnection) -> Response | None:
        """Return what is answered in the application's place, if anything."""
        hosts = seen.headers.getlist("host")
        origin = self._origins.get(hosts[0].lower()) if len(hosts) == 1 else None
        if origin is None:
            return _refuse(
                421,
                f"Saw the host {_quoted(hosts)}, expected {self._own}, or one that APEXLINE_SERVER_ORIGINS names: put "
                f"the address of a proxy or a tunnel there, or open {self._links}.",
            )
        foreign = self._foreign(seen, origin)
        if foreign:
            return _refuse(
                403, f"Saw {foreign}, expected a page of {origin}. Open {self._links}, in a tab of its own."
            )
        if self._token is None:
            return None
        if self._brings_link(seen):
            return self._sign_in(seen, origin)
        if self._holds_cookie(seen) or self._holds_key(seen):
            return None
        refusal = _refuse(
            401,
            f"Saw no token, or not the one of this server, which may have been started anew. Open {self._links}; a "
            "program sends it as `Authorization: Bearer TOKEN`.",
        )
        refusal.headers["WWW-Authenticate"] = "Bearer"
        return refusal

    def _foreign(self, seen: HTTPConnection, origin: str) -> str:
        """Say by what a request shows that no page of `origin` made it; empty where nothing does."""
        named = seen.headers.getlist("origin")
        if named not in ([], [origin]):
            return f"the origin {_quoted(named)}"
        acts = seen.scope["type"] == "websocket" or seen.scope["method"] not in _SAFE
        # No page can set Authorization on what it makes a browser send without asking first: that is a program.
        if acts and not named and not self._holds_key(seen):
            return "neither an origin nor a program's token with a request that may change something"
        site = seen.headers.get("sec-fetch-site")
        if site is not None:
            straight = site in ("same-origin", "none") or (not acts and _opens_a_tab(seen))
            return "" if straight else f"a request by a page of another site ({_quoted([site])})"
        referrer = seen.headers.get("referer")
        if named or referrer is None or referrer == origin or referrer.startswith(f"{origin}/"):
            return ""
        return f"a request by the page {_quoted([referrer])}"

    def _brings_link(self, seen: HTTPConnection) -> bool:
        """Whether somebody opened the link that was printed."""
        return (
            seen.scope["type"] == "http"
            and seen.scope["method"] == "GET"
            and ("sec-fetch-site" not in seen.headers or _opens_a_tab(seen))
            and self._is_token(seen.query_params.get(_TOKEN, ""))
        )

    def _sign_in(self, seen: HTTPConnection, origin: str) -> Response:
        """Turn the token of a link into a cookie and go to the same address without it: no history keeps it."""
        rest = urlencode(
            [pair for pair in parse_qsl(seen.url.query, keep_blank_values=True) if pair[0] != _TOKEN]
        )
        path = quote(seen.scope.get("raw_path") or seen.scope["path"], safe="/%")
        clean = origin + path + (f"?{rest}" if rest else "")
        if seen.headers.get("sec-fetch-site", "none") in ("none", "same-origin"):
            response = Response(status_code=303, headers={"Location": clean})
        else:
            # A redirect of a link on another site's page would still count as that site's request, without the cookie.
            response = PlainTextResponse(f"Go on to {clean}\n", headers={"Refresh": f"0; url={clean}"})
        response.headers["Cache-Control"] = "no-store"
        response.set_cookie(
            self._cookie,
            self._token or "",
            httponly=True,
            samesite="strict",
            secure=origin.startswith("https:"),
        )
        return response

    def _holds_cookie(self, seen: HTTPConnection) -> bool:
        return self._is_token(seen.cookies.get(self._cookie, ""))

    def _holds_key(self, seen: HTTPConnection) -> bool:
        scheme, _, key = seen.headers.get("authorization", "").partition(" ")
        return scheme.lower() == "bearer" and self._is_token(key)

    def _is_token(self, said: str) -> bool:
        return self._token is not None and hmac.compare_digest(said.encode(), self._token.encode())


def _opens_a_tab(seen: HTTPConnection) -> bool:
    """Whether a person sees where this leads: a page in a tab, not an image, frame or script of another page."""
    headers = seen.headers
    return (headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest")) == ("navigate", "document")


def _quoted(seen: Sequence[str]) -> str:
    return ", ".join(repr(each[:200]) for each in seen) or "''"


def _refuse(status: int, sentence: str) -> Response:
    return PlainTextResponse(f"{sentence}\n", status, {"Cache-Control": "no-store"})


async def _send_hardened(send: Send, message: Message) -> None:
    """Pass a message on; the head of a response says that no other site may frame, read or embed it."""
    if message["type"] in ("http.response.start", "websocket.http.response.start"):
        own = [each for each in message.get("headers", ()) if each[0].lower() not in _HEADERS]
        message = {
            **message,
            "headers": [*own, *_ADDED],
        }  # a page's own Content-Security-Policy holds beside ours
    await send(message)
