"""Where the rings are sampled."""

import numpy as np
import pytest

from apexline.features.modc.rings import sampling_taps


@pytest.mark.parametrize("radius", range(1, 12))
def test_weights_sum_to_256_and_mirror(radius):
    for j in range(8):
        offsets, weights = sampling_taps(radius, j)
        assert weights.sum() == 256
        mirrored, same = sampling_taps(radius, -j)
        np.testing.assert_array_equal(offsets * [1, -1], mirrored)
        np.testing.assert_array_equal(weights, same)
        centre = (offsets * weights[:, None]).sum(axis=0) / 256
        exact = radius * np.array([-np.cos(j * np.pi / 4), np.sin(j * np.pi / 4)])
        np.testing.assert_allclose(centre, exact, atol=1 / 128)
