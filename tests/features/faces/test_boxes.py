"""Boxes and windows: overlaps by hand, one pair and many alike to the bit."""

import numpy as np
import pytest

from apexline.features.faces.boxes import Box, Window, box_iou, box_iou_matrix, intersection_over_smaller

SQUARE = Box(0.0, 0.0, 10.0, 10.0)


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (SQUARE, 1.0),
        (Box(5.0, 0.0, 10.0, 10.0), 1 / 3),
        (Box(2.0, 2.0, 5.0, 5.0), 0.25),
        (Box(20.0, 0.0, 10.0, 10.0), 0.0),
        (Box(10.0, 0.0, 10.0, 10.0), 0.0),
    ],
)
def test_overlap_by_hand(other, expected):
    assert box_iou(SQUARE, other) == pytest.approx(expected)
    assert box_iou(other, SQUARE) == box_iou(SQUARE, other)


def test_overlap_of_boxes_by_hand():
    overlap = box_iou_matrix(np.array([[0.0, 0, 10, 10]]), np.array([[5.0, 0, 10, 10], [20, 0, 10, 10]]))
    np.testing.assert_allclose(overlap, [[1 / 3, 0]])


def test_many_pairs_have_the_bits_of_one(rng):
    boxes, others = rng.uniform(1, 60, (20, 4)), rng.uniform(1, 60, (30, 4))
    one_by_one = [[box_iou(Box(*box), Box(*other)) for other in others.tolist()] for box in boxes.tolist()]
    np.testing.assert_array_equal(box_iou_matrix(boxes, others), one_by_one)


def test_part_of_a_larger_box():
    corners = np.array([[0.0, 0.0, 10.0, 10.0], [8.0, 8.0, 12.0, 12.0], [40.0, 40.0, 41.0, 41.0]])
    inside = np.array([[2.0, 3.0, 4.0, 5.0], [9.0, 0.0, 11.0, 10.0]])
    np.testing.assert_allclose(intersection_over_smaller(corners, inside), [[1, 0.5], [0, 0.25], [0, 0]])
    np.testing.assert_array_equal(np.diag(intersection_over_smaller(corners, corners)), 1)


def test_no_boxes():
    none = np.empty((0, 4))
    assert box_iou_matrix([], [SQUARE]).shape == (0, 1)
    assert intersection_over_smaller(np.ones((3, 4)), none).shape == (3, 0)


def test_window_cuts_the_pixels_it_names():
    image = np.arange(30).reshape((5, 6))
    assert image[Window(1, 3, 2, 6).slices].tolist() == [[8, 9, 10, 11], [14, 15, 16, 17]]
    assert image[Window.whole(image).slices].shape == (5, 6)
    outer = Window(1, 5, 1, 6)
    inner = Window(2, 4, 3, 5)
    np.testing.assert_array_equal(image[outer.slices][inner.within(outer).slices], image[inner.slices])
