"""The real detector, and the face of the sample."""

import pytest

from apexline.features.faces.config import FaceConfig
from apexline.features.faces.detectors import make_detector
from apexline.sample.face import FacePuppet
from apexline.sample.shapes import FaceShape


@pytest.fixture(scope="module")
def detector():
    return make_detector(FaceConfig())


@pytest.fixture(scope="module")
def puppet():
    return FacePuppet(FaceShape())
