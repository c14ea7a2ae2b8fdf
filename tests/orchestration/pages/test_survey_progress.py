"""The state of a survey, by the files that the rating page writes."""

import json

import pytest
from upath import UPath

from apexline.assets.lake.storage import Lake
from apexline.orchestration.pages.rating_store import LakeStore
from apexline.orchestration.pages.survey_progress import pair_rows, rater_rows, survey_status
from apexline.orchestration.settings import Settings
from apexline.survey.contracts import Agreement, Consent


@pytest.fixture
def lake(tmp_path):
    return Lake(UPath(tmp_path))


@pytest.fixture
def store(lake):
    return LakeStore(lake, Settings(home=str(lake.home)))


def test_the_state_counts_raters_minutes_checks_and_agreement(lake, store):
    assert survey_status(lake)["raters who agreed"] == 0
    for rater, shift in (("a", 0), ("b", 1)):
        store.keep_consent(Consent(rater, "key", (Agreement("now", "hash", "text"),)))
        for k in range(3):
            segment = f"s{k}"
            level = 1 + k + shift
            store.save([{"rater": rater, "segment": segment, "pair": "angry_calm", "level": level}])
            page = {"segment": segment, "kind": "rated", "seconds": 60.0, "attentive": k == 0}
            store.note(rater, {**page, "at": "2026-03-02"})
    store.note("a", {"segment": "s0", "kind": "again", "seconds": 5.0, "again": {"angry_calm": 2}})
    found = survey_status(lake)
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
    assert rater_rows(lake) == [
        {"rater": rater, "pages": 3, "answers": 3, "minutes": 3.0, "checks": "1 of 3", "last": "2026-03-02"}
        for rater in ("a", "b")
    ]
    (pair,) = pair_rows(lake)
    assert (pair["pair"], pair["raters"], pair["segments"]) == ("angry_calm", 2, 3)
    assert pair["agreement"] == found["agreement (ICC of a mean, median pair)"]
    store.forget("a")
    assert [row["rater"] for row in rater_rows(lake)] == ["b"]
    assert pair_rows(lake) == []
    assert survey_status(lake)["pages"] == 3
    assert "rater" in json.loads((lake.home / "surveys" / "pages-b.jsonl").read_text().splitlines()[0])
