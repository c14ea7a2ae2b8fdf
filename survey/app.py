"""The rating page: a looping face segment, adjective pairs, five levels.

Belongs here: the pages, the session's cookie. Stays out: what a browser may send (``survey.requests``), what is
accepted as consent and as an answer (``survey.answers``), secrets (``survey.sessions``), encoding loops
(``survey.loops``), where stimuli come from and where answers go (the caller passes both in).

The page is rendered on the server and loads nothing from elsewhere. It needs no script; one of its own takes digits as
answers and counts them. It asks how a face appears, never whose it is. Faces and questions are shown inside a session
only, which anybody may begin who agrees: bind it to 127.0.0.1 and put a proxy with authentication in front to reach
raters elsewhere.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from functools import lru_cache
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from apexline.survey.answers import Survey
from apexline.survey.contracts import Answered, Scale, Stimuli, Store
from apexline.survey.loops import media_type, still_of
from apexline.survey.requests import Fields, Hardened, read_form, refusal
from apexline.survey.sessions import LONGEST_S, Session, Sessions, Starts
from apexline.survey.words import ENGLISH, LANGUAGES

_COOKIE = "apexline-survey"
_TOKEN_FIELD = "form_token"
_ATTENTION_FIELD = "attention"  # a line that asks for a certain level
_NOTHING_FIELD = "nothing"  # sent by who means to leave a whole page unanswered
_OWN_FIELDS = {_TOKEN_FIELD, _NOTHING_FIELD, _ATTENTION_FIELD}
_FOLDER = Path(__file__).parent
_STATIC_CACHE = {"Cache-Control": "max-age=600"}
_PATIENCE_S = 5.0  # that a rater's browser waits for the end of an erasure
_AGAIN_S = 0.2
_Handler = Callable[..., Awaitable[Response]]


class _NoSessionError(Exception):
    """A page was asked for outside of a session."""


def create_app(*, stimuli: Stimuli, pairs: Sequence[Scale], store: Store, contact: str = "") -> Starlette:
    """Build the rating page.

    Parameters
    ----------
    stimuli : Stimuli
        Segments to rate and their looping images.
    pairs : sequence of Scale
        Adjective pairs, in English.
    store : Store
        Where consent and answers are kept.
    contact : str
        Whom raters can ask, named in what they agree to; where it is empty, whoever invited them.

    Returns
    -------
    Starlette
        The application; serve it with uvicorn on 127.0.0.1.

    Raises
    ------
    ValueError
        If there is no pair, or one is named twice or like the form's own field.
    """
    names = [scale.pair for scale in pairs]
    if not names or len(set(names)) < len(names) or _OWN_FIELDS & set(names):
        msg = f"saw the pairs {names}, expected at least one and each once, and none called {sorted(_OWN_FIELDS)}"
        raise ValueError(msg)
    pages = _Pages(stimuli, tuple(pairs), store, contact)
    app = Starlette(
        routes=pages.routes(), exception_handlers={HTTPException: pages.refused, _NoSessionError: _outside}
    )
    app.add_middleware(Hardened, refuse=pages.refusal)
    return app


class _Pages:
    """What each address answers.

    Opening a page and answering it ask little of a store that is near, and are done where they arrive: at 200 raters
    a hop to a thread, and threads that take turns, cost more than all else. Whatever waits for a disk runs in a thread.
    """

    def __init__(self, stimuli: Stimuli, pairs: Sequence[Scale], store: Store, contact: str):
        loader = FileSystemLoader(_FOLDER / "templates")
        self._templates = Environment(loader=loader, autoescape=True, auto_reload=False)
        self._templates.globals.update(contact=contact, languages=LANGUAGES)
        text = self._templates.get_template("consent.html").render()
        self._stimuli, self._store = stimuli, store
        self._survey = Survey(stimuli, pairs, store, text)
        self._sessions, self._starts = Sessions(), Starts()
        self._num_pairs = len(pairs)
        # The same 50 pairs stand on every page.
        self._parts: Any = self._templates.get_template("scale.html").module
        self._draw_scale = lru_cache(32 * len(pairs))(self._parts.scale_field)
        self._unanswered: dict[str, tuple[Sequence[Scale], list[str]]] = {}

    def routes(self) -> list[Route]:
        return [
            Route("/segments/{segment:path}", self._at_once(self.ask)),
            self._form("/segments/{segment:path}", self._at_once(self.answer)),
            Route("/next", self._at_once(self.next_page)),
            Route("/loops/{segment:path}", self.loop),
            Route("/", self.welcome),
            self._form("/start", _in_thread(self.start)),
            Route("/key", self.show_key),
            Route("/thanks", self.thanks),
            self._form("/leave", _in_thread(self.leave)),
            Route("/withdraw", self.ask_to_withdraw),
            self._form("/withdraw", _in_thread(self.withdraw)),
            *(Route(f"/{name}", _static(name)) for name in ("rating.js", "rating.css")),
        ]

    def _at_once(self, do: Callable[..., Response]) -> _Handler:
        if not self._store.is_near:
            return _in_thread(do)

        async def answer(*given: Any) -> Response:
            return do(*given)

        return answer

    def _form(self, path: str, take: _Handler) -> Route:
        # Answers given twice are still named as that.
        most_fields = 2 * self._num_pairs + 2

        async def read(request: Request) -> Response:
            fields = await read_form(request, most_fields=most_fields)
            with await self._writing():
                return await take(request, fields)

        return Route(path, read, methods=["POST"])

    async def _writing(self) -> ExitStack:
        """Keep erasures out until what is returned is closed; those who wait for one wait side by side."""
        end, held = monotonic() + _PATIENCE_S, ExitStack()
        while True:
            try:
                held.enter_context(self._store.writing())
            except BlockingIOError as error:
                if monotonic() >= end:
                    raise HTTPException(
                        503,
                        "Something is being erased here at this moment, and nothing of this page was stored. Go back "
                        "and send it again in a minute.",
                    ) from error
            else:
                return held
            await asyncio.sleep(_AGAIN_S)

    def page(self, name: str, status_code: int = 200, **context: Any) -> Response:
        return HTMLResponse(self._templates.get_template(name).render(context), status_code)

    def refused(self, _: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return self.page("refused.html", error.status_code, reason=error.detail)

    def refusal(self, request: Request) -> Response | None:
        found = refusal(request)
        return None if found is None else self.page("refused.html", found[0], reason=found[1])

    def welcome(self, _: Request) -> Response:
        num_segments = max(map(len, self._store.blocks()), default=len(self._stimuli.segments()))
        return self.page("welcome.html", num_segments=num_segments, num_pairs=self._num_pairs)

    def start(self, request: Request, fields: Fields) -> Response:
        given = dict(fields)
        if not given.get("rater") or given.get("consent") != "yes":
            raise HTTPException(422, "Ratings are taken only with a code and with consent.")
        if not self._starts.allow():
            raise HTTPException(429, "Many begin at this moment. Please try again in a minute.")
        rater, key = given["rater"], given.get("return_key", "").strip()
        before = self._find_session(request)
        if before is not None and before.rater == rater:
            key = key or before.return_key
        comes_back = bool(key)
        key = self._survey.take_in(rater, key, given.get("language", ENGLISH))
        # A new token each time: one that somebody else put into this browser is worth nothing.
        self._sessions.end(request.cookies.get(_cookie_name(request), ""))
        response = RedirectResponse("/next" if comes_back else "/key", 303)
        response.set_cookie(
            _cookie_name(request),
            self._sessions.begin(rater, key),
            max_age=int(LONGEST_S),
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="strict",
        )
        return response

    def show_key(self, request: Request) -> Response:
        session = self._session_of(request)
        return self.page("key.html", rater=session.rater, return_key=session.return_key)

    def next_page(self, request: Request) -> Response:
        return self._go_on(self._session_of(request).rater)

    def loop(self, request: Request) -> Response:
        if self._find_session(request) is None:
            raise HTTPException(403, "Clips are shown inside a session only.")
        segment = self._segment_of(request)
        try:
            image = self._stimuli.loop(segment)
        except LookupError as error:
            raise HTTPException(404, f"The clip of segment {segment} is not there any more.") from error
        image = still_of(image) if _is_asked(request, "still") else image
        return Response(image, media_type=media_type(image))

    def ask(self, request: Request) -> Response:
        session, segment = self._session_of(request), self._segment_of(request)
        correct, again = _is_asked(request, "correct"), _is_asked(request, "again")
        progress = self._survey.progress(session.rater)
        if segment in progress.done and not (
            correct or (again and segment == self._survey.must_repeat(session.rater))
        ):
            return RedirectResponse("/next", 303)
        before = None if correct else self._survey.last_done(session.rater)
        given = self._store.answers(session.rater, segment) if correct else {}
        session.opened_s = monotonic()
        return self.page(
            "segment.html",
            link=quote(segment, safe=""),
            query=_query_of(request),
            fields=self._scale_fields(session.rater, segment, given, checked=not (correct or again)),
            correct=correct,
            again=again,
            before=None if before is None else quote(before, safe=""),
            form_token=session.form_token,
            num_done=len(progress.done),
            num_segments=len(progress.asked),
        )

    def _scale_fields(self, rater: str, segment: str, given: dict[str, int], *, checked: bool) -> Markup:
        scales = self._survey.scales_for(rater)
        fields = [self._draw_scale(each, given.get(each.pair)) for each in scales] if given else []
        fields = fields or self._unanswered_fields(rater, scales)
        wanted = self._survey.wanted_level(rater, segment)
        if wanted and checked:
            asked = self._parts.attention_field(_ATTENTION_FIELD, int(wanted))
            middle = len(fields) // 2
            fields = [*fields[:middle], asked, *fields[middle:]]
        return Markup("\n".join(fields))  # noqa: S704  (each of them is of a template)

    def _unanswered_fields(self, rater: str, scales: Sequence[Scale]) -> list[str]:
        kept = self._unanswered.get(rater)
        if kept is None or kept[0] is not scales:
            kept = self._unanswered[rater] = (scales, [self._draw_scale(each, None) for each in scales])
        return kept[1]

    def answer(self, request: Request, fields: Fields) -> Response:
        session, segment = self._own_form(request, fields), self._segment_of(request)
        answers = [(name, value) for name, value in fields if name not in _OWN_FIELDS]
        if not any(value for _, value in answers) and (_NOTHING_FIELD, "yes") not in fields:
            link = quote(segment, safe="") + _query_of(request)
            return self.page("empty.html", link=link, form_token=session.form_token)
        attention = dict(fields).get(_ATTENTION_FIELD, "")
        sent = Answered(segment, answers, attention, seconds=monotonic() - session.opened_s)
        keep = self._survey.submit
        if _is_asked(request, "correct"):
            keep = self._survey.correct
        if _is_asked(request, "again"):
            keep = self._survey.repeat
        keep(session.rater, session.return_key, sent)
        return self._go_on(session.rater)

    def _go_on(self, rater: str) -> Response:
        """Lead to the page that a rater is to answer next."""
        segment, query = self._survey.progress(rater).next, ""
        if segment is None:
            segment, query = self._survey.must_repeat(rater), "?again=true"
        return RedirectResponse(f"/segments/{quote(segment, safe='')}{query}" if segment else "/thanks", 303)

    def thanks(self, request: Request) -> Response:
        session = self._find_session(request)
        if session is None:
            return self.page("thanks.html", session=None)
        progress = self._survey.progress(session.rater)
        counted = {"num_done": len(progress.done), "num_segments": len(progress.asked)}
        return self.page("thanks.html", session=session, **counted)

    def leave(self, request: Request, fields: Fields) -> Response:
        self._own_form(request, fields)
        self._sessions.end(request.cookies[_cookie_name(request)])
        return _forgetting(request, self.page("left.html", erased=False))

    def ask_to_withdraw(self, request: Request) -> Response:
        return self.page("withdraw.html", session=self._session_of(request))

    def withdraw(self, request: Request, fields: Fields) -> Response:
        session = self._own_form(request, fields)
        self._survey.withdraw(session.rater)
        self._sessions.end_all(session.rater)
        return _forgetting(request, self.page("left.html", erased=True))

    def _find_session(self, request: Request) -> Session | None:
        return self._sessions.find(request.cookies.get(_cookie_name(request), ""))

    def _session_of(self, request: Request) -> Session:
        session = self._find_session(request)
        if session is None:
            raise _NoSessionError
        return session

    def _own_form(self, request: Request, fields: Fields) -> Session:
        """Return the session of a form: that of another session, or of none, is refused."""
        session = self._find_session(request)
        if session is None:
            raise HTTPException(
                403, "Your session has ended, and nothing of this page was stored. Begin again."
            )
        if not any(name == _TOKEN_FIELD and session.accepts(value) for name, value in fields):
            raise HTTPException(403, "This form is not of your session; open the page anew.")
        return session

    def _segment_of(self, request: Request) -> str:
        segment: str = request.path_params["segment"]
        self._survey.check_segment(segment)
        return segment


def _in_thread(do: Callable[..., Response]) -> _Handler:
    async def answer(*given: Any) -> Response:
        return await run_in_threadpool(do, *given)

    return answer


def _static(name: str) -> Callable[[Request], Response]:
    def send(_: Request) -> Response:
        return FileResponse(_FOLDER / "static" / name, headers=_STATIC_CACHE)

    return send


def _outside(_: Request, error: Exception) -> Response:
    return RedirectResponse("/", 303)


def _is_asked(request: Request, name: str) -> bool:
    return request.query_params.get(name) == "true"


def _query_of(request: Request) -> str:
    """Return what an answer to the page at hand says of it: that it corrects another, or is given again."""
    return next((f"?{name}=true" for name in ("correct", "again") if _is_asked(request, name)), "")


def _cookie_name(request: Request) -> str:
    # The server says https where its own proxy does. A browser lets nobody else set a cookie of such a name.
    return f"__Host-{_COOKIE}" if request.scope["scheme"] == "https" else _COOKIE


def _forgetting(request: Request, response: Response) -> Response:
    response.delete_cookie(
        _cookie_name(request), secure=request.url.scheme == "https", httponly=True, samesite="strict"
    )
    return response
