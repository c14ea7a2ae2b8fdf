import numpy as np
import pytest
from upath import UPath

from apexline.assets.lake.storage import Lake
from apexline.assets.parameters import Parameters, SurveyConfig
from apexline.assets.semantics.pad_space import load_space, pad_space, rated_pad, usable_ratings
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
from apexline.features.config import FeatureConfig
from apexline.ml.norms import PROJECT_FORM, pair_ids, pairs_csv

DAY = "2026-03-02_gate-03"
HEADER = "rater,segment,pair,level\n"
PANEL_OF_TWO = Parameters(features=FeatureConfig(), survey=SurveyConfig(simulated_raters=2))


@pytest.fixture
def lake(tmp_path):
    return Lake(UPath(tmp_path / "home"))


@pytest.fixture
def answers(tmp_path):
    def write(name, *rows):
        path = tmp_path / name
        path.write_text(HEADER + "".join(f"{row}\n" for row in rows))
        return path

    return write


def annotate(lake, clip, *emotions, synthetic=True):
    span = {"subject": "v00", "onset": 1, "apex": 2, "offset": 3, "x": 0, "y": 0, "w": 9, "h": 9}
    rows = [
        {"clip_id": clip, "annotation_id": f"{clip}-a{k}", "emotion": emotion, "synthetic": synthetic, **span}
        for k, emotion in enumerate(emotions)
    ]
    lake.write("annotations", clip, rows, stamp="s", camera_day=DAY)


def test_import_keeps_the_good_rows_under_the_content_of_the_file(lake, answers):
    first = answers("page.csv", "r1,s1,angry_calm,1", "r1,s1,angry_calm,7")
    result = import_csv(lake, first)
    assert (result["file"], result["accepted"], result["rejected"]) == ("page.csv", 1, 1)
    import_csv(lake, first)
    assert len(survey_files(lake)) == 1
    import_csv(lake, answers("page.csv", "r1,s1,angry_calm,2"))
    assert len(survey_files(lake)) == 2


@pytest.fixture
def voices(lake, tmp_path):
    """Import a survey of 12 scales on sliders by 6 raters of 40 stimuli; the form is called "voices"."""

    def write(name, lines):
        path = tmp_path / name
        path.write_text("".join(f"{line}\n" for line in lines))
        return path

    rng = np.random.default_rng(0)
    axes = rng.normal(size=(12, 3))
    scales = [f"w{i}" for i in range(12)]
    poles = write("voices.csv", ["left_en,right_en", *(f"v{i},w{i}" for i in range(12))])
    norms = write(
        "norms.csv",
        ["term,component,E_mean,P_mean,A_mean"]
        + [f"w{i},modifier,{-p},{-d},{-a}" for i, (p, a, d) in enumerate(axes)]
        + [f"v{i},modifier,{p},{d},{a}" for i, (p, a, d) in enumerate(axes)],
    )
    points = rng.normal(size=(40, 3))
    rows = []
    for rater in range(6):
        values = np.clip(50 - 8 * points @ axes.T + 5 * rng.normal(size=(40, 12)), 0, 100).round()
        rows += [f"r{rater},s{k}," + ",".join(f"{v:g}" for v in row) for k, row in enumerate(values)]
    table = write("table.csv", ["rater,segment," + ",".join(scales), *rows])
    return import_scale_table(lake, table, poles=poles, norms=norms, rater="rater", stimulus="segment")


def test_a_survey_with_scales_of_its_own_makes_the_space_where_the_parameters_say_so(
    lake, voices, answers, materialise
):
    assert (voices["accepted"], voices["rejected"], voices["form"]) == (40 * 6 * 12, 0, "voices")
    import_csv(lake, answers("page.csv", "r1,s1,angry_calm,1"))
    chosen = Parameters(features=FeatureConfig(), survey=SurveyConfig(form="voices"))
    rated = materialise(rating_surveys, lake=lake, parameters=chosen)
    assert rated.metadata["ratings"].value == 40 * 6 * 12 + 1
    fitted = materialise(pad_space, lake=lake, parameters=chosen)
    space = load_space(lake)
    assert set(space.pairs) == {f"voices/v{i}_w{i}" for i in range(12)}
    assert space.unsupported == ()
    assert len(space.segments) == 40
    assert set(fitted.metadata["variance_inflation"].value) == {"pleasure", "arousal", "dominance"}
    assert set(rated_pad(lake, space)) == set(space.segments)


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


def test_real_ratings_take_the_place_of_simulated_ones(lake, answers, materialise):
    annotate(lake, "aaaa", "happy")
    materialise(rating_surveys, lake=lake, parameters=PANEL_OF_TWO)
    assert usable_ratings(lake, pair_ids())["synthetic"].all()
    import_csv(lake, answers("page.csv", "r1,s1,angry_calm,1"))
    materialise(rating_surveys, lake=lake, parameters=PANEL_OF_TWO)
    assert usable_ratings(lake, pair_ids())["segment"].tolist() == ["s1"]
    with pytest.raises(LookupError, match="nobody has rated"):
        usable_ratings(lake, ["old_young"])


def test_without_ratings_or_space_the_remedy_is_named(lake):
    with pytest.raises(LookupError, match="apexline survey import"):
        usable_ratings(lake, pair_ids())
    with pytest.raises(LookupError, match="materialise pad_space"):
        load_space(lake)
