"""The rating page: a looping face segment, adjective pairs, five levels.

Belongs here: the pages, the session's cookie. Stays out: what a browser may send (``survey.requests``), what is
accepted as consent and as an answer (``survey.answers``), secrets (``survey.sessions``), encoding loops
(``survey.loops``), where stimuli come from and where answers go (the caller passes both in).

The page is rendered on the server and loads nothing from elsewhere. It needs no script; one of its own takes digits as
answers and counts them. It asks how a face appears, never whose it is. Faces and questions are shown inside a session
only, which anybody may begin who agrees: bind it to 127.0.0.1 and put a proxy with authentication in front to reach
raters elsewhere.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.templating import Jinja2Templates

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
        Where consent and answers are kept. It is written to by one thread at a time.
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
    """What each address answers. Each runs in a thread: the store may wait for the end of an erasure."""

    def __init__(self, stimuli: Stimuli, pairs: Sequence[Scale], store: Store, contact: str):
        self._templates = Jinja2Templates(directory=_FOLDER / "templates")
        shared: dict[str, Any] = self._templates.env.globals
        shared.update(contact=contact, languages=LANGUAGES)
        text = self._templates.get_template("consent.html").render()
        self._stimuli, self._store = stimuli, store
        self._survey = Survey(stimuli, pairs, store, text)
        self._sessions, self._starts = Sessions(), Starts()
        self._num_pairs = len(pairs)
        # The same 50 pairs stand on every page.
        self._parts: Any = self._templates.get_template("scale.html").module
        self._draw_scale = lru_cache(32 * len(pairs))(self._parts.scale_field)

    def routes(self) -> list[Route]:
        return [
            Route("/", self.welcome),
            self._form("/start", self.start),
            Route("/key", self.show_key),
            Route("/next", self.next_page),
            Route("/loops/{segment:path}", self.loop),
            Route("/segments/{segment:path}", self.ask),
            self._form("/segments/{segment:path}", self.answer),
            Route("/thanks", self.thanks),
            self._form("/leave", self.leave),
            Route("/withdraw", self.ask_to_withdraw),
            self._form("/withdraw", self.withdraw),
            *(Route(f"/{name}", _static(name)) for name in ("rating.js", "rating.css")),
        ]

    def _form(self, path: str, take: Callable[[Request, Fields], Response]) -> Route:
        # Answers given twice are still named as that.
        most_fields = 2 * self._num_pairs + 2

        async def read(request: Request) -> Response:
            fields = await read_form(request, most_fields=most_fields)
            return await run_in_threadpool(take, request, fields)

        return Route(path, read, methods=["POST"])

    def page(self, request: Request, name: str, status_code: int = 200, **context: Any) -> Response:
        return self._templates.TemplateResponse(request, name, context, status_code=status_code)

    def refused(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return self.page(request, "refused.html", error.status_code, reason=error.detail)

    def refusal(self, request: Request) -> Response | None:
        found = refusal(request)
        return None if found is None else self.page(request, "refused.html", found[0], reason=found[1])

    def welcome(self, request: Request) -> Response:
        num_segments = max(map(len, self._store.blocks()), default=len(self._stimuli.segments()))
        return self.page(request, "welcome.html", num_segments=num_segments, num_pairs=self._num_pairs)

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
        return self.page(request, "key.html", rater=session.rater, return_key=session.return_key)

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
        done = self._survey.done(session.rater)
        if segment in done and not (
            correct or (again and segment == self._survey.must_repeat(session.rater))
        ):
            return RedirectResponse("/next", 303)
        before = None if correct else self._survey.last_done(session.rater)
        given = self._store.answers(session.rater, segment) if correct else {}
        session.opened_s = monotonic()
        return self.page(
            request,
            "segment.html",
            link=quote(segment, safe=""),
            query=_query_of(request),
            fields=self._scale_fields(session.rater, segment, given, checked=not (correct or again)),
            correct=correct,
            again=again,
            before=None if before is None else quote(before, safe=""),
            form_token=session.form_token,
            num_done=len(done),
            num_segments=len(self._survey.segments_of(session.rater)),
        )

    def _scale_fields(self, rater: str, segment: str, given: dict[str, int], *, checked: bool) -> list[str]:
        fields = [self._draw_scale(scale, given.get(scale.pair)) for scale in self._survey.scales_for(rater)]
        wanted = self._survey.wanted_level(rater, segment)
        if wanted and checked:
            fields.insert(len(fields) // 2, self._parts.attention_field(_ATTENTION_FIELD, int(wanted)))
        return fields

    def answer(self, request: Request, fields: Fields) -> Response:
        session, segment = self._own_form(request, fields), self._segment_of(request)
        answers = [(name, value) for name, value in fields if name not in _OWN_FIELDS]
        if not any(value for _, value in answers) and (_NOTHING_FIELD, "yes") not in fields:
            link = quote(segment, safe="") + _query_of(request)
            return self.page(request, "empty.html", link=link, form_token=session.form_token)
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
        segment, query = self._survey.next_segment(rater), ""
        if segment is None:
            segment, query = self._survey.must_repeat(rater), "?again=true"
        return RedirectResponse(f"/segments/{quote(segment, safe='')}{query}" if segment else "/thanks", 303)

    def thanks(self, request: Request) -> Response:
        session = self._find_session(request)
        if session is None:
            return self.page(request, "thanks.html", session=None)
        done, asked = self._survey.done(session.rater), self._survey.segments_of(session.rater)
        return self.page(request, "thanks.html", session=session, num_done=len(done), num_segments=len(asked))

    def leave(self, request: Request, fields: Fields) -> Response:
        self._own_form(request, fields)
        self._sessions.end(request.cookies[_cookie_name(request)])
        return _forgetting(request, self.page(request, "left.html", erased=False))

    def ask_to_withdraw(self, request: Request) -> Response:
        return self.page(request, "withdraw.html", session=self._session_of(request))

    def withdraw(self, request: Request, fields: Fields) -> Response:
        session = self._own_form(request, fields)
        self._survey.withdraw(session.rater)
        self._sessions.end_all(session.rater)
        return _forgetting(request, self.page(request, "left.html", erased=True))

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
    return f"__Host-{_COOKIE}" if request.url.scheme == "https" else _COOKIE


def _forgetting(request: Request, response: Response) -> Response:
    response.delete_cookie(
        _cookie_name(request), secure=request.url.scheme == "https", httponly=True, samesite="strict"
    )
    return response
