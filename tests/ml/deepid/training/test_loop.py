from dataclasses import replace

import numpy as np
import pytest
import torch

from apexline.ml.config import TrainConfig
from apexline.ml.deepid.network import DeepIDOutput
from apexline.ml.deepid.training.loop import Examples, TrainingLoop, augment, loss_of
from tests.ml.deepid.tiny import TINY, train


def test_training_stops_early_and_keeps_the_best_epoch(data, split, anchors):
    config = replace(TINY, epochs=40, patience=1, lr=0.05)  # a rate that soon makes things worse
    run = train(data, split, anchors, version="baseline", config=config)
    epochs = max(row["epoch"] for row in run.curves) + 1
    assert epochs < 40
    assert epochs - 1 - run.best_epoch == 1
    # The model carries the weights of that epoch, not of the last one.
    fold = data.take(split.valid)
    logits, _ = run.model.logits(fold.images)
    loss = torch.nn.functional.cross_entropy(torch.from_numpy(logits), torch.from_numpy(fold.labels))
    assert float(loss) == pytest.approx(run.best_valid_loss, abs=1e-5)


def test_the_validation_fold_says_when_to_stop(misled, split, anchors):
    """What is learned is wrong there: its loss rises while that of the training fold falls."""
    config = replace(TINY, epochs=8, patience=2, lr=2e-3)
    run = train(misled, split, anchors, version="baseline", config=config)
    learned, judged = (
        [row["loss"] for row in run.curves if row["fold"] == fold] for fold in ("train", "valid")
    )
    assert run.best_epoch == np.argmin(judged)
    assert len(judged) == run.best_epoch + 3 < 8
    assert learned[-1] < learned[run.best_epoch]
    assert judged[-1] > judged[run.best_epoch] == run.best_valid_loss


def test_the_last_epoch_is_kept_where_that_is_asked_for(data, split, anchors):
    config = replace(TINY, epochs=6, lr=0.05, keep="last")
    run = train(data, split, anchors, version="baseline", config=config)
    assert run.best_epoch == 5
    assert run.best_valid_loss > min(row["loss"] for row in run.curves if row["fold"] == "valid")


def test_a_trunk_learns_at_its_own_rate(data, split, anchors):
    start = train(data, split, anchors, version="baseline", config=replace(TINY, batch_norm=True))
    config = replace(TINY, batch_norm=True, trunk_rate=0.0, keep="last")
    run = train(data, split, anchors, config=config, start=start.model.network)
    given, learned = start.model.network.weights, run.model.network.weights
    for name in given:
        if name.startswith(("conv", "norms", "from_pool3", "from_conv4")):
            np.testing.assert_array_equal(learned[name], given[name])
    assert not np.array_equal(learned["classes.weight"], given["classes.weight"])


HARD = replace(
    TINY,
    epochs=4,
    batch_norm=True,
    dropout=0.3,
    ema=0.9,
    schedule="cosine",
    class_balance=0.5,
    label_smoothing=0.1,
    soften=0.3,
    zoom=0.1,
)


class BrokenOffError(Exception):
    pass


@pytest.mark.parametrize("config", [HARD, replace(TINY, epochs=4)])
def test_a_broken_run_goes_on_to_the_same_weights(data, split, anchors, tmp_path, monkeypatch, config):
    whole = train(data, split, anchors, config=config)
    state = tmp_path / "run.state"
    with monkeypatch.context() as broken:

        def judge(loop: TrainingLoop, after: int = 1) -> None:
            if loop.epoch == after + 1:
                raise BrokenOffError
            original(loop)

        original = TrainingLoop.validate
        broken.setattr(TrainingLoop, "validate", judge)
        with pytest.raises(BrokenOffError):
            train(data, split, anchors, config=config, resume=state)
    assert state.exists()
    with pytest.raises(ValueError, match="left by a training with other arguments"):
        train(data, split, anchors, config=config, seed=1, resume=state)
    resumed = train(data, split, anchors, config=config, resume=state)
    assert resumed.curves == whole.curves
    assert resumed.best_epoch == whole.best_epoch
    expected = whole.model.network.weights
    for name, value in resumed.model.network.weights.items():
        np.testing.assert_array_equal(value, expected[name], name)
    assert not state.exists()


def test_the_cosine_schedule_rises_and_falls_to_zero(data, split, anchors, monkeypatch):
    rates: list[float] = []
    original = TrainingLoop._set_rate

    def note(loop: TrainingLoop, step: int) -> None:
        original(loop, step)
        rates.append(loop.optimizer.param_groups[0]["lr"])

    monkeypatch.setattr(TrainingLoop, "_set_rate", note)
    config = replace(TINY, epochs=10, patience=10, schedule="cosine", lr=0.01)
    train(data, split, anchors, version="baseline", config=config)
    steps = len(rates)
    assert rates == [pytest.approx(0.005 * (1 + np.cos(np.pi * k / steps))) for k in range(steps)]


def test_a_mean_of_weights_lags_behind_them(data, split, anchors):
    moving = train(data, split, anchors, version="baseline", config=replace(TINY, epochs=1))
    mean = train(data, split, anchors, version="baseline", config=replace(TINY, epochs=1, ema=0.99))
    assert mean.curves[0]["loss"] > moving.curves[0]["loss"]  # still close to the initial weights


class Answer(torch.nn.Module):
    """Stands in for the network and says what it was told to."""

    def __init__(self, logits: torch.Tensor, pad: torch.Tensor | None) -> None:
        super().__init__()
        self.output = DeepIDOutput(logits, pad, logits)

    def forward(self, *_: torch.Tensor) -> DeepIDOutput:
        return self.output


def batch(pad: torch.Tensor) -> Examples:
    labels = torch.tensor([[1.0, 0], [0.5, 0.5]])
    return Examples(torch.zeros(2, 1, 48, 48), (), labels, pad, torch.ones(2), sizes=(2,))


def test_loss_by_hand():
    logits = torch.log(torch.tensor([[0.8, 0.2], [0.5, 0.5]]))
    entropy = -(np.log(0.8) + np.log(0.5)) / 2
    rated = batch(torch.tensor([[0.5, torch.nan, 0.0], [torch.nan] * 3]))
    predicted = torch.tensor([[0.1, 0.9, 0.2], [1.0, 1.0, 1.0]])
    error = (0.4**2 + 0.2**2) / 2  # over the two rated coordinates
    assert float(loss_of(Answer(logits, predicted), rated, 3.0)) == pytest.approx(entropy + 3 * error)
    assert float(loss_of(Answer(logits, None), rated, 3.0)) == pytest.approx(entropy)


def test_loss_counts_examples_by_their_weight_and_smooths_labels():
    logits = torch.log(torch.tensor([[0.8, 0.2], [0.5, 0.5]]))
    given = replace(batch(torch.tensor([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]])), weights=torch.tensor([1.5, 0.5]))
    predicted = torch.full((2, 3), 0.5)
    entropy = -(1.5 * np.log(0.8) + 0.5 * np.log(0.5)) / 2
    assert float(loss_of(Answer(logits, predicted), given, 1.0)) == pytest.approx(entropy + 0.25)
    smooth = -(0.9 * np.log(0.8) + 0.1 * np.log(0.2) + np.log(0.5)) / 2
    assert float(loss_of(Answer(logits, None), batch(given.pad), 1.0, smoothing=0.2)) == pytest.approx(smooth)


def test_loss_of_two_vocabularies_is_the_sum_of_both():
    logits = torch.log(torch.tensor([[0.8, 0.2, 0.5, 0.25, 0.25], [0.5, 0.5, 0.1, 0.1, 0.8]]))
    words = replace(
        batch(torch.zeros(2, 3)),
        labels=torch.tensor([[1.0, 0, 0, 1, 0], [0.5, 0.5, 0, 0, 1]]),
        sizes=(2, 3),
    )
    entropy = -(np.log(0.8) + np.log(0.25) + np.log(0.5) + np.log(0.8)) / 2
    assert float(loss_of(Answer(logits, None), words, 1.0)) == pytest.approx(entropy)


def test_a_batch_without_ratings_has_no_pad_gradient():
    predicted = torch.full((2, 3), 0.3, requires_grad=True)
    loss = loss_of(Answer(torch.zeros(2, 2), predicted), batch(torch.full((2, 3), torch.nan)), 1.0)
    loss.backward()
    assert torch.isfinite(loss)
    assert not predicted.grad.any()


def faces(num: int, *, features: bool = False) -> Examples:
    generator = torch.Generator().manual_seed(5)
    images, onsets = torch.randn(2, num, 1, 48, 48, generator=generator)
    parts = (torch.ones(num, 3), torch.ones(num, 2), torch.ones(num), onsets) if features else ()
    return Examples(images, parts, torch.zeros(num, 4), torch.zeros(num, 3), torch.ones(num))


def test_augmentation_switched_off_is_the_identity():
    still = TrainConfig(mirror=0.0, shift_px=0, gain=0.0, noise=0.0, feature_dropout=0.0)
    given = faces(4, features=True)
    changed = augment(given, still, torch.Generator().manual_seed(0))
    assert torch.equal(changed.images, given.images)
    assert all(torch.equal(a, b) for a, b in zip(changed.features, given.features, strict=True))


def test_every_augmented_face_is_a_shifted_or_mirrored_one():
    config = TrainConfig(mirror=0.5, shift_px=1, gain=0.0, noise=0.0)
    given = faces(40)
    changed = augment(given, config, torch.Generator().manual_seed(0)).images[:, 0].numpy()
    seen = set()
    for image, out in zip(given.images[:, 0].numpy(), changed, strict=True):
        candidates = {
            (mirrored, drow, dcol): np.pad(image[:, ::-1] if mirrored else image, 1, mode="edge")[
                1 + drow : 49 + drow, 1 + dcol : 49 + dcol
            ]
            for mirrored in (False, True)
            for drow in (-1, 0, 1)
            for dcol in (-1, 0, 1)
        }
        matches = [key for key, candidate in candidates.items() if np.array_equal(candidate, out)]
        assert len(matches) == 1
        seen.update(matches)
    assert {key[0] for key in seen} == {False, True}
    assert {key[1] for key in seen} == {key[2] for key in seen} == {-1, 0, 1}


def test_gain_scales_and_noise_adds():
    given = faces(300)
    gained = augment(
        given, TrainConfig(mirror=0, shift_px=0, gain=0.2, noise=0), torch.Generator().manual_seed(0)
    )
    ratio = gained.images / given.images
    assert ratio.flatten(1).std(dim=1).max() < 1e-3  # one gain per face
    assert float(ratio[:, 0, 0, 0].std()) == pytest.approx(0.2, rel=0.15)
    noisy = augment(
        given, TrainConfig(mirror=0, shift_px=0, gain=0, noise=0.1), torch.Generator().manual_seed(0)
    )
    assert float((noisy.images - given.images).std()) == pytest.approx(0.1, rel=0.05)


def test_hidden_features_are_zero_and_flow_loses_its_mask():
    given = faces(400, features=True)
    texture, flow, mask, _ = augment(
        given, TrainConfig(feature_dropout=0.25), torch.Generator().manual_seed(0)
    ).features
    assert float((texture == 0).all(dim=1).float().mean()) == pytest.approx(0.25, abs=0.07)
    hidden = mask == 0
    assert float(hidden.float().mean()) == pytest.approx(0.25, abs=0.07)
    assert not flow[hidden].any()
    assert (flow[~hidden] == 1).all()
