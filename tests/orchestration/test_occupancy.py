"""Who may work in a home at once."""

import subprocess
import sys
import threading
from contextlib import ExitStack
from datetime import UTC, datetime
from threading import Timer
from time import sleep

import dagster as dg
import pytest

from apexline.governance import Refused, resume, stop
from apexline.orchestration import occupancy
from apexline.orchestration.occupancy import alone, held_while_working, stoppable, working
from apexline.orchestration.settings import Settings


@pytest.fixture
def settings(tmp_path):
    return Settings(home=str(tmp_path / "home"))


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(occupancy, "PATIENCE_S", 0.0)


@pytest.mark.usefixtures("impatient")
def test_many_work_side_by_side_or_one_alone(settings):
    refused = pytest.raises(BlockingIOError, match="wait for its end")
    with working(settings), working(settings), refused, alone(settings):
        pass
    with alone(settings), pytest.raises(BlockingIOError), alone(settings):
        pass
    with alone(settings):
        pass


@pytest.mark.usefixtures("impatient")
def test_a_run_works_from_its_beginning_to_its_end(settings):
    seen = []

    @dg.asset
    def first(lake: dg.ResourceParam[str]):
        seen.append(lake)
        with pytest.raises(BlockingIOError), alone(settings):
            pass

    @dg.asset(deps=[first])
    def second(lake: dg.ResourceParam[str]):
        seen.append(lake)

    dg.materialize([first, second], resources={"lake": held_while_working(settings, "the lake")})
    assert seen == ["the lake"] * 2
    with alone(settings):
        pass


def test_an_erasure_waits_for_what_ends_soon(settings):
    with ExitStack() as held:
        held.enter_context(working(settings))
        Timer(0.5, held.pop_all().close).start()
        with alone(settings):
            pass


def test_who_has_little_patience_is_told_of_an_erasure(settings):
    refused = pytest.raises(BlockingIOError, match=r"an erasure is at work in .*home")
    with alone(settings), refused, working(settings, patience_s=0.0):
        pass
    with working(settings, patience_s=0.0), working(settings):
        pass


@pytest.mark.parametrize("heard", ["default_int_handler", "SIG_IGN"])
def test_a_stop_ends_work_within_ten_seconds(tmp_path, heard):
    """As a run does: in a process's main thread, computing all the while, in front or in the background of a shell."""
    script = (
        "import signal, sys\n"
        f"signal.signal(signal.SIGINT, signal.{heard})\n"
        "from pathlib import Path\n"
        "from apexline.orchestration.occupancy import stoppable\n"
        "with stoppable(Path(sys.argv[1])):\n"
        "    print('at work', flush=True)\n"
        "    while True: sum(range(1000))\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    worker = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert worker.stdout.readline() == "at work\n"
    stop(tmp_path, by="Ada", why="faces look wrong", now=datetime.now(UTC))
    try:
        _, said = worker.communicate(timeout=10)
    finally:
        worker.kill()
    assert "KeyboardInterrupt" in said
    with pytest.raises(Refused, match="faces look wrong"), stoppable(tmp_path):
        pytest.fail("it began all the same")
    resume(tmp_path, by="Ada", why="mended", now=datetime.now(UTC))
    with stoppable(tmp_path):
        pass


def test_a_stop_ends_a_run_of_dagster(settings):
    """Where a run has what the line works with, the kill switch ends it; where it is thrown, none begins."""
    began = []

    @dg.asset
    def working_on(lake: dg.ResourceParam[str]):
        began.append(lake)
        stop(settings.home_path, by="Ada", why="faces look wrong", now=datetime.now(UTC))
        for _ in range(100):
            sleep(0.1)
        pytest.fail("it went on for ten seconds")

    given = {"lake": held_while_working(settings, "the lake")}
    with pytest.raises((KeyboardInterrupt, dg.DagsterExecutionInterruptedError)):
        dg.materialize([working_on], resources=given)
    with pytest.raises(dg.DagsterError) as refusal:
        dg.materialize([working_on], resources=given)
    assert "faces look wrong" in str(refusal.value.__cause__)
    assert began == ["the lake"]


def test_another_thread_is_left_alone(tmp_path):
    """A sensor's tick: an interruption would end the whole code server."""
    stop(tmp_path, by="Ada", why="faces look wrong", now=datetime.now(UTC))
    done = []

    def tick():
        with stoppable(tmp_path):
            done.append(True)

    thread = threading.Thread(target=tick)
    thread.start()
    thread.join()
    assert done == [True]
