"""Runs of this machine, and whether the process of one is still there.

Belongs here: what Dagster's daemon loads by ``dagster.yaml`` to launch runs and to look after them; it imports nothing
heavy. Stays out: how the process of a run starts (``warm_runs``).

Without it a run whose process was killed together with the code server stays "started" for ever, and as many of them as
may run at once stop everything.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.launcher import CheckRunHealthResult, DefaultRunLauncher, WorkerStatus
from dagster._core.storage.dagster_run import DagsterRun
from dagster._grpc.types import CanCancelExecutionRequest, CanCancelExecutionResult
from dagster_shared.serdes import deserialize_value

_PROC = Path("/proc")
_GRPC_TAG = ".dagster/grpc_info"  # where the code server of a launched run listens
_NAMESPACE_TAG = "apexline/pid_namespace"


class LocalRunLauncher(DefaultRunLauncher):
    """Launches runs by the code server as Dagster does, and sees whether their processes live."""

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Runs of this machine can be looked after."""
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Say whether the process of a run is there; one that neither is seen nor can be asked for counts as there."""
        if _is_here(run):
            for pid, said in _processes(self._instance, run.run_id):
                if not is_alive(pid, since=said):
                    return CheckRunHealthResult(WorkerStatus.FAILED, f"its process {pid} is gone")
        elif _is_of_a_port(run) and not self._is_known(run.run_id):
            return CheckRunHealthResult(WorkerStatus.FAILED, "its code server was started anew without it")
        return CheckRunHealthResult(WorkerStatus.RUNNING)

    def _is_known(self, run_id: str) -> bool:
        """Ask a run's code server whether it has a process of that run; one that does not answer has not denied it."""
        client = self._get_grpc_client_for_termination(run_id)
        if client is None:  # it has ended by now
            return True
        try:
            said = client.can_cancel_execution(CanCancelExecutionRequest(run_id=run_id))
        except DagsterUserCodeUnreachableError:
            return True
        return deserialize_value(said, CanCancelExecutionResult).can_cancel


def here() -> dict[str, str]:
    """Return the tag of a run that this very process executes, by which its pid can be looked up."""
    return {_NAMESPACE_TAG: _namespace()}


def is_alive(pid: int, *, since: float) -> bool:
    """Tell whether the process that had a pid at a moment (s since the epoch) is there; another may have it by now."""
    try:
        fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        boot = next(
            int(line.split()[1])
            for line in (_PROC / "stat").read_text().splitlines()
            if line.startswith("btime")
        )
    except (FileNotFoundError, ProcessLookupError):
        return False
    began = boot + int(fields[19]) / os.sysconf("SC_CLK_TCK")  # proc(5): starttime
    return fields[0] != "Z" and began < since + 2  # btime is rounded to seconds


def _is_of_a_port(run: DagsterRun) -> bool:
    """Tell whether a code server with a port launched a run: it may be another machine's, with pids of its own."""
    return "socket" not in json.loads(run.tags.get(_GRPC_TAG, '{"socket": ""}'))


def _is_here(run: DagsterRun) -> bool:
    if _GRPC_TAG in run.tags:
        return not _is_of_a_port(run)
    return run.tags.get(_NAMESPACE_TAG) == _namespace()


def _namespace() -> str:
    return str((_PROC / "self" / "ns" / "pid").readlink())


def _processes(instance: dg.DagsterInstance, run_id: str) -> Iterator[tuple[int, float]]:
    """Yield the last process that said of itself that it works on a run, and when it did."""
    told = instance.get_records_for_run(run_id, of_type=dg.DagsterEventType.ENGINE_EVENT, ascending=False)
    for record in told.records:
        event = record.event_log_entry.dagster_event
        pid = None if event is None else event.engine_event_data.metadata.get("pid")
        if isinstance(pid, dg.TextMetadataValue) and pid.text:
            yield int(pid.text), record.timestamp
            return
