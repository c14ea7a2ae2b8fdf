"""Faults for a running deployment: what dies, fills up, jumps, is done twice or by the wrong hand.

Each waits for the moment when it hurts, and says what it did. Only what a service manager does follows: `Deployment`
starts again what has ended.
"""

import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from random import Random

import dagster as dg
import psutil

from apexline.assets.lake.clips import stored_camera_days
from apexline.assets.lake.storage import Lake
from apexline.assets.training.decisions import promoted_version
from apexline.ml.registry import ModelRegistry
from apexline.orchestration.launcher import _processes
from tests.deployment import Deployment
from tests.servers import Postgres, wait_until

_HOUR_S = 3600.0
_FULL_S = 12.0
_SECOND_DAEMON_S = 15.0
_PATIENCE_S = 900.0
_UNSEEN_S = 60.0


class Disk:
    """A disk of half a gigabyte that can be filled up; where no disk may be mounted, a limit that lets no file grow."""

    def __init__(self, folder: Path):
        self.folder = folder
        folder.mkdir()
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=600m", "tmpfs", folder], capture_output=True
        )
        self.is_mounted = mounted.returncode == 0

    def fill(self, roots: list[psutil.Process]) -> str:
        """Let nothing be written any more."""
        if self.is_mounted:
            ballast = self.folder / "ballast"
            with suppress(OSError), ballast.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(self.folder).free)
            return "no space left on the device"
        self._limit(roots, 0)
        return "no file may grow"

    def free(self, roots: list[psutil.Process]) -> None:
        if self.is_mounted:
            (self.folder / "ballast").unlink(missing_ok=True)
        else:
            self._limit(roots, resource.RLIM_INFINITY)

    def unmount(self) -> None:
        if self.is_mounted:
            subprocess.run(["umount", "--lazy", self.folder], check=True)

    @staticmethod
    def _limit(roots: list[psutil.Process], limit: int) -> None:
        for root in roots:
            for process in [root, *root.children(recursive=True)]:
                with suppress(ProcessLookupError):
                    hard = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)[1]
                    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (limit, hard))


class Faults:
    """Faults for one deployment, by kind.

    Parameters
    ----------
    deployment : Deployment
    postgres : Postgres
    disk : Disk
        On which home and state lie.
    registry : ModelRegistry
    feed : callable
        ``feed()`` puts one more clip into ``landing/``.
    write : callable
        ``write()`` starts a program that writes to an object store, and gives it with a function that counts objects.
    clock : Path
        File that sets the clock of what is started.
    rng : Random
    """

    def __init__(
        self,
        deployment: Deployment,
        *,
        postgres: Postgres,
        disk: Disk,
        registry: ModelRegistry,
        feed: Callable[[], None],
        write: Callable[[], tuple[subprocess.Popen[bytes], Callable[[], int]]],
        clock: Path,
        rng: Random,
    ):
        self.deployment, self.postgres, self.disk, self.registry = deployment, postgres, disk, registry
        self.feed, self.write, self.clock, self.rng = feed, write, clock, rng
        self.lake = Lake(deployment.settings.home_path)
        self.kinds: dict[str, Callable[[], str]] = {
            "kill -9 of a run": self._kill_run,
            "kill -9 of a step's process": self._kill_step,
            "kill -9 of the code server": lambda: self._kill("code"),
            "kill -9 of the daemon": lambda: self._kill("daemon"),
            "kill -9 of the web server": lambda: self._kill("web"),
            "kill -9 of MLflow": lambda: self._kill("mlflow"),
            "kill -9 of PostgreSQL": self._kill_postgres,
            "full disk": self._fill_disk,
            "clock jump": self._jump,
            "two daemons": self._second_daemon,
            "the same backfill twice": self._backfill_twice,
            "interrupted object write": self._interrupt_write,
            "alias moved by hand": self._move_alias,
        }

    def _kill(self, name: str) -> str:
        self._wait(3.0)
        process = self.deployment.programs[name]
        process.kill()
        process.wait()
        return f"process {process.pid}"

    def _kill_run(self) -> str:
        self.feed()
        pid = self._await_run()
        self._wait(4.0)
        with suppress(ProcessLookupError):  # it may have come to its end by itself
            os.kill(pid, signal.SIGKILL)
            return f"process {pid}"
        return f"process {pid} had just ended"

    def _kill_step(self) -> str:
        """Kill a process that computes or decodes a clip for a run."""
        self.feed()
        found: list[psutil.Process] = []
        end = time.monotonic() + _PATIENCE_S
        while not found and time.monotonic() < end:
            with suppress(psutil.NoSuchProcess):
                run = psutil.Process(self._await_run())
                found = [
                    each for each in run.children(recursive=True) if "tracker" not in " ".join(each.cmdline())
                ]
            time.sleep(0.05)
        if not found:
            msg = f"saw no process of a step within {_PATIENCE_S:g} s"
            raise TimeoutError(msg)
        victim = self.rng.choice(found)
        with suppress(psutil.NoSuchProcess):
            victim.kill()
        return f"process {victim.pid}"

    def _kill_postgres(self) -> str:
        self._wait(3.0)
        self.postgres.kill()
        self._wait(5.0)
        self.postgres.start()
        return "started again on its data"

    def _fill_disk(self) -> str:
        self.feed()
        self._await_run()
        roots = [psutil.Process(self.deployment.programs[name].pid) for name in ("code", "daemon")]
        said = self.disk.fill(roots)
        time.sleep(_FULL_S)
        self.disk.free(roots)
        return f"{said} for {_FULL_S:g} s"

    def _jump(self) -> str:
        """Set the clock an hour or two ahead, or half a minute back; code server and daemon start at the new time."""
        ahead = float(self.clock.read_text())
        step = self.rng.choice([_HOUR_S, 2 * _HOUR_S, -30.0 if ahead else _HOUR_S])
        self.clock.write_text(str(ahead + step))
        for name in ("daemon", "code"):
            self._kill(name)
        return f"{step:+g} s"

    def _second_daemon(self) -> str:
        self.deployment.start("daemon", alias="second daemon")
        time.sleep(_SECOND_DAEMON_S)
        process = self.deployment.programs["second daemon"]
        process.kill()
        process.wait()
        return f"for {_SECOND_DAEMON_S:g} s"

    def _backfill_twice(self) -> str:
        with self.deployment.instance() as instance:
            known = set(instance.get_dynamic_partitions("camera_day"))
        days = sorted(known & set(stored_camera_days(self.lake)))[-4:]
        for _ in range(2):
            self.deployment.insist(lambda: self.deployment.backfill(days))
        return f"{len(days)} camera-days"

    def _interrupt_write(self) -> str:
        process, count_objects = self.write()
        before = count_objects()
        with suppress(TimeoutError):  # what is left may be all there
            wait_until(
                lambda: count_objects() > before or process.poll() is not None, "it writes", _PATIENCE_S
            )
        self._wait(1.0)
        process.kill()
        process.wait()
        return f"{count_objects() - before} objects later"

    def _move_alias(self) -> str:
        champion = promoted_version(self.lake)
        other = next(each.number for each in self.registry.list_versions() if each.number != champion)
        self.registry.set_alias("champion", other)
        return f"from version {champion} to {other}"

    def _await_run(self) -> int:
        """Give the process of a run that is at work; a run that came and went unseen is followed by another clip's."""
        found: list[int] = []
        fed = time.monotonic()

        def is_found() -> bool:
            nonlocal fed
            self.deployment.supervise()
            found.extend(self._run_pids())
            if not found and time.monotonic() - fed > _UNSEEN_S:
                self.feed()
                fed = time.monotonic()
            return bool(found)

        wait_until(is_found, "a run is at work", _PATIENCE_S)
        return self.rng.choice(found)

    def _run_pids(self) -> Iterator[int]:
        with self.deployment.instance() as instance:
            started = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED]))
            for run in started:
                yield from (pid for pid, _ in _processes(instance, run.run_id) if psutil.pid_exists(pid))

    def _wait(self, most_s: float) -> None:
        time.sleep(self.rng.uniform(0, most_s))


def ingest_program(clips: Path, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    """Start `apexline ingest` on an object store."""
    return subprocess.Popen(
        [str(Path(sys.executable).with_name("apexline")), "ingest", str(clips)],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
