"""Marks read off the portrait."""

import numpy as np

from apexline.sample import marks as sample_marks


def test_edges_keep_their_corners():
    for edge in (sample_marks.SEAM, sample_marks.SMILE_UPPER, sample_marks.LIDS[0][1]):
        corners, inner = edge.points[[0, -1]], edge.points[1:-1]
        np.testing.assert_allclose(edge.at(corners[:, 0]), corners[:, 1], atol=0.05)
        np.testing.assert_allclose(edge.at(inner[:, 0]), inner[:, 1], atol=0.6)
