import re
from datetime import UTC, date, datetime, timedelta

import pytest

from apexline.governance.entries import Entry
from apexline.governance.pages.filling import impact_assessment, issue_notice, languages_of, notice_page
from apexline.governance.register import Refused, enter, permit

pytestmark = pytest.mark.usefixtures("strict_register")
NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
TODAY = NOW.date()


@pytest.fixture
def home(tmp_path):
    made = Entry(
        camera="gate-01",
        site="North gate <b>",
        site_type="public",
        purposes=("visitor survey",),
        legal_basis="consent",
        responsible="Ada Lovelace, ada@example.org",
        impact_assessment="DPIA-7",
        expires=NOW + timedelta(days=300),
    )
    enter(tmp_path, made, by="Ada", now=NOW)
    return tmp_path


def issue(home, since=TODAY, languages=("en",)):
    return issue_notice(home, "gate-01", by="Ada", since=since, languages=languages, now=NOW)


def test_a_printed_notice_opens_the_door_from_its_day_on(home):
    with pytest.raises(Refused, match="no_notice"):
        permit(home, "gate-01", door="landing", now=NOW)
    issue(home, since=date(2026, 11, 30))
    with pytest.raises(Refused, match="not up yet"):
        permit(home, "gate-01", door="landing", now=NOW)
    permit(home, "gate-01", door="landing", now=NOW + timedelta(days=1))


def test_each_printing_is_a_version(home):
    assert [issue(home)[0].notice.version for _ in range(2)] == [1, 2]


def test_both_layers_stand_on_the_page_in_every_language(home):
    entry, page = issue(home, languages=("de", "en", "zh"))
    for said in ("Folgenabschätzung", "Your rights", "欧盟条例", "DPIA-7", "visitor survey", "72 h", "30 d"):
        assert said in page
    assert page.count("<section") == 6
    assert '<html lang="de">' in page
    assert "North gate &lt;b&gt;" in page
    assert notice_page(home, entry) == page


def test_pages_say_for_how_long_this_home_keeps(home):
    (home / "governance" / "retention.yaml").write_text("clips_h: 5\ncrops_d: 11\n")
    for page in (issue(home)[1], impact_assessment(home, "gate-01", now=NOW, model={})):
        assert "5 h" in page
        assert "11 d" in page
        assert not re.search(r"\b(72 h|30 d)\b", page)


def test_all_languages_say_the_same_things():
    from importlib.resources import files

    import yaml

    folder = files("apexline.governance") / "texts"
    keys = {each.name: set(yaml.safe_load(each.read_text(encoding="utf-8"))) for each in folder.iterdir()}
    assert set(keys) >= {"en.yaml", "de.yaml", "zh.yaml"}
    assert len({frozenset(each) for each in keys.values()}) == 1


def test_a_home_may_bring_a_language_of_its_own(home):
    with pytest.raises(ValueError, match="'nl'"):
        issue(home, languages=("nl",))
    own = home / "governance" / "texts"
    own.mkdir()
    from importlib.resources import files

    text = (files("apexline.governance") / "texts" / "en.yaml").read_text(encoding="utf-8")
    (own / "nl.yaml").write_text(text.replace("Your rights", "Uw rechten"))
    assert "nl" in languages_of(home)
    assert "Uw rechten" in issue(home, languages=("nl",))[1]


def test_the_impact_assessment_says_what_is_known_and_what_is_to_be_written(home):
    page = impact_assessment(home, "gate-01", now=NOW, model={"Champion": "version 7"})
    for said in (
        "North gate <b>",
        "visitor survey",
        "Champion: version 7",
        "| clips | 72 h |",
        "To be written",
    ):
        assert said in page


def test_a_camera_that_is_not_registered_has_no_notice(tmp_path):
    with pytest.raises(LookupError, match="not registered"):
        issue(tmp_path)
