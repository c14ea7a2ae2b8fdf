"""An installation as its users have it: the command, its folders, its servers; none of its code is imported here."""

import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError

BIN = Path(sys.executable).parent
TOKEN = "token-of-the-tests-from-outside"
PURPOSE, BASIS = "visitor survey", "consent"
PATIENCE_S = 900
_READY = (
    "{ workspaceOrError { ... on Workspace { locationEntries { locationOrLoadError { __typename } } } } }"
)


class Outside:
    """An installation as its users have it: a home, the command `apexline`, addresses."""

    def __init__(self, folder):
        self.folder, self.home = folder, folder / "home"
        # Settings of whoever runs the tests stay out.
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("APEXLINE_")},
            "APEXLINE_HOME": str(self.home),
            "APEXLINE_SERVER_TOKEN": TOKEN,
        }

    def command(self, *words, expected=0):
        done = subprocess.run(
            [BIN / "apexline", *map(str, words)],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=900,
        )
        assert done.returncode == expected, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout if expected == 0 else done.stderr

    def register(self, *words, expected=0):
        return self.command("register", *words, "--by", "Ada Lovelace", expected=expected)

    def put_clips(self, folder, clips):
        """Lay a clip (MP4) of each camera into a folder; no two are alike, or the second would count as known."""
        folder.mkdir(parents=True, exist_ok=True)
        for camera, clip in clips.items():
            said = {
                "camera": camera,
                "captured_at": "2026-03-02T08:15:00Z",
                "purpose": PURPOSE,
                "legal_basis": BASIS,
            }
            path = folder / f"{folder.name}-{camera}.mp4"
            mark = path.name.encode()
            unlike = struct.pack(">I4s", 8 + len(mark), b"free") + mark  # a box of MP4 that players pass over
            path.with_suffix(".json").write_text(json.dumps(said))
            path.write_bytes(clip + unlike)

    def refusals(self):
        """Return the reasons in quarantine by the names of files."""
        records = map(Path.read_text, (self.home / "quarantine").glob("*.json"))
        return {each["name"]: each["reason"] for each in map(json.loads, records)}


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def wait_until(holds, what):
    end = time.monotonic() + PATIENCE_S
    while not (found := holds()):
        assert time.monotonic() < end, f"waited in vain until {what}"
        time.sleep(1)
    return found


def post(address, body):
    """Return status and text of the answer; no status while nothing listens."""
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {TOKEN}"}
    request = urllib.request.Request(address, json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return None, ""


class Server:
    """A program that listens, ended with all that it started."""

    def __init__(self, command, environment, log):
        self._log = log.open("wb")
        self._process = subprocess.Popen(
            list(map(str, command)),
            env=environment,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.killpg(self._process.pid, signal.SIGTERM)
        try:
            self._process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._log.close()


@contextmanager
def running(outside):
    """Give the address of the Dagster UI of an installation at work: sensors watch its landing folder."""
    port = free_port()
    command = [BIN / "apexline", "ui", "--port", port, "--mlflow-port", free_port()]
    address = f"http://127.0.0.1:{port}/graphql"
    with Server(command, outside.environment, outside.folder / "ui.log"):
        wait_until(lambda: "RepositoryLocation" in post(address, {"query": _READY})[1], "the code is loaded")
        yield address


def asked(address, query, **variables):
    """Return the data of a GraphQL answer."""
    status, said = post(address, {"query": query, "variables": variables})
    assert status == 200, said
    return json.loads(said)["data"]
