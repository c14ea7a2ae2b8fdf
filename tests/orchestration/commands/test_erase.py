"""The command `apexline erase`: what it asks for, what it prints; the work is tested in tests/orchestration/erasure."""

import json
from datetime import UTC, datetime

import pytest

from apexline.assets.lake.storage import Lake
from apexline.governance.people import KEY_VARIABLE, add_person
from apexline.orchestration.erasure.intent import keep, new_intent
from apexline.orchestration.erasure.target import Request
from apexline.orchestration.erasure.traces import Traces

CLIP = "0123456789abcdef"


@pytest.mark.parametrize("name", ["''", "7", "x", "' '"])
def test_by_has_to_be_a_name(apexline, home, name):
    code, out, err = apexline(f"erase {CLIP} --by {name}")
    assert (code, out) == (1, "")
    assert "expected the name of a person, with two letters or more" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (f"erase {CLIP} --camera gate-03 --by Ada", "Give each in a command of its own"),
        ("erase --camera gate-03 --by Ada", "no clip of camera 'gate-03' is here"),
        ("erase --day yesterday --by Ada", "expected a UTC day such as 2026-03-02"),
        ("erase --rater r1 --by Ada", "no answer of a rater 'r1' is here"),
        (f"erase {CLIP} --dry-run", f"no clip '{CLIP}' is stored"),
    ],
)
def test_what_cannot_be_erased_is_an_error_with_a_remedy(apexline, home, arguments, message):
    code, out, err = apexline(arguments)
    assert (code, out) == (1, "")
    assert message in err


def test_where_people_are_entered_only_an_officer_with_a_key_erases(apexline, home, monkeypatch):
    key = add_person(home.home_path, "Ada", ("officer",), by="Ada", now=datetime.now(UTC))
    code, _, err = apexline("erase --rater r1 --by Ada")
    assert (code, "saw no key of 'Ada'" in err) == (1, True)
    monkeypatch.setenv(KEY_VARIABLE, key)
    assert "no answer of a rater 'r1' is here" in apexline("erase --rater r1 --by Ada")[2]


def test_an_unfinished_erasure_is_named_by_doctor_and_finished(apexline, home):
    lake = Lake(home.home_path)
    intent = new_intent(Request(clips=(CLIP,)), Traces(), by="Ada")
    keep(lake, intent)
    code, out, _ = apexline("doctor --json")
    [finding] = [each for each in json.loads(out) if each["what"] == "unfinished erasure"]
    assert code == 1
    assert "`apexline erase --resume`" in finding["detail"]
    code, out, _ = apexline("erase --resume --json")
    assert code == 0
    [receipt] = json.loads(out)
    path = lake.home / "receipts" / f"{receipt['receipt']}.json"
    assert not list((lake.home / "erasures").iterdir())
    assert apexline("erase --verify", path)[0] == 0
    path.write_text(path.read_text().replace("Ada", "Bob"))
    code, _, err = apexline("erase --verify", path)
    assert code == 1
    assert "was changed after it was signed" in err


def test_an_erased_clip_is_refused_until_a_person_takes_it_in(apexline, home, deliver, tmp_path, noise_clip):
    """Erased and published with nothing left in the home; then refused; then taken in by name."""
    clip = deliver(tmp_path / "in", "anna.mp4", noise_clip())
    code, out, _ = apexline("ingest", clip, "--json")
    assert json.loads(out)["accepted"] == 1
    [record] = (home.home_path / "clips").glob("*/*.json")
    code, out, _ = apexline("erase", record.stem, "--by Ada --json")
    assert code == 0
    assert "not recorded anew" not in json.loads(out)
    code, out, _ = apexline("ingest", clip, "--json")
    [refused] = json.loads(out)["quarantined"]
    assert (refused["status"], refused["name"]) == ("refused", "anna.mp4")
    assert apexline("ingest", clip, "--despite-erasure 7")[0] == 1
    code, out, _ = apexline("ingest", clip, "--despite-erasure Ada --json")
    assert json.loads(out)["accepted"] == 1
