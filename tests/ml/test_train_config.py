import pytest

from ml.train_config import TrainConfig


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"epochs": 0}, "epochs is 0, expected more than 0"),
        ({"lr": -1.0}, "lr is -1.0, expected more than 0"),
        ({"pad_weight": -0.1}, "pad_weight is -0.1, expected 0 or more"),
        ({"mirror": 1.0}, "mirror is 1.0, expected a probability"),
        ({"blocks": -0.1}, "blocks is -0.1, expected a probability"),
        ({"width": 0.0}, "width is 0.0, expected more than 0"),
        ({"schedule": "step"}, r"schedule is 'step', expected one of \('constant', 'cosine'\)"),
    ],
)
def test_senseless_values_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        TrainConfig(**values)
