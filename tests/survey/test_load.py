"""Answers of many raters at once, and of a server that is killed among them: none is lost, none counts twice."""

import asyncio

import pytest

from tests.survey.load import killed_in_the_middle, make_home, rate, started_survey, stored

pytestmark = pytest.mark.slow
RATERS, PAGES = 24, 4


@pytest.fixture
def home(tmp_path):
    make_home(tmp_path, segments=PAGES)
    return tmp_path


def test_no_answer_of_many_raters_is_lost_or_doubled(home):
    with started_survey(home) as (address, _):
        seen = asyncio.run(rate(address, raters=RATERS, pages=PAGES, rest_s=0.2))
    assert seen.cut_off == 0
    assert len(seen.acknowledged) == RATERS * PAGES * 50
    assert stored(home) == seen.acknowledged


def test_a_server_that_is_killed_has_kept_what_it_acknowledged(home):
    seen = killed_in_the_middle(home, raters=RATERS, pages=PAGES, rest_s=0.2)
    kept = stored(home)
    assert seen.cut_off > 0
    assert seen.acknowledged
    assert seen.acknowledged - kept == {}
    assert set(kept.values()) == {1}


def test_the_connection_of_who_looks_for_long_is_kept(home):
    with started_survey(home) as (address, _):
        seen = asyncio.run(rate(address, raters=4, pages=1, rest_s=12))  # 6 s and more
    assert seen.cut_off == 0
    assert stored(home) == seen.acknowledged
