"""Versions of clips: pixels, truth and boxes move together."""

from dataclasses import replace

import numpy as np
import pytest

from apexline.bench.line.clips import AnnotatedClip, AnnotatedFace, Distractor, Truth
from apexline.bench.line.versions import VERSIONS, versioned, write_version
from apexline.features.video import read_frames, write_video

BY_NAME = {each.name: each for each in VERSIONS}
WIDTH, HEIGHT, NUM_FRAMES = 64, 48, 12


@pytest.fixture
def clip(tmp_path) -> AnnotatedClip:
    """Half a second of a white square at the left that moves down, 24 frames a second."""
    images = np.zeros((NUM_FRAMES, HEIGHT, WIDTH, 3), np.uint8)
    for index, image in enumerate(images):
        image[8 + index : 24 + index, 4:20] = 255
    path = tmp_path / "square.mp4"
    write_video(path, images, fps=24, crf=0)
    face = AnnotatedFace(
        "0",
        "a",
        [Truth(3, 6, 9, "happy")],
        [Distractor("talk", 5, 10)],
        [(4, 4, 12, 16, 16), (5, 4, 13, 16, 16)],
    )
    return AnnotatedClip("real", path, 24.0, NUM_FRAMES, [face])


def brightness(clip, box):
    """Mean grey value inside a box of its frame, and of the whole frame."""
    frame, left, top, width, height = map(int, box)
    image = list(read_frames(clip.path))[frame].gray
    return image[top : top + height, left : left + width].mean(), image.mean()


@pytest.mark.parametrize("name", BY_NAME)
def test_a_box_still_holds_its_face(clip, tmp_path, name):
    made = write_version(clip, BY_NAME[name], tmp_path)
    assert made.faces[0].boxes
    for box in made.faces[0].boxes:
        inside, whole = brightness(made, box)
        assert inside > 200
        assert whole < 60


def test_mirrored_is_the_mirror_image(clip, tmp_path):
    made = write_version(clip, BY_NAME["mirrored"], tmp_path)
    before, after = (np.stack([each.gray for each in read_frames(each.path)]) for each in (clip, made))
    np.testing.assert_allclose(after[:, :, ::-1].astype(float), before, atol=25)
    assert made.faces[0].boxes[0] == (4, 44, 12, 16, 16)


def test_bordered_is_wider_by_a_quarter_on_each_side(clip, tmp_path):
    made = write_version(clip, BY_NAME["bordered"], tmp_path)
    image = next(iter(read_frames(made.path))).gray
    assert image.shape == (HEIGHT * 3 // 2, WIDTH * 3 // 2)
    assert made.faces[0].boxes[0] == (4, 20, 24, 16, 16)


def test_coded_coarser_is_smaller_and_keeps_its_truth(clip, tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (NUM_FRAMES, HEIGHT, WIDTH, 3), np.uint8)
    write_video(clip.path, noise, fps=24, crf=0)
    made, finer = (write_version(clip, BY_NAME[name], tmp_path) for name in ("CRF 23", "mirrored"))
    assert made.path.stat().st_size < 0.7 * finer.path.stat().st_size
    assert made.faces == clip.faces


def test_thinned_keeps_every_other_frame_of_24_and_its_truth(clip, tmp_path):
    made = write_version(clip, BY_NAME["15 fps"], tmp_path)
    frames = list(read_frames(made.path))
    assert (made.fps, made.num_frames, len(frames)) == (12.0, 6, 6)
    face = made.faces[0]
    # frames 4, 6, 8 lie inside 3..9
    assert face.truth == [Truth(2, 3, 4, "happy")]
    assert face.distractors == [Distractor("talk", 3, 5)]
    assert face.boxes == [(2, 4, 12, 16, 16)]


def test_versions_are_of_all_real_clips_and_every_fifth_morphed(clip):
    clips = [replace(clip, source=source) for source in ("real", "morphed", "scenes") for _ in range(7)]
    assert [each.source for each in versioned(clips)] == ["real"] * 7 + ["morphed"] * 2
