"""What people say of segments: who they are, what they look at next, their forms.

Belongs here: addresses that store something, and the queue. Stays out: what can be meant and where it is kept
(``archive``), what comes next (``queue``). No page of another site can send these forms: the guard in front asks for
their origin.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Depends, FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.exceptions import HTTPException

from apexline.review.archive import Archive, Row
from apexline.review.filters import Filters
from apexline.review.queue import ORDERS, waiting

EXPRESSIONS = ("happy", "angry", "calm", "scared", "other")
LABELS = (*EXPRESSIONS, "no_expression", "not_a_face")
_COOKIE, _REMEMBERED_S = "apexline-reviewer", 12 * 3600
_REVIEWER = re.compile(r"[A-Za-z0-9_-]{1,32}")
_AROUND_S = 3.0  # of a face before and after a segment, over which its bounds can be moved
_LISTED = 100
_FIELDS = 16
_NUMBER = re.compile(r"[0-9]{1,9}")

Fields = dict[str, str]


def add_reviewing(app: FastAPI, archive: Archive, page: Callable[..., HTMLResponse]) -> None:
    """Add the addresses to the pages; `page` renders a template."""

    @app.post("/reviewer")
    def begin(fields: _Fields) -> RedirectResponse:
        code = fields.get("reviewer", "").strip()
        if not _REVIEWER.fullmatch(code):
            raise HTTPException(422, "A code has 1 to 32 letters, digits, hyphens or underscores.")
        response = RedirectResponse(_own_address(fields.get("then", "/")), 303)
        response.set_cookie(_COOKIE, code, max_age=_REMEMBERED_S, httponly=True, samesite="strict")
        return response

    @app.get("/queue/{camera_day}")
    def queue(request: Request, camera_day: str, order: str = ORDERS[0]) -> HTMLResponse:
        reviewer = reviewer_of(request)
        rows = segments_of(archive, camera_day, Filters())
        found = waiting(rows, order, reviewer)
        counts = {each: len(waiting(rows, each, reviewer)) for each in ORDERS}
        return page(
            request,
            "queue.html",
            camera_day=camera_day,
            order=order,
            counts=counts,
            rows=found[:_LISTED],
            reviewer=reviewer,
        )

    @app.get("/queue/{camera_day}/next")
    def next_segment(request: Request, camera_day: str, order: str) -> RedirectResponse:
        found = waiting(segments_of(archive, camera_day, Filters()), order, reviewer_of(request))
        if not found:
            return RedirectResponse(f"/queue/{_quoted(camera_day)}?order={order}", 303)
        return RedirectResponse(f"{_address(camera_day, found[0]['segment_id'])}?shown_as={order}", 303)

    @app.post("/days/{camera_day}/segments/{segment_id}/reviews")
    def say(request: Request, camera_day: str, segment_id: str, fields: _Fields) -> RedirectResponse:
        view = Filters.read([("version", fields.get("version", ""))])
        row = find_segment(segments_of(archive, camera_day, view), segment_id)
        shown_as = fields.get("shown_as", "opened")
        seen = {name: row[name] for name in ("clip_id", "track_id", "segment_id", "model_version", "answer")}
        archive.keep(camera_day, {**seen, **_said(request, fields), "shown_as": shown_as})
        if shown_as in ORDERS:
            return RedirectResponse(f"/queue/{_quoted(camera_day)}/next?order={shown_as}", 303)
        return RedirectResponse(f"{_address(camera_day, segment_id)}?{view.address()}#reviews", 303)

    @app.post("/days/{camera_day}/segments/{segment_id}/undo")
    def undo(request: Request, camera_day: str, segment_id: str, fields: _Fields) -> RedirectResponse:
        archive.undo(camera_day, fields.get("review_id", ""), _must_be_known(request))
        left = any(
            row["segment_id"] == segment_id for row in segments_of(archive, camera_day, Filters())
        )  # one that was drawn goes with its last review
        return RedirectResponse(
            _address(camera_day, segment_id) if left else f"/days/{_quoted(camera_day)}", 303
        )

    @app.get("/days/{camera_day}/clips/{clip_id}/draw")
    def draw(request: Request, camera_day: str, clip_id: str, track: str = "") -> HTMLResponse:
        clip = archive.clip(camera_day, clip_id)
        tracks = archive.tracks(camera_day, clip_id)
        chosen = next((each for each in tracks if each["track_id"] == track), None)
        context: dict[str, Any] = {"camera_day": camera_day, "clip": clip, "tracks": tracks, "chosen": chosen}
        if chosen is not None:
            first, times = archive.times(camera_day, clip_id, track)
            last = first + len(times) - 1
            middle = {"onset": first, "apex": (first + last) // 2, "offset": last}
            context |= {"row": middle, "first": first, "times": times, "own": None, "labels": EXPRESSIONS}
        return page(
            request,
            "draw.html",
            reviewer=reviewer_of(request),
            here=_here(request),
            shown_as="drawn",
            **context,
        )

    @app.post("/days/{camera_day}/clips/{clip_id}/segments")
    def drawn(request: Request, camera_day: str, clip_id: str, fields: _Fields) -> RedirectResponse:
        archive.clip(camera_day, clip_id)
        named = {"clip_id": clip_id, "track_id": fields.get("track_id", ""), "segment_id": ""}
        nothing = {"model_version": None, "answer": "", "shown_as": "drawn"}
        said = _said(request, fields)
        if said["label"] not in EXPRESSIONS:
            raise HTTPException(422, "Choose the expression that was missed. Nothing was stored.")
        archive.keep(camera_day, {**named, **said, **nothing})
        address = _address(camera_day, f"{named['track_id']}-drawn-{said['onset']}")
        return RedirectResponse(f"{address}#reviews", 303)


def form_context(request: Request, archive: Archive, row: Row) -> dict[str, Any]:
    """Return what the form beside a segment needs."""
    reviewer = reviewer_of(request)
    first, times = archive.times(row["camera_day"], row["clip_id"], row["track_id"])
    low = next((k for k, time in enumerate(times) if time >= row["onset_s"] - _AROUND_S), 0)
    high = next((k for k, time in enumerate(times) if time > row["offset_s"] + _AROUND_S), len(times))
    own = [
        each for each in archive.reviews(row["camera_day"], row["segment_id"]) if each["reviewer"] == reviewer
    ]
    return {
        "reviewer": reviewer,
        "here": _here(request),
        "labels": LABELS,
        "first": first + low,
        "times": times[low:high],
        "own": own[-1] if own else None,
        "shown_as": request.query_params.get("shown_as", "opened"),
    }


def reviewer_of(request: Request) -> str:
    """Return the code that the person gave; empty where none was given."""
    code = request.cookies.get(_COOKIE, "")
    return code if _REVIEWER.fullmatch(code) else ""


def segments_of(archive: Archive, camera_day: str, view: Filters) -> list[Row]:
    """Return a day's segments as a view asks for them."""
    if camera_day not in archive.camera_days():
        raise HTTPException(404, f"There is no camera-day {camera_day}.")
    return list(archive.segments(camera_day, model_version=view.model_version))


def find_segment(rows: list[Row], segment_id: str) -> Row:
    """Return one of some segments."""
    found = next((row for row in rows if row["segment_id"] == segment_id), None)
    if found is None:
        raise HTTPException(404, f"There is no segment {segment_id} on this day any more.")
    return found


async def _read_fields(request: Request) -> Fields:
    form = await request.form(max_files=0, max_fields=_FIELDS)
    return {name: value for name, value in form.multi_items() if isinstance(value, str)}


_Fields = Annotated[Fields, Depends(_read_fields)]


def _said(request: Request, fields: Fields) -> dict[str, Any]:
    moments: dict[str, Any] = {}
    for name in ("onset", "apex", "offset"):
        text = fields.get(name, "")
        if not _NUMBER.fullmatch(text):
            raise HTTPException(422, f"Saw {name} {text[:20]!r}, expected a frame.")
        moments[name] = int(text)
    label, reason = fields.get("label", ""), fields.get("reason", "").strip()
    if label not in LABELS:
        raise HTTPException(422, "Choose what you see: an expression, none, or no face. Nothing was stored.")
    return {**moments, "label": label, "reason": reason, "reviewer": _must_be_known(request)}


def _must_be_known(request: Request) -> str:
    reviewer = reviewer_of(request)
    if not reviewer:
        raise HTTPException(403, "Say who you are first: reviews are kept with the code of who gave them.")
    return reviewer


def _own_address(address: str) -> str:
    """Return an address of these pages; the first one where another is meant."""
    return address if re.fullmatch(r"/(?![/\\])[^\s\\]*", address) else "/"


def _here(request: Request) -> str:
    query = request.url.query
    return f"{quote(request.url.path)}?{query}" if query else quote(request.url.path)


def _address(camera_day: str, segment_id: str) -> str:
    return f"/days/{_quoted(camera_day)}/segments/{_quoted(segment_id)}"


def _quoted(part: str) -> str:
    return quote(part, safe="")
