"""What a run costs on a running installation, and what a city of cameras costs by that.

Belongs here: an installation of its own, started as a person starts it, and the CPU time of all its processes. Stays
out: what runs do (``orchestration``), what one feature costs (``bench.speed.features``).
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory, TemporaryFile
from typing import Any

import dagster as dg
from upath import UPath

from apexline.assets.lake import Lake, process_clip, stored_camera_days
from apexline.assets.parameters import load_parameters
from apexline.bench.page import Rows, write_speed
from apexline.bench.paths import CONFIGS
from apexline.bench.speed.platform.clips_a_run import WORDS as CLIPS_WORDS
from apexline.bench.speed.platform.clips_a_run import bench_clips, clips_plot
from apexline.bench.speed.platform.warehouse import WORDS as WAREHOUSE_WORDS
from apexline.bench.speed.platform.warehouse import bench_warehouse, stored_plot
from apexline.bench.speed.processes import cpu_s
from apexline.governance import enter_synthetic
from apexline.sample import SampleConfig, make_puppets, plan_clip, write_clip

_ROUNDS = 3
_IDLE_S = 60.0
_PATIENCE_S = 900.0
_LOOK_S = 0.5
_CAMERAS = (10, 100, 500, 1_000, 10_000)
_CLIPS_PER_HOUR = 6
_TICK_S = 5.0  # of the landing sensor
_RESTS = 2.0  # of the warehouse, in times that its build took
_PROCESS, _PUBLISH = "process_camera_day", "publish"
_MOMENT = datetime(2026, 3, 2, 8, tzinfo=UTC)

_WORDS = f"""What the platform itself costs.

`apexline ui` on a home of its own; CPU time is that of all its processes and of those that they start, above what they
take at rest. *Empty run*: `process_camera_day` of a camera-day of which everything is there. *Clip*: a drawn clip of
three seconds and one face that is dropped into `landing/`, from there to its scores; a clip's own work is decoding,
tracking, describing and searching it in one process that has everything imported. Medians of {_ROUNDS}. The first run
starts the process that the others are forked from. The first clip of a camera-day draws what Dagster's UI shows; later
ones take it over for an hour. *Warehouse*: the build that follows each run.

The reckoning is arithmetic on these figures, beside the work on the clips themselves: {_CLIPS_PER_HOUR} clips an
hour and camera; a run for each clip, or one for what came in since the last tick, {_TICK_S:g} s ago, which draws
nothing. Cameras that send at a fixed pace share runs: those of one tick are neighbours in the order in which their
first clips of the day came. Others have a run each while there is room for runs; where there is none clips wait, and
more of them are neighbours. A build of the warehouse follows each run, but rests {_RESTS:g} times as long as the last
one took; one over more camera-days costs more. What each further camera-day adds to the record of a run is not measured
by itself.

What gives out first as cameras are added, and what replaces it: the cores for the clips' own work (more cores, and
`APEXLINE_NUM_WORKERS` and `APEXLINE_NUM_RUNS` with them); then Dagster's SQLite files, which one process writes at a
time (`APEXLINE_POSTGRES_URL`); then the sensor, which lists every camera-day at each tick (move days that are closed to
another home).

{CLIPS_WORDS}

{WAREHOUSE_WORDS}"""


def bench_platform() -> Rows:
    """Return what runs cost, the cores that the platform takes by number of cameras, and what the warehouse takes."""
    with TemporaryDirectory() as folder, _installation(Path(folder)) as site:
        clips = _draw_clips(Path(folder) / "clips")
        half = len(clips) // 2
        start = site.drop(clips[0], idle=0.0)
        idle = site.at_rest()
        first = [site.drop(clip, idle=idle) for clip in clips[1:half]]
        day = stored_camera_days(site.lake)[0]
        empty = [site.launch(day, idle=idle) for _ in range(_ROUNDS)]
        later = [site.drop(clip, idle=idle) for clip in clips[half + 1 :]]
        own_s = _own_work_s(clips[:half])
    clip, nothing = _median(later), _median(empty)
    measured: Rows = [
        {"run": "first run after the start", **start},
        {"run": "first clip of a camera-day, with drawings", **_median(first)},
        {"run": "later clip of it", **clip},
        {"run": "a clip's own work", "cpu_s": own_s},
        {"run": "later clip, above its own work", "cpu_s": clip["cpu_s"] - own_s},
        {"run": "empty run", **nothing},
        {"run": "one second at rest", "cpu_s": idle},
    ]
    drawing_s = max(_median(first)["cpu_s"] - clip["cpu_s"], 0.0)
    cameras = reckon(
        idle,
        run_s=nothing["cpu_s"],
        clip_s=clip["cpu_s"] - own_s,
        drawing_s=drawing_s,
        build_s=(clip["warehouse cpu_s"], clip["warehouse wall_s"]),
    )
    return [
        *({"task": "runs", **row} for row in measured),
        *({"task": "cameras", **row} for row in cameras),
        *bench_clips(),
        *bench_warehouse(),
    ]


def write_platform_page(rows: Rows, out: Path) -> None:
    """Write ``speed_platform.md`` into `out`."""
    write_speed(out, "speed_platform", _WORDS, rows, [clips_plot(rows), stored_plot(rows)])


def reckon(
    idle: float, *, run_s: float, clip_s: float, drawing_s: float, build_s: tuple[float, float]
) -> Rows:
    """Reckon what the platform takes beside the work on the clips themselves.

    Parameters
    ----------
    idle : float
        Cores at rest.
    run_s, clip_s : float
        CPU time of a run that finds nothing to do, and of one for one clip above the clip's own work, s.
    drawing_s : float
        Of what is drawn for a camera-day, once an hour where it has runs of its own, s.
    build_s : (float, float)
        CPU and wall time of a build of the warehouse, s.

    Returns
    -------
    list of dict
        By number of cameras: clips and runs an hour, cores where each clip has a run of its own, and where a run takes
        all that came in since the last tick: a run's fixed part once a run, the rest once a clip.
    """
    ticks, builds = 3600 / _TICK_S, 3600 / (build_s[1] * (1 + _RESTS))
    rows: Rows = []
    for cameras in _CAMERAS:
        clips = cameras * _CLIPS_PER_HOUR
        runs = min(clips, ticks)
        rest = max(clip_s - run_s, 0.0)
        each = idle + min(clips, builds) * build_s[0] / 3600
        rows.append(
            {
                "cameras": cameras,
                "clips/h": clips,
                "runs/h": runs,
                "cores, a run for each clip": each + (clips * clip_s + cameras * drawing_s) / 3600,
                "cores, a run for each tick": each + (runs * run_s + clips * rest) / 3600,
            }
        )
    return rows


@dataclass(frozen=True)
class _Site:
    """A running installation.

    Attributes
    ----------
    home : Path
    server : Popen
        ``apexline ui``, the parent of all its processes.
    port : int
        Of Dagster's UI.
    token : str
    """

    home: Path
    server: subprocess.Popen[bytes]
    port: int
    token: str

    @property
    def lake(self) -> Lake:
        return Lake(UPath(self.home))

    def at_rest(self) -> float:
        """Return the cores that it takes when nothing happens."""
        time.sleep(_TICK_S)  # what the last run left to be done
        before = cpu_s(self.server.pid)
        time.sleep(_IDLE_S)
        return (cpu_s(self.server.pid) - before) / _IDLE_S

    def drop(self, clip: Path, *, idle: float) -> dict[str, float]:
        """Put a clip into ``landing/`` and wait until its run is over."""
        stated = json.loads(clip.with_suffix(".json").read_text())
        basis = {name: stated[name] for name in ("purpose", "legal_basis")}
        enter_synthetic(self.home, stated["camera"], **basis, by="bench", now=datetime.now(UTC))
        with self._measured_run(idle) as found:
            for file in (clip, clip.with_suffix(".json")):  # the sidecar last: then the clip is complete
                shutil.copy(file, self.home / "landing")
        return found

    def launch(self, camera_day: str, *, idle: float) -> dict[str, float]:
        """Have a camera-day processed again, and wait until that is over."""
        with self._measured_run(idle) as found:
            self._ask(_LAUNCH, day=camera_day)
        return found

    @contextmanager
    def _measured_run(self, idle: float) -> Generator[dict[str, float]]:
        """Give what the run takes that the block brings about, and the build of the warehouse that follows it."""
        processed, published = self.finished(_PROCESS), self.finished(_PUBLISH)
        found: dict[str, float] = {}
        with self._measured(idle) as run:
            yield found
            self._await_run(_PROCESS, processed)
        with self._measured(idle) as build:
            self._await_run(_PUBLISH, published)
        found |= run | {f"warehouse {name}": value for name, value in build.items()}

    @contextmanager
    def _measured(self, idle: float) -> Generator[dict[str, float]]:
        found: dict[str, float] = {}
        start, before = time.monotonic(), cpu_s(self.server.pid)
        yield found
        wall = time.monotonic() - start
        found |= {"cpu_s": cpu_s(self.server.pid) - before - idle * wall, "wall_s": wall}

    def finished(self, job: str) -> set[str]:
        """Return the runs of a job that succeeded, as they are on record: asking the servers would cost them."""
        with dg.DagsterInstance.from_config(str(self.home / "dagster")) as instance:
            runs = instance.get_runs(dg.RunsFilter(job_name=job))
        failed = [each.run_id for each in runs if each.is_failure_or_canceled]
        if failed:
            msg = f"the runs {failed} failed; expected every run to succeed"
            raise RuntimeError(msg)
        return {each.run_id for each in runs if each.is_success}

    def answers(self) -> bool:
        """Whether Dagster's pages are there; raises OSError while nothing listens."""
        return bool(self._ask("{ version }"))

    def _await_run(self, job: str, known: set[str]) -> None:
        end = time.monotonic() + _PATIENCE_S
        while not self.finished(job) - known:
            if time.monotonic() > end:
                msg = f"saw no run of {job} come to its end within {_PATIENCE_S:g} s"
                raise TimeoutError(msg)
            time.sleep(_LOOK_S)

    def _ask(self, query: str, **variables: str) -> dict[str, Any]:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/graphql",
            json.dumps({"query": query, "variables": variables}).encode(),
            {"Content-Type": "application/json", "Authorization": f"Bearer {self.token}"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            found = json.load(answer)
        if "errors" in found:
            msg = f"Dagster answered {found['errors']}"
            raise RuntimeError(msg)
        return found["data"]


_LAUNCH = """mutation ($day: String!) {
  launchRun(executionParams: {
    selector: {
      repositoryLocationName: "apexline", repositoryName: "__repository__", jobName: "process_camera_day"
    }
    executionMetadata: {tags: [{key: "dagster/partition", value: $day}]}
  }) { __typename ... on PythonError { message } }
}"""


@contextmanager
def _installation(folder: Path) -> Generator[_Site]:
    """Start ``apexline ui`` over an empty home, and end it with the block."""
    home, token = folder / "home", secrets.token_urlsafe()
    ports = _free_ports(2)
    environment = {**os.environ, "APEXLINE_HOME": str(home), "APEXLINE_SERVER_TOKEN": token}
    command = [str(Path(sys.executable).parent / "apexline"), "ui"]
    command += ["--port", str(ports[0]), "--mlflow-port", str(ports[1])]
    with TemporaryFile() as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        site = _Site(home, server, ports[0], token)
        try:
            _await_start(site)
            yield site
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(timeout=_PATIENCE_S)


def _await_start(site: _Site) -> None:
    end = time.monotonic() + _PATIENCE_S
    while True:
        try:
            site.answers()
        except OSError:  # not listening yet
            if time.monotonic() > end or site.server.poll() is not None:
                raise
            time.sleep(_LOOK_S)
        else:
            return


def _free_ports(count: int) -> list[int]:
    servers = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [server.getsockname()[1] for server in servers]
    for server in servers:
        server.close()
    return ports


def _draw_clips(folder: Path) -> list[Path]:
    """Draw clips of one face and one expression, two of each camera, those of the first time before all others."""
    plans = [
        replace(
            plan_clip([(0, ("happy",))], index=number, config=SampleConfig(face_px=(100.0, 100.0))),
            camera=f"gate-{number % (_ROUNDS + 1)}",
            captured_at=_MOMENT + timedelta(minutes=number),
        )
        for number in range(2 * (_ROUNDS + 1))
    ]
    puppets = make_puppets(plans)
    return [write_clip(folder, plan, puppets=puppets) for plan in plans]


def _own_work_s(clips: list[Path]) -> float:
    """CPU time of a clip's stages without the platform, the median after one that warms up, s."""
    features = load_parameters(CONFIGS / "default.yaml").features
    found: list[float] = []
    for clip in clips:
        before = cpu_s(os.getpid())
        with process_clip(clip, features=features):
            pass
        found.append(cpu_s(os.getpid()) - before)
    return median(found[1:])


def _median(rows: list[dict[str, float]]) -> dict[str, float]:
    return {name: median(row[name] for row in rows) for name in rows[0]}
