"""What a browser may send to the rating page, and the headers that every answer bears.

Belongs here: bounds of requests, reading forms, whose page sent them. Stays out: pages and sessions (``survey.app``),
what is accepted as an answer (``survey.answers``).
"""

import asyncio
from collections.abc import Callable
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# A page of 50 pairs sends about 2 KiB, in well under a second.
MAX_BODY = 64 * 1024
MAX_HEADERS = 16 * 1024
BODY_S = 20.0
_FORM = "application/x-www-form-urlencoded"
_HEADERS = [
    # Nothing but this page's own style, images and script.
    (
        b"content-security-policy",
        b"default-src 'none'; img-src 'self'; script-src 'self'; style-src 'self'; "
        b"form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    # "no-referrer" would make a browser send "Origin: null" with the forms of these pages.
    (b"referrer-policy", b"same-origin"),
    (b"x-content-type-options", b"nosniff"),
    # Pages of other origins do not show the loops either.
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
]
# Faces do not stay in a browser's; style and script, which say their own time, may.
_NO_CACHE = (b"cache-control", b"no-store")

Fields = list[tuple[str, str]]


class Hardened:
    """ASGI middleware: refuses what is no request of these pages, and gives every answer the headers."""

    def __init__(self, app: ASGIApp, *, refuse: Callable[[Request], Response | None]):
        self._app = app
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request in the application's place, or pass it on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_hardened(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [*message["headers"], *_HEADERS]
                if not any(name == _NO_CACHE[0] for name, _ in headers):
                    headers.append(_NO_CACHE)
                message = {**message, "headers": headers}
            await send(message)

        await (self._refuse(Request(scope)) or self._app)(scope, receive, send_hardened)


async def read_form(request: Request, *, most_fields: int) -> Fields:
    """Return the fields of a form as they came, those that are empty included.

    Raises
    ------
    HTTPException
        Where it takes too long, is of another kind or has more fields than `most_fields`.
    """
    if request.headers.get("content-type", _FORM).partition(";")[0].strip().lower() != _FORM:
        raise HTTPException(415, f"Saw another kind of form, expected {_FORM}.")
    try:
        async with asyncio.timeout(BODY_S):
            body = await request.body()
    except TimeoutError as error:
        raise HTTPException(408, "The form took too long to arrive; send it again.") from error
    if body.count(b"&") >= most_fields:
        raise HTTPException(413, f"Saw {body.count(b'&') + 1} fields, expected at most {most_fields}.")
    if b"%" in body or b"+" in body:
        return parse_qsl(body.decode(errors="replace"), keep_blank_values=True)
    # As these pages send it: nothing in it is quoted.
    split = [each.partition("=") for each in body.decode(errors="replace").split("&") if each]
    return [(name, value) for name, _, value in split]


def refusal(request: Request) -> tuple[int, str] | None:
    """Return status and reason where a request is too large, of another site, or does not say its size beforehand."""
    if sum(len(name) + len(value) for name, value in request.headers.raw) > MAX_HEADERS:
        return (
            431,
            f"The request's headers are larger than {MAX_HEADERS // 1024} KiB; delete this site's cookies.",
        )
    if request.method in ("GET", "HEAD"):
        return None
    # Browsers say which page sends a form: none but this site's own may begin or answer in a rater's name.
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return 403, "This form comes from another site; open the survey itself."
    # The server reads no more than was announced.
    size = request.headers.get("content-length", "")
    if not (size.isascii() and size.isdigit()):
        return 411, "The form does not say how large it is; send it with a Content-Length."
    if len(size) > len(str(MAX_BODY)) or int(size) > MAX_BODY:
        return 413, f"The form is larger than {MAX_BODY // 1024} KiB; answer the page's own questions only."
    return None
