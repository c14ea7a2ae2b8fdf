"""Each crop is scored on its own, at once."""

import numpy as np

from apexline.features.expression import ExpressionStream, shipped_network


def test_each_crop_has_its_row_at_once(rng):
    crops = rng.integers(0, 256, (3, 128, 128), np.uint8)
    stream = ExpressionStream()
    rows = [row for k, crop in enumerate(crops) for row in stream.push(crop, 10 + k, k / 25)]
    assert [(row.frame, row.time_s) for row in rows] == [(10, 0.0), (11, 0.04), (12, 0.08)]
    np.testing.assert_allclose([row.words for row in rows], shipped_network()(crops), atol=1e-4)
    assert stream.flush() == []


def test_another_network_may_be_given():
    asked = []

    def network(crops):
        asked.append(crops.shape)
        return np.full((len(crops), 2), 0.5, np.float32)

    (row,) = ExpressionStream(network).push(np.zeros((128, 128), np.uint8), 4, 0.2)
    assert asked == [(1, 128, 128)]
    assert row.words.tolist() == [0.5, 0.5]
