"""Where the regions of a face lie in its crop."""

import numpy as np

from apexline.features.registration.regions import face_regions, region_window, rigid_window


def test_regions_lie_in_the_crop_and_mirror():
    regions = face_regions()
    for top, bottom, left, right in regions.values():
        assert 0 <= top < bottom <= 128
        assert 0 <= left < right <= 128
    for side in ("brow", "eye", "mouth"):
        a, b = regions[f"left_{side}"], regions[f"right_{side}"]
        assert a[:2] == b[:2]
        assert abs((a[2] + a[3]) / 2 + (b[2] + b[3]) / 2 - 128) <= 1


def test_window_holds_all_regions_and_stays_in_the_crop():
    boxes = np.array(list(face_regions().values()))
    top, bottom, left, right = region_window(3)
    assert (top, left) == (boxes[:, 0].min() - 3, boxes[:, 2].min() - 3)
    assert (bottom, right) == (boxes[:, 1].max() + 3, boxes[:, 3].max() + 3)
    assert region_window(200) == (0, 128, 0, 128)


def test_rigid_skin_leaves_brows_and_mouth_out():
    mask = np.zeros((128, 128), bool)
    top, bottom, left, right = rigid_window()
    mask[top:bottom, left:right] = True
    regions = face_regions()
    for name in ("left_brow", "right_brow", "left_mouth", "lips"):
        top, bottom, left, right = regions[name]
        assert not mask[top:bottom, left:right].any()
    top, bottom, left, right = regions["nose"]
    assert mask[top:bottom, left:right].all()
