import json
from dataclasses import replace

import numpy as np
import pytest

from apexline.ml.config import AbstentionConfig, TrainConfig
from apexline.ml.deepid.frozen import map_to_emotion
from apexline.ml.deepid.model import ExpressionModel, code_version
from apexline.ml.deepid.training.train import train_deepid
from apexline.ml.emotions import EMOTIONS


@pytest.fixture(scope="module")
def models(data, split, anchors) -> dict[str, ExpressionModel]:
    config = TrainConfig(epochs=1, texture_components=4)
    return {
        version: train_deepid(
            data, split, version=version, config=config, seed=0, pad_anchors=anchors, feature_version="3"
        ).model
        for version in ("baseline", "semantic")
    }


@pytest.mark.parametrize("version", ["baseline", "semantic"])
def test_a_checkpoint_rebuilds_itself(models, data, tmp_path, version):
    model = models[version]
    model.save(tmp_path / "deep" / "folder")
    again = ExpressionModel.load(tmp_path / "deep" / "folder")
    ours = model.predict(data.images, *data.features)
    theirs = again.predict(data.images, *data.features)
    np.testing.assert_array_equal(ours.probabilities, theirs.probabilities)
    np.testing.assert_array_equal(ours.pad, theirs.pad)
    for name in (
        "temperature",
        "config",
        "seed",
        "feature_version",
        "split_hash",
        "code_version",
        "synthetic",
    ):
        assert getattr(again, name) == getattr(model, name)
    assert again.version == version
    assert again.code_version == code_version()


def test_a_checkpoint_holds_no_pickle(models, tmp_path):
    models["semantic"].save(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["arrays.npz", "model.json"]
    with np.load(tmp_path / "arrays.npz", allow_pickle=False) as arrays:
        assert all(arrays[name].dtype != object for name in arrays.files)


@pytest.mark.parametrize("change", [{"format": 0}, {"emotions": ["happy", "sad"]}])
def test_a_foreign_checkpoint_is_refused(models, tmp_path, change):
    models["baseline"].save(tmp_path)
    described = json.loads((tmp_path / "model.json").read_text())
    (tmp_path / "model.json").write_text(json.dumps(described | change))
    with pytest.raises(ValueError, match=r"holds \(format, emotions\).*train it again"):
        ExpressionModel.load(tmp_path)


def test_a_checkpoint_from_before_changes_were_named_takes_the_default_for_them(models, tmp_path):
    models["baseline"].save(tmp_path)
    described = json.loads((tmp_path / "model.json").read_text())
    del described["limits"]["min_change_confidence"]
    (tmp_path / "model.json").write_text(json.dumps(described))
    found = ExpressionModel.load(tmp_path).limits.config
    assert found.min_change_confidence == AbstentionConfig().min_change_confidence
    assert found == models["baseline"].limits.config


@pytest.mark.parametrize("version", ["baseline", "semantic"])
def test_predictions_agree_with_themselves(models, data, version):
    found = models[version].predict(data.images, *data.features)
    np.testing.assert_allclose(found.probabilities.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_array_equal(found.confidence, found.probabilities.max(axis=1))
    assert found.emotion.tolist() == [EMOTIONS[i] for i in found.probabilities.argmax(axis=1)]
    assert (np.abs(found.pad) <= 1).all()
    nearest = map_to_emotion(found.pad, models[version].pad_anchors)
    assert found.mapped_emotion.tolist() == [EMOTIONS[i] for i in nearest]


def test_without_a_pad_head_pad_is_the_expected_anchor(models, data, anchors):
    found = models["baseline"].predict(data.images[:2])
    for row in range(2):
        expected = sum(found.probabilities[row, c] * anchors[c] for c in range(4))
        np.testing.assert_allclose(found.pad[row], expected, atol=1e-6)


def test_temperature_divides_the_logits(models, data):
    model = replace(models["baseline"], temperature=2.0)
    logits, _ = model.logits(data.images[:3])
    expected = np.exp(logits / 2) / np.exp(logits / 2).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(model.predict(data.images[:3]).probabilities, expected, atol=1e-6)


def test_many_faces_are_scored_as_if_one_by_one(models, data):
    model = models["semantic"]
    repeated = np.resize(data.images, (300, 48, 48))
    whole = model.predict(repeated)
    np.testing.assert_allclose(
        whole.probabilities[260], model.predict(repeated[260:261]).probabilities[0], atol=1e-6
    )
    assert model.predict(data.images[:0]).probabilities.shape == (0, 4)


def test_rows_of_nan_count_as_absent(models, data):
    model = models["semantic"]
    texture, flow = data.texture.copy(), data.flow_or_nan.copy()
    texture[1], flow[1] = np.nan, np.nan
    mixed = model.predict(data.images[:3], texture[:3], flow[:3], data.onsets[:3])
    bare = model.predict(data.images[:3])
    full = model.predict(data.images[:3], data.texture[:3], data.flow_or_nan[:3], data.onsets[:3])
    np.testing.assert_allclose(mixed.probabilities[1], bare.probabilities[1], atol=1e-6)
    np.testing.assert_allclose(mixed.probabilities[2], full.probabilities[2], atol=1e-6)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda d: (d.images.astype(float),), "images are float64 .*face_image"),
        (lambda d: (d.images[:, :40],), r"expected uint8 \(N, 48, 48\)"),
        (
            lambda d: (d.images, d.texture[:, :5]),
            r"texture has shape \(48, 5\), the model was trained on \(48, 24\)",
        ),
        (lambda d: (d.images, d.texture, d.flow[:5]), r"flow has shape \(5, 6\)"),
        (lambda d: (d.images, d.texture, d.flow), r"flow came with onsets of shape None"),
        (lambda d: (d.images, d.texture, d.flow, d.onsets[:5]), r"onsets of shape \(5, 48, 48\)"),
    ],
)
def test_other_inputs_are_refused(models, data, spoil, message):
    with pytest.raises(ValueError, match=message):
        models["semantic"].predict(*spoil(data))


@pytest.mark.parametrize("version", ["baseline", "semantic"])
def test_a_face_and_its_mirror_image_get_one_answer(models, data, version):
    given = data.take(np.arange(6))
    mirrored = [np.ascontiguousarray(faces[:, :, ::-1]) for faces in (given.images, given.onsets)]
    model = models[version]
    answer = model.predict(given.images, *given.features)
    turned = model.predict(mirrored[0], given.texture, given.flow_or_nan, mirrored[1])
    np.testing.assert_allclose(answer.probabilities, turned.probabilities, atol=1e-6)
    np.testing.assert_allclose(answer.pad, turned.pad, atol=1e-6)
