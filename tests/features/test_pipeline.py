"""The features as one line: configuration, streams, rows to segments, clip to segments."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from apexline.features.backend import device_namespace
from apexline.features.config import load_config
from apexline.features.flow.stream import FlowConfig
from apexline.features.modc.codes import modc_histograms
from apexline.features.modc.differences import block_differences, pool_blocks
from apexline.features.modc.stream import TextureConfig
from apexline.features.pipeline import FlowStream, TextureStream, find_segments, segment_features, spot_clip
from apexline.features.spotting.config import SegmentConfig
from apexline.sample.clips import make_puppets, render_frames
from apexline.sample.plan import SampleConfig, plan_clip
from tests.features.stream_rows import FPS, columns, cpu, no_texture, rows_of, run

CONFIGS = Path(__file__).parents[2] / "configs"


# Texture


def test_texture_stream_equals_the_whole_sequence(smiling_crops):
    """Rows come one by one, but equal what the batch functions say of all frames at once."""
    config = cpu(texture=TextureConfig(kinds=("sr",), registration="none", window_s=0.34))
    rows = run(TextureStream(config), smiling_crops)
    histograms = modc_histograms(smiling_crops, kind="sr", prefilter="gaussian")
    expected = block_differences(histograms, k=4)
    assert [row.frame for row in rows] == list(range(60))
    assert {row.kind for row in rows} == {"sr"}
    np.testing.assert_allclose([row.block_differences for row in rows], expected, rtol=1e-5)
    np.testing.assert_allclose([row.difference for row in rows], pool_blocks(expected), rtol=1e-5)


def test_texture_against_the_first_frame(smiling_crops):
    config = cpu(texture=TextureConfig(registration="none", curve="first", pooling="top_third"))
    rows = run(TextureStream(config), smiling_crops)
    difference = np.array([row.difference for row in rows if row.kind == "sl"])
    assert difference[0] == 0
    assert difference[28:38].min() > 10 * difference[:20].max()


def test_window_follows_real_time(smiling_crops):
    """At half the rate the same seconds hold half the frames."""
    config = cpu(texture=TextureConfig(kinds=("sl",), registration="none"))
    histograms = modc_histograms(smiling_crops[:20], prefilter="gaussian")
    rows = run(TextureStream(config), smiling_crops[:20], fps=12.5)
    np.testing.assert_allclose(
        [row.block_differences for row in rows], block_differences(histograms, k=2), rtol=1e-5
    )


def test_texture_memory_is_one_window(smiling_crops):
    stream = TextureStream(cpu())
    held, lag = [], []
    for i, crop in enumerate(smiling_crops):
        rows = stream.push(crop, i, i / FPS)
        held.append(len(stream._buffer))
        lag += [i - row.frame for row in rows]
    assert max(held) <= 2 * 5 + 1
    assert set(lag) == {5}


def test_peers_have_rows_of_their_own(smiling_crops):
    config = cpu(texture=TextureConfig(kinds=("sl",), peers=("dcp", "lbp", "hog")))
    rows = run(TextureStream(config), smiling_crops[:12])
    assert [row.kind for row in rows[:4]] == ["sl", "dcp", "lbp", "hog"]
    assert all(len(row.block_differences) == 16 for row in rows)


# Flow


@pytest.mark.parametrize(("registration", "most_px"), [("none", 0.0), ("translation", 0.05)])
def test_a_still_face_does_not_move(registration, most_px):
    """Exactly, without registration; ECC may wander by its tolerance."""
    face = np.random.default_rng(0).integers(60, 200, (128, 128)).astype(np.uint8)
    rows = run(FlowStream(cpu(flow=FlowConfig(registration=registration))), [face] * 5)
    assert len(rows) == 5 * 7
    assert max(row.magnitude for row in rows) <= most_px
    assert max(sum(row.hoof) for row in rows) <= most_px
    assert max(row.speed for row in rows) <= most_px * FPS


def test_mouth_corners_move_up_and_out(smiling_rows):
    flow = smiling_rows[1]

    def at(frame, roi):
        row = np.flatnonzero((flow["frame"] == frame) & (flow["roi"] == roi))[0]
        return flow["drow"][row], flow["dcol"][row]

    left, right = at(32, "left_mouth"), at(32, "right_mouth")
    assert left[0] < -1
    assert left[1] < -0.5
    assert right[0] < -1
    assert right[1] > 0.5
    assert np.hypot(*at(32, "left_brow")) < 0.3
    assert np.hypot(*at(55, "left_mouth")) < 0.3


def test_flow_columns_agree(smiling_rows):
    flow = smiling_rows[1]
    np.testing.assert_allclose(flow["magnitude"], np.hypot(flow["drow"], flow["dcol"]), rtol=1e-5)
    for part, project in (("dcol", np.cos), ("drow", np.sin)):
        np.testing.assert_allclose(flow["magnitude"] * project(flow["angle"]), flow[part], atol=1e-4)
    assert ((flow["angle"] >= 0) & (flow["angle"] < 2 * np.pi)).all()
    lips = flow["roi"] == "left_mouth"
    step = np.hypot(np.diff(flow["drow"][lips]), np.diff(flow["dcol"][lips]))
    np.testing.assert_allclose(flow["speed"][lips][1:], step * FPS, rtol=1e-4, atol=1e-4)


def test_speed_is_per_second(smiling_crops):
    slow, fast = (
        max(row.speed for row in run(FlowStream(cpu()), smiling_crops[18:32], fps=fps))
        for fps in (10.0, 40.0)
    )
    assert fast == pytest.approx(4 * slow, rel=0.05)


def test_light_and_head_shift_are_taken_away(smiling_crops):
    crop = smiling_crops[0]
    brighter = np.clip(np.rint(np.roll(crop, 2, axis=1) * 1.1), 0, 255).astype(np.uint8)
    robust = run(FlowStream(cpu()), [crop, brighter])[7:]
    bare = FlowConfig(registration="none", match_gain=False, subtract_nose=False)
    literal = run(FlowStream(cpu(flow=bare)), [crop, brighter])[7:]
    assert max(row.magnitude for row in robust) < 0.5
    assert min(row.magnitude for row in literal) > 1.0


def test_single_level_solver_can_be_chosen(smiling_crops):
    config = cpu(flow=FlowConfig(solver="single", num_sweeps=100))
    rows = run(FlowStream(config), smiling_crops[[0, 32]])
    assert max(row.magnitude for row in rows[7:] if row.roi == "left_mouth") > 0.5


def test_reference_is_renewed_while_the_face_is_still(still_crops):
    """The curve goes on where it was: a new reference carries the displacement of its crop."""
    stream = FlowStream(cpu(flow=FlowConfig(anchor_s=0.5, still_px_s=50.0)))
    rows = run(stream, still_crops)
    assert stream._anchor_time_s > 0.5
    assert max(row.magnitude for row in rows) < 0.5
    fixed = FlowStream(cpu(flow=FlowConfig(reference="first", anchor_s=0.5, still_px_s=50.0)))
    run(fixed, still_crops)
    assert fixed._anchor_time_s == 0


def test_reference_is_renewed_when_crops_stop_resembling_it(smiling_crops):
    """Frame 10 on shows another light and face: without a new reference, flow would see huge motion."""
    other = np.ascontiguousarray(255 - smiling_crops[0][::-1])
    crops = [smiling_crops[0]] * 10 + [other] * 10
    anchored = run(FlowStream(cpu()), crops)
    fixed = run(FlowStream(cpu(flow=FlowConfig(reference="first"))), crops)
    assert max(row.magnitude for row in anchored) < 0.5
    assert max(row.magnitude for row in fixed) > 2.0


def test_repeated_timestamps_do_not_divide_by_zero(smiling_crops):
    stream = FlowStream(cpu())
    stream.push(smiling_crops[0], 0, 1.0)
    assert all(row.speed == 0 for row in stream.push(smiling_crops[30], 1, 1.0))


def test_streams_agree_across_backends(backend, smiling_crops):
    crops = smiling_crops[18:30:3]
    config = cpu()
    texture, flow = TextureStream(config), FlowStream(config)
    texture._xp = flow._xp = device_namespace("cpu") if backend.name == "numpy" else backend.xp
    expected_texture, expected_flow = rows_of(crops, config)
    found_texture, found_flow = columns(run(texture, crops)), columns(run(flow, crops))
    np.testing.assert_allclose(found_texture["difference"], expected_texture["difference"], atol=1e-6)
    np.testing.assert_allclose(found_flow["drow"], expected_flow["drow"], atol=2e-3)
    np.testing.assert_allclose(found_flow["hoof"], expected_flow["hoof"], atol=2e-3)


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
    config = cpu(segments=SegmentConfig(fusion=fusion))
    segments = find_segments(*smiling_rows, track_id="abc", config=config)
    assert any(min(s.offset, 45) - max(s.onset, 20) > 12 for s in segments)
    assert {s.source for s in segments} & {"both"}


def test_texture_speaks_where_flow_is_silent(smiling_rows):
    config = cpu(segments=SegmentConfig(min_motion_px=50.0, min_difference=0.001))
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
def test_a_drawn_smile_is_spotted_in_a_clip(astronaut_clip):
    truth = astronaut_clip.annotations[0]
    segments = spot_clip(astronaut_clip.path, config=cpu())
    overlap = max(
        (min(s.offset, truth["offset"]) - max(s.onset, truth["onset"]) + 1)
        / (max(s.offset, truth["offset"]) - min(s.onset, truth["onset"]) + 1)
        for s in segments
    )
    assert overlap >= 0.5
    assert len({s.track_id for s in segments}) == 1


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
    assert np.ptp(np.array(found), axis=0).max() <= 1.5 / 25


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
    import apexline.features.pipeline as module

    closed = []

    class Spy(TextureStream):
        def flush(self):
            closed.append(self)
            return super().flush()

    rows = module._RowsByTrack(lambda: Spy(cpu()))
    monkeypatch.setattr(module, "_FRAMES_OUT_OF_SIGHT", 3)
    for i in range(12):
        rows.push("a" if i < 6 else "b", smiling_crops[i], i, i / FPS)
    assert len(closed) == 1
    found = rows.columns()
    assert len(closed) == 2
    assert {track: len(set(each["frame"].tolist())) for track, each in found.items()} == {"a": 6, "b": 6}


def test_paper_configuration_runs(smiling_crops):
    config = replace(load_config(CONFIGS / "paper.yaml"), device="cpu")
    segments = find_segments(*rows_of(smiling_crops, config), track_id="abc", config=config)
    assert any(s.onset <= 32 <= s.offset for s in segments)
