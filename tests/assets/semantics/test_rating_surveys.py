import pytest

from apexline.assets.semantics.rating_surveys import (
    PANEL,
    form_names,
    import_csv,
    load_form,
    rating_surveys,
    survey_files,
    synthetic_stimuli,
)
from apexline.ml.config import PROJECT_FORM
from apexline.ml.norms import pairs_csv
from tests.assets.semantics.surveyed import PANEL_OF_TWO, annotate


def test_import_keeps_the_good_rows_under_the_content_of_the_file(lake, answers):
    first = answers("page.csv", "r1,s1,angry_calm,1", "r1,s1,angry_calm,7")
    result = import_csv(lake, first)
    assert (result["file"], result["accepted"], result["rejected"]) == ("page.csv", 1, 1)
    import_csv(lake, first)
    assert len(survey_files(lake)) == 1
    import_csv(lake, answers("page.csv", "r1,s1,angry_calm,2"))
    assert len(survey_files(lake)) == 2


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
