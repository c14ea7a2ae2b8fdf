"""Stills that the tests draw themselves: the sample's portrait in two shapes, calm and in three expressions."""

import cv2
import numpy as np
import pytest

from apexline.features.faces import FaceConfig, make_detector
from apexline.sample.face import FacePuppet, Pose
from apexline.sample.morphs.stills import draw_stills, find_people
from apexline.sample.shapes import FaceShape

POSES = {
    "calm": Pose(),
    "happy": Pose(happy=1.0),
    "scared": Pose(scared=1.0),
}


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stills")
    for person, shape in (("anna", FaceShape()), ("berta", FaceShape(mirrored=True, face_width=3.0))):
        puppet = FacePuppet(shape)
        for emotion, pose in POSES.items():
            cv2.imwrite(str(folder / f"{person}_{emotion}_1.png"), puppet.render(pose)[40:480, 200:824])
    (folder / "readme.txt").write_text("no still")
    cv2.imwrite(str(folder / "anna_bored_1.png"), np.zeros((64, 64, 3), np.uint8))
    cv2.imwrite(str(folder / "anna_calm_0.png"), np.zeros((64, 64, 3), np.uint8))
    cv2.imwrite(str(folder / "cara_happy_1.png"), np.zeros((64, 64, 3), np.uint8))
    return folder


@pytest.fixture(scope="session")
def detector():
    return make_detector(FaceConfig())


@pytest.fixture(scope="session")
def anna(folder, detector):
    return draw_stills(find_people(folder)["anna"], detector, np.random.default_rng(0))
