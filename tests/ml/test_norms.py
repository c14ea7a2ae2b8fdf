import csv

import numpy as np
import pytest

from apexline.ml import norms
from apexline.ml.emotions import EMOTIONS, PAD_AXES

TABLE_1 = [
    "angry-calm",
    "happy-sad",
    "serious-relaxed",
    "scared-laid-back",
    "depressed-confident",
    "disappointed-gratified",
    "helpless-excited",
    "touched-scornful",
    "uneasy-relieved",
    "surprised-unsurprised",
    "ashamed-proud",
    "stressed-hysteric",
    "impassioned-indifferent",
    "disdainful-worshipful",
    "decadent-positive",
    "disgusted-attracted",
    "fevered-vacuous",
    "anxious-light-hearted",
    "mad-quiet",
    "panic-leisured",
]


def test_the_first_twenty_pairs_are_table_1():
    words = [f"{pair.first.adjective}-{pair.second.adjective}" for pair in norms.load_pairs()[:20]]
    assert words == TABLE_1


def test_there_are_fifty_pairs_of_which_at_least_ten_were_chosen_for_dominance():
    pairs = norms.load_pairs()
    assert len(pairs) == len(set(norms.pair_ids())) == 50
    assert sum(pair.chosen_for == "dominance" for pair in pairs) >= 10


def test_pairs_without_a_norm_are_the_three_that_the_docstring_names():
    target = norms.target_of(norms.load_pairs())
    assert list(target.index[target.isna().any(axis=1)]) == [
        "surprised_unsurprised",
        "stressed_hysteric",
        "decadent_positive",
    ]
    assert "surprised-unsurprised, stressed-hysteric" in norms.__doc__


def test_every_number_in_the_file_lies_on_the_scale_and_has_the_one_source():
    with norms.PAIRS_FILE.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["source"] for row in rows} == {"smith-lovin-2016"}
    numbers = [row[f"{pole}_{axis}"] for row in rows for pole in ("first", "second") for axis in _EPA]
    assert all(abs(float(number)) <= norms.NORM_LIMIT for number in numbers if number)
    for row in rows:
        for pole in ("first", "second"):
            assert bool(row[f"{pole}_term"]) == bool(row[f"{pole}_activity"])


_EPA = ("evaluation", "potency", "activity")


def test_target_of_angry_calm_by_hand():
    # angry E -1.7705 P .5704 A 1.7977; calm E 2.8847 P 1.9323 A -2.3222; (first - second) / 2 / 4.3
    row = norms.target_of(norms.select_pairs(["angry_calm"])).loc["angry_calm"]
    assert list(row.index) == list(PAD_AXES)
    np.testing.assert_allclose(row, [-4.6552 / 8.6, 4.1199 / 8.6, -1.3619 / 8.6], atol=1e-12)


def test_midpoint_and_target_give_back_the_poles():
    pair = norms.load_pairs()[0]
    both = norms.midpoint_of([pair]).to_numpy() + norms.target_of([pair]).to_numpy()
    np.testing.assert_allclose(both[0], pair.first.pad)


def test_pairs_come_in_the_order_asked_for():
    found = norms.select_pairs(["happy_sad", "angry_calm"])
    assert [each.pair for each in found] == ["happy_sad", "angry_calm"]


def test_an_unknown_pair_is_named():
    with pytest.raises(KeyError, match="hot_cold"):
        norms.select_pairs(["happy_sad", "hot_cold"])


def test_the_added_pairs_tell_dominance_from_pleasure():
    def congruence(table):
        pleasure, dominance = table["pleasure"], table["dominance"]
        return (pleasure @ dominance) / np.sqrt((pleasure @ pleasure) * (dominance @ dominance))

    target = norms.target_of(norms.load_pairs())
    assert congruence(target.iloc[:20].dropna()) > 0.9
    assert congruence(target.dropna()) < 0.8


def test_emotions_have_plausible_norms_in_the_common_order():
    table = norms.emotion_pad()
    assert tuple(table.index) == EMOTIONS
    assert table.loc["happy", "pleasure"] > 0 > table.loc["angry", "pleasure"]
    assert table.loc["angry", "arousal"] > 0 > table.loc["calm", "arousal"]
    assert table.loc["angry", "dominance"] > table.loc["scared", "dominance"]


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_an_emotions_own_norm_maps_to_it(emotion):
    assert norms.nearest_emotion(norms.emotion_pad().loc[emotion]) == emotion


def test_emotions_to_choose_from_can_be_restricted():
    happy = norms.emotion_pad().loc["happy"]
    assert norms.nearest_emotion(happy, ("angry", "scared")) in ("angry", "scared")


def test_nearest_adjectives_are_sorted_by_distance():
    table = norms.adjective_pad()
    point = table.loc["gloomy"].to_numpy()
    found = norms.nearest_adjectives(point, 5)
    assert found[0] == "gloomy"
    distances = [np.linalg.norm(table.loc[word] - point) for word in found]
    assert distances == sorted(distances)
    others = table.drop(index=list(found)).to_numpy()
    assert np.linalg.norm(others - point, axis=1).min() >= distances[-1]


def test_adjectives_without_a_norm_are_never_named():
    assert not {"unsurprised", "hysteric", "decadent"} & set(norms.adjective_pad().index)


@pytest.mark.parametrize("pad", [[0.1, 0.2], [0.1, 0.2, np.nan]])
def test_a_point_that_is_none_is_refused(pad):
    with pytest.raises(ValueError, match="three finite numbers"):
        norms.nearest_emotion(pad)
