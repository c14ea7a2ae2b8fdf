"""Which stills there are, and where their faces come to lie."""

import cv2
import numpy as np
import pytest

from apexline.features.faces import Box, Detection
from apexline.sample.morphs.stills import draw_stills, find_people, open_portrait


def test_people_have_a_calm_and_an_emotional_still(folder):
    people = find_people(folder)
    assert {name: {word: len(stills) for word, stills in each.items()} for name, each in people.items()} == {
        "anna": {"calm": 2, "happy": 1, "scared": 1},
        "berta": {"calm": 1, "happy": 1, "scared": 1},
    }


def test_a_folder_of_nobody_is_refused(tmp_path):
    cv2.imwrite(str(tmp_path / "anna_calm_1.png"), np.zeros((8, 8, 3), np.uint8))
    with pytest.raises(ValueError, match="holds nobody in calm and another emotion; expected stills PERSON"):
        find_people(tmp_path)


def test_faces_come_to_lie_in_one_place(folder, detector, anna):
    smile = open_portrait(folder / "anna_happy_1.png", detector)
    for portrait in (anna.calm, smile):
        left, right, nose = portrait.points[:3]
        np.testing.assert_allclose(right - left, (69, 0), atol=8)
        np.testing.assert_allclose((left + right + nose) / 3, (128, 127.5), atol=3)
    x0, y0, x1, y1 = anna.canvas_box()
    assert anna.pivot == ((x0 + x1) / 2, (y0 + y1) / 2)
    assert anna.face_px == pytest.approx(np.sqrt((x1 - x0) * (y1 - y0)))
    [found] = detector.detect(anna.calm.image)
    assert found.size_px == pytest.approx(anna.face_px, rel=0.2)


def test_a_still_without_a_face_is_passed_over(folder, detector, anna):
    assert open_portrait(folder / "anna_calm_0.png", detector) is None
    assert set(anna.emotional) == {"happy", "scared"}
    with pytest.raises(ValueError, match=r"no calm still beside .*anna_calm_0.png shows a face that looks"):
        draw_stills(
            {"calm": [folder / "anna_calm_0.png"], "happy": [folder / "anna_happy_1.png"]},
            detector,
            np.random.default_rng(0),
        )


class OneFace:
    """A detector that sees a face 100 px wide between the eyes, its nose so far aside."""

    def __init__(self, aside):
        self._landmarks = np.array([(100, 80), (100, 180), (150, 130 + aside), (200, 90), (200, 170)], float)

    def detect(self, image, **_):
        return [Detection(Box(60, 40, 140, 190), 1.0, self._landmarks)]


@pytest.mark.parametrize(("aside", "taken"), [(0, True), (-7, True), (9, False), (-9, False)])
def test_a_head_that_looks_aside_is_passed_over(folder, aside, taken):
    assert (open_portrait(folder / "anna_calm_1.png", OneFace(aside)) is not None) == taken


def test_a_file_that_is_no_image_is_refused(tmp_path, detector):
    (tmp_path / "broken.png").write_text("no image")
    with pytest.raises(ValueError, match="broken.png is no image"):
        open_portrait(tmp_path / "broken.png", detector)
