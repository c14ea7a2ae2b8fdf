"""The features as one line: rows to segments, segments to features, clip to segments."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest

from apexline.features import pipeline as module
from apexline.features import placement
from apexline.features.config import FeatureConfig, load_config
from apexline.features.modc.stream import TextureStream
from apexline.features.pipeline import find_segments, segment_features, spot_clip, try_devices
from apexline.features.placement import TRIAL_SIZE
from apexline.features.spotting.config import SegmentConfig
from apexline.sample.clips import make_puppets, render_frames
from apexline.sample.plan import SampleConfig, plan_clip
from tests.features.stream_rows import FPS, cpu, no_texture, rows_of

CONFIGS = Path(__file__).parents[2] / "configs"


# Segments


def test_a_smile_becomes_one_segment(smiling_rows):
    segments = find_segments(*smiling_rows, track_id="abc", config=cpu())
    assert len(segments) == 1
    smile = segments[0]
    assert abs(smile.onset - 20) <= 4
    assert 26 <= smile.apex <= 39
    assert abs(smile.offset - 45) <= 4
    assert smile.track_id == "abc"
    assert smile.source == "flow"
    assert smile.roi in {"left_mouth", "right_mouth"}
    assert smile.score > 1
    assert smile.length == "macro"
    assert smile.apex_s == pytest.approx(smile.apex / FPS)


def test_a_still_face_gives_no_segment(still_crops):
    assert find_segments(*rows_of(still_crops, cpu()), track_id="abc", config=cpu()) == []


@pytest.mark.parametrize("fusion", ["or", "mean"])
def test_other_fusions_find_the_smile(smiling_rows, fusion):
    config = cpu(segments=SegmentConfig(rule="curves", fusion=fusion))
    segments = find_segments(*smiling_rows, track_id="abc", config=config)
    assert any(min(s.offset, 45) - max(s.onset, 20) > 12 for s in segments)
    assert {s.source for s in segments} & {"both"}


def test_texture_speaks_where_flow_is_silent(smiling_rows):
    config = cpu(segments=SegmentConfig(rule="curves", min_motion_px=50.0, min_difference=0.001))
    segments = find_segments(*smiling_rows, track_id="abc", config=config)
    assert segments
    assert {s.source for s in segments} == {"texture"}


def test_segments_need_no_texture_rows(smiling_rows):
    found = find_segments(no_texture(), smiling_rows[1], track_id="abc", config=cpu())
    assert len(found) == 1


# What classifiers see


def test_features_of_a_segment(smiling_crops):
    texture, flow = segment_features(smiling_crops[0], smiling_crops[32], config=cpu())
    assert texture.shape == (2 * 16 * 511,)
    assert texture.dtype == np.float32
    assert texture.sum() == pytest.approx(32, rel=1e-4)
    assert flow.shape == (7 * (2 + 8),)
    assert flow.dtype == np.float32
    assert np.abs(flow).max() > 1


def test_a_still_has_no_motion(smiling_crops):
    texture, flow = segment_features(None, smiling_crops[32], config=cpu())
    assert flow is None
    np.testing.assert_array_equal(
        texture, segment_features(smiling_crops[0], smiling_crops[32], config=cpu())[0]
    )


# Whole clips


@pytest.mark.slow
@pytest.mark.parametrize("rule", ["learned", "curves"])
def test_a_drawn_smile_is_spotted_in_a_clip(astronaut_clip, rule):
    truth = astronaut_clip.annotations[0]
    segments = spot_clip(astronaut_clip.path, config=cpu(segments=SegmentConfig(rule=rule)))
    overlap = max(
        (min(s.offset, truth["offset"]) - max(s.onset, truth["onset"]) + 1)
        / (max(s.offset, truth["offset"]) - min(s.onset, truth["onset"]) + 1)
        for s in segments
    )
    assert overlap >= 0.5
    assert len({s.track_id for s in segments}) == 1


@pytest.mark.parametrize(
    "segments",
    [
        SegmentConfig(rule="curves"),
        SegmentConfig(rule="curves", min_motion_px=50.0, min_difference=0.001),
        SegmentConfig(rule="learned", min_probability=0.001),  # drawn faces are no people: anything counts
    ],
    ids=["motion decides", "texture decides", "learned"],
)
def test_each_track_is_spotted_by_its_own_motion_and_texture(
    monkeypatch, tmp_path, smiling_crops, still_crops, segments
):
    """Three faces in view at once: one smiles, one rests, one smiles later."""
    crops = {"soon": smiling_crops[15:], "rest": still_crops, "late": smiling_crops[:14:-1]}
    faces = [
        SimpleNamespace(track_id=track_id, crop=shown[frame], frame=frame, time_s=frame / FPS)
        for frame in range(40)
        for track_id, shown in crops.items()
    ]
    monkeypatch.setattr(module, "read_frames", lambda path: path)
    monkeypatch.setattr(module, "track_faces", lambda *_, **__: faces)
    (tmp_path / "clip.mp4").touch()
    config = cpu(segments=segments)
    found = spot_clip(tmp_path / "clip.mp4", config=config)
    alone = {
        track_id: find_segments(*rows_of(shown[:40], config), track_id=track_id, config=config)
        for track_id, shown in crops.items()
    }
    assert len({tuple((each.onset, each.offset) for each in own) for own in alone.values()}) == 3
    assert {track_id: [each for each in found if each.track_id == track_id] for track_id in crops} == alone


@pytest.mark.slow
def test_the_frame_rate_does_not_move_segments(tmp_path):
    """One performance drawn at 150 frames a second, shown at 25, at 30 and at a rate that varies."""
    plan = plan_clip([(0, ("happy",))], index=0, config=SampleConfig(fps=150, face_px=(100.0, 100.0)))
    drawn = list(render_frames(plan, puppets=make_puppets([plan])))
    uneven = np.cumsum([0, *np.random.default_rng(0).integers(4, 8, len(drawn) // 4)])
    shown = [np.arange(0, len(drawn), 6), np.arange(0, len(drawn), 5), uneven[uneven < len(drawn)]]
    found = []
    for number, at in enumerate(shown):
        write_at(tmp_path / f"{number}.mp4", [drawn[i] for i in at], ticks=at, rate=150)
        (smile,) = spot_clip(tmp_path / f"{number}.mp4", config=cpu())
        found.append((smile.onset_s, smile.apex_s, smile.offset_s))
    # Two frames of the slowest and rounding: a processor with AVX2 alone sees it end at 2.08, 2.00 and 2.02 s.
    assert np.ptp(np.array(found), axis=0).max() <= 2.5 / 25


def write_at(path, images, *, ticks, rate):
    """H.264 with each image at its own time, ``ticks / rate`` s."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate, options={"crf": "18", "bf": "0"})
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt, stream.time_base = "yuv420p", Fraction(1, rate)
        stream.codec_context.time_base = Fraction(1, rate)
        for image, tick in zip(images, ticks, strict=True):
            picture = av.VideoFrame.from_ndarray(image, format="bgr24")
            picture.pts, picture.time_base = int(tick), Fraction(1, rate)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))


def test_streams_of_faces_out_of_sight_are_closed(monkeypatch, smiling_crops):
    """Two faces, one after the other: the first stream is given back before the clip ends."""
    closed = []

    class Spy(TextureStream):
        def flush_block(self):
            closed.append(self)
            return super().flush_block()

    monkeypatch.setattr(module, "TextureStream", Spy)
    monkeypatch.setattr(module, "crops_at_once", lambda: 4)
    monkeypatch.setattr(module, "_FRAMES_OUT_OF_SIGHT", 3)
    rows = module._RowsByTrack(FeatureConfig(device="cpu"))
    for i in range(12):
        track = "a" if i < 6 else "b"
        rows.push(SimpleNamespace(track_id=track, frame=i, time_s=i / FPS, crop=smiling_crops[i]))
    assert len(closed) == 1
    found = rows.columns()
    assert len(closed) == 2
    for table in range(3):
        frames = {track: sorted(set(each[table]["frame"].tolist())) for track, each in found.items()}
        assert frames == {"a": [*range(6)], "b": [*range(6, 12)]}


def test_paper_configuration_runs(smiling_crops):
    config = replace(load_config(CONFIGS / "paper.yaml"), device="cpu")
    segments = find_segments(*rows_of(smiling_crops, config), track_id="abc", config=config)
    assert any(s.onset <= 32 <= s.offset for s in segments)


# Devices


def test_devices_are_tried_with_texture_and_flow(monkeypatch):
    monkeypatch.setattr(placement, "_trials", {})
    assert try_devices(FeatureConfig()) == {}  # the GPU of a machine without one
    monkeypatch.setattr(placement, "has_gpu", lambda: True)
    # the CPU stands in for a device that computes the same
    monkeypatch.setattr(placement, "device_namespace", lambda device: np)
    trials = try_devices(FeatureConfig())
    assert set(trials) == {"texture", "flow"}
    assert all(
        trial.num_faces >= TRIAL_SIZE and trial.cpu_s > 0 and trial.cuda_s > 0 for trial in trials.values()
    )
