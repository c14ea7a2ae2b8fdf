"""A deployment under faults: everything that can die is killed, the disk fills, the clock jumps; no row may be missing.

``make chaos`` injects 52 faults of 13 kinds (``faults``) into a deployment over PostgreSQL while clips come in, in an
order that a seed decides. Nobody mends anything: programs that end are started again, as a service manager does.
Afterwards the warehouse must hold the rows of a home in which nothing went wrong, each once.
"""

import argparse
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import cycle
from pathlib import Path
from random import Random

import numpy as np
from dagster._core.execution.backfill import BulkActionsFilter, BulkActionStatus
from upath import UPath

from apexline.assets.lake.clips import stored_camera_days
from apexline.assets.lake.storage import Lake
from apexline.assets.parameters import load_parameters
from apexline.assets.training.decisions import CHAMPION, promoted_version
from apexline.features.video.writer import write_video
from apexline.governance import enter_synthetic
from apexline.ml.deepid import load_pretrained
from apexline.orchestration.commands.ingest import ingest_paths
from apexline.orchestration.line import open_line
from apexline.orchestration.resources import build_registry
from apexline.orchestration.settings import Settings
from apexline.sample import SampleConfig, make_puppets, plan_clip, write_clip
from tests import servers
from tests.deployment import Deployment
from tests.marts import differences, doubled, rows_of
from tests.orchestration.faults import Disk, Faults, ingest_program

ROUNDS = 4
_NUM_FACES = 8
_CAMERA = "gate-03"
_START = datetime(2026, 1, 5, 8, tzinfo=UTC)
_SETTLE_S = 3600.0
# What a person, or the sensor in the place of one, decided in between is more than in a home where nothing happened.
_OF_DECISIONS = frozenset({"promotions", "champions", "model_versions", "staging.promotions"})
_UNDER_WAY = [BulkActionStatus.REQUESTED, BulkActionStatus.CANCELING]


class Clips:
    """Clips that come in one by one, each of a camera-day of its own; every third shows a face.

    Parameters
    ----------
    folder : Path
        Where they are kept as they were delivered.
    count : int
        Of those with a face.
    """

    def __init__(self, folder: Path, count: int):
        self.folder = folder
        config = SampleConfig(fps=15, lead_s=0.6, face_px=(90.0, 90.0))
        emotions = cycle(("happy", "angry", "scared"))
        plans = [
            plan_clip([(0, (next(emotions),))], index=4 * number, config=config) for number in range(count)
        ]
        puppets = make_puppets(plans)
        self._faces = [write_clip(folder / "faces", plan, puppets=puppets) for plan in plans]
        first = json.loads(self._faces[0].with_suffix(".json").read_text())
        self.stated = {name: first[name] for name in ("purpose", "legal_basis", "synthetic")}
        self.delivered = folder / "delivered"
        self.delivered.mkdir()

    def next(self) -> Path:
        """Put the next clip with its sidecar into `delivered`."""
        number = len(list(self.delivered.glob("*.mp4")))
        path = self.delivered / f"{number:03d}.mp4"
        sidecar = self.stated
        if number % 3 == 0 and number // 3 < len(self._faces):
            face = self._faces[number // 3]
            sidecar = json.loads(face.with_suffix(".json").read_text())
            path.write_bytes(face.read_bytes())
        else:
            rng = np.random.default_rng(number)
            write_video(path, (rng.integers(0, 255, (64, 64, 3), np.uint8) for _ in range(6)), fps=25)
        moment = (_START + timedelta(days=number)).isoformat()
        path.with_suffix(".json").write_text(
            json.dumps({**sidecar, "camera": _CAMERA, "captured_at": moment})
        )
        return path

    def register(self, folder: Path) -> None:
        """Enter their camera in the purpose register of a local home, or of the state folder of one that is not."""
        stated = {name: self.stated[name] for name in ("purpose", "legal_basis")}
        enter_synthetic(folder, _CAMERA, **stated, by="chaos", now=datetime.now(UTC))


def run_chaos(folder: Path, seed: int, rounds: int) -> list[str]:
    """Inject the faults, print what each did, and return what is wrong with what came of them."""
    clips = Clips(folder, _NUM_FACES)
    with ExitStack() as stack:
        postgres = stack.enter_context(servers.postgres())
        store = stack.enter_context(servers.object_store())
        disk = Disk(folder / "disk")
        stack.callback(disk.unmount)
        clock = folder / "clock"
        clock.write_text("0")
        environment = {
            "APEXLINE_HOME": str(disk.folder / "home"),
            "APEXLINE_POSTGRES_URL": postgres.url("dagster"),
            "APEXLINE_MLFLOW_TRACKING_URI": postgres.url("mlflow"),
            "APEXLINE_NUM_WORKERS": "2",
        }
        os.environ.update(environment)
        shim = Path(__file__).resolve().parents[1] / "shim" / "clock"
        paths = os.pathsep.join([str(shim), *filter(None, [os.environ.get("PYTHONPATH")])])
        deployment = Deployment(folder, {"CHAOS_CLOCK": str(clock), "PYTHONPATH": paths})
        stack.callback(deployment.stop)
        clips.register(disk.folder / "home")
        deployment.start_all()
        writer = Writer(folder, clips, store)
        faults = Faults(
            deployment,
            postgres=postgres,
            disk=disk,
            registry=build_registry(deployment.settings),
            feed=lambda: deliver(deployment, clips),
            write=writer.start,
            clock=clock,
            rng=Random(seed),
        )
        deliver(deployment, clips)
        await_champion(faults)
        wrong = inject(faults, rounds)
        await_rest(deployment, clips)
        deployment.await_code()
        run_id = deployment.insist(lambda: deployment.launch("publish"))
        servers.wait_until(lambda: run_id not in deployment.unfinished_runs(), "it is published", _SETTLE_S)
        return [*wrong, *judge(faults, folder, clips), *writer.judge()]


def await_champion(faults: Faults) -> None:
    """Wait for the first score, and register a second version that an alias can be moved to."""
    settings = faults.deployment.settings
    servers.wait_until(lambda: promoted_version(faults.lake) is not None, "there is a champion", _SETTLE_S)
    parameters = load_parameters(settings.parameter_file)
    other = replace(load_pretrained(), fingerprint="another")  # else it would be known, and no other version
    faults.registry.register_shipped(other, parameters=parameters.resolved())


def inject(faults: Faults, rounds: int) -> list[str]:
    """Inject each kind once a round, the order drawn anew; return the kinds that could not be."""
    wrong: list[str] = []
    number = 0
    for _ in range(rounds):
        kinds = list(faults.kinds)
        faults.rng.shuffle(kinds)
        for kind in kinds:
            number += 1
            faults.feed()
            began = time.monotonic()
            faults.deployment.await_code()  # a fault finds the platform up, or coming up again from the last one
            try:
                said = faults.kinds[kind]()
            except TimeoutError as error:
                said = f"NOT INJECTED: {error}"
                wrong.append(f"{kind}: {error}")
            restarted = ", ".join(faults.deployment.supervise()) or "-"
            took = time.monotonic() - began
            print(f"{number:3d}  {kind:30s} {said:36s} {took:6.1f} s  started again: {restarted}", flush=True)
    return wrong


def deliver(deployment: Deployment, clips: Clips) -> None:
    """Copy the next clip into ``landing/``, its sidecar last; a disk that is full is tried again, as people do."""
    clip = clips.next()
    landing = Path(str(deployment.settings.home_path)) / "landing"
    for file in (clip, clip.with_suffix(".json")):
        (landing / f".{file.name}").write_bytes(file.read_bytes())
        (landing / f".{file.name}").replace(landing / file.name)


def await_rest(deployment: Deployment, clips: Clips) -> None:
    """Wait until every clip is searched and scored, and no run is on its way."""
    lake = Lake(deployment.settings.home_path)
    registry = build_registry(deployment.settings)
    expected = len(list(clips.delivered.glob("*.mp4")))

    def is_at_rest() -> bool:
        deployment.supervise()
        days = stored_camera_days(lake)
        scored = sum(len(lake.names("segment_scores", camera_day=day)) for day in days)
        if scored < expected or registry.get_alias(CHAMPION) != promoted_version(lake):
            return False
        with deployment.instance() as instance:
            backfills = instance.get_backfills(filters=BulkActionsFilter(statuses=_UNDER_WAY))
        return not backfills and not deployment.unfinished_runs()

    servers.wait_until(is_at_rest, f"all {expected} clips are scored and all runs have ended", _SETTLE_S)


def judge(faults: Faults, folder: Path, clips: Clips) -> list[str]:
    """Compare the warehouse with that of a home in which nothing went wrong."""
    for name in ("APEXLINE_POSTGRES_URL", "APEXLINE_MLFLOW_TRACKING_URI"):
        os.environ.pop(name)
    quiet = Settings(home=str(folder / "quiet"), num_workers=2)
    clips.register(folder / "quiet")
    ingest_paths(quiet, [clips.delivered], manifest=None, on_step=lambda text, done, total: None)
    with open_line(quiet) as line:
        line.run("publish")
    wrong = differences(rows_of(quiet), rows_of(faults.deployment.settings), besides=_OF_DECISIONS)
    wrong += [f"{name}: {count} rows doubled" for name, count in doubled(faults.deployment.settings).items()]
    left = [str(each) for each in (folder / "disk" / "home" / "landing").iterdir()]
    if left:
        wrong.append(f"left in landing/: {left}")
    put_back = [row for row in faults.lake.read_all("promotions").to_pylist() if "put back" in row["reason"]]
    if not put_back:
        wrong.append("an alias was moved by hand, and `promotions` does not say so")
    print(f"{sum(map(len, rows_of(quiet).values()))} rows compared; {len(put_back)} moved aliases on record")
    return wrong


class Writer:
    """A home on an object store into which a program writes that is killed again and again."""

    def __init__(self, folder: Path, clips: Clips, store: dict[str, str]):
        self._folder, self._store, self._register = folder, store, clips.register
        # Of clips with faces alone: their tracks take long enough to be interrupted.
        self._clips = folder / "faces"
        for number, path in enumerate(sorted(self._clips.glob("*.mp4"))):
            sidecar = json.loads(path.with_suffix(".json").read_text())
            moment = (_START + timedelta(days=number)).isoformat()
            path.with_suffix(".json").write_text(
                json.dumps({**sidecar, "camera": _CAMERA, "captured_at": moment})
            )
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("APEXLINE_")},
            **store,
            "APEXLINE_HOME": f"s3://{servers.BUCKET}/home",
            "APEXLINE_STATE": str(folder / "state-of-s3"),
            "APEXLINE_NUM_WORKERS": "2",
        }
        os.environ.update(store)
        clips.register(folder / "state-of-s3")

    @property
    def _home(self) -> UPath:
        return UPath(f"s3://{servers.BUCKET}/home", use_listings_cache=False)

    def start(self) -> tuple[subprocess.Popen[bytes], Callable[[], int]]:
        return ingest_program(self._clips, self._environment), lambda: len(
            list(self._home.rglob("*.parquet"))
        )

    def judge(self) -> list[str]:
        """Let it come to its end, and compare what lies there with a home on a disk."""
        if ingest_program(self._clips, self._environment).wait():
            return ["`apexline ingest` on the object store failed after it had been interrupted"]
        quiet = Settings(home=str(self._folder / "quiet-writer"), num_workers=2)
        self._register(self._folder / "quiet-writer")
        ingest_paths(quiet, [self._clips], manifest=None, on_step=lambda text, done, total: None)
        same = Lake(quiet.home_path).content_hash() == Lake(self._home).content_hash()
        return [] if same else ["the home on the object store differs from one that was never interrupted"]


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="each of 13 faults")
    arguments = parser.parse_args()
    for name in [name for name in os.environ if name.startswith(("APEXLINE_", "DAGSTER_"))]:
        del os.environ[name]
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="apexline-chaos-", ignore_cleanup_errors=True) as folder:
        wrong = run_chaos(Path(folder), arguments.seed, arguments.rounds)
    count = 13 * arguments.rounds
    print(*wrong, sep="\n")
    verdict = "no row lost or doubled, nothing mended by hand" if not wrong else "FAILED"
    print(f"{count} faults of 13 kinds, seed {arguments.seed}, {time.monotonic() - began:.0f} s: {verdict}")
    raise SystemExit(bool(wrong))


if __name__ == "__main__":
    main()
