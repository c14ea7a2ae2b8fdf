"""What the sample shows, and the truth that is stored with it."""

from collections import defaultdict

import numpy as np
import pytest

from apexline.sample.plan import SampleConfig, plan_sample, variant_shape
from apexline.sample.schedule import ONSET_SHARE

EMOTIONS = {"happy", "angry", "calm", "scared"}


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


def test_plain_clips_have_nothing_of_life():
    for plan in plan_sample():
        assert plan.lights == ()
        assert all(actor.events == () for actor in plan.actors)


def test_lifelike_clips_are_one_of_each_variant_and_the_groups():
    config = SampleConfig(variants=5, group_clips=2, lifelike=True)
    plans = plan_sample(config=config)
    assert [[actor.subject for actor in plan.actors] for plan in plans] == [
        *[[f"v{variant:02d}"] for variant in range(5)],
        ["v00", "v01"],
        ["v02", "v03", "v04"],
    ]
    assert plans == plan_sample(config=config)
    for plan in plans:
        for actor in plan.actors:
            assert 3 <= len(actor.episodes) <= 8
            assert actor.episodes[-1].end < plan.num_frames
            assert {event.kind for event in actor.events} >= {"gaze"}
            assert actor.subject in plan.name


def test_config_refuses_groups_without_enough_variants():
    with pytest.raises(
        ValueError, match="saw 2 variants and 1 group clips; expected at least 3 variants for groups"
    ):
        SampleConfig(variants=2, group_clips=1)
