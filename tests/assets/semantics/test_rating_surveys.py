import pytest

from apexline.assets.semantics import rating_surveys as module
from apexline.assets.semantics.pad_space import usable_ratings
from apexline.assets.semantics.rating_surveys import (
    PANEL,
    form_names,
    import_csv,
    import_scale_table,
    load_form,
    rating_surveys,
    survey_files,
    synthetic_stimuli,
)
from apexline.ml.config import PROJECT_FORM
from apexline.ml.norms import pair_ids, pairs_csv
from tests.assets.semantics.surveyed import PANEL_OF_TWO, annotate


def test_import_keeps_the_good_rows_under_the_content_of_the_file(lake, answers):
    first = answers("page.csv", "r1,s1,angry_calm,1", "r1,s1,angry_calm,7")
    result = import_csv(lake, first)
    assert (result["file"], result["accepted"], result["rejected"]) == ("page.csv", 1, 1)
    import_csv(lake, first)
    assert len(survey_files(lake)) == 1
    import_csv(lake, answers("page.csv", "r2,s1,angry_calm,2"))
    assert len(survey_files(lake)) == 2


def test_an_answer_counts_once_whatever_files_hold_it(lake, answers, materialise, parameters):
    rows = ["r1,s1,angry_calm,1", "r1,s1,happy_sad,4"]
    import_csv(lake, answers("week-1.csv", *rows))
    for again in ("week-1.csv", "renamed.csv"):
        result = import_csv(lake, answers(again, *rows, *rows))
        assert [result[name] for name in ("accepted", "known", "rejected")] == [0, 4, 0]
    result = import_csv(lake, answers("week-2.csv", *rows, "r2,s1,angry_calm,2"))
    assert [result[name] for name in ("accepted", "known", "rejected")] == [1, 2, 0]
    # One who copies files by hand is met when they are read.
    (lake.home / "surveys" / "copy.csv").write_text(answers("x.csv", *rows, "r1,s2,angry_calm,5").read_text())
    rated = materialise(rating_surveys, lake=lake, parameters=parameters)
    assert (rated.metadata["ratings"].value, rated.metadata["repeated"].value) == (4, 2)
    assert len(usable_ratings(lake, pair_ids())) == 4


def test_another_level_for_the_same_answer_is_rejected_with_line_and_file(lake, answers):
    import_csv(lake, answers("first.csv", "Ren\u00e9e,s1,angry_calm,1"))
    result = import_csv(lake, answers("second.csv", "r2,s1,angry_calm,3", "Rene\u0301e,s1,angry_calm,5"))
    assert [result[name] for name in ("accepted", "known", "rejected")] == [1, 0, 1]
    [conflict] = result["reasons"]
    assert (conflict["row"], conflict["level"]) == (3, 5)
    assert "level 1, which is kept" in conflict["reason"]
    assert "first-" in conflict["reason"]


def test_answers_that_went_come_back_beside_those_that_stayed(lake, answers):
    file = answers("page.csv", "r1,s1,angry_calm,1", "r1,s2,angry_calm,2")
    import_csv(lake, file)
    [stored] = survey_files(lake)
    stored.write_text("rater,segment,pair,level\nr1,s1,angry_calm,1\n")
    assert import_csv(lake, file)["accepted"] == 1
    assert sorted(path.read_text().count("r1") for path in survey_files(lake)) == [1, 1]


def test_of_many_bad_rows_the_first_are_listed(lake, answers):
    result = import_csv(lake, answers("bad.csv", *(f"r1,s{k},angry_calm,9" for k in range(300))))
    assert (result["rejected"], len(result["reasons"])) == (300, 200)
    assert survey_files(lake) == []


def test_a_scale_table_is_taken_once_and_a_bad_one_leaves_the_form_alone(lake, voices, tmp_path):
    form = (lake.home / "surveys" / "forms" / "voices.csv").read_text()
    options = {"poles": tmp_path / "voices.csv", "norms": tmp_path / "norms.csv"}
    again = import_scale_table(lake, tmp_path / "table.csv", **options, rater="rater", stimulus="segment")
    assert [again[name] for name in ("accepted", "known", "rejected")] == [0, voices["accepted"], 0]
    options["poles"].write_text("left_en,right_en\nold,young\n")
    bad = tmp_path / "bad.csv"
    bad.write_text("rater,segment,young\nr1,s1,900\n")
    import_scale_table(lake, bad, **options, rater="rater", stimulus="segment")
    assert (lake.home / "surveys" / "forms" / "voices.csv").read_text() == form


def test_a_file_that_cannot_be_read_stops_no_other(lake, answers, materialise, parameters):
    import_csv(lake, answers("good.csv", "r1,s1,angry_calm,1"))
    (lake.home / "surveys" / "folder.csv").mkdir()
    bad = lake.home / "surveys" / "bad.csv"
    bad.write_text("rater,segment\n")
    worse = lake.home / "surveys" / "worse.csv"
    worse.write_text("rater,segment,pair,level\nr2,s1,angry_calm,2\n")
    assert materialise(rating_surveys, lake=lake, parameters=parameters).metadata["ratings"].value == 2
    worse.write_text("rater,segment,pair,level\nr2,s1,angry_calm,x\n")
    rated = materialise(rating_surveys, lake=lake, parameters=parameters)
    assert rated.metadata["ratings"].value == 2
    unread = rated.metadata["unread"].value
    assert "bad.csv, line 1" in unread["bad.csv"]
    assert "none of 1 rows is a rating; line 2" in unread["worse.csv"]


def test_a_form_that_was_not_imported_is_refused(lake, voices):
    assert form_names(lake) == ["voices"]
    assert pairs_csv(load_form(lake, PROJECT_FORM))
    with pytest.raises(LookupError, match=r"'adjective_pairs', 'voices'"):
        load_form(lake, "faces")


def test_import_of_a_table_without_ratings_is_refused(lake, tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match="rater"):
        import_csv(lake, path)
    assert survey_files(lake) == []


def test_only_synthetic_clips_are_rated_by_the_panel(lake):
    annotate(lake, "aaaa", "happy", "calm")
    annotate(lake, "bbbb", "angry", synthetic=False)
    stimuli = synthetic_stimuli(lake)
    assert stimuli.to_dict("list") == {"segment": ["aaaa-a0", "aaaa-a1"], "emotion": ["happy", "calm"]}


def test_every_source_becomes_one_file_and_a_rerun_reads_none_again(lake, answers, materialise):
    annotate(lake, "aaaa", "happy", "calm")
    import_csv(lake, answers("page.csv", "r1,s1,angry_calm,1", "r2,s1,angry_calm,2"))

    def run():
        return materialise(rating_surveys, lake=lake, parameters=PANEL_OF_TWO)

    first, again = run(), run()
    assert (first.metadata["computed"].value, again.metadata["computed"].value) == (2, 0)
    assert first.tags["dagster/data_version"] == again.tags["dagster/data_version"]
    assert len(lake.names("ratings")) == 2
    ratings = lake.read_all("ratings").to_pandas()
    assert set(ratings.loc[ratings["synthetic"], "segment"]) == {"aaaa-a0", "aaaa-a1"}
    assert set(ratings.loc[~ratings["synthetic"], "rater"]) == {"r1", "r2"}
    assert first.metadata["synthetic"].value is False

    [file] = survey_files(lake)
    file.unlink()
    third = run()
    assert third.metadata["computed"].value == 0
    assert lake.names("ratings") == [PANEL]
    assert third.metadata["synthetic"].value is True


def test_other_norms_are_rated_and_read_anew(lake, answers, materialise, monkeypatch, other_file):
    """They say what the panel thinks of, and which answers are to a pair."""
    annotate(lake, "aaaa", "happy")
    import_csv(lake, answers("page.csv", "r1,s1,angry_calm,1"))
    materialise(rating_surveys, lake=lake, parameters=PANEL_OF_TWO)
    monkeypatch.setattr(module, "PAIRS_FILE", other_file)
    computed = [
        materialise(rating_surveys, lake=lake, parameters=PANEL_OF_TWO).metadata["computed"].value
        for _ in range(2)
    ]
    assert computed == [2, 0]


def test_without_a_panel_nobody_rates_the_sample(lake, materialise, parameters):
    annotate(lake, "aaaa", "happy")
    materialise(rating_surveys, lake=lake, parameters=parameters)
    assert lake.read_all("ratings").num_rows == 0


def test_another_sample_is_rated_anew(lake, materialise):
    annotate(lake, "aaaa", "happy")
    first = materialise(rating_surveys, lake=lake, parameters=PANEL_OF_TWO)
    annotate(lake, "bbbb", "calm")
    second = materialise(rating_surveys, lake=lake, parameters=PANEL_OF_TWO)
    assert second.metadata["computed"].value == 1
    assert second.tags["dagster/data_version"] != first.tags["dagster/data_version"]
