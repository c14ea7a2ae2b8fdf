"""The report in a browser: the list is filtered and sorted, nothing is cut, nobody is shut out, print holds all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from apexline.assets.publishing.report_page import ReportContext, render_report
from tests.orchestration.web.browser import Browser, needs_browser, started_browser

pytestmark = [pytest.mark.slow, needs_browser]
_ROWS = "[...document.querySelectorAll('#segments tbody tr')]"
_SEEN = f"{_ROWS}.filter((row) => !row.hidden).map((row) => row.querySelector('code').textContent)"
_TOO_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
_CUT = """[...document.querySelectorAll('.scroll')].filter((box) => box.scrollWidth > box.clientWidth + 1)
.map((box) => box.textContent.trim().slice(0, 40))"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with started_browser(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture
def opened(full: ReportContext, browser: Browser, tmp_path: Path) -> Browser:
    """A browser at a report of four segments: two happy, an abstention, one that waits."""
    happy, waiting = full.segments.to_dict("records")
    more = [
        {**happy, "segment_id": "333333333333-40", "camera": "gate-02", "confidence": 0.5},
        {**happy, "segment_id": "444444444444-50", "abstained": True, "reasons": ["small face"]},
    ]
    page = tmp_path / "report.html"
    page.write_text(render_report(replace(full, segments=pd.DataFrame([happy, waiting, *more]))))
    browser.resize(1440)
    browser.open(page.as_uri())
    return browser


def _choose(browser: Browser, name: str, value: str) -> None:
    browser.run(
        f"(() => {{ const field = document.getElementById('{name}'); field.value = '{value}';"
        " field.dispatchEvent(new Event('input', {bubbles: true})); })()"
    )


def test_segments_are_filtered_by_words_camera_and_answer(opened: Browser) -> None:
    assert len(opened.run(_SEEN)) == 4
    opened.run("document.getElementById('filter').focus()")
    opened.press(*"small")
    assert opened.run(_SEEN) == ["444444444444-50"]
    assert "1 of 4 shown" in opened.text()
    _choose(opened, "filter", "")
    _choose(opened, "by-camera", "gate-02")
    assert opened.run(_SEEN) == ["333333333333-40"]
    _choose(opened, "by-camera", "")
    _choose(opened, "by-answer", "no answer")
    assert opened.run(_SEEN) == ["444444444444-50"]
    _choose(opened, "by-answer", "happy")
    assert opened.run(_SEEN) == ["111111111111-10", "333333333333-40"]


def test_a_heading_sorts(opened: Browser) -> None:
    heading = (
        "[...document.querySelectorAll('#segments th button')].find((b) => b.textContent === 'Probability')"
    )
    for expected in (["333333333333-40", "111111111111-10"], ["111111111111-10", "333333333333-40"]):
        opened.run(f"{heading}.click()")
        assert [each for each in opened.run(_SEEN) if each in expected] == expected  # .5, .75


@pytest.mark.parametrize("width", [360, 390, 768, 1440])
def test_nothing_is_cut(opened: Browser, width: int) -> None:
    opened.resize(width)
    assert opened.run(_TOO_WIDE) == 0
    assert opened.run(_CUT) == []


def test_nobody_is_shut_out(opened: Browser) -> None:
    assert opened.violations() == []
    opened.resize(390)
    assert opened.violations() == []


def test_what_shuts_somebody_out_would_be_found(browser: Browser) -> None:
    browser.open("data:text/html,<html lang=en><title>t</title><img src=x>")
    assert [each.partition(":")[0] for each in browser.violations()] == ["image-alt"]
