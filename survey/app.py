"""The rating page: a looping face segment, adjective pairs, five levels.

Belongs here: the pages, the session's cookie, checking what a browser sends. Stays out: what is accepted as consent
and as an answer (``survey.answers``), secrets (``survey.sessions``), encoding loops (``survey.loops``), where stimuli
come from and where answers go (the caller passes both in).

The page is rendered on the server and loads nothing from elsewhere. It needs no script; one of its own takes digits as
answers and counts them. It asks how a face
appears, never whose it is. Faces and questions are shown inside a session only, which anybody may begin who agrees:
bind it to 127.0.0.1 and put a proxy with authentication in front to reach raters elsewhere.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from time import monotonic
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Depends, FastAPI, Request, Response
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse
from fastapi.templating import Jinja2Templates
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from apexline.survey.answers import Survey
from apexline.survey.contracts import Answered, Scale, Stimuli, Store
from apexline.survey.loops import media_type, still_of
from apexline.survey.sessions import LONGEST_S, Session, Sessions, Starts

# A page of 50 pairs sends about 2 KiB, in well under a second.
MAX_BODY = 64 * 1024
MAX_HEADERS = 16 * 1024
BODY_S = 20.0
_COOKIE = "apexline-survey"
_TOKEN_FIELD = "form_token"
_ATTENTION_FIELD = "attention"  # a line that asks for a certain level
_NOTHING_FIELD = "nothing"  # sent by who means to leave a whole page unanswered
_TEMPLATES = Path(__file__).parent / "templates"
_SCRIPT = Path(__file__).parent / "static" / "rating.js"
_HEADERS = {
    # Nothing but this page's own style, images and script.
    "Content-Security-Policy": "default-src 'none'; img-src 'self'; script-src 'self'; style-src 'unsafe-inline'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    # "no-referrer" would make a browser send "Origin: null" with the forms of these pages.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    # Pages of other origins do not show the loops either.
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    # Faces do not stay in a browser's cache.
    "Cache-Control": "no-store",
}


class _NoSessionError(Exception):
    """A page was asked for outside of a session."""


class _Hardened:
    """ASGI middleware: refuses what is no request of these pages, and gives every answer the headers."""

    def __init__(self, app: ASGIApp, *, refuse: Callable[[Request], Response | None]):
        self._app = app
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_hardened(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        await (self._refuse(Request(scope)) or self._app)(scope, receive, send_hardened)


def create_app(*, stimuli: Stimuli, pairs: Sequence[Scale], store: Store) -> FastAPI:
    """Build the rating page.

    Parameters
    ----------
    stimuli : Stimuli
        Segments to rate and their looping images.
    pairs : sequence of Scale
        Adjective pairs.
    store : Store
        Where consent and answers are kept. It is written to by one thread at a time.

    Returns
    -------
    FastAPI
        The application; serve it with uvicorn on 127.0.0.1.

    Raises
    ------
    ValueError
        If there is no pair, or one is named twice or like the form's own field.
    """
    names = [scale.pair for scale in pairs]
    own_fields = {_TOKEN_FIELD, _NOTHING_FIELD, _ATTENTION_FIELD}
    if not names or len(set(names)) < len(names) or own_fields & set(names):
        msg = f"saw the pairs {names}, expected at least one and each once, and none called {sorted(own_fields)}"
        raise ValueError(msg)
    templates = Jinja2Templates(directory=_TEMPLATES)
    text = templates.get_template("consent.html").render()
    survey = Survey(stimuli, tuple(pairs), store, text)
    sessions, starts = Sessions(), Starts()
    # Answers given twice are still named as that.
    read_form = _form_reader(2 * len(names) + 2)
    # The same 50 pairs stand on every page.
    parts = templates.get_template("scale.html").module
    draw_scale = lru_cache(16 * len(names))(parts.scale_field)
    app = FastAPI(title="Apexline rating survey", docs_url=None, redoc_url=None, openapi_url=None)

    def page(request: Request, name: str, status_code: int = 200, **context: Any) -> HTMLResponse:
        return templates.TemplateResponse(request, name, context, status_code=status_code)

    def find_session(request: Request) -> Session | None:
        return sessions.find(request.cookies.get(_cookie_name(request), ""))

    def session_of(request: Request) -> Session:
        session = find_session(request)
        if session is None:
            raise _NoSessionError
        return session

    def own_form(
        fields: Annotated[list[tuple[str, Any]], Depends(read_form)], request: Request
    ) -> tuple[Session, list[tuple[str, Any]]]:
        """Return the session of a form, and its fields: a form of another session, or of none, is refused."""
        session = find_session(request)
        if session is None:
            raise HTTPException(
                403, "Your session has ended, and nothing of this page was stored. Begin again."
            )
        if not any(name == _TOKEN_FIELD and session.accepts(value) for name, value in fields):
            raise HTTPException(403, "This form is not of your session; open the page anew.")
        return session, [(name, value) for name, value in fields if name != _TOKEN_FIELD]

    OwnSession = Annotated[Session, Depends(session_of)]  # noqa: N806 - a type
    OwnForm = Annotated[tuple[Session, list[tuple[str, Any]]], Depends(own_form)]  # noqa: N806 - a type

    def refusal_page(request: Request) -> Response | None:
        refusal = _refusal(request)
        return None if refusal is None else page(request, "refused.html", refusal[0], reason=refusal[1])

    app.add_middleware(_Hardened, refuse=refusal_page)

    @app.exception_handler(HTTPException)
    def refused(request: Request, error: HTTPException) -> HTMLResponse:
        return page(request, "refused.html", error.status_code, reason=error.detail)

    @app.exception_handler(_NoSessionError)
    def outside(request: Request, _: _NoSessionError) -> RedirectResponse:
        return RedirectResponse("/", 303)

    @app.get("/")
    def welcome(request: Request) -> HTMLResponse:
        num_segments = max(map(len, store.blocks()), default=len(stimuli.segments()))
        return page(request, "welcome.html", num_segments=num_segments, num_pairs=len(names))

    @app.post("/start")
    def start(
        request: Request, fields: Annotated[list[tuple[str, Any]], Depends(read_form)]
    ) -> RedirectResponse:
        given = dict(fields)
        if not given.get("rater") or given.get("consent") != "yes":
            raise HTTPException(422, "Ratings are taken only with a code and with consent.")
        if not starts.allow():
            raise HTTPException(429, "Many begin at this moment. Please try again in a minute.")
        rater, key = str(given["rater"]), str(given.get("return_key", "")).strip()
        before = find_session(request)
        if before is not None and before.rater == rater:
            key = key or before.return_key
        comes_back = bool(key)
        key = survey.take_in(rater, key)
        # A new token each time: one that somebody else put into this browser is worth nothing.
        sessions.end(request.cookies.get(_cookie_name(request), ""))
        response = RedirectResponse("/next" if comes_back else "/key", 303)
        response.set_cookie(
            _cookie_name(request),
            sessions.begin(rater, key),
            max_age=int(LONGEST_S),
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="strict",
        )
        return response

    @app.get("/key")
    def show_key(request: Request, session: OwnSession) -> HTMLResponse:
        return page(request, "key.html", rater=session.rater, return_key=session.return_key)

    @app.get("/next")
    def next_page(session: OwnSession) -> RedirectResponse:
        segment = survey.next_segment(session.rater)
        if segment is not None:
            return RedirectResponse(f"/segments/{quote(segment, safe='')}", 303)
        again = survey.must_repeat(session.rater)
        return RedirectResponse(f"/segments/{quote(again, safe='')}?again=true" if again else "/thanks", 303)

    @app.get("/loops/{segment:path}")
    def loop(request: Request, segment: str, still: bool = False) -> Response:
        if find_session(request) is None:
            raise HTTPException(403, "Clips are shown inside a session only.")
        survey.check_segment(segment)
        try:
            image = stimuli.loop(segment)
        except LookupError as error:
            raise HTTPException(404, f"The clip of segment {segment} is not there any more.") from error
        image = still_of(image) if still else image
        return Response(image, media_type=media_type(image))

    @app.get("/segments/{segment:path}", response_model=None)
    def ask(
        request: Request, segment: str, session: OwnSession, correct: bool = False, again: bool = False
    ) -> Response:
        survey.check_segment(segment)
        done = survey.done(session.rater)
        if segment in done and not (correct or (again and segment == survey.must_repeat(session.rater))):
            return RedirectResponse("/next", 303)
        before = None if correct else survey.last_done(session.rater)
        given = store.answers(session.rater, segment) if correct else {}
        session.opened_s = monotonic()
        return page(
            request,
            "segment.html",
            link=quote(segment, safe=""),
            query="?correct=true" if correct else "?again=true" if again else "",
            fields=scale_fields(session.rater, segment, given, checked=not (correct or again)),
            correct=correct,
            again=again,
            before=None if before is None else quote(before, safe=""),
            form_token=session.form_token,
            num_done=len(done),
            num_segments=len(survey.segments_of(session.rater)),
        )

    def scale_fields(rater: str, segment: str, given: dict[str, int], *, checked: bool) -> list[str]:
        fields = [draw_scale(scale, given.get(scale.pair)) for scale in survey.scales_for(rater)]
        wanted = survey.wanted_level(rater, segment)
        if wanted and checked:
            fields.insert(len(fields) // 2, parts.attention_field(_ATTENTION_FIELD, int(wanted)))
        return fields

    @app.post("/segments/{segment:path}", response_model=None)
    def answer(
        request: Request, segment: str, form: OwnForm, correct: bool = False, again: bool = False
    ) -> Response:
        session, fields = form
        survey.check_segment(segment)
        answers = [(name, value) for name, value in fields if name not in own_fields]
        if not any(value for _, value in answers) and (_NOTHING_FIELD, "yes") not in fields:
            link = quote(segment, safe="") + ("?correct=true" if correct else "?again=true" if again else "")
            return page(request, "empty.html", link=link, form_token=session.form_token)
        attention = str(dict(fields).get(_ATTENTION_FIELD, ""))
        sent = Answered(segment, answers, attention, seconds=monotonic() - session.opened_s)
        keep = survey.repeat if again else survey.correct if correct else survey.submit
        keep(session.rater, session.return_key, sent)
        return RedirectResponse("/next", 303)

    @app.get("/rating.js")
    def script() -> FileResponse:
        return FileResponse(_SCRIPT, media_type="text/javascript")

    @app.get("/thanks")
    def thanks(request: Request) -> HTMLResponse:
        session = find_session(request)
        counts = (
            {}
            if session is None
            else {
                "num_done": len(survey.done(session.rater)),
                "num_segments": len(survey.segments_of(session.rater)),
            }
        )
        return page(request, "thanks.html", session=session, **counts)

    @app.post("/leave")
    def leave(request: Request, form: OwnForm) -> HTMLResponse:
        sessions.end(request.cookies[_cookie_name(request)])
        return _forgetting(request, page(request, "left.html", erased=False))

    @app.get("/withdraw")
    def ask_to_withdraw(request: Request, session: OwnSession) -> HTMLResponse:
        return page(request, "withdraw.html", session=session)

    @app.post("/withdraw")
    def withdraw(request: Request, form: OwnForm) -> HTMLResponse:
        survey.withdraw(form[0].rater)
        sessions.end_all(form[0].rater)
        return _forgetting(request, page(request, "left.html", erased=True))

    return app


def _cookie_name(request: Request) -> str:
    # The server says https where its own proxy does. A browser lets nobody else set a cookie of such a name.
    return f"__Host-{_COOKIE}" if request.url.scheme == "https" else _COOKIE


def _forgetting(request: Request, response: HTMLResponse) -> HTMLResponse:
    response.delete_cookie(
        _cookie_name(request), secure=request.url.scheme == "https", httponly=True, samesite="strict"
    )
    return response


def _form_reader(most_fields: int) -> Any:
    async def read(request: Request) -> list[tuple[str, Any]]:
        try:
            async with asyncio.timeout(BODY_S):
                form = await request.form(max_files=0, max_fields=most_fields)
        except TimeoutError as error:
            raise HTTPException(408, "The form took too long to arrive; send it again.") from error
        items = form.multi_items()
        if len(items) > most_fields:
            raise HTTPException(413, f"Saw {len(items)} fields, expected at most {most_fields}.")
        return items

    return read


def _refusal(request: Request) -> tuple[int, str] | None:
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
