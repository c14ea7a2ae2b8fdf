"""One track: landmarks smoothed without lag, jumps or drift, and corrections spread over the frames held back."""

import math
from dataclasses import replace

import cv2
import numpy as np
import pytest

from apexline.features.faces.alignment import CROP_LANDMARKS, Detection, apply_transform
from apexline.features.faces.boxes import Box
from apexline.features.tracking.track import FaceTrack, track_id_of
from apexline.features.tracking.tracker import track_faces
from apexline.features.video.pictures import Frame
from tests.features.crops import crop_transform
from tests.features.scenes import (
    COLS,
    FACES,
    ROWS,
    TRACKS,
    Scene,
    box_of,
    by_track,
    draw,
    pattern,
    placed,
    still,
)


class TestUpdate:
    """A detection 4 px to the right of where the face was followed to, three frames after the last one."""

    @staticmethod
    def track(**state):
        box, landmarks = np.array([10.0, 10.0, 100.0, 100.0]), CROP_LANDMARKS + 10
        track = FaceTrack(box, landmarks, 0.9, None, num_detections=5, **state)
        for index, detected in enumerate((True, False, False)):
            image = np.zeros((8, 8, 3), np.uint8)
            track.hold(Frame(index, index / 25, image), detected=detected)
        return track

    DETECTION = Detection(Box(14.0, 10.0, 100.0, 100.0), 0.95, CROP_LANDMARKS + [10, 14])
    # 4 px of a box of 100 px are half of max_disagreement: so much is taken over.
    SHIFT = 0.5 * 4

    @staticmethod
    def shifts(track):
        return [frame.box[0] - 10 for frame in track.held]

    def test_correction_grows_over_the_frames_held_back(self):
        track = self.track(track_id="known")
        track.update(self.DETECTION, TRACKS)
        np.testing.assert_allclose(track.box, [10 + self.SHIFT, 10, 100, 100])
        np.testing.assert_allclose(track.landmarks, CROP_LANDMARKS + [10, 10 + self.SHIFT])
        np.testing.assert_allclose(self.shifts(track), [0, self.SHIFT / 3, 2 * self.SHIFT / 3])
        assert (track.score, track.num_detections, track.num_missed) == (0.95, 6, 0)

    def test_nothing_came_out_yet_and_all_frames_are_corrected_alike(self):
        track = self.track()
        track.update(self.DETECTION, TRACKS)
        np.testing.assert_allclose(self.shifts(track), self.SHIFT)

    def test_lost_track_takes_the_detection_and_leaves_the_past(self):
        track = self.track(lost=True)
        track.update(self.DETECTION, TRACKS)
        np.testing.assert_array_equal(track.box, self.DETECTION.box)
        assert self.shifts(track) == [0, 0, 0]
        assert not track.lost

    def test_still_until_it_moves_by_more_than_allowed(self):
        track = self.track()
        assert not track.is_still(TRACKS)
        track.update(self.DETECTION, TRACKS)
        assert track.is_still(TRACKS)
        track.landmarks = track.landmarks + [0, 1.1 * TRACKS.still_motion * track.side]
        assert not track.is_still(TRACKS)


def alignment_path(rows, motion):
    """Where the true landmarks fall in the crops, (T, 5, 2): constant when the alignment is perfect."""
    return np.array(
        [
            apply_transform(crop_transform(row.landmarks), apply_transform(motion(row.frame), CROP_LANDMARKS))
            for row in rows
        ]
    )


class TestSteadiness:
    # Three times what the real detector shows: px at an eye distance of 28 px.
    NOISE = 0.5

    @pytest.fixture(scope="class")
    @staticmethod
    def paths():
        def motion(frame):
            return placed(
                118 + 8 * math.sin(frame / 9),
                160 + 15 * math.sin(frame / 14),
                scale=0.6 + 0.03 * math.sin(frame / 20),
                angle=4 * math.sin(frame / 11),
            )

        scene = Scene(120, {"a": motion}, noise=TestSteadiness.NOISE)
        (track,) = by_track(scene.track())
        raw = []
        for frame in scene.frames():
            (found,) = scene.visible(frame.index)
            raw.append(
                apply_transform(
                    crop_transform(found.landmarks), apply_transform(motion(frame.index), CROP_LANDMARKS)
                )
            )
        return alignment_path(track, motion), np.array(raw)

    def test_detector_noise_is_held_down(self, paths):
        smooth, raw = paths
        assert len(smooth) == 120
        assert smooth.std(axis=0).mean() < 0.4 * raw.std(axis=0).mean()
        assert np.diff(smooth, axis=0).std() < 0.1 * np.diff(raw, axis=0).std()

    def test_alignment_never_jumps(self, paths):
        smooth, _ = paths
        assert np.abs(np.diff(smooth, axis=0)).max() < 0.3

    def test_mouth_motion_does_not_move_the_crop(self):
        # The lower face slides down by 6 px of the crop, as a mouth that opens; the eyes stay.
        texture = pattern(4)
        rows, cols = np.mgrid[:128, :128].astype(np.float32)
        frames = []
        for index in range(60):
            opened = 6 * math.sin(index / 60 * math.pi) ** 2
            weight = 1 / (1 + np.exp(-(rows - 84) / 2))
            face = cv2.remap(texture, cols, (rows - opened * weight).astype(np.float32), cv2.INTER_CUBIC)
            image = np.full((ROWS, COLS), 100, np.uint8)
            draw(image, face, placed(120, 160))
            image = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
            image[0, 0] = index, 0, 0
            frames.append(Frame(index, index / 25, image))
        scene = Scene(60, {"a": still()})
        track = list(track_faces(frames, faces=FACES, tracks=TRACKS, clip_key="c", detector=scene))
        path = alignment_path(track, scene.motions["a"])
        assert len(track) == 60
        assert {row.track_id for row in track} == {track_id_of("c", 0)}
        assert np.ptp(path[:, :3], axis=0).max() < 0.3

    def test_turned_head_is_taken_over_at_once(self):
        # The nose moves by 12 px of the crop between two searches: not noise, so not smoothed away.
        turned = CROP_LANDMARKS + [[0, 0], [0, 0], [0, 12], [0, 6], [0, 6]]

        class Turning(Scene):
            def visible(self, index):
                where = CROP_LANDMARKS if index < 30 else turned
                return [Detection(box_of(placed(120, 160)), 0.99, apply_transform(placed(120, 160), where))]

        rows = Turning(60, {"a": still()}).track(tracks=replace(TRACKS, max_yaw=1))
        yaw = np.array([row.quality.yaw for row in rows])
        assert abs(yaw[25]) < 0.02
        assert yaw[35] > 0.15
        # Spread over the frames since the search before, not all at once.
        assert np.diff(yaw).max() < 0.08

    def test_first_detections_are_averaged_without_a_drift(self):
        scene = Scene(11, {"a": still()}, noise=1.0)
        rows = scene.track()
        path = alignment_path(rows, scene.motions["a"])
        # Nothing had come out before the third detection: the correction holds for all frames alike.
        assert np.ptp(path[:, :3], axis=0).max() < 0.4
