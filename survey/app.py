"""The rating page: a looping face segment, adjective pairs, five levels.

Belongs here: the pages, their order for each rater, checking what a browser sends. Stays out: where stimuli
come from and where ratings go (the caller passes both in), encoding loops (``survey.loops``), what ratings
mean (``ml.surveys.ratings``).

The page is rendered on the server, needs no script and loads nothing from elsewhere. It asks how a face
appears, never whose it is. Like the other servers of the project it has no authentication: bind it to
127.0.0.1 and put a proxy with authentication in front to reach raters elsewhere.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Annotated, Any, Protocol
from urllib.parse import quote

from fastapi import FastAPI, Form, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.templating import Jinja2Templates
from starlette.exceptions import HTTPException

from apexline.survey.loops import media_type

LEVELS: tuple[str, ...] = ("1", "2", "3", "4", "5")
_RATER = re.compile(r"[A-Za-z0-9_-]{1,32}")
_COOKIE = "rater"
# A page of 50 pairs sends about 2 KiB.
MAX_BODY = 64 * 1024
_TEMPLATES = Path(__file__).parent / "templates"
_HEADERS = {
    # Nothing but this page's own style and images; no script at all.
    "Content-Security-Policy": "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    # Faces do not stay in a browser's cache.
    "Cache-Control": "no-store",
}


@dataclass(frozen=True)
class Scale:
    """An adjective pair as raters see it.

    Parameters
    ----------
    pair : str
        Identifier that is saved.
    first, second : str
        Adjective at level 1 and at level 5.
    """

    pair: str
    first: str
    second: str

    @property
    def wordings(self) -> tuple[str, str, str, str, str]:
        """Spoken name of each level, 1 to 5."""
        return (
            f"strongly {self.first}",
            f"slightly {self.first}",
            "neither",
            f"slightly {self.second}",
            f"strongly {self.second}",
        )


class Stimuli(Protocol):
    """What is rated. Asked anew on every request, so that new segments appear while the page runs."""

    def segments(self) -> Sequence[str]:
        """Return the identifiers of all segments to rate."""
        ...

    def loop(self, segment: str) -> bytes:
        """Return a looping GIF, PNG or WebP image of a segment."""
        ...


@dataclass
class _Survey:
    """Who has rated what, and what comes next."""

    stimuli: Stimuli
    scales: Sequence[Scale]
    save: Callable[[list[dict[str, Any]]], None]
    rated: Callable[[str], Iterable[str]]
    submitted: dict[str, set[str]] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)

    def done(self, rater: str) -> set[str]:
        """Segments that a rater has finished, those left wholly unanswered included."""
        return (set(self.rated(rater)) | self.submitted.get(rater, set())) & set(self.stimuli.segments())

    def next_segment(self, rater: str) -> str | None:
        """Return the segment to show next, None when all are done."""
        # Each rater has an order of their own: a few who stop early still cover all segments, and tiredness
        # does not always meet the same ones.
        done = self.done(rater)
        remaining = [each for each in self.stimuli.segments() if each not in done]
        return min(remaining, key=lambda segment: _draw(rater, segment), default=None)

    def scales_for(self, rater: str) -> list[Scale]:
        """Pairs in the rater's own order, the same on every page."""
        return sorted(self.scales, key=lambda scale: _draw(rater, scale.pair))

    def check_segment(self, segment: str) -> None:
        if segment not in self.stimuli.segments():
            raise HTTPException(404, f"There is no segment {segment} to rate.")

    def submit(self, rater: str, segment: str, answers: Sequence[tuple[str, Any]]) -> None:
        """Save one page's answers, once."""
        rows = self._rows(rater, segment, answers)
        with self.lock:
            if segment in self.done(rater):
                return
            if rows:
                self.save(rows)
            self.submitted.setdefault(rater, set()).add(segment)

    def _rows(self, rater: str, segment: str, answers: Sequence[tuple[str, Any]]) -> list[dict[str, Any]]:
        known = {scale.pair for scale in self.scales}
        given: dict[str, str] = {}
        for pair, level in answers:
            if pair not in known:
                raise HTTPException(422, f"{pair} is not an adjective pair of this survey.")
            if level not in ("", *LEVELS):
                raise HTTPException(422, f"Saw level {level} for {pair}, expected 1 to 5 or no answer.")
            if pair in given:
                raise HTTPException(422, f"Saw two answers to {pair}, expected one.")
            given[pair] = level
        return [
            {"rater": rater, "segment": segment, "pair": pair, "level": int(level)}
            for pair, level in given.items()
            if level
        ]


def _draw(*names: str) -> bytes:
    return hashlib.sha256("\0".join(names).encode()).digest()


def _nobody(rater: str) -> tuple[str, ...]:
    return ()


def create_app(
    *,
    stimuli: Stimuli,
    pairs: Sequence[Scale],
    save: Callable[[list[dict[str, Any]]], None],
    rated: Callable[[str], Iterable[str]] = _nobody,
) -> FastAPI:
    """Build the rating page.

    Parameters
    ----------
    stimuli : Stimuli
        Segments to rate and their looping images.
    pairs : sequence of Scale
        Adjective pairs.
    save : callable
        Takes the answers of one page: dicts with rater, segment, pair and level (int, 1..5), one for each
        answered pair. Called from one thread at a time; what it raises the rater sees as a server error,
        and the page can be sent again.
    rated : callable, optional
        Takes a rater's code and returns the segments already rated, so that they are not asked again after a
        restart. What was sent while this app runs is remembered without it.

    Returns
    -------
    FastAPI
        The application; serve it with uvicorn on 127.0.0.1.

    Raises
    ------
    ValueError
        If there is no pair, or one is named twice.
    """
    names = [scale.pair for scale in pairs]
    if not names or len(set(names)) < len(names):
        msg = f"saw the pairs {names}, expected at least one and each once"
        raise ValueError(msg)
    most_fields = 2 * len(names)  # so that an answer given twice is still named as that
    survey = _Survey(stimuli, tuple(pairs), save, rated)
    templates = Jinja2Templates(directory=_TEMPLATES)
    app = FastAPI(title="Apexline rating survey", docs_url=None, redoc_url=None, openapi_url=None)

    def page(request: Request, name: str, status_code: int = 200, **context: Any) -> HTMLResponse:
        return templates.TemplateResponse(request, name, context, status_code=status_code)

    @app.middleware("http")
    async def harden(request: Request, call_next: Any) -> Response:
        refusal = _body_refusal(request)
        if refusal is None:
            response: Response = await call_next(request)
        else:
            response = page(request, "refused.html", refusal[0], reason=refusal[1])
        response.headers.update(_HEADERS)
        return response

    @app.exception_handler(HTTPException)
    def refused(request: Request, error: HTTPException) -> HTMLResponse:
        return page(request, "refused.html", error.status_code, reason=error.detail)

    @app.exception_handler(RequestValidationError)
    def malformed(request: Request, error: RequestValidationError) -> HTMLResponse:
        fields = ", ".join(sorted({str(each["loc"][-1]) for each in error.errors()}))
        return page(request, "refused.html", 422, reason=f"The form is incomplete: {fields}.")

    @app.get("/")
    def welcome(request: Request) -> HTMLResponse:
        return page(request, "welcome.html", num_segments=len(stimuli.segments()), num_pairs=len(names))

    @app.post("/start")
    def start(rater: Annotated[str, Form()], consent: Annotated[str, Form()]) -> RedirectResponse:
        if not _RATER.fullmatch(rater):
            raise HTTPException(422, "A code has 1 to 32 letters, digits, hyphens or underscores.")
        if consent != "yes":
            raise HTTPException(422, "Ratings are taken only with consent.")
        response = RedirectResponse("/next", 303)
        response.set_cookie(_COOKIE, rater, httponly=True, samesite="strict")
        return response

    @app.get("/next")
    def next_page(request: Request) -> RedirectResponse:
        rater = _rater(request)
        if rater is None:
            return RedirectResponse("/", 303)
        segment = survey.next_segment(rater)
        return RedirectResponse("/thanks" if segment is None else f"/segments/{quote(segment, safe='')}", 303)

    @app.get("/loops/{segment:path}")
    def loop(segment: str) -> Response:
        survey.check_segment(segment)
        image = stimuli.loop(segment)
        return Response(image, media_type=media_type(image))

    @app.get("/segments/{segment:path}", response_model=None)
    def ask(request: Request, segment: str) -> Response:
        survey.check_segment(segment)
        rater = _rater(request)
        if rater is None:
            return RedirectResponse("/", 303)
        done = survey.done(rater)
        if segment in done:
            return RedirectResponse("/next", 303)
        return page(
            request,
            "segment.html",
            link=quote(segment, safe=""),
            scales=survey.scales_for(rater),
            rater=rater,
            num_done=len(done),
            num_segments=len(stimuli.segments()),
        )

    @app.post("/segments/{segment:path}")
    async def answer(request: Request, segment: str) -> RedirectResponse:
        form = await request.form(max_files=0, max_fields=most_fields)
        if len(form.multi_items()) > most_fields:
            raise HTTPException(413, f"Saw {len(form.multi_items())} answers, expected at most {len(names)}.")
        return await run_in_threadpool(take, request, segment, form.multi_items())

    def take(request: Request, segment: str, answers: list[tuple[str, Any]]) -> RedirectResponse:
        survey.check_segment(segment)
        rater = _rater(request)
        if rater is None:
            return RedirectResponse("/", 303)
        survey.submit(rater, segment, answers)
        return RedirectResponse("/next", 303)

    @app.get("/thanks")
    def thanks(request: Request) -> HTMLResponse:
        rater = _rater(request)
        num_done = 0 if rater is None else len(survey.done(rater))
        return page(
            request, "thanks.html", rater=rater, num_done=num_done, num_segments=len(stimuli.segments())
        )

    return app


def _rater(request: Request) -> str | None:
    code = request.cookies.get(_COOKIE, "")
    return code if _RATER.fullmatch(code) else None


def _body_refusal(request: Request) -> tuple[int, str] | None:
    """Return status and reason where a body is too large, or its size is not said beforehand."""
    if request.method in ("GET", "HEAD"):
        return None
    # The server reads no more than was announced.
    size = request.headers.get("content-length", "")
    if not (size.isascii() and size.isdigit()):
        return 411, "The form does not say how large it is; send it with a Content-Length."
    if len(size) > len(str(MAX_BODY)) or int(size) > MAX_BODY:
        return 413, f"The form is larger than {MAX_BODY // 1024} KiB; answer the page's own questions only."
    return None
