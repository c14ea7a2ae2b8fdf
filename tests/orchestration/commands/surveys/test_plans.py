"""Plans and the state of a survey, by the files that the rating page reads and writes."""

import json

import pytest
from upath import UPath

from apexline.assets.lake.storage import Lake
from apexline.orchestration.commands.surveys.plans import plan_raters, survey_status
from apexline.orchestration.pages.rating_store import LakeStore
from apexline.orchestration.settings import Settings
from apexline.survey.contracts import Agreement, Consent
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


def test_the_state_counts_raters_minutes_checks_and_agreement(settings):
    assert survey_status(settings)["raters who agreed"] == 0
    store = LakeStore(Lake(UPath(settings.home)), settings)
    for rater, shift in (("a", 0), ("b", 1)):
        store.keep_consent(Consent(rater, "key", (Agreement("now", "hash", "text"),)))
        for k in range(3):
            segment = f"s{k}"
            level = 1 + k + shift
            store.save([{"rater": rater, "segment": segment, "pair": "angry_calm", "level": level}])
            store.note(rater, {"segment": segment, "kind": "rated", "seconds": 60.0, "attentive": k == 0})
    store.note("a", {"segment": "s0", "kind": "again", "seconds": 5.0, "again": {"angry_calm": 2}})
    found = survey_status(settings)
    assert found["agreement (ICC of a mean, median pair)"] > 0.5
    assert {name: found[name] for name in list(found)[:8]} == {
        "raters who agreed": 2,
        "raters who answered": 2,
        "pages": 6,
        "answers": 6,
        "minutes": 6.0,
        "median seconds of a page": 60.0,
        "checks of attention passed": "2 of 6",
        "answers given again": "0 of 1 the same, 1 within one level",
    }
    store.forget("a")
    assert survey_status(settings)["pages"] == 3
    assert "rater" in json.loads(
        (UPath(settings.home) / "surveys" / "pages-b.jsonl").read_text().splitlines()[0]
    )
