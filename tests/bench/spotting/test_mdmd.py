"""The peer that compares main directions of motion."""

import numpy as np
import pytest

from apexline.bench.spotting.mdmd import MdmdStream, main_direction_difference


def test_main_direction_by_hand():
    # Everything moves 2 px right and is back at the window's end; a few pixels differ and are outvoted.
    there = np.zeros((12, 12, 2), np.float32)
    there[..., 0] = 2.0
    there[::2, ::2] = [0.0, 9.0]
    assert main_direction_difference(there, np.zeros_like(there)) == pytest.approx(2.0)
    assert main_direction_difference(there, there) == 0.0
    # Blocks are 2 x 2 pixels here: a third of them, 12 of 36, move.
    part = np.zeros((12, 12, 2), np.float32)
    part[:4, :, 0] = 3.0
    assert main_direction_difference(part, np.zeros_like(part)) == pytest.approx(3.0)


def test_mdmd_peaks_where_a_movement_comes_and_goes():
    rng = np.random.default_rng(0)
    base = np.kron(rng.integers(0, 255, (16, 16)), np.ones((8, 8))).astype(np.uint8)
    stream = MdmdStream(half_window_s=0.2)
    rows = []
    for frame in range(30):
        shift = 3 if 14 <= frame <= 16 else 0
        rows += stream.push(np.roll(base, shift, axis=1), frame, frame / 25)
    rows += stream.flush()
    assert [row.frame for row in rows] == list(range(30))
    differences = np.array([row.difference for row in rows])
    assert differences.argmax() in (14, 15, 16)
    # no window about the first and the last frames
    assert not differences[:5].any()
    assert not differences[-5:].any()
