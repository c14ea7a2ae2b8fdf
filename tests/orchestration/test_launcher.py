"""A run whose process is gone is seen; one on another machine is left alone."""

import json
import os
import subprocess
import time

import dagster as dg
import pytest
from dagster._core.events import EngineEventData
from dagster._core.launcher import WorkerStatus
from dagster._grpc.types import CanCancelExecutionResult
from dagster_shared.serdes import serialize_value

from apexline.orchestration.launcher import LocalRunLauncher, here, is_alive


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def ended():
    """Pid of a process that has ended."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


@pytest.fixture
def status(instance):
    """What is said of a run with these tags, on which the process with this pid said that it works."""
    launcher = LocalRunLauncher()
    launcher.register_instance(instance)

    def check(pid, tags):
        @dg.job
        def empty(): ...

        run = instance.create_run_for_job(empty, tags=tags)
        instance.report_engine_event("works on it", run, EngineEventData.in_process(pid))
        instance.report_engine_event("says something else", run)
        return launcher.check_run_worker_health(run).status

    return check


def launched(**where):
    return {".dagster/grpc_info": json.dumps({"host": "localhost", **where})}


def test_a_run_of_a_living_process_goes_on(status):
    assert status(os.getpid(), launched(socket="/tmp/code.sock")) is WorkerStatus.RUNNING
    assert status(os.getpid(), here()) is WorkerStatus.RUNNING


def test_a_run_whose_process_is_gone_has_failed(status, ended):
    assert status(ended, launched(socket="/tmp/code.sock")) is WorkerStatus.FAILED
    assert status(ended, here()) is WorkerStatus.FAILED


@pytest.mark.parametrize("tags", [{}, launched(port=4000), {"apexline/pid_namespace": "pid:[1]"}])
def test_a_run_of_another_machine_is_left_alone(status, ended, tags):
    assert status(ended, tags) is WorkerStatus.RUNNING


@pytest.mark.parametrize(("known", "expected"), [(True, WorkerStatus.RUNNING), (False, WorkerStatus.FAILED)])
def test_a_run_that_its_code_server_does_not_know_has_failed(status, monkeypatch, known, expected):
    class Client:
        def can_cancel_execution(self, request):
            return serialize_value(CanCancelExecutionResult(can_cancel=known))

    monkeypatch.setattr(LocalRunLauncher, "_get_grpc_client_for_termination", lambda self, run_id: Client())
    assert status(os.getpid(), launched(port=4000)) is expected


def test_another_process_under_the_same_pid_is_not_the_run():
    now = time.time()
    assert is_alive(os.getpid(), since=now)
    assert not is_alive(os.getpid(), since=now - 7 * 24 * 3600)


def test_a_process_that_nobody_has_waited_for_is_gone():
    process = subprocess.Popen(["true"])
    for _ in range(200):
        if not is_alive(process.pid, since=time.time()):
            break
        time.sleep(0.05)
    else:
        pytest.fail("the process is ended, and counts as alive")
    process.wait()
