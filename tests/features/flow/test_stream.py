"""Motion of one track, frame by frame: against which crop, in which unit, and what is taken away from it."""

import numpy as np
import pytest

from apexline.features.flow.stream import FlowConfig, FlowStream
from tests.features.stream_rows import FPS, columns, run


@pytest.mark.parametrize(("registration", "most_px"), [("none", 0.0), ("translation", 0.05)])
def test_a_still_face_does_not_move(registration, most_px):
    """Exactly, without registration; ECC may wander by its tolerance."""
    face = np.random.default_rng(0).integers(60, 200, (128, 128)).astype(np.uint8)
    rows = run(FlowStream(FlowConfig(registration=registration), "cpu"), [face] * 5)
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
        max(row.speed for row in run(FlowStream(FlowConfig(), "cpu"), smiling_crops[18:32], fps=fps))
        for fps in (10.0, 40.0)
    )
    assert fast == pytest.approx(4 * slow, rel=0.05)


def test_light_and_head_shift_are_taken_away(smiling_crops):
    crop = smiling_crops[0]
    brighter = np.clip(np.rint(np.roll(crop, 2, axis=1) * 1.1), 0, 255).astype(np.uint8)
    robust = run(FlowStream(FlowConfig(), "cpu"), [crop, brighter])[7:]
    bare = FlowConfig(registration="none", match_gain=False, subtract_nose=False)
    literal = run(FlowStream(bare, "cpu"), [crop, brighter])[7:]
    assert max(row.magnitude for row in robust) < 0.5
    assert min(row.magnitude for row in literal) > 1.0


BARE = {"registration": "none", "match_gain": False, "subtract_nose": False}


@pytest.mark.parametrize("taken_away", [{"subtract_nose": True}, {"registration": "translation"}])
def test_either_way_takes_a_head_shift_away_by_itself(smiling_crops, taken_away):
    """One way may hide that the other fails: each has to do without it."""
    crops = smiling_crops[0], np.roll(smiling_crops[0], 1, axis=1)
    moving, still = (
        run(FlowStream(FlowConfig(**options), "cpu"), crops)[7:] for options in (BARE, BARE | taken_away)
    )
    assert min(row.magnitude for row in moving) > 0.7
    assert max(row.magnitude for row in still) < 0.3
    assert max(sum(row.hoof) for row in still) < 0.5 < min(sum(row.hoof) for row in moving)


def test_matching_gain_takes_light_away_by_itself(smiling_crops):
    crops = smiling_crops[0], np.rint(smiling_crops[0] * 1.1).astype(np.uint8)
    misled, told = (
        max(row.magnitude for row in run(FlowStream(FlowConfig(**options), "cpu"), crops)[7:])
        for options in (BARE, BARE | {"match_gain": True})
    )
    assert told < 0.1 < misled


def test_the_nose_is_the_head_and_not_what_expressions_move(smiling_crops):
    """Without registration too, the mouth corners move as they were drawn: up by 3 px and out by 2 px at most."""
    config = FlowConfig(registration="none", subtract_nose=True)
    rows = {row.roi: row for row in run(FlowStream(config, "cpu"), smiling_crops[[0, 32]])[7:]}
    for side, outwards in (("left", -1), ("right", 1)):
        corner = rows[f"{side}_mouth"]
        assert -3 < corner.drow < -1
        assert 0.5 < outwards * corner.dcol < 2
        assert rows[f"{side}_brow"].magnitude < 0.3


def test_single_level_solver_can_be_chosen(smiling_crops):
    config = FlowConfig(solver="single", num_sweeps=100)
    rows = run(FlowStream(config, "cpu"), smiling_crops[[0, 32]])
    assert max(row.magnitude for row in rows[7:] if row.roi == "left_mouth") > 0.5


def test_reference_is_renewed_while_the_face_is_still(still_crops):
    """The curve goes on where it was: a new reference carries the displacement of its crop."""
    stream = FlowStream(FlowConfig(anchor_s=0.5, still_px_s=50.0), "cpu")
    rows = run(stream, still_crops)
    assert stream._anchor_time_s > 0.5
    assert max(row.magnitude for row in rows) < 0.5
    fixed = FlowStream(FlowConfig(reference="first", anchor_s=0.5, still_px_s=50.0), "cpu")
    run(fixed, still_crops)
    assert fixed._anchor_time_s == 0


def test_a_smile_that_is_held_is_still_there_after_the_reference_was_renewed(smiling_crops):
    crops = [*smiling_crops[18:30], *smiling_crops[[30] * 20]]
    stream = FlowStream(FlowConfig(anchor_s=0.6), "cpu")
    rows = [row for row in run(stream, crops) if row.roi == "left_mouth"]
    assert stream._anchor_time_s > 0.6
    assert min(row.magnitude for row in rows[12:]) > 0.9 * rows[12].magnitude > 1


def test_reference_is_renewed_when_crops_stop_resembling_it(smiling_crops):
    """Frame 10 on shows another light and face: without a new reference, flow would see huge motion."""
    other = np.ascontiguousarray(255 - smiling_crops[0][::-1])
    crops = [smiling_crops[0]] * 10 + [other] * 10
    anchored = run(FlowStream(FlowConfig(), "cpu"), crops)
    fixed = run(FlowStream(FlowConfig(reference="first"), "cpu"), crops)
    assert max(row.magnitude for row in anchored) < 0.5
    assert max(row.magnitude for row in fixed) > 2.0


def test_repeated_timestamps_do_not_divide_by_zero(smiling_crops):
    stream = FlowStream(FlowConfig(), "cpu")
    stream.push(smiling_crops[0], 0, 1.0)
    assert all(row.speed == 0 for row in stream.push(smiling_crops[30], 1, 1.0))


def test_backends_agree(backend, smiling_crops):
    crops = smiling_crops[18:30:3]
    stream = FlowStream(FlowConfig(), "cpu")
    expected = columns(run(FlowStream(FlowConfig(), "cpu"), crops))
    if backend.name != "numpy":
        stream._xp = backend.xp
    found = columns(run(stream, crops))
    np.testing.assert_allclose(found["drow"], expected["drow"], atol=2e-3)
    np.testing.assert_allclose(found["hoof"], expected["hoof"], atol=2e-3)
