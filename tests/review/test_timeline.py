"""The axis in a browser: 10,000 segments, zoom, permalinks, the clip behind a click."""

import statistics
import time

import pytest

from apexline.review.app import create_app
from tests.orchestration.web.browser import needs_browser, served, started_browser, wait_until
from tests.review.archive import DAY, MemoryArchive, segment

pytestmark = [pytest.mark.slow, needs_browser]

ANSWERS = ("happy", "angry", "calm", "scared", "other", "abstained", "unscored")
FRAMES = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
ZOOM = f"""(async () => {{
  const began = performance.now();
  document.querySelector('[data-do=BUTTON]').click();
  await {FRAMES};
  return performance.now() - began;
}})()"""


@pytest.fixture(scope="module")
def server():
    rows = [
        segment(4.0 * k, ANSWERS[k % 7], track=f"{k // 4:012x}", length_s=0.4 + k % 5) for k in range(10_000)
    ]
    with served(create_app(MemoryArchive(rows))) as address:
        yield address


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with started_browser(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


def drawn(browser):
    wait_until(lambda: browser.run("performance.getEntriesByName('timeline').length"))


def ink(browser):
    """How many pixels of the axis are not blank."""
    return browser.run(
        "(() => { const c = document.querySelector('canvas'); const d = c.getContext('2d')"
        ".getImageData(0, 0, c.width, c.height).data; let n = 0; for (let k = 3; k < d.length; k += 4)"
        " n += d[k] > 0; return n; })()"
    )


def test_ten_thousand_segments_are_painted_and_zoomed_at_once(server, browser):
    browser.open(f"{server}/days/{DAY}")
    drawn(browser)
    painted_ms = browser.run("performance.getEntriesByName('timeline')[0].startTime")
    assert ink(browser) > 1000
    times = [browser.run(ZOOM.replace("BUTTON", "in" if k < 10 else "out")) for k in range(20)]
    print(f"first paint {painted_ms:.0f} ms, zoom {statistics.median(times):.0f} ms (median of 20)")
    assert painted_ms <= 1500
    assert statistics.median(times) <= 100


def test_what_is_seen_stands_in_the_address_and_comes_back(server, browser):
    browser.open(f"{server}/days/{DAY}?answer=happy")
    drawn(browser)
    for _ in range(3):
        browser.run(ZOOM.replace("BUTTON", "in"))
    address = browser.run("location.href")
    assert "answer=happy" in address
    assert "from=" in address
    assert browser.run("document.getElementById('csv').href").split("?")[1] == address.split("?")[1]
    seen = ink(browser)
    browser.open(address)
    drawn(browser)
    assert browser.run("location.href") == address
    assert ink(browser) == seen
    listed = browser.run("document.querySelector('h2').textContent")
    assert int(str(listed).split(" of ")[0]) < 300  # of 1429 happy ones an eighth


def test_keys_walk_from_segment_to_segment_and_open_the_clip(server, browser):
    browser.open(f"{server}/days/{DAY}?answer=abstained")
    drawn(browser)
    browser.run("document.querySelector('canvas').focus()")
    for key in ("+", "n", "n", "p", "n"):
        browser.press(key)
    assert browser.run("document.querySelector('output').textContent") == "08:00:48.000: abstained"
    browser.press("Enter")
    wait_until(lambda: "/segments/" in str(browser.run("location.href")))
    wait_until(lambda: browser.run("document.readyState") == "complete")
    assert "no answer: low confidence" in browser.text()


def test_a_click_on_a_segment_plays_it(server, browser):
    browser.open(f"{server}/days/{DAY}?from=08:00:00&to=08:00:08")
    drawn(browser)
    box = browser.run("(() => { const b = document.querySelector('canvas').getBoundingClientRect();"
                      " return [b.left, b.top, b.width]; })()")  # fmt: skip
    browser.click(box[0] + box[2] * 4.2 / 8, box[1] + 26 + 5)
    wait_until(lambda: "/segments/" in str(browser.run("location.href")))
    assert "000000000000-40?" in browser.run("location.href")


def test_no_page_says_an_error(server, browser):
    for address in ("/", f"/days/{DAY}", f"/days/{DAY}/segments/000000000000-0"):
        browser.open(f"{server}{address}")
        time.sleep(0.3)
        assert "That did not work" not in browser.text()


def test_no_page_shuts_anybody_out(server, browser):
    browser.open(server)
    browser.run("fetch('/reviewer', {method: 'POST', body: new URLSearchParams({reviewer: 'otter'})})")
    found = {}
    for address in (
        "/",
        f"/days/{DAY}?from=08:00:00&to=08:05:00",
        f"/days/{DAY}/segments/000000000000-0",
        f"/days/{DAY}/clips/c1/draw?track=aa",
        f"/queue/{DAY}",
        f"/days/{DAY}/segments/nowhere",
    ):
        browser.open(f"{server}{address}")
        found[address] = browser.violations()
    assert found == dict.fromkeys(found, [])


def test_digits_answer_and_bounds_take_each_other_along(server, browser):
    browser.open(server)
    browser.run("fetch('/reviewer', {method: 'POST', body: new URLSearchParams({reviewer: 'otter'})})")
    browser.open(f"{server}/days/{DAY}/segments/000000000000-40")
    browser.press("2")
    form = "document.getElementById('review').elements"
    assert browser.run(f"{form}.label.value") == "angry"
    browser.run(f"(() => {{ const bound = {form}.onset; bound.value = 60;"
                " bound.dispatchEvent(new Event('input', {bubbles: true})); })()")  # fmt: skip
    moved = [int(str(browser.run(f"{form}.{name}.value"))) for name in ("onset", "apex", "offset")]
    assert moved == [60, 60, 60]
    assert "frame 60, 6.00 s" in browser.text()
    browser.run("document.getElementById('review').requestSubmit()")
    wait_until(lambda: "#reviews" in str(browser.run("location.href")))
    assert "60, 60, 60" in browser.text()
    assert browser.run(f"{form}.label.value") == "angry"
