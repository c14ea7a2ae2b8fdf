import pytest

from apexline.ml.config import AbstentionConfig, TrainConfig


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"epochs": 0}, "epochs\n.*greater than 0.*input_value=0"),
        ({"lr": -1.0}, "lr\n.*greater than 0.*input_value=-1.0"),
        ({"pad_weight": -0.1}, "pad_weight\n.*greater than or equal to 0.*input_value=-0.1"),
        ({"mirror": 1.0}, "mirror\n.*less than 1.*input_value=1.0"),
        ({"blocks": -0.1}, "blocks\n.*greater than or equal to 0.*input_value=-0.1"),
        ({"width": 0.0}, "width\n.*greater than 0.*input_value=0.0"),
        ({"schedule": "step"}, "schedule\n.*'constant' or 'cosine'.*input_value='step'"),
        ({"epoch": 3}, "epoch\n.*Unexpected keyword"),
    ],
)
def test_senseless_values_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        TrainConfig(**values)


@pytest.mark.parametrize(
    ("name", "value"), [("coverage", 1.1), ("min_face_px", -1), ("max_yaw", float("nan"))]
)
def test_limits_out_of_range_are_refused(name, value):
    with pytest.raises(ValueError, match=f"AbstentionConfig\n{name}\n.*input_value={value}"):
        AbstentionConfig(**{name: value})
