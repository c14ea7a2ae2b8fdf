"""A person at the review pages of a home, in a browser: sees the day, plays a segment, corrects it."""

from pathlib import Path
from typing import Any

from apexline.ml.registry import MODEL_CARD
from apexline.orchestration.line import Line
from apexline.orchestration.pages import create_review_page
from apexline.orchestration.settings import Settings
from tests.orchestration.web.browser import Browser, needs_browser, served, started_browser, wait_until

__all__ = ["correct", "hand_in_again", "learned_from_people", "needs_browser"]

_PLAYED = "(() => { const clip = document.getElementById('clip'); return clip.currentTime; })()"


def hand_in_again(line: Any, folder: Path, deliver: Any) -> None:
    """Put a clip of a home's sample into a folder as another file: with an empty box at its end."""
    clip = min((line.settings.state_path / "sample").glob("*.mp4"))
    deliver(folder, "new.mp4", clip.read_bytes() + b"\0\0\0\x08free", camera="gate-09")


def learned_from_people(line: Line) -> set[tuple[str, str]]:
    """Return segments and labels of the training set that come from reviews; the challenger's card has to say so."""
    rows = line.lake.read_all("training_set").to_pylist()
    own = [row for row in rows if row["label_source"] == "review"]
    challenger = line.registry.get_alias("challenger")
    assert f"reviewed_faces: {len(own)} of {len(rows)}" in line.registry.document(challenger, MODEL_CARD)
    return {(row["example_id"].rpartition("-")[0], row["emotion"]) for row in own}


def correct(settings: Settings, camera_day: str, profile: Path, *, label: str) -> str:
    """Correct the first segment of a day to another expression and its offset by a frame; return the segment's id.

    Parameters
    ----------
    label : str
        The digit that stands for it.
    """
    with served(create_review_page(settings)) as address, started_browser(profile) as browser:
        browser.open(address)
        assert camera_day[:10] in browser.text()
        browser.open(f"{address}/days/{camera_day}")
        wait_until(lambda: browser.run("performance.getEntriesByName('timeline').length"))
        assert browser.violations() == []
        browser.run("document.querySelector('canvas').focus()")
        browser.press("n")
        where = browser.follow()
        _plays(browser)
        assert browser.violations() == []
        browser.run("document.querySelector('input[name=reviewer]').focus()")
        browser.press(*"otter")
        browser.follow()
        browser.press(label)
        browser.run("document.getElementById('review').elements.offset.focus()")
        browser.press("ArrowLeft")
        browser.run("document.getElementById('review').elements.reason.focus()")
        browser.press(*"seen")
        browser.follow()
        assert "otter" in browser.text()
    return where.partition("?")[0].rpartition("/")[2]


def _plays(browser: Browser) -> None:
    wait_until(lambda: browser.run("document.getElementById('clip').readyState >= 2"))
    began = float(str(browser.run(_PLAYED)))
    wait_until(lambda: browser.run(_PLAYED) != began)
