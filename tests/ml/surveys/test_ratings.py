import numpy as np
import pandas as pd
import pytest

from apexline.ml.emotions import EMOTIONS
from apexline.ml.surveys import ratings
from apexline.ml.surveys.panel import simulate_panel

HEADER = "rater,segment,pair,level\n"


@pytest.fixture
def write_csv(tmp_path):
    def write(text):
        path = tmp_path / "survey.csv"
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def stimuli():
    names = [f"s{number:02d}" for number in range(16)]
    return pd.DataFrame({"segment": names, "emotion": [EMOTIONS[i % 4] for i in range(16)]})


def test_levels_run_from_plus_one_at_the_first_pole_to_minus_one():
    np.testing.assert_array_equal(ratings.level_scores([1, 2, 3, 4, 5]), [1, 0.5, 0, -0.5, -1])
    assert np.isnan(ratings.level_scores([np.nan])).all()


@pytest.mark.parametrize("level", [0, 6, 5.01])
def test_a_level_off_the_scale_is_refused(level):
    with pytest.raises(ValueError, match=r"expected 1\.\.5"):
        ratings.level_scores([1, level])


def test_good_rows_go_on_and_bad_rows_come_back_with_every_reason(write_csv):
    path = write_csv(
        HEADER
        + "r1,s1,angry_calm,1\n"
        + "r1,s1,angry_calm,2\n"
        + "r1,s1,hot_cold,9\n"
        + "r1,s2,angry_calm\n"
        + ",s2,happy_sad,3\n"
        + "r2,s2,happy_sad,3\n"
        + "r2,s2,angry_calm,three\n"
    )
    good, rejected = ratings.read_ratings(path)
    assert good.to_dict("records") == [
        _rating("r1", "s1", "angry_calm", 1),
        _rating("r2", "s2", "happy_sad", 3),
    ]
    assert good["level"].dtype == np.float32
    assert list(rejected.columns) == list(ratings.REJECTED_COLUMNS)
    reasons = dict(zip(rejected["row"], rejected["reason"], strict=True))
    assert list(reasons) == [3, 4, 5, 6, 8]
    assert "already rated" in reasons[3]
    assert "'hot_cold' is not an adjective pair" in reasons[4]
    assert "'9' is not one of 1..5" in reasons[4]
    assert reasons[5] == "saw 3 fields, expected 4"
    assert "rater '' is empty" in reasons[6]
    assert "'three'" in reasons[8]


def _rating(rater, segment, pair, level, source="survey.csv"):
    return {
        "rater": rater,
        "segment": segment,
        "pair": pair,
        "level": level,
        "synthetic": False,
        "source": source,
    }


def test_only_sliders_take_levels_between(write_csv):
    path = write_csv(HEADER + "r1,s1,angry_calm,2.5\nr1,s1,old_young,2.5\nr1,s2,old_young,5.5\n")
    good, rejected = ratings.read_ratings(path, sliders=["old_young"])
    assert good[["pair", "level"]].to_numpy().tolist() == [["old_young", 2.5]]
    assert rejected["row"].tolist() == [2, 4]
    np.testing.assert_allclose(ratings.level_scores(good["level"]), [0.25])


def test_a_blank_level_is_a_missing_answer_and_no_error(write_csv):
    good, rejected = ratings.read_ratings(write_csv(HEADER + "r1,s1,angry_calm,\nr1,s1,happy_sad,5\n"))
    assert good["pair"].tolist() == ["happy_sad"]
    assert rejected.empty


def test_columns_come_in_any_order_with_others_between_and_a_byte_order_mark(write_csv):
    path = write_csv("\ufeffpair,when, level ,rater,segment\n\nangry_calm,noon, 4 ,r1,s1\n")
    good, rejected = ratings.read_ratings(path, source="lab")
    assert good.to_dict("records") == [_rating("r1", "s1", "angry_calm", 4, "lab")]
    assert rejected.empty


@pytest.mark.parametrize("text", ["", "rater,segment,level\n"])
def test_a_header_without_the_columns_is_refused(write_csv, text):
    with pytest.raises(ValueError, match="lacks"):
        ratings.read_ratings(write_csv(text))


def test_a_file_with_a_header_only_gives_two_empty_tables(write_csv):
    good, rejected = ratings.read_ratings(write_csv(HEADER))
    assert good.empty
    assert rejected.empty
    assert list(good.columns) == list(ratings.RATING_COLUMNS)


@pytest.mark.parametrize(
    ("level", "taken"),
    [
        ("3.0", 3),
        (" 3", 3),
        ("+3.", 3),
        ("\u00a03", 3),
        ("03", 3),
        ("3.1", None),
        ("33", None),
        ("3e0", None),
    ],
)
def test_a_whole_level_is_taken_however_it_is_written(write_csv, level, taken):
    good, rejected = ratings.read_ratings(write_csv(HEADER + f"r1,s1,angry_calm,{level}\n"))
    assert good["level"].tolist() == ([] if taken is None else [taken])
    assert len(good) + len(rejected) == 1


@pytest.mark.parametrize("level", ["NA", " n/a ", "NaN", "NULL", "None", "#N/A"])
def test_what_tools_write_for_no_answer_is_no_error(write_csv, level):
    good, rejected = ratings.read_ratings(write_csv(HEADER + f"r1,s1,angry_calm,{level}\n"))
    assert (len(good), len(rejected)) == (0, 0)


def test_the_same_answer_again_says_so_and_another_level_names_the_one_that_is_kept(write_csv):
    rows = "Ren\u00e9e,s1,angry_calm,4\nRene\u0301e,s1,angry_calm,4.0\nRen\u00e9e,s1,angry_calm,2\n"
    good, rejected = ratings.read_ratings(write_csv(HEADER + rows))
    assert (good.index.tolist(), good["rater"].tolist()) == ([2], ["Ren\u00e9e"])
    assert rejected["row"].tolist() == [3, 4]
    assert rejected["reason"][0] == ratings.REPEATED
    assert "level 4, which is kept" in rejected["reason"][1]


def test_names_without_end_or_with_line_ends_are_refused_and_shown_short(write_csv):
    good, rejected = ratings.read_ratings(
        write_csv(HEADER + f'{"r" * 5000},s1,angry_calm,1\n"r\n1",s1,angry_calm,1\nr1,s1,angry_calm,1\n')
    )
    assert good.index.tolist() == [5]
    assert rejected["row"].tolist() == [2, 3]
    assert "longer than 200 characters" in rejected["reason"][0]
    assert "control character" in rejected["reason"][1]
    assert max(len(reason) for reason in rejected["reason"]) < 300


def test_answers_that_come_once_come_back_as_they_are_and_others_once():
    table = pd.DataFrame(
        [("Ren\u00e9e", "s1", "p", 1), ("r2", "s1", "p", 1), ("Rene\u0301e", "s1", "p", 3)],
        columns=list(ratings.ANSWER_COLUMNS),
    )
    assert ratings.answers_once(table)["level"].tolist() == [1, 1]
    pd.testing.assert_frame_equal(ratings.answers_once(table[1:]), table[1:])
    assert ratings.answers_once(table[:0]).empty


def test_segments_and_pairs_can_be_restricted(write_csv):
    path = write_csv(HEADER + "r1,s1,hot_cold,1\nr1,s9,hot_cold,1\n")
    good, rejected = ratings.read_ratings(path, pairs=["hot_cold"], segments=["s1"])
    assert good["segment"].tolist() == ["s1"]
    assert rejected["reason"].tolist() == ["segment 's9' is not a stimulus of this survey"]


def test_numbers_from_a_frame_are_accepted_whatever_its_index():
    answers = pd.DataFrame(
        {
            "rater": ["r1", "r1", "r1", None],
            "segment": ["s1"] * 4,
            "pair": ["angry_calm", "happy_sad", "mad_quiet", "angry_calm"],
            "level": [3.0, np.nan, 2.5, 1],
        },
        index=[7, 7, 8, 9],
    )
    good, rejected = ratings.check_ratings(answers, source="page")
    assert good[["pair", "level"]].to_numpy().tolist() == [["angry_calm", 3]]
    assert rejected["row"].tolist() == [8, 9]
    assert "'2.5'" in rejected["reason"][0]


def test_a_frame_without_the_columns_is_refused():
    with pytest.raises(ValueError, match="level"):
        ratings.check_ratings(pd.DataFrame({"rater": [], "segment": [], "pair": []}), source="page")


def test_a_repeated_answer_counts_only_against_good_ones():
    answers = pd.DataFrame(
        [("r1", "s1", "angry_calm", "8"), ("r1", "s1", "angry_calm", "2")],
        columns=list(ratings.ANSWER_COLUMNS),
    )
    good, rejected = ratings.check_ratings(answers, source="page")
    assert good["level"].tolist() == [2]
    assert len(rejected) == 1


def test_the_mean_skips_missing_answers():
    answers = pd.DataFrame(
        [
            ("r1", "s1", "angry_calm", 1),
            ("r2", "s1", "angry_calm", 2),
            ("r1", "s2", "angry_calm", 5),
            ("r2", "s1", "happy_sad", 3),
        ],
        columns=list(ratings.ANSWER_COLUMNS),
    )
    table = ratings.mean_scores(answers)
    assert table.index.tolist() == ["s1", "s2"]
    np.testing.assert_array_equal(table, [[0.75, 0], [-1, np.nan]])


def test_columns_of_the_mean_follow_the_data_file_and_can_be_asked_for():
    answers = pd.DataFrame(
        [("r1", "s1", pair, 1) for pair in ("own_pair", "happy_sad", "angry_calm")],
        columns=list(ratings.ANSWER_COLUMNS),
    )
    assert ratings.mean_scores(answers).columns.tolist() == ["angry_calm", "happy_sad", "own_pair"]
    table = ratings.mean_scores(answers, pairs=["happy_sad", "mad_quiet"])
    assert table.columns.tolist() == ["happy_sad", "mad_quiet"]
    assert table["mad_quiet"].isna().all()


def test_the_mean_agrees_with_a_slow_loop(stimuli):
    panel = simulate_panel(stimuli, raters=4, seed=3)
    table = ratings.mean_scores(panel)
    sums, counts = {}, {}
    for row in panel.to_dict("records"):
        cell = row["segment"], row["pair"]
        sums[cell] = sums.get(cell, 0) + 1 - 2 * (row["level"] - 1) / 4
        counts[cell] = counts.get(cell, 0) + 1
    for (segment, pair), total in sums.items():
        assert table.loc[segment, pair] == pytest.approx(total / counts[segment, pair])
