"""Faces over time: confirmation, intervals, several faces, ids, bounded memory and reasons for dropping."""

import hashlib
import itertools
import math
import tracemalloc
from dataclasses import replace

import cv2
import numpy as np
import pytest
from skimage import data

from apexline.features.faces.alignment import CROP_LANDMARKS, Detection, apply_transform
from apexline.features.faces.config import FaceConfig
from apexline.features.tracking.config import TrackConfig
from apexline.features.tracking.tracker import track_faces
from apexline.features.video.pictures import Frame
from tests.features.crops import crop_transform
from tests.features.scenes import (
    COLS,
    EVERY,
    FACES,
    ROWS,
    TRACKS,
    Scene,
    box_of,
    by_track,
    draw,
    frames_of,
    pattern,
    placed,
    still,
)


class TestLifeOfATrack:
    def test_one_face_from_first_to_last_frame(self):
        # 33 frames: the last one falls between two checks, and is checked because it is the last.
        scene = Scene(33, {"a": still()})
        rows = scene.track()
        assert frames_of(rows) == list(range(33))
        assert len(by_track(rows)) == 1
        assert scene.checked == [5, 10, 15, 20, 25, 30, 32]
        assert [row.frame for row in rows if row.detected] == [0, *scene.checked]
        # Nothing else moves: one look around per second.
        assert scene.searched == scene.searched_whole == [0, 25]
        assert [row.time_s for row in rows] == [frame / 25 for frame in range(33)]
        assert all(row.kept and row.drop_reason == "" for row in rows)
        assert all(row.crop.shape == (128, 128) and row.crop.dtype == np.uint8 for row in rows)

    def test_crops_show_the_canonical_face(self):
        scene = Scene(12, {"a": lambda frame: placed(120, 140 + frame, scale=0.8, angle=frame / 2)})
        rows = scene.track()
        expected = cv2.GaussianBlur(scene.textures["a"], (0, 0), 1).astype(int)
        for row in rows:
            middle = cv2.GaussianBlur(row.crop, (0, 0), 1)[10:-10, 10:-10].astype(int)
            assert np.abs(middle - expected[10:-10, 10:-10]).mean() < 4
            np.testing.assert_allclose(
                row.landmarks, apply_transform(scene.motions["a"](row.frame), CROP_LANDMARKS), atol=0.4
            )
            # The box stays upright while the face turns: only its middle is told exactly.
            left, top, width, height = np.array(row.box) - box_of(scene.motions["a"](row.frame))
            assert abs(left + width / 2) < 1
            assert abs(top + height / 2) < 1

    def test_no_face(self):
        scene = Scene(23, {})
        assert scene.track() == []
        # Every .33 s, at the next check.
        assert scene.searched_whole == [0, 10, 20]
        assert scene.checked == []

    def test_no_frame(self):
        assert Scene(0, {}).track() == []

    def test_single_frame_is_a_blip(self):
        assert Scene(1, {"a": still()}).track() == []
        (row,) = Scene(1, {"a": still()}).track(tracks=replace(TRACKS, min_detections=1))
        assert (row.frame, row.detected, row.kept) == (0, True, True)

    def test_blips_never_come_out(self):
        seen_at = {"once": {10}, "twice": {20, 25}}
        scene = Scene(
            50,
            {"once": still(80, 80), "twice": still(150, 240)},
            seen=lambda name, frame: frame in seen_at[name],
        )
        assert scene.track() == []

    def test_face_that_leaves_ends_where_it_was_last_seen(self):
        scene = Scene(60, {"a": lambda frame: placed(120, 160) if frame < 33 else None})
        (track,) = by_track(scene.track())
        # Gone at 33: the frame of the last search before, no later.
        assert frames_of(track) == list(range(31))
        # Losing sight of the face calls for a look at once, and one face that is gone for no more.
        assert scene.checked == [5, 10, 15, 20, 25, 30, 33]
        assert 33 in scene.searched
        assert 33 not in scene.searched_whole

    def test_face_that_is_followed_but_no_longer_detected_ends(self):
        # A head that turns away: the texture stays, the detector says no.
        scene = Scene(60, {"a": still()}, seen=lambda name, frame: frame <= 20)
        (track,) = by_track(scene.track())
        assert frames_of(track) == list(range(21))

    @pytest.mark.parametrize(("missed", "num_tracks"), [({20}, 1), ({20, 25}, 1), ({20, 25, 30}, 2)])
    def test_missed_detections_are_bridged_up_to_the_limit(self, missed, num_tracks):
        scene = Scene(61, {"a": still()}, seen=lambda name, frame: frame not in missed)
        tracks = by_track(scene.track())
        assert len(tracks) == num_tracks
        if num_tracks == 1:
            assert frames_of(tracks[0]) == list(range(61))
            assert not any(row.detected for row in tracks[0] if row.frame in missed)
        else:
            assert frames_of(tracks[0]) == list(range(16))
            # Searches have passed it over at 20 and 30: the next one finds it.
            assert frames_of(tracks[1]) == list(range(40, 61))

    def test_jump_is_found_again_by_a_search(self):
        # 20 px from one frame to the next under a new texture: following fails, the box still overlaps.
        scene = Scene(40, {"a": lambda frame: placed(120, 150 if frame < 17 else 164)})
        other = pattern(99)
        frames = []
        for frame in scene.frames():
            if frame.index >= 17:
                image = np.full((ROWS, COLS), 100, np.uint8)
                draw(image, other, placed(120, 164))
                image = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
                image[0, 0] = frame.index, 0, 0
                frame = Frame(frame.index, frame.time_s, image)  # noqa: PLW2901
            frames.append(frame)
        rows = list(track_faces(frames, faces=FACES, tracks=TRACKS, clip_key="c", detector=scene))
        (track,) = by_track(rows)
        assert frames_of(track) == list(range(40))
        assert 17 in scene.checked
        # The correction does not reach back over the jump.
        errors = [
            np.abs(row.landmarks - apply_transform(scene.motions["a"](row.frame), CROP_LANDMARKS)).max()
            for row in track
        ]
        assert max(errors) < 0.5

    def test_detection_in_every_frame(self):
        scene = Scene(12, {"a": still()})
        (track,) = by_track(scene.track(tracks=replace(TRACKS, check_s=0, still_check_s=0)))
        assert frames_of(track) == list(range(12))
        assert all(row.detected for row in track)

    def test_missing_frames_do_not_matter(self):
        scene = Scene(40, {"a": still()})
        frames = [frame for frame in scene.frames() if frame.index not in {7, 8, 21}]
        rows = list(track_faces(frames, faces=FACES, tracks=TRACKS, clip_key="c", detector=scene))
        assert frames_of(rows) == [frame.index for frame in frames]


class TestIntervals:
    """Times count, not frames."""

    @staticmethod
    def retimed(scene, times):
        for frame, time_s in zip(scene.frames(), times, strict=True):
            yield Frame(frame.index, time_s, frame.image)

    @pytest.mark.parametrize("fps", [10, 25, 30, 60])
    def test_checks_keep_their_pace_at_any_rate(self, fps):
        scene = Scene(2 * fps, {"a": still()})
        times = np.arange(2 * fps) / fps
        frames = self.retimed(scene, times)
        rows = list(track_faces(frames, faces=FACES, tracks=TRACKS, clip_key="c", detector=scene))
        assert len(rows) == 2 * fps
        pace = np.diff(times[scene.checked[:-1]])
        np.testing.assert_allclose(pace, 0.2, atol=1e-6)

    def test_variable_rate(self):
        # 30 frames per second by day, 12 in the dark.
        times = np.concatenate([np.arange(60) / 30, 2 + np.arange(24) / 12])
        scene = Scene(len(times), {"a": still()})
        frames = self.retimed(scene, times)
        rows = list(track_faces(frames, faces=FACES, tracks=TRACKS, clip_key="c", detector=scene))
        assert [row.time_s for row in rows] == times.tolist()
        pace = np.diff(times[scene.checked[:-1]])
        assert pace.min() > 0.199
        assert pace.max() < 0.2 + 1 / 12

    @pytest.mark.parametrize(
        ("motion", "expected"), [(still(), 0.4), (lambda frame: placed(100 + frame, 100), 0.2)]
    )
    def test_still_faces_are_looked_at_less_often(self, motion, expected):
        scene = Scene(50, {"a": motion})
        tracks = by_track(scene.track(tracks=replace(TRACKS, still_check_s=0.4)))
        assert [frames_of(track) for track in tracks] == [list(range(50))]
        pace = np.diff(scene.checked[:-1]) / 25
        # a new face is looked at often until it has proved itself
        assert pace[0] == pytest.approx(0.2)
        np.testing.assert_allclose(pace[2:], expected)

    def test_one_moving_face_keeps_the_pace_for_all(self):
        scene = Scene(50, {"a": still(60, 60), "b": lambda frame: placed(100 + frame, 200)})
        scene.track(tracks=replace(TRACKS, still_check_s=0.4))
        np.testing.assert_allclose(np.diff(scene.checked[:-1]) / 25, 0.2)

    def test_colour_is_converted_only_for_the_detector(self):
        class Counted(Frame):
            converted = []

            @property
            def image(self):
                Counted.converted.append(self.index)
                return Frame.image.func(self)

        scene = Scene(24, {"a": still()})
        frames = [Counted(frame.index, frame.time_s, frame.image) for frame in scene.frames()]
        list(track_faces(frames, faces=FACES, tracks=TRACKS, clip_key="c", detector=scene))
        assert sorted(set(Counted.converted)) == sorted({0, *scene.checked})


class TestSeveralFaces:
    MOTIONS = {
        "still": still(60, 60),
        "walks": lambda frame: placed(150, 60 + 2.5 * frame),
        "late": lambda frame: placed(70, 230) if frame >= 21 else None,
    }

    def test_each_face_has_one_track(self):
        tracks = by_track(Scene(60, self.MOTIONS).track())
        assert len(tracks) == 3
        for track, name in zip(tracks, self.MOTIONS, strict=True):
            for row in track:
                np.testing.assert_allclose(
                    row.landmarks, apply_transform(self.MOTIONS[name](row.frame), CROP_LANDMARKS), atol=1
                )
        assert frames_of(tracks[2]) == list(range(25, 60))

    def test_rows_come_in_order_of_frames_then_tracks(self):
        # One face's detections are missed now and then, so that its frames are held longer than the other's.
        scene = Scene(
            60, self.MOTIONS, seen=lambda name, frame: name != "still" or frame % 15 == 0 or frame < 11
        )
        rows = scene.track()
        ordinal = {track_id: n for n, track_id in enumerate(dict.fromkeys(row.track_id for row in rows))}
        keys = [(row.frame, ordinal[row.track_id]) for row in rows]
        assert keys == sorted(keys)
        assert len(keys) == len(set(keys))


class TestIds:
    def test_ids_derive_from_the_clip_and_are_stable(self):
        rows = Scene(30, TestSeveralFaces.MOTIONS).track(clip_key="0123abcd")
        again = Scene(30, TestSeveralFaces.MOTIONS).track(clip_key="0123abcd")
        ids = [track[0].track_id for track in by_track(rows)]
        assert ids == [hashlib.sha256(f"0123abcd:{n}".encode()).hexdigest()[:12] for n in range(2)]
        for row, other in zip(rows, again, strict=True):
            assert (row.track_id, row.frame, row.box, row.quality) == (
                other.track_id,
                other.frame,
                other.box,
                other.quality,
            )
            np.testing.assert_array_equal(row.crop, other.crop)

    def test_another_clip_has_other_ids(self):
        ids = [
            {row.track_id for row in Scene(20, TestSeveralFaces.MOTIONS).track(clip_key=key)}
            for key in ("one", "two")
        ]
        assert not ids[0] & ids[1]


class TestDropping:
    def only_reason(self, scene, **tracks):
        rows = scene.track(tracks=replace(TRACKS, **tracks))
        assert len(rows) == scene.num_frames
        assert not any(row.kept for row in rows)
        assert all(row.crop is None for row in rows)
        (reason,) = {row.drop_reason for row in rows}
        return reason

    def test_too_small(self):
        assert self.only_reason(Scene(21, {"a": still(scale=0.35)})) == "too_small"

    def test_blurred(self):
        assert self.only_reason(Scene(21, {"a": still()}), min_blur=1e6) == "blurred"

    def test_too_dark(self):
        class Night(Scene):
            def frames(self):
                for frame in super().frames():
                    image = frame.image // 20
                    image[0, 0] = frame.image[0, 0]
                    yield Frame(frame.index, frame.time_s, image)

        scene = Night(21, {"a": still()})
        assert self.only_reason(scene, min_blur=TrackConfig.min_blur) == "too_dark"

    def test_off_pose_by_roll(self):
        assert self.only_reason(Scene(21, {"a": still(angle=50)})) == "off_pose"

    def test_off_pose_by_yaw(self):
        class Profile(Scene):
            def visible(self, index):
                turned = CROP_LANDMARKS + [[0, 0], [0, 0], [0, 20], [0, 0], [0, 0]]
                return [Detection(box_of(placed(120, 160)), 0.99, apply_transform(placed(120, 160), turned))]

        assert self.only_reason(Profile(21, {"a": still()})) == "off_pose"

    def test_out_of_frame(self):
        assert self.only_reason(Scene(21, {"a": still(120, 20)})) == "out_of_frame"

    def test_low_score(self):
        scene = Scene(31, {"a": still()}, score=lambda name, frame: 0.99 if frame < 10 else 0.75)
        rows = scene.track()
        assert [row.drop_reason for row in rows] == [""] * 10 + ["low_score"] * 21
        assert rows[-1].detector_score == 0.75

    def test_frames_are_judged_one_by_one(self):
        # A head that rolls over to the side and back.
        scene = Scene(
            81, {"a": lambda frame: placed(120, 160, angle=60 * math.sin(frame / 80 * math.pi) ** 2)}
        )
        rows = scene.track()
        assert len(rows) == 81
        for row in rows:
            rolled = abs(row.quality.roll_deg) > TRACKS.max_roll_deg
            assert row.drop_reason == ("off_pose" if rolled else "")
        assert {row.drop_reason for row in rows} == {"", "off_pose"}


class TestMemory:
    def test_rows_come_soon_and_memory_is_flat(self):
        pulled = itertools.count()
        scene = Scene(
            400, {"a": still(), "flickers": still(60, 60)}, seen=lambda n, f: n == "a" or f % 15 == 0
        )
        newest = 0

        def watched():
            nonlocal newest
            for frame in scene.frames():
                newest = frame.index
                next(pulled)
                yield frame

        tracemalloc.start()
        peaks = []
        for row in track_faces(watched(), faces=FACES, tracks=TRACKS, clip_key="c", detector=scene):
            # Held back for the first three detections, later from one detection to the next.
            assert newest - row.frame <= 2 * EVERY + 1
            if row.frame in (80, 239):
                peaks.append(tracemalloc.get_traced_memory()[1])
                tracemalloc.reset_peak()
        tracemalloc.stop()
        assert peaks[1] < 1.1 * peaks[0]


def test_real_face_with_the_real_detector():
    portrait = np.ascontiguousarray(data.astronaut()[..., ::-1])
    rng = np.random.default_rng(8)

    def motion(index):
        # Portrait px -> frame px, face about 70 px wide, drifting.
        return np.array([[0.75, 0, -10 + 0.8 * index], [0, 0.75, 20 + 0.3 * index]])

    frames = []
    for index in range(24):
        image = cv2.warpAffine(portrait, motion(index), (COLS, ROWS), flags=cv2.INTER_AREA)
        image = np.clip(image + rng.normal(0, 2, image.shape), 0, 255).astype(np.uint8)
        frames.append(Frame(index, index / 25, image))
    rows = list(track_faces(frames, faces=FaceConfig(), tracks=TrackConfig(), clip_key="astronaut"))
    assert frames_of(rows) == list(range(24))
    assert len(by_track(rows)) == 1
    assert all(row.kept for row in rows)
    eyes_and_nose = np.array([[100.0, 203.0], [103.0, 246.0], [127.0, 224.0]])
    in_crop = np.array(
        [
            apply_transform(crop_transform(row.landmarks), apply_transform(motion(row.frame), eyes_and_nose))
            for row in rows
        ]
    )
    np.testing.assert_allclose(in_crop.mean(axis=0), CROP_LANDMARKS[:3], atol=4)
    assert in_crop.std(axis=0).max() < 0.25
    # What the crop shows hardly changes, although the face crosses the frame.
    crops = np.stack([row.crop for row in rows]).astype(float)
    assert crops.std(axis=0)[20:110, 25:103].mean() < 4
    expected = crop_transform(apply_transform(motion(0), eyes_and_nose))
    np.testing.assert_allclose(crop_transform(rows[0].landmarks)[0, 0], expected[0, 0], rtol=0.1)
