"""Figures of the semantic space hold the numbers that they were given."""

from __future__ import annotations

import numpy as np
import pandas as pd

from apexline.assets.figures.space import loadings_plot, pad_cube, scree_plot
from tests.assets.figures.drawn import line


def test_pad_cube_holds_anchors_and_cloud_in_the_unit_cube() -> None:
    columns = ["emotion", "pleasure", "arousal", "dominance"]
    anchors = pd.DataFrame([("happy", 0.8, 0.5, 0.4), ("calm", 0.6, -0.5, 0.2)], columns=columns)
    cloud = pd.DataFrame([("happy", 0.7, 0.4, 0.3), ("happy", 0.6, 0.3, 0.2)], columns=columns)
    axes = pad_cube(anchors, cloud, synthetic=True).axes[0]
    clouds = [each._offsets3d for each in axes.collections]  # type: ignore[attr-defined]
    np.testing.assert_allclose(np.asarray(clouds[0]).T, cloud[columns[1:]])
    np.testing.assert_allclose(np.asarray(clouds[1]).T, anchors[columns[1:]][:1])
    assert axes.get_xlabel() == "pleasure"
    assert axes.get_zlim() == (-1, 1)  # type: ignore[attr-defined]


def test_loadings_and_scree_hold_their_numbers() -> None:
    loadings = pd.DataFrame(
        [[0.9, -0.2], [0.1, -0.7]], index=["a - b", "c - d"], columns=["pleasure", "arousal"]
    )
    axes = loadings_plot(loadings, synthetic=True).axes[0]
    np.testing.assert_array_equal(np.asarray(axes.images[0].get_array()), loadings.to_numpy())
    assert [text.get_text() for text in axes.texts] == ["+0.90", "-0.20", "+0.10", "-0.70"]
    values = np.linspace(9, 0.1, 20)
    scree = scree_plot(values, np.full(20, 1.5), n_factors=3, n_parallel=2, synthetic=True).axes[0]
    np.testing.assert_array_equal(line(scree, "ratings")[1], values[:15])
    assert list(line(scree, "extracted: 3")[0]) == [3.5, 3.5]
    assert "supports 2" in scree.get_title(loc="left")
