"""The pages: a camera's days, the timeline of one, the clip around a segment.

Belongs here: addresses, headers, templates. Stays out: who may come in (the guard in front of it), which segments
are shown (``filters``), formats (``exports``), what people say of them (``reviewing``), where clips and scores lie
(``archive``: the caller passes it in).

Pages are rendered on the server and say everything without a script; one of our own draws the axis and zooms it.
Nothing is loaded from elsewhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from threading import Thread
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Request, Response
from fastapi.responses import FileResponse, HTMLResponse
from fastapi.staticfiles import StaticFiles
from fastapi.templating import Jinja2Templates
from starlette.exceptions import HTTPException

from apexline.review.annotation_tools import as_elan, as_label_studio
from apexline.review.archive import Archive, Row
from apexline.review.exports import as_columns, as_csv, as_json
from apexline.review.filters import ANSWERS, PER_PAGE, REVIEWED, Filters, span_of
from apexline.review.reviewing import add_reviewing, find_segment, form_context, reviewer_of, segments_of

BEFORE_S = AFTER_S = 1.5  # of a clip that play around a segment
_FOLDER = Path(__file__).parent
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'self'; "
    "script-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    # Faces do not stay in a browser's cache.
    "Cache-Control": "no-store",
}
# Media type, and what writes segments, what was said of them, and the address of these pages.
_EXPORTS: dict[str, tuple[str, Callable[[list[Row], Mapping[str, Sequence[Row]], str], str | bytes]]] = {
    "csv": ("text/csv", lambda rows, _, __: as_csv(rows)),
    "json": ("application/json", lambda rows, _, __: as_json(rows)),
    "label-studio.json": (
        "application/json",
        lambda rows, reviews, origin: as_label_studio(rows, reviews, origin=origin),
    ),
    "eaf.zip": ("application/zip", lambda rows, reviews, _: as_elan(rows, reviews)),
}
_TYPES = {".webm": "video/webm", ".mkv": "video/x-matroska", ".avi": "video/x-msvideo", ".ogv": "video/ogg"}


def create_app(archive: Archive) -> FastAPI:
    """Build the pages over an archive; serve them behind a guard, on 127.0.0.1."""

    @asynccontextmanager
    async def reading_ahead(_: FastAPI) -> AsyncGenerator[None]:
        Thread(target=archive.read_ahead, daemon=True).start()
        yield

    app = FastAPI(
        title="Apexline review", docs_url=None, redoc_url=None, openapi_url=None, lifespan=reading_ahead
    )
    templates = Jinja2Templates(directory=_FOLDER / "templates")
    templates.env.filters.update(clock=_clock, moment=_moment, plain=_plain)
    app.mount("/static", StaticFiles(directory=_FOLDER / "static"))

    def page(request: Request, name: str, status_code: int = 200, **context: Any) -> HTMLResponse:
        return templates.TemplateResponse(request, name, context, status_code=status_code)

    @app.middleware("http")
    async def harden(request: Request, call_next: Any) -> Response:
        response: Response = await call_next(request)
        response.headers.update(_HEADERS)
        return response

    @app.exception_handler(HTTPException)
    def refused(request: Request, error: HTTPException) -> HTMLResponse:
        return page(request, "refused.html", error.status_code, reason=error.detail)

    @app.exception_handler(LookupError)
    def absent(request: Request, error: LookupError) -> HTMLResponse:
        return page(request, "refused.html", 404, reason=str(error.args[0] if error.args else error))

    @app.exception_handler(BlockingIOError)
    def busy(request: Request, error: BlockingIOError) -> HTMLResponse:
        reason = "Something is being erased here at this moment, and nothing was stored. Send it again in a minute."
        return page(request, "refused.html", 503, reason=reason)

    @app.exception_handler(ValueError)
    def wrong(request: Request, error: ValueError) -> HTMLResponse:
        return page(request, "refused.html", 422, reason=str(error))

    @app.get("/")
    def days(request: Request) -> HTMLResponse:
        cameras: dict[str, list[str]] = {}
        for key in reversed(archive.camera_days()):
            day, _, camera = key.partition("_")
            cameras.setdefault(camera, []).append(day)
        return page(request, "days.html", cameras=dict(sorted(cameras.items())))

    @app.get("/days/{camera_day}")
    def timeline(request: Request, camera_day: str, view: _View) -> HTMLResponse:
        everything = segments_of(archive, camera_day, view)
        return page(request, "day.html", **_timeline(camera_day, everything, view))

    @app.get("/days/{camera_day}/columns")
    def columns(camera_day: str, view: _View) -> Response:
        chosen = view.chosen(segments_of(archive, camera_day, view))
        return Response(as_columns(chosen), media_type="application/json")

    @app.get("/days/{camera_day}/segments.{suffix}")
    def export(request: Request, camera_day: str, suffix: str, view: _View) -> Response:
        if suffix not in _EXPORTS:
            raise HTTPException(404, f"Saw the format {suffix}, expected one of {', '.join(_EXPORTS)}.")
        rows = view.in_part(view.chosen(segments_of(archive, camera_day, view)))
        reviewed = [row["segment_id"] for row in rows if row["reviewed_as"]]
        reviews = {segment_id: archive.reviews(camera_day, segment_id) for segment_id in reviewed}
        kind, write = _EXPORTS[suffix]
        named = f'attachment; filename="{camera_day}.{suffix}"'
        origin = str(request.base_url).rstrip("/")
        archive.taken(camera_day, by=reviewer_of(request), kind=suffix, rows=len(rows))
        return Response(write(rows, reviews, origin), media_type=kind, headers={"Content-Disposition": named})

    @app.get("/days/{camera_day}/segments/{segment_id}")
    def segment(request: Request, camera_day: str, segment_id: str, view: _View) -> HTMLResponse:
        rows = segments_of(archive, camera_day, view)
        found = find_segment(rows, segment_id)
        clip = archive.clip(camera_day, found["clip_id"])
        chosen = [row for row in view.chosen(rows) if row["segment_id"] != segment_id]
        return page(
            request,
            "segment.html",
            camera_day=camera_day,
            view=view,
            row=found,
            clip=clip,
            from_s=max(0.0, found["onset_s"] - BEFORE_S),
            to_s=min(clip["duration_s"], found["offset_s"] + AFTER_S),
            before=next((row for row in reversed(chosen) if row["onset_at"] <= found["onset_at"]), None),
            after=next((row for row in chosen if row["onset_at"] > found["onset_at"]), None),
            grounds="" if found["drawn"] else archive.grounds(camera_day, found["clip_id"], segment_id),
            lineage=archive.lineage(camera_day, found["clip_id"]),
            reviews=archive.reviews(camera_day, segment_id),
            **form_context(request, archive, found),
        )

    @app.get("/days/{camera_day}/segments/{segment_id}/lineage/{version}")
    def lineage(request: Request, camera_day: str, segment_id: str, version: int) -> HTMLResponse:
        found = find_segment(archive.segments(camera_day, model_version=version), segment_id)
        sections = archive.trace(f"{segment_id}@{version}")
        return page(
            request, "lineage.html", camera_day=camera_day, row=found, version=version, sections=sections
        )

    @app.get("/survey")
    def survey(request: Request) -> HTMLResponse:
        return page(request, "survey.html", survey=archive.survey())

    add_reviewing(app, archive, page)
    _serve_pictures(app, archive)
    return app


def _serve_pictures(app: FastAPI, archive: Archive) -> None:
    """Add the addresses of clips, faces and curves."""

    @app.get("/clips/{camera_day}/{clip_id}/video")
    def video(request: Request, camera_day: str, clip_id: str) -> FileResponse:
        path = archive.video(camera_day, clip_id)
        archive.seen(clip_id, by=reviewer_of(request))
        # Ranges, which a browser asks for when it seeks, are the response's own work.
        return FileResponse(path, media_type=_TYPES.get(path.suffix.lower(), "video/mp4"))

    @app.get("/clips/{camera_day}/{clip_id}/stretch")
    def stretch(request: Request, camera_day: str, clip_id: str, from_s: float, to_s: float) -> Response:
        if not 0 <= from_s < to_s <= from_s + 60:
            raise HTTPException(422, f"Saw {from_s:g} to {to_s:g} s, expected at most 60 s.")
        pictures = archive.stretch(camera_day, clip_id, from_s, to_s)
        archive.seen(clip_id, by=reviewer_of(request))
        return Response(pictures, media_type="video/mp4")

    @app.get("/clips/{camera_day}/{clip_id}/faces/{track_id}/{frame}")
    def face(request: Request, camera_day: str, clip_id: str, track_id: str, frame: int) -> Response:
        picture = archive.face(camera_day, clip_id, track_id, frame)
        archive.seen(clip_id, by=reviewer_of(request))
        return Response(picture, media_type="image/png")

    @app.get("/clips/{camera_day}/{clip_id}/curves/{track_id}")
    def curves(camera_day: str, clip_id: str, track_id: str) -> Response:
        return Response(archive.curves(camera_day, clip_id, track_id), media_type="image/png")

    @app.get("/clips/{camera_day}/{clip_id}/curves/{track_id}/axis")
    def axis(camera_day: str, clip_id: str, track_id: str) -> Mapping[str, float]:
        return archive.time_axis(camera_day, clip_id, track_id)


def _read_view(request: Request) -> Filters:
    return Filters.read(request.query_params.multi_items())


_View = Annotated[Filters, Depends(_read_view)]


def _timeline(camera_day: str, everything: list[Row], view: Filters) -> dict[str, Any]:
    chosen = view.chosen(everything)
    shown = view.in_part(chosen)
    pages = max(1, -(-len(shown) // PER_PAGE))
    number = min(view.page, pages)
    said = Counter(row["answer"] for row in everything)
    return {
        "camera_day": camera_day,
        "day": camera_day.partition("_")[0],
        "camera": camera_day.partition("_")[2],
        "view": view,
        "counts": {answer: said[answer] for answer in ANSWERS},
        "reviewed_kinds": REVIEWED,
        "versions": sorted({version for row in everything for version in row["answers"]}),
        "span": span_of(chosen) if chosen else None,
        "total": len(everything),
        "shown": shown,
        "rows": shown[(number - 1) * PER_PAGE : number * PER_PAGE],
        "number": number,
        "pages": pages,
        "first": (number - 1) * PER_PAGE + 1,
    }


def _clock(value: Any) -> str:
    return f"{value:%H:%M:%S}"


def _moment(value: Any) -> str:
    return f"{value:%Y-%m-%d %H:%M:%S} UTC"


def _plain(value: Any) -> str:
    """Write a value of any kind for people."""
    if value is None or value == []:
        return "–"
    if isinstance(value, datetime):
        return _moment(value)
    if isinstance(value, list):
        return ", ".join(map(_plain, value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)
