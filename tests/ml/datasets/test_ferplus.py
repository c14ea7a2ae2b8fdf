import numpy as np
import pandas as pd
import pytest

from apexline.ml.datasets.ferplus import (
    ORIGINAL_WORDS,
    READINGS,
    VOCABULARY_SIZES,
    WORDS,
    drop_near_copies,
    ferplus_examples,
    largest_correlation,
    read_ferplus,
)

# image, split, FER2013's label, group, votes by word
ROWS = [
    ("a", "train", "happy", "", {"happiness": 8, "neutral": 2}),
    ("b", "train", "fear", "", {"surprise": 6, "fear": 3, "neutral": 1}),
    ("c", "train", "sad", "", {"sadness": 8, "neutral": 2}),
    ("d", "train", "happy", "twin", {"happiness": 10}),
    ("e", "train", "happy", "", {"happiness": 9, "NF": 1}),
    ("f", "valid", "angry", "twin2", {"anger": 10}),
    ("g", "valid", "neutral", "", {"neutral": 5, "anger": 5}),
    ("h", "test", "happy", "twin", {"happiness": 7, "neutral": 3}),
    ("i", "test", "fear", "twin2", {"fear": 4, "surprise": 4, "neutral": 2}),
    ("j", "test", "angry", "", {"fear": 5, "disgust": 4}),
    ("k", "test", "neutral", "", {"sadness": 5, "neutral": 4}),
]


@pytest.fixture
def labels(tmp_path):
    table = pd.DataFrame(
        [
            {"image": i, "split": s, "fer2013_label": o, "duplicate_group": g, **dict.fromkeys(WORDS, 0), **v}
            for i, s, o, g, v in ROWS
        ]
    )
    table.to_csv(tmp_path / "labels.csv", index=False)
    return tmp_path / "labels.csv"


def test_twins_of_judged_images_are_dropped(labels):
    folds = dict(zip("abcdefghijk", read_ferplus(labels).folds.tolist(), strict=True))
    assert folds["d"] == ""  # a copy is in test
    assert folds["f"] == ""
    assert all(folds[i] == "train" for i in "abce")
    assert all(folds[i] == "test" for i in "hijk")


def test_faces_that_look_like_a_judged_one_are_dropped(labels):
    ferplus = read_ferplus(labels)
    generator = np.random.default_rng(0)
    faces = generator.integers(40, 200, (len(ROWS), 48, 48)).astype(np.uint8)
    at = {name: row for row, name in enumerate(ferplus.ids.tolist())}

    def like(name: str, noise: float) -> np.ndarray:  # darker, flatter, and not the same pixels
        return (faces[at[name]] * 0.7 + 10 + generator.normal(0, noise, (48, 48))).astype(np.uint8)

    faces[at["a"]] = like("j", 5)  # test
    faces[at["b"]] = like("g", 5)  # valid
    faces[at["c"]] = like("k", 20)  # test, but too far from it
    faces[at["e"]] = 90  # of one grey: its correlation is not defined
    assert drop_near_copies(ferplus, faces).folds.tolist() == [
        *("", "", "train", "", "train", "", "valid", "test", "test", "test", "test")
    ]
    assert drop_near_copies(ferplus, faces, least=0.5).folds[at["c"]] == ""
    faces[at["g"]] = like("h", 5)  # valid, like test
    assert drop_near_copies(ferplus, faces).folds[at["g"]] == ""


def test_correlations_are_those_of_numpy_however_many_faces_there_are(monkeypatch):
    monkeypatch.setattr("apexline.ml.datasets.ferplus._BLOCK", 3)
    faces, others = (np.random.default_rng(i).integers(0, 256, (n, 6, 6)) for i, n in ((0, 7), (1, 8)))
    expected = [max(np.corrcoef(face.ravel(), other.ravel())[0, 1] for other in others) for face in faces]
    found = largest_correlation(faces.astype(np.uint8), others.astype(np.uint8))
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_the_most_frequent_word_counts_and_the_first_on_a_tie(labels):
    ferplus = read_ferplus(labels)
    assert ferplus.majority.tolist() == [0, -1, -1, 0, 0, 1, 2, 0, -1, 3, -1]
    assert ferplus.original.tolist() == [0, 3, -1, 0, 0, 1, 2, 0, 3, 1, 2]


def test_examples_have_soft_labels_to_learn_and_hard_ones_to_judge(labels):
    ferplus = read_ferplus(labels)
    faces = np.arange(len(ROWS), dtype=np.uint8)[:, None, None] * np.ones((48, 48), np.uint8)
    data, split, weights = ferplus_examples(ferplus, faces)
    assert data.ids.tolist() == ["a", "b", "g", "h", "j"]  # c: too few votes for the four; e: perhaps no face
    np.testing.assert_allclose(data.labels[:2], [[0.8, 0, 0.2, 0], [0, 0, 0.25, 0.75]])
    np.testing.assert_allclose(data.labels[2:], np.eye(4)[[2, 0, 3]])
    np.testing.assert_allclose(weights, [1.0, 0.4, 1, 1, 1])
    assert [len(fold) for fold in (split.train, split.valid, split.test)] == [2, 1, 2]
    assert data.images[:, 0, 0].tolist() == [0, 1, 6, 7, 9]
    assert "c" in ferplus_examples(ferplus, faces, min_share=0.1)[0].ids


def test_words_are_learned_in_both_vocabularies(labels):
    ferplus = read_ferplus(labels)
    rows, words = ferplus.words()
    assert ferplus.ids[rows].tolist() == list("abcghijk")  # d and f are copies; e: perhaps no face
    assert words.shape[1] == sum(VOCABULARY_SIZES)
    raters, named = words[:, : VOCABULARY_SIZES[0]], words[:, VOCABULARY_SIZES[0] :]
    np.testing.assert_allclose(raters.sum(axis=1), 1, atol=1e-6)
    assert dict(zip(WORDS, raters[1].tolist(), strict=False)) == pytest.approx(
        {**dict.fromkeys(WORDS[: VOCABULARY_SIZES[0]], 0), "surprise": 0.6, "fear": 0.3, "neutral": 0.1}
    )
    assert [ORIGINAL_WORDS[k] for k in named.argmax(axis=1)][:3] == ["happy", "fear", "sad"]
    np.testing.assert_array_equal(np.unique(named), [0, 1])


def test_the_four_classes_can_be_read_from_each_vocabulary():
    words = [*WORDS[: VOCABULARY_SIZES[0]], *ORIGINAL_WORDS]
    assert [words[k] for k in READINGS["FER+"]] == ["happiness", "anger", "neutral", "fear"]
    assert [words[k] for k in READINGS["FER2013"]] == ["happy", "angry", "neutral", "fear"]


def test_other_tables_and_other_faces_are_refused(labels, tmp_path):
    for use in (ferplus_examples, drop_near_copies):
        with pytest.raises(ValueError, match="10 faces for 11 labels"):
            use(read_ferplus(labels), np.zeros((10, 48, 48), np.uint8))
    pd.read_csv(labels).drop(columns="fear").to_csv(tmp_path / "other.csv", index=False)
    with pytest.raises(ValueError, match=r"expected \['fear'\] too"):
        read_ferplus(tmp_path / "other.csv")
