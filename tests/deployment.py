"""A deployment as ``deploy/compose.yaml`` starts it: each program for itself, and started again where it has ended."""

import json
import os
import secrets
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import dagster as dg
import yaml

from apexline.orchestration.settings import Settings
from tests.servers import free_port, wait_until

ROOT = Path(__file__).resolve().parents[1]
_LAUNCH = """mutation ($job: String!, $tags: [ExecutionTag!]) {
  launchRun(executionParams: {
    selector: {repositoryLocationName: "apexline", repositoryName: "__repository__", jobName: $job}
    executionMetadata: {tags: $tags}
  }) { __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } }
}"""
_BACKFILL = """mutation ($days: [String!]!) {
  launchPartitionBackfill(backfillParams: {
    partitionNames: $days
    assetSelection: [{path: ["clip_manifest"]}, {path: ["face_tracks"]}, {path: ["texture_features"]},
      {path: ["flow_features"]}, {path: ["expression_features"]}, {path: ["expression_segments"]},
      {path: ["segment_scores"]}]
  }) { __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } }
}"""
_LOADED = "{ repositoriesOrError { __typename ... on RepositoryConnection { nodes { name } } } }"


class Deployment:
    """Programs over one home; `programs` are started, watched and ended together.

    Parameters
    ----------
    folder : Path
        For state and logs.
    environment : mapping
        What is set beside this process's own.
    workers : int
        Of Celery.
    """

    def __init__(self, folder: Path, environment: dict[str, str], *, workers: int = 0):
        self.folder = folder
        self.port, self.code_port, self.mlflow_port = free_port(), free_port(), free_port()
        self.token = secrets.token_urlsafe()
        self.environment = {**os.environ, **environment, "APEXLINE_SERVER_TOKEN": self.token}
        self.settings = Settings()  # as the environment of this process says, which must agree
        self.settings.prepare()
        self.environment["DAGSTER_HOME"] = str(self.settings.dagster_home)
        workspace = folder / "workspace.yaml"
        where = {"host": "127.0.0.1", "port": self.code_port, "location_name": "apexline"}
        workspace.write_text(yaml.safe_dump({"load_from": [{"grpc_server": where}]}))
        web = ["-m", "apexline.orchestration.web"]
        self.commands: dict[str, list[str]] = {
            "code": [
                *("-m", "dagster", "api", "grpc", "--module-name", "apexline.orchestration.definitions"),
                *("--host", "127.0.0.1", "--port", str(self.code_port), "--location-name", "apexline"),
                "--use-python-environment-entry-point",
            ],
            "daemon": ["-m", "dagster._daemon", "run", "--workspace", str(workspace)],
            "web": [*web, "dagster", str(self.port), str(workspace)],
            "mlflow": [*web, "mlflow", str(self.mlflow_port)],
        }
        for number in range(workers):
            self.commands[f"worker-{number}"] = [
                *("-m", "celery", "--app", "apexline.orchestration.engines.worker", "worker"),
                *("--concurrency", "1", "--hostname", f"worker-{number}@%h", "--loglevel", "warning"),
            ]
        self.programs: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, *, alias: str | None = None) -> None:
        """Start a program, a second one of it under another name."""
        with (self.folder / f"{alias or name}.log").open("ab") as log:
            self.programs[alias or name] = subprocess.Popen(
                [sys.executable, "-P", *self.commands[name]],
                env=self.environment,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                start_new_session=True,
            )

    def start_all(self) -> None:
        for name in self.commands:
            self.start(name)
        self.await_code()

    def await_code(self) -> None:
        """Wait until the UI shows the code; what ends meanwhile is started again."""

        def is_up() -> bool:
            self.supervise()
            return self.is_loaded()

        wait_until(is_up, "Dagster's UI shows the code")

    def is_loaded(self) -> bool:
        with suppress(OSError, KeyError, TypeError, RuntimeError):  # not up, or without its database
            return bool(self.ask(_LOADED)["repositoriesOrError"].get("nodes"))
        return False

    def supervise(self) -> list[str]:
        """Start again what has ended, as a container's restart policy does; return which it was."""
        ended = [name for name, process in self.programs.items() if process.poll() is not None]
        for name in ended:
            if name in self.commands:
                self.start(name)
            else:  # a second one that came by a fault
                del self.programs[name]
        return ended

    def stop(self) -> None:
        for process in self.programs.values():
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGINT)
        for process in self.programs.values():
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/graphql",
            json.dumps({"query": query, "variables": variables}).encode(),
            {"Content-Type": "application/json", "Authorization": f"Bearer {self.token}"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            found = json.load(answer)
        if found.get("errors"):
            msg = f"Dagster answered {found['errors']}"
            raise RuntimeError(msg)
        return found["data"]

    def launch(self, job: str, **tags: str) -> str:
        """Ask for a run of a job; return its id."""
        given = [{"key": key, "value": value} for key, value in tags.items()]
        answer = self.ask(_LAUNCH, job=job, tags=given)["launchRun"]
        if "run" not in answer:
            msg = f"the run of {job} was refused: {answer}"
            raise RuntimeError(msg)
        return answer["run"]["runId"]

    def backfill(self, camera_days: list[str]) -> str:
        """Ask for all assets of some camera-days; return the backfill's id."""
        answer = self.ask(_BACKFILL, days=camera_days)["launchPartitionBackfill"]
        if "backfillId" not in answer:
            msg = f"the backfill was refused: {answer}"
            raise RuntimeError(msg)
        return answer["backfillId"]

    def insist(self, ask: Callable[[], str]) -> str:
        """Ask again where an error page comes, as people do: servers may just have lost the code or the database."""
        taken: list[str] = []

        def is_taken() -> bool:
            self.supervise()
            with suppress(OSError, RuntimeError):
                taken.append(ask())
            return bool(taken)

        wait_until(is_taken, "Dagster's UI takes what it is asked for")
        return taken[0]

    def instance(self) -> dg.DagsterInstance:
        return dg.DagsterInstance.from_config(str(self.settings.dagster_home))

    def unfinished_runs(self) -> list[str]:
        with self.instance() as instance:
            return [run.run_id for run in instance.get_runs() if not run.is_finished]
