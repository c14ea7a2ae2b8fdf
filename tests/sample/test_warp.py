"""How skin is moved."""

import numpy as np

from apexline.sample import face as sample_face
from apexline.sample import warp as sample_warp


def test_undo_inverts_the_movement():
    rig, grid = sample_face._rig(), sample_warp.point_grid(sample_warp.ROI, step=0.5)
    for field in rig.fields.values():
        before = sample_warp.undo_field(field, grid)
        again = before + sample_warp.sample_texture(field, before, origin=sample_warp.ROI, scale=1)
        assert np.abs(again - grid).max() < 0.2


def test_slide_back_hand_worked():
    # An edge slides out by 2 px and takes 10 px of skin along: what lay at 3.75 px now lies at 5 px.
    distance = np.array([2.0, 5.0, 10.0, 12.0])
    got = sample_warp.slide_back(distance, np.full(4, 2.0), 10.0)
    np.testing.assert_allclose(got, [0, 3.75, 10, 12])
