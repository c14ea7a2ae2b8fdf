"""Whose key opens a page, where people are entered: the roles of ``governance`` in front of an application.

Belongs here: asking for a key once, remembering the browser that brought it, checking the role at each request.
Stays out: keeping other sites and other users of the machine out (``guard``, in front of this), roles (``governance``).

A key itself is neither kept nor sent again: the browser holds a random name, which ends with the server. Who is taken
off the list, or gets a new key, is out at the next request.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from html import escape
from pathlib import Path
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send
from upath import UPath

from apexline.governance import SIGNED_IN, NotAllowed, acting, check_role, people_file, read_people

SIGN_IN = "/sign-in"
_HEADER = "apexline-key"  # by which a program brings its key
_FIELDS, _MOST_BYTES = 2, 4096
_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Your key</title>
<main><h1>Your key</h1>
<p role="alert">{why}</p>
<form method="post" action="{action}"><input type="hidden" name="then" value="{then}">
<label>Key <input type="password" name="key" autocomplete="off" required></label>
<button type="submit">Go on</button></form>
<p>An officer of this installation gives keys out: <code>apexline people add NAME --role ROLE --by OFFICER</code>.</p>
</main></html>
"""
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
}


class Keys:
    """ASGI middleware that asks for the key of a person whose role allows it; where nobody is entered, it asks nobody.

    Parameters
    ----------
    app : ASGI application
    home : UPath
        Whose people are asked.
    port : int
        Of the server; tells its cookie from others'.
    action_of : callable
        Action of ``governance.MATRIX`` that a request is, given its method.
    """

    def __init__(self, app: ASGIApp, *, home: UPath | Path, port: int, action_of: Callable[[str], str]):
        self._app = app
        self._home = home
        self._people = Path(str(people_file(home)))  # looked for at each request
        self._action_of = action_of
        self._cookie = f"apexline_key_{port}"
        self._browsers: dict[str, str] = {}  # random name of a browser: digest of the key that it brought

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through with the name of whose key it has, or ask for one."""
        if scope["type"] != "http" or not self._people.exists() or not read_people(self._home).people:
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        if scope["path"] == SIGN_IN:
            await (await self._sign_in(request))(scope, receive, send)
            return
        try:
            name = self._name_of(request)
        except NotAllowed as error:
            await self._ask(request, str(error))(scope, receive, send)
            return
        token = SIGNED_IN.set(name)
        try:
            await self._app(scope, receive, send)
        finally:
            SIGNED_IN.reset(token)

    def _name_of(self, request: Request) -> str:
        """Return whose key a request has; raises ``NotAllowed`` where it has none, or the role does not allow it."""
        action = self._action_of(request.method)
        brought = request.headers.get(_HEADER)
        if brought is not None:
            return acting(self._home, action, key=brought)
        digest = self._browsers.get(request.cookies.get(self._cookie, ""), "")
        holder = next((each for each in read_people(self._home).people if each.key_sha256 == digest), None)
        if holder is None:
            msg = "This page asks for the key of a person whose role allows it."
            raise NotAllowed(msg)
        check_role(holder, action)
        return holder.name

    async def _sign_in(self, request: Request) -> Response:
        if request.method != "POST":
            return self._ask(
                request, "This page asks for the key of a person whose role allows it.", then="/"
            )
        size = request.headers.get("content-length", "")
        if not (size.isascii() and size.isdigit() and len(size) < 9 and int(size) <= _MOST_BYTES):
            return PlainTextResponse(
                f"Expected a form of at most {_MOST_BYTES} bytes that says its size.\n", 413, _HEADERS
            )
        form = await request.form(max_files=0, max_fields=_FIELDS)
        key, then = str(form.get("key", "")), str(form.get("then", "/"))
        then = then if then.startswith("/") and not then.startswith(("//", "/\\")) else "/"
        try:
            acting(self._home, self._action_of("GET"), key=key)
        except NotAllowed as error:
            return self._ask(request, str(error), then=then)
        browser = secrets.token_urlsafe()
        self._browsers[browser] = hashlib.sha256(key.encode()).hexdigest()
        response = RedirectResponse(then, 303, {"Cache-Control": "no-store"})
        response.set_cookie(
            self._cookie, browser, httponly=True, samesite="strict", secure=request.url.scheme == "https"
        )
        return response

    def _ask(self, request: Request, why: str, *, then: str = "") -> Response:
        if "text/html" not in request.headers.get("accept", ""):
            return PlainTextResponse(f"{why} A program sends it as `Apexline-Key: KEY`.\n", 403, _HEADERS)
        here = quote(request.url.path) + (f"?{request.url.query}" if request.url.query else "")
        goal = then or (here if request.method == "GET" else "/")
        return HTMLResponse(_PAGE.format(why=escape(why), action=SIGN_IN, then=escape(goal)), 403, _HEADERS)
