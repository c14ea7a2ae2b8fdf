"""What the configuration of faces takes."""

import pytest

from apexline.features.faces.config import FaceConfig


@pytest.mark.parametrize(
    "field",
    [{"min_face_px": 3}, {"min_score": 1.2}, {"max_detection_side": 10}],
)
def test_config_refuses_nonsense(field):
    (name,) = field
    with pytest.raises(ValueError, match=f"FaceConfig\n{name}\n.*should be.*input_value={field[name]}"):
        FaceConfig(**field)
