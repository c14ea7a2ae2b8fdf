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

import httpx
import psutil
import uvloop

from tests.assets.small_lake import at, clip, put, row_of, segment

ROOT = Path(__file__).resolve().parents[2]
DAY, CLIP, TRACK = "2026-03-02_gate-01", "c" * 64, "a" * 12
START_S = 180
_TOKEN = re.compile(rb'name="form_token" value="([^"]+)"')
_FIELD = re.compile(r"^(content-length|set-cookie|location): (.*?)\r$", re.MULTILINE)
_PAIR = re.compile(rb'<input type="radio" name="([^"]+)" value="1"')


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
                where, _ = await browser.ask("/next")
                for _ in range(pages):
                    where = await _answer_a_page(browser, code, where, draw.uniform(0.5, 1.5) * rest_s, seen)
                    on_page(seen)
        except (ConnectionError, asyncio.IncompleteReadError):
            seen.cut_off += 1

    await asyncio.gather(*(take_part(f"r{k}") for k in range(raters)))
    return seen


async def _answer_a_page(browser: "_Browser", code: str, where: str, rest_s: float, seen: Seen) -> str:
    began = time.perf_counter()
    _, page = await browser.ask(where)
    seen.opening_s.append(time.perf_counter() - began)
    # The same pairs stand on every page, in a rater's own order: looking for them each time would be most of the work.
    browser.pairs = browser.pairs or [each.decode() for each in _PAIR.findall(page) if each != b"attention"]
    answers = {pair: str(1 + len(pair) % 5) for pair in browser.pairs}
    await asyncio.sleep(rest_s)
    began = time.perf_counter()
    token = _TOKEN.search(page).group(1).decode()
    onward, _ = await browser.ask(where, {**answers, "form_token": token})
    seen.answering_s.append(time.perf_counter() - began)
    seen.acknowledged.update((code, where.rpartition("/")[2], pair) for pair in browser.pairs)
    return onward


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
        self.pairs: list[str] = []

    async def ask(self, path: str, form: dict[str, str] | None = None) -> tuple[str, bytes]:
        """Return where the answer sends on to, and the page."""
        body = "&".join(f"{name}={value}" for name, value in (form or {}).items())  # nothing to quote in it
        kind = "GET" if form is None else "POST"
        self._write.write(
            f"{kind} {path} HTTP/1.1\r\nHost: {self._origin.removeprefix('http://')}\r\nOrigin: {self._origin}\r\n"
            f"Cookie: {self._cookie}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
        )
        head = (await self._read.readuntil(b"\r\n\r\n")).decode()
        found = dict(_FIELD.findall(head))
        page = await self._read.readexactly(int(found["content-length"]))
        assert head.split(maxsplit=2)[1] in ("200", "303"), head + page.decode()
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


def _cpu_s(process: int) -> float:
    used = psutil.Process(process).cpu_times()
    return used.user + used.system


def killed_in_the_middle(home: Path, *, raters: int, pages: int, rest_s: float) -> Seen:
    """Kill the server of a home after half of all pages, and return what raters saw until then."""
    with started_survey(home) as (address, process):

        def kill(seen: Seen) -> None:
            if len(seen.answering_s) == raters * pages // 2:
                process.kill()

        return uvloop.run(rate(address, raters=raters, pages=pages, rest_s=rest_s, on_page=kill))


def _measure(home: Path, chosen: argparse.Namespace) -> bool:
    """Print how the server fares, and say whether it is as it should be."""
    with started_survey(home) as (address, process):
        began, servers, own = time.perf_counter(), _cpu_s(process.pid), _cpu_s(os.getpid())
        seen = uvloop.run(rate(address, raters=chosen.raters, pages=chosen.pages, rest_s=chosen.rest))
        took = time.perf_counter() - began
        servers, own = _cpu_s(process.pid) - servers, _cpu_s(os.getpid()) - own
    print(
        f"{chosen.raters} raters at once, {chosen.pages} pages each, {took:.1f} s: p95 of sending a page "
        f"{p95(seen.answering_s):.0f} ms, of opening the next {p95(seen.opening_s):.0f} ms; "
        f"CPU s: server {servers:.1f}, raters {own:.1f}; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    )
    return _all_is_there(home, seen) and p95(seen.answering_s) <= chosen.most_ms


def _all_is_there(home: Path, seen: Seen) -> bool:
    kept = stored(home)
    lost, doubled = seen.acknowledged - kept, sum(count > 1 for count in kept.values())
    print(f"  {seen.acknowledged.total()} answers acknowledged: {lost.total()} lost, {doubled} doubled")
    return not lost and not doubled


def main() -> None:
    """Measure, then kill a server in the middle; exit with 1 where an answer is lost or doubled, or it is slow."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--raters", type=int, default=200)
    parser.add_argument("--pages", type=int, default=20)
    parser.add_argument("--rest", type=float, default=3.0, help="mean seconds between a page and its answers")
    parser.add_argument("--most-ms", type=float, default=300.0)
    chosen = parser.parse_args()
    size = {"raters": chosen.raters, "pages": chosen.pages}
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        for folder in (first, second):
            make_home(Path(folder), segments=chosen.pages)
        good = _measure(Path(first), chosen)
        print("the same, and the server is killed in the middle:")
        seen = killed_in_the_middle(Path(second), **size, rest_s=chosen.rest)
        good = _all_is_there(Path(second), seen) and good
    sys.exit(not good)


if __name__ == "__main__":
    main()
