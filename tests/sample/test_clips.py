import json
import socket
from dataclasses import replace
from datetime import datetime
from itertools import islice

import cv2
import numpy as np
import pytest

from apexline.assets.lake import Manifest
from apexline.features.video.reader import probe_video
from apexline.sample import face as sample_face
from apexline.sample.clips import make_puppets, make_sample, manifest, render_frames, write_clip
from apexline.sample.life import Event
from apexline.sample.plan import SampleConfig, plan_clip, plan_sample

EMOTIONS = {"happy", "angry", "calm", "scared"}


def overlap(a, b):
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    shared = max(0.0, width) * max(0.0, height)
    return shared / (a[2] * a[3] + b[2] * b[3] - shared)


def read_manifest(clip):
    return json.loads(clip.with_suffix(".json").read_text())


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


def test_lifelike_sample_has_tables_and_manifests_that_intake_takes(tmp_path):
    config = SampleConfig(
        variants=1, group_clips=0, fps=8, size=(160, 120), face_px=(50.0, 50.0), lifelike=True
    )
    [clip] = make_sample(tmp_path, config=config)
    assert {path.name for path in tmp_path.iterdir()} == {
        clip.name,
        clip.with_suffix(".json").name,
        "clips.csv",
        "segments.csv",
        "distractors.csv",
    }
    manifest = Manifest.model_validate_json(clip.with_suffix(".json").read_text())
    assert 3 <= len(manifest.annotations) <= 8


def test_a_lamp_brightens_where_it_stands_and_a_head_that_turns_moves():
    plan = plan_clip([(0, ("calm",))], config=SampleConfig(size=(160, 120), face_px=(50.0, 50.0)))
    plan = replace(plan, noise=0.0, light_drift=0.0)
    [actor] = plan.actors
    lit = replace(plan, lights=(Event("lamp", 0, (0.0,)), Event("shadow", 1, (1.0,))))
    turned = replace(plan, actors=(replace(actor, events=(Event("turn", 0, (0.3,)),)),))
    puppets = make_puppets([plan])
    plain, shone, aside = (
        list(islice(render_frames(each, puppets=puppets), 2)) for each in (plan, lit, turned)
    )
    ratio = [(shone[k].mean(axis=(0, 2)) / plain[k].mean(axis=(0, 2))) for k in range(2)]
    assert ratio[0][:8].mean() > 1.3
    assert ratio[1][-8:].mean() < 0.75
    assert abs(ratio[0][-8:].mean() - 1) < 0.02
    x, y = (round(value) for value in actor.centre)
    moved = np.abs(aside[0].astype(int) - plain[0]).mean(axis=-1)
    assert moved[y - 15 : y + 15, x - 15 : x + 15].mean() > 5
    np.testing.assert_array_equal(aside[1], plain[1])


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


# The shared fixture


def test_astronaut_clip_fixture(astronaut_clip):
    (note,) = astronaut_clip.annotations
    assert note["emotion"] == "happy"
    assert note["onset"] < note["apex"] < note["offset"] < probe_video(astronaut_clip.path).num_frames
