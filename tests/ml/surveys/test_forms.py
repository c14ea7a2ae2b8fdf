import io

import numpy as np
import pandas as pd
import pytest

from apexline.ml import norms
from apexline.ml.surveys import forms as survey_form

POLES = """item,left_German,right_German,left_English,right_English
1,jung,alt,young,old
2,affektiert,unaffektiert,affected,unaffected
3,unsicher,sicher,unsecure,not secure
"""
NORMS = """term,component,E_mean,E_std,P_mean,A_mean
young,modifier,2.15,1,0.43,2.15
young,identity,0,0,0,0
old,modifier,0.0,1,0.86,-2.15
affected,modifier,1.0,1,1.0,1.0
unaffected,modifier,1.0,1,1.0,1.0
insecure,modifier,-4.3,1,-4.3,-4.3
"""


@pytest.fixture
def write(tmp_path):
    def write(name, text):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def form(write):
    return survey_form.read_form(write("poles.csv", POLES), write("norms.csv", NORMS))


def test_poles_take_the_norms_of_modifiers_and_potency_is_dominance(form):
    assert list(form) == ["alt", "unaffektiert", "sicher"]
    young_old = form["alt"]
    assert young_old.pair == "young_old"
    assert young_old.first.pad == pytest.approx((0.5, 0.5, 0.1))
    target = norms.target_of(form.values())
    np.testing.assert_allclose(target.loc["young_old"], [0.25, 0.5, -0.05])
    np.testing.assert_allclose(norms.midpoint_of(form.values()).loc["young_old"], [0.25, 0, 0.15])


def test_stand_ins_are_named_and_another_sense_is_no_norm(form):
    table = survey_form.pad_norms(form)
    assert table.loc["unsecure_not-secure", "first_term"] == "insecure"
    assert table["pleasure"].isna().tolist() == [False, True, True]
    assert form["unaffektiert"].first.pad is None


def test_a_form_is_stored_in_the_layout_of_the_projects_pairs(form):
    again = norms.read_pairs(io.StringIO(norms.pairs_csv(form.values())))
    assert [each.pair for each in again] == [each.pair for each in form.values()]
    pd.testing.assert_frame_equal(norms.target_of(again), norms.target_of(form.values()))
    text = norms.pairs_csv(norms.load_pairs())
    assert norms.read_pairs(io.StringIO(text)) == norms.load_pairs()


def test_sliders_become_levels_and_missing_answers_are_no_errors(write, form):
    path = write("survey.csv", "who,what,alt,unaffektiert,sicher,age\nr1,s1,0,50,100,\nr1,s2,NA, ,25,9\n")
    good, rejected = survey_form.read_scale_table(path, form, rater="who", stimulus="what")
    assert rejected.empty
    levels = good.pivot_table(index="segment", columns="pair", values="level")
    np.testing.assert_array_equal(levels.loc["s1"], [3, 5, 1])  # affected, unsecure, young
    assert levels.loc["s2", "unsecure_not-secure"] == 2
    assert len(good) == 4
    assert not good["synthetic"].any()
    assert good["source"].unique().tolist() == ["survey.csv"]


def test_bad_answers_come_back_with_line_and_reason(write, form):
    path = write("survey.csv", "who,what,alt,unaffektiert,sicher\nr1,s1,101,1,x\n,s1,1,NA,NA\nr1,s1,5,2,3\n")
    good, rejected = survey_form.read_scale_table(path, form, rater="who", stimulus="what")
    assert good["level"].tolist() == [pytest.approx(1.04)]
    reasons = {(row.row, row.level): row.reason for row in rejected.itertuples()}
    assert reasons[2, "101"] == reasons[2, "x"] == "is not a number 0..100"
    assert reasons[3, "1"] == "the rater or the stimulus has no name"
    assert "already rated" in reasons[4, "2"]


def test_a_table_of_another_locale_is_read_and_repeats_are_told_from_contradictions(write, form):
    text = "WHO;what;Alt;unaffektiert;sicher\nr1;s1;12,5;1;\nr1;s1;12,50;2;\nr1;s2;7\n"
    good, rejected = survey_form.read_scale_table(
        write("survey.csv", text), form, rater="who", stimulus="what"
    )
    assert good["level"].tolist() == pytest.approx([1.5, 1.04])
    assert rejected["row"].tolist() == [3, 3, 4]
    reasons = dict(zip(rejected["pair"], rejected["reason"], strict=True))
    assert reasons["young_old"] == survey_form.REPEATED
    assert "'1' is kept" in reasons["affected_unaffected"]
    assert reasons[""] == "saw 3 fields, expected 5"


def test_a_norm_that_is_no_number_is_named_with_its_file(write):
    norms_file = write("norms.csv", NORMS + "strange,modifier,x,1,1,1\n")
    with pytest.raises(ValueError, match=r"norms.csv: the terms \['strange'\] lack a number"):
        survey_form.read_form(write("poles.csv", POLES), norms_file)


def test_poles_that_are_no_table_name_their_file(write):
    with pytest.raises(ValueError, match=r"poles.csv is no table"):
        survey_form.read_form(write("poles.csv", 'left_en,right_en\n"a,b\nc,d\n'), write("norms.csv", NORMS))


@pytest.mark.parametrize(
    ("poles", "table", "message"),
    [
        ("left,right\na,b\n", NORMS, "left_<language>"),
        (POLES + "4,jung,alt,young,old\n", NORMS, "names a scale twice"),
        (POLES, "term,component\nyoung,modifier\n", "lack .*E_mean"),
    ],
)
def test_forms_that_cannot_be_read_are_refused(write, poles, table, message):
    with pytest.raises(ValueError, match=message):
        survey_form.read_form(write("poles.csv", poles), write("norms.csv", table))


def test_a_survey_without_a_scale_of_its_form_is_refused(write, form):
    with pytest.raises(ValueError, match="sicher"):
        survey_form.read_scale_table(
            write("survey.csv", "who,what,alt,unaffektiert\n"), form, rater="who", stimulus="what"
        )
