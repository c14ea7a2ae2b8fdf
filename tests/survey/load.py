"""Many raters at once at a server of its own: `python -m tests.survey.load` prints what came of their answers.

Each rater is a connection that agrees, and then opens a page, answers it and goes on. What the server acknowledged
is held against what lies in the home.
"""

import argparse
import asyncio
import csv
import io
import os
import random
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

import httpx

from tests.assets.small_lake import at, clip, put, row_of, segment

ROOT = Path(__file__).resolve().parents[2]
DAY, CLIP, TRACK = "2026-03-02_gate-01", "c" * 64, "a" * 12
START_S = 180
_TOKEN = re.compile(r'name="form_token" value="([^"]+)"')
_FIELD = re.compile(r"^([\w-]+): ?(.*?)\r$", re.MULTILINE)
_PAIR = re.compile(r'<input type="radio" name="([^"]+)" value="1"')


@dataclass
class Seen:
    """What raters saw: answers that the server acknowledged by rater, segment and pair, and how long it took, s."""

    acknowledged: Counter = field(default_factory=Counter)
    answering_s: list[float] = field(default_factory=list)
    opening_s: list[float] = field(default_factory=list)
    cut_off: int = 0


def make_home(home: Path, *, segments: int) -> None:
    """Write a lake with one clip and so many segments of a face in it."""
    found = [segment(CLIP, TRACK, 4 * k, 4 * k + 1, 4 * k + 2) for k in range(segments)]
    frames = [
        row_of("face_crops", clip_id=CLIP, track_id=TRACK, frame=k, time_s=k / 25, crop=bytes(128**2))
        for k in range(4 * segments)
    ]
    put(home / "lake", "clip_manifest", CLIP, [clip(CLIP, "gate-01", at("08:00"))], DAY)
    put(home / "lake", "expression_segments", CLIP, found, DAY)
    put(home / "lake", "face_crops", CLIP, frames, DAY)


@contextmanager
def started_survey(home: Path) -> Iterator[tuple[str, subprocess.Popen]]:
    """Serve a home's survey by the command; kill it at the end."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [Path(sys.executable).parent / "apexline", "survey", "serve", "--port", str(port)]
    own = {"APEXLINE_HOME": str(home), "PYTHONPATH": str(ROOT / "src")}
    process = subprocess.Popen(command, env=os.environ | own, stdout=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        end = time.monotonic() + START_S
        while not _answers(address):
            assert time.monotonic() < end, "the survey did not start"
            assert process.poll() is None, "the survey ended"
            time.sleep(0.1)
        yield address, process
    finally:
        process.kill()
        process.wait()


def _answers(address: str) -> bool:
    try:
        return httpx.get(address).status_code == 200
    except httpx.TransportError:
        return False


async def rate(
    address: str, *, raters: int, pages: int, rest_s: float, on_page: Callable[[Seen], None] = lambda _: None
) -> Seen:
    """Let raters answer side by side, until they are through or the server is gone.

    Parameters
    ----------
    address : str
    raters, pages : int
        How many rate, and how many pages each of them.
    rest_s : float
        Between a page that is there and its answers, on average.
    on_page : callable
        Called with what was seen so far whenever the server acknowledged a page.
    """
    seen = Seen()

    async def take_part(code: str) -> None:
        draw = random.Random(code)
        try:
            async with _browser(address) as browser:
                await browser.ask("/start", {"rater": code, "consent": "yes"})
                for _ in range(pages):
                    await _answer_a_page(browser, code, draw.uniform(0.5, 1.5) * rest_s, seen)
                    on_page(seen)
        except (ConnectionError, asyncio.IncompleteReadError):
            seen.cut_off += 1

    await asyncio.gather(*(take_part(f"r{k}") for k in range(raters)))
    return seen


async def _answer_a_page(browser: "_Browser", code: str, rest_s: float, seen: Seen) -> None:
    began = time.perf_counter()
    where, _ = await browser.ask("/next")
    _, page = await browser.ask(where)
    seen.opening_s.append(time.perf_counter() - began)
    pairs = [each for each in _PAIR.findall(page) if each != "attention"]
    answers = {pair: str(1 + len(pair) % 5) for pair in pairs}
    await asyncio.sleep(rest_s)
    began = time.perf_counter()
    await browser.ask(where, {**answers, "form_token": _TOKEN.search(page).group(1)})
    seen.answering_s.append(time.perf_counter() - began)
    seen.acknowledged.update((code, where.rpartition("/")[2], pair) for pair in pairs)


@asynccontextmanager
async def _browser(address: str) -> "AsyncIterator[_Browser]":
    host, _, port = address.removeprefix("http://").partition(":")
    read, write = await asyncio.open_connection(host, int(port))
    try:
        yield _Browser(address, read, write)
    finally:
        write.close()


class _Browser:
    """A connection that is kept, with its cookie; a library's client would take more time than the server."""

    def __init__(self, origin: str, read: asyncio.StreamReader, write: asyncio.StreamWriter):
        self._origin, self._read, self._write = origin, read, write
        self._cookie = ""

    async def ask(self, path: str, form: dict[str, str] | None = None) -> tuple[str, str]:
        """Return where the answer sends on to, and the page."""
        body = urlencode(form or {})
        kind = "GET" if form is None else "POST"
        lines = [f"{kind} {path} HTTP/1.1", f"Host: {self._origin.removeprefix('http://')}"]
        lines += [f"Origin: {self._origin}", f"Cookie: {self._cookie}", f"Content-Length: {len(body)}"]
        lines += ["Content-Type: application/x-www-form-urlencoded", "", body]
        self._write.write("\r\n".join(lines).encode())
        head = (await self._read.readuntil(b"\r\n\r\n")).decode()
        found = {name.lower(): value for name, value in _FIELD.findall(head)}
        page = (await self._read.readexactly(int(found["content-length"]))).decode()
        assert head.split()[1] in ("200", "303"), head + page
        self._cookie = found.get("set-cookie", self._cookie).partition(";")[0]
        return found.get("location", ""), page


def stored(home: Path) -> Counter:
    """Return how often each answer lies in a home, by rater, segment and pair."""
    rows = [
        row
        for path in (home / "surveys").glob("*.csv")
        for row in csv.DictReader(io.StringIO(path.read_text()))
    ]
    return Counter((row["rater"], row["segment"], row["pair"]) for row in rows)


def p95(values: list[float]) -> float:
    """Return the 95th percentile, in ms."""
    return 1000 * statistics.quantiles(values, n=20)[-1]


def main() -> None:
    """Measure, and exit with 1 where an answer is lost or doubled, or the server is slow."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--raters", type=int, default=200)
    parser.add_argument("--pages", type=int, default=20)
    parser.add_argument("--rest", type=float, default=3.0, help="mean seconds between a page and its answers")
    parser.add_argument("--most-ms", type=float, default=300.0)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        make_home(home, segments=chosen.pages)
        with started_survey(home) as (address, process):
            began = time.perf_counter()
            seen = asyncio.run(rate(address, raters=chosen.raters, pages=chosen.pages, rest_s=chosen.rest))
            took = time.perf_counter() - began
            process.send_signal(signal.SIGKILL)
        kept = stored(home)
    lost, doubled = seen.acknowledged - kept, [each for each, count in kept.items() if count > 1]
    print(
        f"{chosen.raters} raters at once, {chosen.pages} pages each, {len(kept)} answers in {took:.1f} s: "
        f"{lost.total()} lost, {len(doubled)} doubled; p95 of sending a page {p95(seen.answering_s):.0f} ms, "
        f"of opening the next {p95(seen.opening_s):.0f} ms"
    )
    sys.exit(bool(lost or doubled or p95(seen.answering_s) > chosen.most_ms))


if __name__ == "__main__":
    main()
