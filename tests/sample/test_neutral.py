"""The portrait without its smile."""

import numpy as np

from apexline.sample.face import Pose


def test_neutral_base_hides_the_teeth_that_the_smile_shows(puppet):
    def bright_mouth(image):
        mouth = image[2 * 142 : 2 * 146, 2 * 208 : 2 * 240].astype(np.int16)
        return int(((mouth.min(axis=-1) > 165) & (np.ptp(mouth, axis=-1) < 45)).sum())

    assert bright_mouth(puppet.render(Pose(happy=1.0))) > 120
    assert bright_mouth(puppet.render(Pose())) < 20
