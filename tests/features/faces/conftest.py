"""A real face."""

import numpy as np
import pytest
from skimage import data


@pytest.fixture(scope="module")
def portrait():
    return np.ascontiguousarray(data.astronaut()[..., ::-1])
