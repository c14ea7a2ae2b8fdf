"""Who may work in a home at once."""

from contextlib import ExitStack
from threading import Timer

import dagster as dg
import pytest

from apexline.orchestration import occupancy
from apexline.orchestration.occupancy import alone, held_while_working, working
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
