import json
import socket
from collections import defaultdict
from dataclasses import replace
from datetime import datetime

import cv2
import numpy as np
import pytest

from apexline.features.faces.config import FaceConfig
from apexline.features.faces.detectors import make_detector
from apexline.features.video.reader import probe_video
from apexline.sample import face as sample_face
from apexline.sample import marks as sample_marks
from apexline.sample import warp as sample_warp
from apexline.sample.clips import make_puppets, make_sample, manifest, render_frames, write_clip
from apexline.sample.face import FacePuppet, Pose
from apexline.sample.plan import SampleConfig, plan_clip, plan_sample, variant_shape
from apexline.sample.schedule import ONSET_SHARE, Episode
from apexline.sample.shapes import FaceShape

EMOTIONS = {"happy", "angry", "calm", "scared"}


@pytest.fixture(scope="module")
def detector():
    return make_detector(FaceConfig())


@pytest.fixture(scope="module")
def puppet():
    return FacePuppet(FaceShape())


def overlap(a, b):
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    shared = max(0.0, width) * max(0.0, height)
    return shared / (a[2] * a[3] + b[2] * b[3] - shared)


def read_manifest(clip):
    return json.loads(clip.with_suffix(".json").read_text())


# Truth


def test_episode_hand_worked():
    episode = Episode("happy", start=10, rise=10, hold=5, fall=10, peak=1.0)
    # Smoothstep 3s^2 - 2s^3: .028 at s = .1, .104 at .2, .5 at .5; 6 % are lost by the end of the hold.
    got = [episode.intensity(frame) for frame in (10, 11, 12, 15, 20, 25, 30, 34, 35)]
    assert got == pytest.approx([0, 0.028, 0.104, 0.5, 1.0, 0.94, 0.47, 0.94 * 0.028, 0])
    assert (episode.onset, episode.apex, episode.offset) == (12, 20, 33)


def test_calm_episode_has_no_intensity_and_spans_all_its_frames():
    episode = Episode("calm", start=3, rise=20, hold=0, fall=20, peak=0.0)
    assert (episode.onset, episode.apex, episode.offset) == (3, 23, 43)
    assert all(episode.intensity(frame) == 0 for frame in range(50))


def test_annotations_are_the_intensity_curve_thresholded():
    for plan in plan_sample():
        for actor in plan.actors:
            for episode in actor.episodes:
                if episode.emotion == "calm":
                    continue
                poses = [actor.pose(frame) for frame in range(plan.num_frames)]
                curve = np.array([getattr(pose, episode.emotion) for pose in poses])
                frames = np.flatnonzero(curve >= ONSET_SHARE * episode.peak)
                assert frames.tolist() == list(range(episode.onset, episode.offset + 1))
                assert int(curve.argmax()) == episode.apex


def test_truth_lies_inside_the_clip_in_order_and_boxes_inside_the_frame():
    for plan in plan_sample():
        for actor in plan.actors:
            last = -1
            for episode in actor.episodes:
                assert last < episode.onset <= episode.apex <= episode.offset < plan.num_frames
                last = episode.offset
                x, y, w, h = actor.box(episode.apex / plan.fps)
                assert x >= 0
                assert y >= 0
                assert x + w <= plan.size[0]
                assert y + h <= plan.size[1]
                assert np.sqrt(w * h) == pytest.approx(actor.face_px, rel=0.12)


def test_no_face_blinks_at_its_apex():
    for plan in plan_sample():
        for actor in plan.actors:
            assert all(actor.pose(episode.apex).blink == 0 for episode in actor.episodes)


# The whole sample's plan


def test_every_subject_shows_all_emotions_alone():
    shown = defaultdict(set)
    for plan in plan_sample():
        if len(plan.actors) == 1:
            shown[plan.actors[0].subject] |= {episode.emotion for episode in plan.actors[0].episodes}
    assert sorted(shown) == [f"v{number:02d}" for number in range(12)]
    assert all(emotions == EMOTIONS for emotions in shown.values())


def test_sample_has_groups_micro_expressions_and_pairs_on_four_camera_days():
    plans = plan_sample()
    assert len(plans) == 36
    assert sorted(len(plan.actors) for plan in plans) == [1] * 33 + [2, 2, 3]
    counts, durations = [], []
    for plan in plans:
        moving = [e for actor in plan.actors for e in actor.episodes if e.emotion != "calm"]
        counts.append((len(plan.actors), len(moving)))
        durations += [(episode.offset - episode.onset + 1) / plan.fps for episode in moving]
    assert (1, 2) in counts
    assert (1, 0) in counts
    assert sum(duration <= 0.5 for duration in durations) == 2
    assert max(durations) < 4
    assert len({(plan.camera, plan.captured_at.date()) for plan in plans}) == 4
    assert len({plan.name for plan in plans}) == 36


def test_another_seed_plans_another_sample():
    assert plan_sample(seed=1) == plan_sample(seed=1)
    assert plan_sample(seed=1) != plan_sample(seed=2)
    assert variant_shape(3, seed=1) != variant_shape(3, seed=2)
    assert variant_shape(3).mirrored
    assert not variant_shape(2).mirrored


def test_config_refuses_groups_without_enough_variants():
    with pytest.raises(
        ValueError, match="saw 2 variants and 1 group clips; expected at least 3 variants for groups"
    ):
        SampleConfig(variants=2, group_clips=1)


# Files


def test_make_sample_writes_clips_and_manifests(tmp_path):
    config = SampleConfig(variants=1, group_clips=0, fps=10, lead_s=0.3)
    clips = make_sample(tmp_path / "new", config=config)
    plans = plan_sample(config=config)
    assert [clip.name for clip in clips] == [f"{plan.name}.mp4" for plan in plans]
    emotions = set()
    for clip, plan in zip(clips, plans, strict=True):
        info = probe_video(clip)
        assert (info.num_frames, info.width, info.height) == (plan.num_frames, 320, 240)
        assert info.fps == pytest.approx(10)
        sidecar = read_manifest(clip)
        assert sidecar["camera"] in {"gate-01", "gate-02"}
        assert datetime.fromisoformat(sidecar["captured_at"]).tzinfo is not None
        assert sidecar["purpose"] == "demonstration"
        assert sidecar["legal_basis"] == "synthetic sample, no person recorded"
        assert sidecar["synthetic"] is True
        assert sidecar == json.loads(json.dumps(manifest(plan)))
        emotions |= {note["emotion"] for note in sidecar["annotations"]}
    assert emotions == EMOTIONS


def test_same_plan_gives_same_bytes(tmp_path):
    plan = plan_clip([(1, ("angry",))], config=SampleConfig(fps=10, lead_s=0.1))
    first = write_clip(tmp_path / "a", plan, puppets=make_puppets([plan]))
    second = write_clip(tmp_path / "b", plan, puppets=make_puppets([plan]))
    assert first.read_bytes() == second.read_bytes()
    assert first.with_suffix(".json").read_bytes() == second.with_suffix(".json").read_bytes()
    other = write_clip(tmp_path / "c", replace(plan, seed=plan.seed + 1), puppets=make_puppets([plan]))
    assert first.read_bytes() != other.read_bytes()


def test_portrait_and_backdrops_need_no_network(monkeypatch):
    def refuse(*_):
        msg = "the sample must not connect to anything"
        raise AssertionError(msg)

    monkeypatch.setattr(socket.socket, "connect", refuse)
    sample_face._rig.cache_clear()
    plan = plan_clip([(0, ("happy",))], config=SampleConfig(size=(160, 120), face_px=(40.0, 40.0)))
    puppets = make_puppets([plan])
    for backdrop in ("brick", "gravel", "grass", "coffee"):
        frame = next(render_frames(replace(plan, backdrop=backdrop, blur=0.0), puppets=puppets))
        assert frame.shape == (120, 160, 3)


# The real detector


@pytest.mark.parametrize(
    "cast",
    [
        ((0, ("calm", "scared")),),
        ((1, ("happy", "angry")),),
        ((2, ("happy",)), (3, ("calm",)), (4, ("scared",))),
    ],
)
def test_detector_finds_every_face_at_every_stage(build_clip, detector, cast):
    clip = build_clip(cast)
    capture, frames = cv2.VideoCapture(str(clip.path)), []
    while (read := capture.read())[0]:
        frames.append(read[1])
    assert len(frames) == clip.plan.num_frames
    episodes = [episode for actor in clip.plan.actors for episode in actor.episodes]
    for k in sorted({k for e in episodes for k in (e.onset, e.apex, e.offset)}):
        found = detector.detect(frames[k])
        assert len(found) == len(cast)
        for actor in clip.plan.actors:
            truth = actor.box(k / clip.plan.fps)
            overlaps = [overlap(face.box, truth) for face in found]
            assert max(overlaps) > 0.6
            left_eye, right_eye, nose, left_mouth, right_mouth = found[int(np.argmax(overlaps))].landmarks
            assert left_eye[0] < nose[0] < left_mouth[0]
            assert right_eye[0] < nose[0] < right_mouth[0]
            assert left_eye[1] < nose[1] < right_eye[1]


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_smile_widens_and_lifts_the_mouth_for_the_detector(detector, mirrored):
    actor = FacePuppet(FaceShape(mirrored=mirrored))
    measured = []
    for pose in (Pose(), Pose(happy=1.0)):
        (face,) = detector.detect(np.ascontiguousarray(actor.render(pose)[:480]))
        eyes, mouth = face.landmarks[:2].mean(axis=0), face.landmarks[3:]
        measured.append((mouth[1, 1] - mouth[0, 1], mouth.mean(axis=0)[0] - eyes[0]))
    (neutral_width, neutral_drop), (width, drop) = measured
    assert width > neutral_width + 4
    assert drop < neutral_drop - 2


# The face


def face_crop(image):
    return sample_warp.crop_box(image, sample_warp.ROI).astype(np.int16)


def changed_rows(before, after):
    """Portrait rows in which at least one pixel of the face changes visibly."""
    rows = np.flatnonzero((np.abs(face_crop(before) - face_crop(after)).max(axis=-1) > 12).any(axis=1))
    return rows / sample_warp.CANVAS_SCALE + sample_warp.ROI[1]


def test_expressions_change_the_parts_they_should(puppet):
    neutral = puppet.render(Pose())
    blink = changed_rows(neutral, puppet.render(Pose(blink=1.0)))
    assert 85 < blink.min() < blink.max() < 117
    for emotion in sample_marks.EXPRESSIONS:
        rows = changed_rows(neutral, puppet.render(Pose(**{emotion: 1.0})))
        assert np.any((rows > 85) & (rows < 117)), emotion
        assert np.any((rows > 135) & (rows < 160)), emotion


def test_nothing_but_the_face_moves(puppet):
    neutral, scared = puppet.render(Pose()), puppet.render(Pose(scared=1.0, blink=0.5))
    moved = np.any(neutral != scared, axis=-1)
    assert sample_warp.crop_box(moved, sample_warp.ROI).any()
    sample_warp.crop_box(moved, sample_warp.ROI)[:] = False
    assert not moved.any()


def test_expressions_grow_with_intensity(puppet):
    neutral = face_crop(puppet.render(Pose()))
    for emotion in sample_marks.EXPRESSIONS:
        posed = [face_crop(puppet.render(Pose(**{emotion: share}))) for share in (0.2, 0.5, 1.0)]
        change = [np.abs(face - neutral).mean() for face in posed]
        assert 0 < change[0] < change[1] < change[2]


def test_neutral_base_hides_the_teeth_that_the_smile_shows(puppet):
    def bright_mouth(image):
        mouth = image[2 * 142 : 2 * 146, 2 * 208 : 2 * 240].astype(np.int16)
        return int(((mouth.min(axis=-1) > 165) & (np.ptp(mouth, axis=-1) < 45)).sum())

    assert bright_mouth(puppet.render(Pose(happy=1.0))) > 120
    assert bright_mouth(puppet.render(Pose())) < 20


def test_mirrored_variant_is_the_mirror_image(puppet):
    mirrored = FacePuppet(FaceShape(mirrored=True))
    pose = Pose(angry=0.7)
    np.testing.assert_array_equal(mirrored.render(pose), puppet.render(pose)[:, ::-1])
    np.testing.assert_array_equal(mirrored.matte, puppet.matte[:, ::-1])
    assert np.any(mirrored.render(pose) != puppet.render(pose))
    x0, y0, x1, y1 = FaceShape().box()
    assert FaceShape(mirrored=True).box() == (511 - x1, y0, 511 - x0, y1)


def test_undo_inverts_the_movement():
    rig, grid = sample_face._rig(), sample_warp.point_grid(sample_warp.ROI, step=0.5)
    for field in rig.fields.values():
        before = sample_warp.undo_field(field, grid)
        again = before + sample_warp.sample_texture(field, before, origin=sample_warp.ROI, scale=1)
        assert np.abs(again - grid).max() < 0.2


def test_slide_back_hand_worked():
    # An edge slides out by 2 px and takes 10 px of skin along: what lay at 3.75 px now lies at 5 px.
    distance = np.array([2.0, 5.0, 10.0, 12.0])
    got = sample_warp.slide_back(distance, np.full(4, 2.0), 10.0)
    np.testing.assert_allclose(got, [0, 3.75, 10, 12])


def test_edges_keep_their_corners():
    for edge in (sample_marks.SEAM, sample_marks.SMILE_UPPER, sample_marks.LIDS[0][1]):
        corners, inner = edge.points[[0, -1]], edge.points[1:-1]
        np.testing.assert_allclose(edge.at(corners[:, 0]), corners[:, 1], atol=0.05)
        np.testing.assert_allclose(edge.at(inner[:, 0]), inner[:, 1], atol=0.6)


# The shared fixture


def test_astronaut_clip_fixture(astronaut_clip):
    (note,) = astronaut_clip.annotations
    assert note["emotion"] == "happy"
    assert note["onset"] < note["apex"] < note["offset"] < probe_video(astronaut_clip.path).num_frames
