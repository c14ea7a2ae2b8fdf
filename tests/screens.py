"""What the pages look like: `python -m tests.screens HOME` takes the pictures in ``docs/screens`` of a home's pages.

Each page at 360, 768 and 1440 px, the upper part of it; take them of the sample's home, whose faces are drawn.
"""

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from apexline.assets.lake import Lake, listed_camera_days
from apexline.assets.reviews import Days
from apexline.orchestration.pages import create_rating_page, create_review_page
from apexline.orchestration.settings import Settings
from tests.orchestration.web.browser import Browser, served, started_browser, wait_until

_ROOMS = ("review", "survey", "report")
_WIDTHS = (360, 768, 1440)
_TALLEST = 1500  # px
_OUT = Path(__file__).resolve().parents[1] / "docs" / "screens"
_REVIEWER = "fetch('/reviewer', {method: 'POST', body: new URLSearchParams({reviewer: 'otter'})})"
_CONSENT = (
    "(() => { const form = document.forms[0]; form.rater.value = 'otter'; form.consent.checked = true;"
    " form.submit(); })()"
)
_HEIGHT = "document.documentElement.scrollHeight"
_IS_DRAWN = (
    "document.readyState === 'complete'"
    " && [...document.images].every((image) => image.complete || image.loading === 'lazy')"
    " && (!document.getElementById('timeline') || performance.getEntriesByName('timeline').length > 0)"
)
# A picture that was far below comes when the window is tall, one of curves is drawn first, a hidden one never comes.
_IS_SEEN = (
    "[...document.images].every((image) => image.complete || image.getClientRects().length === 0"
    f" || image.getBoundingClientRect().top > {_TALLEST})"
)


def _review_pages(settings: Settings) -> dict[str, str]:
    lake = Lake(settings.home_path)
    days = {day: Days(lake).segments(day) for day in listed_camera_days(lake)}
    day = max(days, key=lambda each: len(days[each]))
    row = max(days[day], key=lambda each: each["strength"] or 0.0)
    return {
        "timeline": f"/days/{day}",
        "segment": f"/days/{day}/segments/{row['segment_id']}",
        "queue": f"/queue/{day}",
        "progress": "/survey",
        "draw": f"/days/{day}/clips/{row['clip_id']}/draw?track={row['track_id']}",
    }


def _take(browser: Browser, name: str, address: str) -> Iterator[Path]:
    for width in _WIDTHS:
        browser.resize(width)
        browser.open(address)
        wait_until(lambda: browser.run(_IS_DRAWN))
        browser.resize(width, min(_TALLEST, int(str(browser.run(_HEIGHT)))))
        wait_until(lambda: browser.run("new Promise((done) => setTimeout(() => done(true), 500))"))
        wait_until(lambda: browser.run(_IS_SEEN))
        file = _OUT / f"{name}_{width}.jpg"
        browser.picture(file)
        yield file


def _of_review(browser: Browser, settings: Settings) -> Iterator[Path]:
    with served(create_review_page(settings)) as address:
        browser.open(address)
        browser.run(_REVIEWER)
        for name, path in _review_pages(settings).items():
            yield from _take(browser, name, address + path)


def _of_survey(browser: Browser, settings: Settings) -> Iterator[Path]:
    with served(create_rating_page(settings)) as address:
        yield from _take(browser, "consent", address)
        browser.run(_CONSENT)
        wait_until(lambda: str(browser.run("location.href")).endswith("/key"))
        yield from _take(browser, "rating", f"{address}/next")


def _shots(settings: Settings, profile: Path, rooms: Sequence[str]) -> Iterator[Path]:
    report = Path(settings.home) / "reports" / "latest" / "index.html"
    with started_browser(profile) as browser:
        if "review" in rooms:
            yield from _of_review(browser, settings)
        if "survey" in rooms:
            yield from _of_survey(browser, settings)
        if "report" in rooms:
            yield from _take(browser, "report", report.resolve().as_uri())


def main() -> None:
    """Take all pictures and say where they lie."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("home", help="of a demonstration")
    parser.add_argument("rooms", nargs="*", default=_ROOMS, help=f"of {', '.join(_ROOMS)}; default: all")
    chosen = parser.parse_args()
    settings = Settings(home=chosen.home)
    _OUT.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as profile:
        for file in _shots(settings, Path(profile), chosen.rooms):
            print(file.relative_to(_OUT.parents[1]), flush=True)


if __name__ == "__main__":
    main()
