"""Who may work in a home at once."""

import dagster as dg
import pytest

from apexline.orchestration.occupancy import alone, held_while_working, working
from apexline.orchestration.settings import Settings


@pytest.fixture
def settings(tmp_path):
    return Settings(home=str(tmp_path / "home"))


def test_many_work_side_by_side_or_one_alone(settings):
    with (
        working(settings),
        working(settings),
        pytest.raises(BlockingIOError, match="wait for its end"),
        alone(settings),
    ):
        pass
    with alone(settings), pytest.raises(BlockingIOError), alone(settings):
        pass
    with alone(settings):
        pass


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
