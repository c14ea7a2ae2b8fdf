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


def test_a_turned_head_shows_its_middle_aside_and_leaves_the_rest():
    """The middle moves by 3/4 of the face times the sine: 60 px for 160 px and half of one."""
    still = sample_warp.turn_map((320, 400), (200.0, 120.0), 80.0, (0.0, 0.0))
    rows, cols = np.mgrid[0:320, 0:400]
    inner = np.s_[8:-8, 8:-8]
    np.testing.assert_allclose(still[inner], np.stack([cols, rows], axis=-1)[inner], atol=1e-3)
    head = np.arcsin([0.3, 0.1])
    turned = sample_warp.turn_map((320, 400), (200.0, 120.0), 80.0, tuple(head))
    # what is seen at (218, 126) stood at the middle: 60 px times the sines
    np.testing.assert_allclose(turned[126, 218], (200, 120), atol=0.3)
    np.testing.assert_allclose(turned[310, 20], (20, 310), atol=0.3)
    assert np.diff(turned[inner][..., 0], axis=1).min() > 0.3
    assert np.diff(turned[inner][..., 1], axis=0).min() > 0.3


def test_slide_back_hand_worked():
    # An edge slides out by 2 px and takes 10 px of skin along: what lay at 3.75 px now lies at 5 px.
    distance = np.array([2.0, 5.0, 10.0, 12.0])
    got = sample_warp.slide_back(distance, np.full(4, 2.0), 10.0)
    np.testing.assert_allclose(got, [0, 3.75, 10, 12])
