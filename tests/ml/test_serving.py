import numpy as np
import pandas as pd
import pytest

from ml.serving import ExpressionScorer, _load_pyfunc, to_table
from ml.train import TrainConfig, train_deepid

COLUMNS = [
    *("emotion", "confidence", "mapped_emotion", "p_happy", "p_angry", "p_calm", "p_scared"),
    *("pleasure", "arousal", "dominance"),
]


@pytest.fixture(scope="module")
def scorers(data, split, anchors) -> dict[str, ExpressionScorer]:
    config = TrainConfig(epochs=1, texture_components=4)
    return {
        version: ExpressionScorer(
            train_deepid(data, split, version=version, config=config, seed=0, pad_anchors=anchors).model
        )
        for version in ("baseline", "semantic")
    }


@pytest.mark.parametrize("version", ["baseline", "semantic"])
def test_a_table_is_scored_as_arrays_are(scorers, data, version):
    scorer = scorers[version]
    table = to_table(data.images[:6], data.texture[:6], data.flow_or_nan[:6]).set_index(pd.RangeIndex(10, 16))
    scores = scorer.predict(table)
    direct = scorer.model.predict(data.images[:6], data.texture[:6], data.flow_or_nan[:6])
    assert scores.columns.tolist() == COLUMNS
    assert scores.index.tolist() == list(range(10, 16))
    assert scores["emotion"].tolist() == direct.emotion.tolist()
    np.testing.assert_array_equal(scores["confidence"], direct.confidence)
    np.testing.assert_array_equal(scores[["pleasure", "arousal", "dominance"]], direct.pad)


def test_stills_become_nulls_and_nulls_become_stills(scorers, data):
    table = to_table(data.images[:3], flow=data.flow_or_nan[:3])
    assert table.columns.tolist() == ["image", "flow"]
    assert [value is None for value in table["flow"]] == (data.flow_mask[:3] == 0).tolist()
    direct = scorers["semantic"].model.predict(data.images[:3], flow=data.flow_or_nan[:3])
    np.testing.assert_array_equal(scorers["semantic"].predict(table)["p_happy"], direct.probabilities[:, 0])


@pytest.mark.parametrize("absent", [None, float("nan")])
def test_bare_faces_and_absent_features_score_alike(scorers, data, absent):
    bare = scorers["semantic"].predict(to_table(data.images[:2]))
    table = to_table(data.images[:2]).assign(texture=pd.Series([absent, absent], dtype=object))
    pd.testing.assert_frame_equal(scorers["semantic"].predict(table), bare)


def test_other_lengths_are_refused(scorers, data):
    with pytest.raises(ValueError, match="an image has 5 bytes, expected 2304"):
        scorers["baseline"].predict(pd.DataFrame({"image": [b"12345"]}))
    table = to_table(data.images[:1], data.texture[:1, :7])
    with pytest.raises(ValueError, match="texture has 7 values, the model was trained on 24"):
        scorers["semantic"].predict(table)


def test_the_loader_hook_reads_a_checkpoint(scorers, data, tmp_path):
    scorers["baseline"].model.save(tmp_path)
    table = to_table(data.images[:2])
    pd.testing.assert_frame_equal(
        _load_pyfunc(str(tmp_path)).predict(table), scorers["baseline"].predict(table)
    )
