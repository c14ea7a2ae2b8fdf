"""`apexline survey`: what is imported, and whether it is enough."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import sleep

import pandas as pd

from apexline.ml.emotions import EMOTIONS
from apexline.ml.surveys.panel import simulate_panel
from apexline.orchestration.commands.surveys import ratings
from apexline.orchestration.occupancy import alone
from apexline.orchestration.settings import Settings


def test_survey_power_needs_ratings_and_says_how_many_more(apexline, home, tmp_path):
    code, _, err = apexline("survey power")
    assert code == 1
    assert "nobody has rated" in err
    names = [f"s{number}" for number in range(30)]
    stimuli = pd.DataFrame({"segment": names, "emotion": [EMOTIONS[k % 4] for k in range(30)]})
    file = tmp_path / "answers.csv"
    simulate_panel(stimuli, raters=4).to_csv(file, index=False, float_format="%g")
    code, out, _ = apexline("survey power", file, "--congruence .9 --axis pleasure --json")
    plan = json.loads(out)
    assert code == 0
    assert (plan["basis"]["raters"], plan["basis"]["stimuli"]) == (4, 30)
    assert [row["images"] for row in plan["needed"]] == [30, 60, 120, 240, 480]
    assert plan["needed"][-1]["raters"] == 3
    assert plan["needed"][-1]["answers"] == 1440
    assert set(plan["ceiling"]) == {"pleasure", "arousal", "dominance"}


def test_survey_import_takes_scales_of_its_own_with_both_files(apexline, home, tmp_path):
    poles, norms, table = (tmp_path / name for name in ("voices.csv", "norms.csv", "table.csv"))
    poles.write_text("left_en,right_en\nyoung,old\n")
    norms.write_text("term,component,E_mean,P_mean,A_mean\nyoung,modifier,1,1,1\nold,modifier,0,0,0\n")
    table.write_text("who,what,old\nr1,s1,50\nr1,s2,101\n")
    code, out, _ = apexline("survey import", table, "--poles", poles, "--norms", norms, "--json")
    assert code == 1
    options = ("--poles", poles, "--norms", norms, "--rater who --stimulus what", "--json")
    code, out, _ = apexline("survey import", table, *options)
    result = json.loads(out)
    assert code == 0
    assert (result["accepted"], result["rejected"], result["form"]) == (1, 1, "voices")
    assert apexline("survey import", table, "--poles", poles)[0] == 2


def test_survey_import_keeps_good_rows_and_says_why_others_were_not(apexline, home, tmp_path):
    file = tmp_path / "answers.csv"
    file.write_text("rater,segment,pair,level\nr1,s1,angry_calm,1\nr1,s1,happy_sad,9\nr1,s1,angry_clam,2\n")
    code, out, _ = apexline("survey import", file, "--json")
    result = json.loads(out)
    assert code == 0
    assert (result["accepted"], result["rejected"]) == (1, 2)
    assert "angry_clam" in str(result["reasons"])
    [stored] = (home.state_path / "surveys").iterdir()
    assert stored.read_text() == "rater,segment,pair,level\nr1,s1,angry_calm,1\n"


def test_survey_import_of_another_table_names_the_missing_column(apexline, home, tmp_path):
    file = tmp_path / "answers.csv"
    file.write_text("rater,segment,pair\nr1,s1,angry_calm\n")
    code, _, err = apexline("survey import", file)
    assert code == 1
    assert "level" in err


def test_survey_import_fails_only_where_nothing_was_taken(apexline, home, tmp_path):
    header = "rater,segment,pair,level\n"
    file = tmp_path / "answers.csv"
    for text in (header, f"{header}r1,s1,angry_calm,9\n"):
        file.write_text(text)
        code, out, err = apexline("survey import", file, "--json")
        assert (code, json.loads(out)["accepted"]) == (1, 0)
        assert "nothing was taken from answers.csv" in err
    file.write_text(f"{header}r1,s1,angry_calm,4.0\nr1,s1,happy_sad,NA\n")
    for accepted, known in ((1, 0), (0, 1)):
        code, out, _ = apexline("survey import", file, "--json")
        result = json.loads(out)
        assert (code, result["accepted"], result["known"], result["rejected"]) == (0, accepted, known, 0)


def test_survey_import_of_what_is_no_table_is_one_line_not_a_traceback(apexline, home, tmp_path):
    for name, content in (
        ("noise.csv", bytes(range(256)) * 40),
        ("empty.csv", b""),
        ("nul.csv", b"\0" * 5000),
        ("wide.csv", b"x" * 300_000),
        ("cut.csv", "rater,segment,pair,level".encode("utf-16")[:-1]),
    ):
        file = tmp_path / name
        file.write_bytes(content)
        code, _, err = apexline("survey import", file)
        assert code == 1
        assert name in err
        assert "Traceback" not in err


def test_ratings_are_not_imported_beside_an_erasure(home, monkeypatch):
    entered = []
    monkeypatch.setattr(ratings, "import_csv", lambda lake, file: entered.append(file))
    settings = Settings()
    with ThreadPoolExecutor() as other:
        with alone(settings):
            wanted = {"poles": None, "norms": None, "rater": "", "stimulus": ""}
            waiting = other.submit(ratings.import_ratings, settings, Path("answers.csv"), **wanted)
            sleep(0.5)
            assert not entered
        waiting.result(timeout=10)
    assert entered == [Path("answers.csv")]
