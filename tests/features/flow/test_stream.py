"""The flow stream of one track, opened as the line opens it."""

import numpy as np
import pytest

from apexline.features.flow.stream import FlowConfig
from apexline.features.pipeline import FlowStream
from tests.features.stream_rows import FPS, cpu, run


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
