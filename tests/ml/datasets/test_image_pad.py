import numpy as np
import pandas as pd
import pytest

from apexline.ml.datasets import image_pad
from apexline.ml.emotions import EMOTIONS, PAD_AXES
from apexline.ml.norms import emotion_pad

FERPLUS = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt")
STILLS = ("happy", "sad", "angry", "disgusted", "scared", "surprised")


@pytest.fixture
def votes():
    return np.random.default_rng(3).integers(0, 6, size=(40, len(FERPLUS)))


def test_votes_by_hand():
    anchors = pd.DataFrame(
        [[1.0, 0.0, 0.0], [0.0, 1.0, -1.0]], index=["happy", "calm"], columns=list(PAD_AXES)
    )
    pad = image_pad.votes_to_pad([[3, 1], [0, 2], [0, 0]], ["happiness", "neutral"], anchors=anchors)
    np.testing.assert_allclose(pad[:2], [[0.75, 0.25, -0.25], [0, 1, -1]])
    assert np.isnan(pad[2]).all()


def test_a_slow_loop_gives_the_same(votes):
    anchors = image_pad.emotion_anchors()
    for row, found in zip(votes, image_pad.votes_to_pad(votes, FERPLUS), strict=True):
        said = [image_pad.ADJECTIVES[w] for w, n in zip(FERPLUS, row, strict=True) for _ in range(n)]
        np.testing.assert_allclose(found, np.mean([anchors.loc[word] for word in said], axis=0))


def test_counts_and_shares_give_the_same_and_columns_come_in_any_order(votes):
    votes[:, 0] += 1
    plain = image_pad.votes_to_pad(votes, FERPLUS)
    np.testing.assert_allclose(
        image_pad.votes_to_pad(votes / votes.sum(axis=1, keepdims=True), FERPLUS), plain
    )
    np.testing.assert_allclose(image_pad.votes_to_pad(votes[:, ::-1], FERPLUS[::-1]), plain)


def test_one_voice_for_all_votes_is_the_class_target():
    one_hot = np.eye(4)
    np.testing.assert_array_equal(image_pad.votes_to_pad(one_hot, EMOTIONS), image_pad.class_pad(one_hot))
    np.testing.assert_array_equal(image_pad.class_pad(one_hot), emotion_pad().to_numpy())
    np.testing.assert_array_equal(
        image_pad.class_pad([[0.4, 0.3, 0.2, 0.1]]), emotion_pad().loc[["happy"]].to_numpy()
    )


def test_intensities_by_hand():
    norms = image_pad.emotion_anchors()
    rows = np.zeros((4, len(STILLS)))
    rows[1, 0] = 9.0
    rows[2, 0] = 4.5
    rows[3, :2] = 9.0  # more than the scale holds: half of each
    found = image_pad.intensities_to_pad(rows, STILLS)
    happy, sad, calm = (norms.loc[word].to_numpy() for word in ("happy", "sad", "calm"))
    np.testing.assert_allclose(found, [calm, happy, (happy + calm) / 2, (happy + sad) / 2])


def test_more_of_an_emotion_moves_the_face_straight_to_its_anchor():
    rows = np.zeros((10, len(STILLS)))
    rows[:, 4] = np.linspace(0, 9, 10)
    steps = np.diff(image_pad.intensities_to_pad(rows, STILLS), axis=0)
    np.testing.assert_allclose(steps, np.broadcast_to(steps[0], steps.shape), atol=1e-12)


def test_vote_variance_is_that_of_panels_drawn_again():
    shares, number = np.array([0.5, 0.3, 0.2]), 10
    panels = np.random.default_rng(0).multinomial(number, shares, size=20_000)
    words = ("happy", "angry", "calm")
    drawn = image_pad.votes_to_pad(panels, words).var(axis=0)
    np.testing.assert_allclose(image_pad.vote_variance(panels, words).mean(axis=0), drawn, rtol=0.04)
    assert np.isnan(image_pad.vote_variance([[1, 0, 0]], words)).all()
    np.testing.assert_allclose(image_pad.vote_variance([[5, 0, 0]], words), 0, atol=1e-15)


def test_random_anchors_have_the_place_and_spread_of_the_norms():
    norms, drawn = image_pad.emotion_anchors(), image_pad.random_anchors(4)
    assert list(drawn.index) == list(norms.index)
    np.testing.assert_allclose(drawn.mean(), norms.mean())
    assert np.linalg.norm(drawn - drawn.mean()) == pytest.approx(np.linalg.norm(norms - norms.mean()))
    pd.testing.assert_frame_equal(drawn, image_pad.random_anchors(4))
    assert not drawn.equals(image_pad.random_anchors(5))


@pytest.mark.parametrize("seed", range(20))
def test_random_anchors_are_points_of_the_space(seed):
    assert image_pad.random_anchors(seed).abs().to_numpy().max() <= 1


def test_random_anchors_serve_every_target(votes):
    drawn = image_pad.random_anchors(1)
    votes[:, 0] += 1
    assert image_pad.votes_to_pad(votes, FERPLUS, anchors=drawn).shape == (40, 3)
    np.testing.assert_array_equal(
        image_pad.class_pad(np.eye(4), anchors=drawn), drawn.loc[list(EMOTIONS)].to_numpy()
    )


@pytest.mark.parametrize(
    ("votes", "words", "message"),
    [
        ([[1, 2]], ["happy", "bored"], "bored"),
        ([[1, 2]], ["happy"], r"expected \(images, 1\)"),
        ([1, 2], ["happy", "sad"], "column for each word"),
        ([[1, -2]], ["happy", "sad"], "negative or missing"),
        ([[1, np.nan]], ["happy", "sad"], "negative or missing"),
    ],
)
def test_votes_that_cannot_be_read_are_refused(votes, words, message):
    with pytest.raises(ValueError, match=message):
        image_pad.votes_to_pad(votes, words)


def test_calm_is_no_intensity():
    with pytest.raises(ValueError, match="leave it out"):
        image_pad.intensities_to_pad([[1.0, 2.0]], ["happy", "neutral"])
