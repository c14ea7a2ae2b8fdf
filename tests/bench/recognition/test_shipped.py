import numpy as np
import pytest

from apexline.bench.recognition.comparison import ON_FERPLUS, ON_STILLS, peer_differences, questions
from apexline.bench.recognition.shipped import (
    METHOD,
    _figures,
    _recalls,
    _reliance,
    shipped_answers,
    write_shipped,
)
from apexline.ml.deepid import load_pretrained


def test_the_model_that_ships_answers_for_the_images_that_peers_answer_for(sets, tmp_path):
    asked = questions(sets)
    model = load_pretrained().model
    ours = shipped_answers(sets, asked, model)
    test = np.flatnonzero(sets.ferplus.folds == "test")
    np.testing.assert_array_equal(
        ours[ON_FERPLUS].probabilities,
        model.predict(sets.ferplus_images[test[asked[ON_FERPLUS].rows]]).probabilities,
    )
    assert len(ours[ON_STILLS].probabilities) == len(sets.stills)

    rows = list(_figures(asked, ours))
    right = ours[ON_STILLS].probabilities.argmax(axis=1) == asked[ON_STILLS].truth
    assert next(row["accuracy"] for row in rows if row["on"] == ON_STILLS) == pytest.approx(right.mean())

    tables = {
        "figures": rows,
        "recalls": [_recalls(on, asked[on], said) for on, said in ours.items()],
        "reliance": [_reliance(on, asked[on], said) for on, said in ours.items()],
        "paired differences from peers": peer_differences(
            asked, [(ON_STILLS, METHOD, [ours[ON_STILLS].probabilities])], {}
        ),
    }
    write_shipped(tables, tmp_path)
    page = (tmp_path / "shipped.md").read_text()
    assert f"| posed stills | {METHOD} |" in page
    assert "happy" in page


def test_the_least_confident_fifth_is_left_without_an_answer(sets):
    question = questions(sets)[ON_STILLS]
    said = load_pretrained().model.predict(np.zeros((len(question.truth), 48, 48), np.uint8))
    wrong = np.arange(len(question.truth)) < len(question.truth) // 8  # an eighth is wrong, and least sure
    chosen = np.where(wrong, (question.truth + 1) % 4, question.truth)
    confidence = np.where(wrong, 0.4, 0.9)
    probabilities = np.full((len(chosen), 4), 0.0)
    probabilities[np.arange(len(chosen)), chosen] = confidence
    answers = type(said)(**{**vars(said), "probabilities": probabilities, "confidence": confidence})
    row = _reliance(ON_STILLS, question, answers)
    assert row["error, all answered"] == pytest.approx(wrong.mean())
    assert row["error, 80 % answered"] == row["of all"] == 0.0
    recalls = _recalls(ON_STILLS, question, answers)
    right = ~wrong
    assert recalls["happy"] == pytest.approx(right[question.truth == 0].mean())
