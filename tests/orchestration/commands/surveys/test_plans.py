"""Plans of a survey, by the file that the rating page reads."""

import pytest
from upath import UPath

from apexline.assets.lake.storage import Lake
from apexline.orchestration.commands.surveys.plans import plan_raters
from apexline.orchestration.pages.rating_store import LakeStore
from apexline.orchestration.settings import Settings
from tests.survey.load import make_home


@pytest.fixture
def settings(tmp_path):
    make_home(tmp_path, segments=20)
    return Settings(home=str(tmp_path))


def test_a_plan_says_what_it_asks_of_raters_and_the_page_follows_it(settings):
    store = LakeStore(Lake(UPath(settings.home)), settings)
    assert store.blocks() == []
    asked = {"raters": 12, "minutes": 20, "per_segment": 4}
    plan = plan_raters(settings, **asked, save=False)
    assert store.blocks() == []
    assert (plan["segments of each"], plan["minutes of each"], plan["segments"]) == (8, 20.0, "20 of 20")
    assert (plan["ratings of a segment"], plan["connected"]) == ("4 to 5", True)
    assert (plan["answers"], plan["answers if everybody rated all"]) == (4800, 12000)
    plan_raters(settings, **asked, save=True)
    assert [len(block) for block in store.blocks()] == [8] * 12
    with pytest.raises(ValueError, match="give them more minutes"):
        plan_raters(settings, raters=3, minutes=10, per_segment=5, save=True)
