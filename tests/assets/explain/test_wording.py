"""What a person reads and sees beside a clip: the words and drawings hold the very numbers that decided."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from apexline.assets import figures
from apexline.assets.explain.clip_page import ClipExplanation, check_suffix, explain_clip, write_explanation
from apexline.assets.explain.wording import explain_track, explain_unusable, frames_shown, in_words
from apexline.assets.figures import TrackView
from apexline.assets.lake.clip_stages import process_clip
from apexline.features.pipeline import spot_clip
from apexline.features.spotting.config import SegmentConfig
from apexline.features.spotting.decisions import Decision, TrackCurves, explain

FPS = 25.0
TRACK = "bbbb00001111"
CONFIG = SegmentConfig(
    regions=("left_mouth", "left_brow"), apex_fraction=0.25, min_motion_px=0.7, repeat_fraction=0.25
)
NO_TRUTH = pd.DataFrame({"onset": [], "offset": []})


def bump(onset: int, apex: int, offset: int, height: float) -> np.ndarray:
    return np.interp(np.arange(100), [onset, apex, offset], [0.0, height, 0.0])


def decision(mouth: np.ndarray, texture: np.ndarray | None = None, **options: object) -> Decision:
    displacement = np.zeros((100, 2, 2))
    displacement[:, 0, 1] = mouth  # to the right
    displacement[:, 1, 0] = mouth / 10  # down
    frames = np.arange(100)
    changed = np.zeros(100) if texture is None else texture
    curves = TrackCurves(frames, frames / FPS, displacement, changed)
    return explain(curves, track_id=TRACK, config=replace(CONFIG, **options))  # type: ignore[arg-type]


def view(*decisions: Decision, truth: pd.DataFrame = NO_TRUTH, synthetic: bool = False) -> TrackView:
    times = np.arange(100) / FPS
    texture = pd.DataFrame({"time_s": times, "kind": "sl", "difference": 0.1 + bump(30, 40, 50, 0.2)})
    return TrackView(decisions, texture, truth, CONFIG, synthetic)


@pytest.fixture
def smile() -> Decision:
    return decision(bump(30, 40, 50, 4.0), bump(30, 40, 50, 0.2))


@pytest.fixture
def nothing() -> Decision:
    return decision(bump(30, 40, 50, 0.4))


@pytest.fixture
def crops() -> dict[tuple[str, int], np.ndarray]:
    return {(TRACK, frame): np.full((128, 128), frame, np.uint8) for frame in range(100)}


def curve(axes: Axes, label: str) -> np.ndarray:
    (found,) = [each for each in axes.lines if each.get_label() == label]
    return np.asarray(found.get_ydata())


def mark(axes: Axes, marker: str) -> tuple[float, float]:
    (found,) = [each for each in axes.lines if each.get_marker() == marker]
    return float(np.ravel(found.get_xdata())[0]), float(np.ravel(found.get_ydata())[0])


def said(found: Decision, **options: object) -> tuple[str, str]:
    config = replace(CONFIG, **options)  # type: ignore[arg-type]
    headline, grounds = in_words(found, found.reasons[0] if found.reasons else None, config)
    return headline, " ".join(grounds)


# Words


def test_a_segment_is_worded_with_regions_thresholds_texture_and_bounds(smile: Decision) -> None:
    headline, grounds = said(smile)
    segment = smile.reasons[0].segment
    assert headline == (
        f"{segment.length.capitalize()}-expression from {segment.onset_s:.2f} to {segment.offset_s:.2f} s, "
        "apex at 1.60 s, found by motion"
    )
    assert (
        "Moved far enough (1.00 px needed, 25 % of the largest motion of this track): left mouth 4.00 px."
        in grounds
    )
    assert "Not far enough: left brow 0.40 px." in grounds
    assert "Texture agrees: 0.200 against a threshold of" in grounds
    assert "begins where the motion of the left mouth rises above 25 % of its way to the apex" in grounds
    assert "ends where the motion of the left mouth falls below 25 %" in grounds


def test_a_track_without_a_segment_says_what_was_missing(nothing: Decision) -> None:
    headline, grounds = said(nothing)
    assert headline == "No segment: the left mouth moved most, 0.40 px, and 0.70 px would count"
    assert "No region moved far enough (0.70 px needed, the least that counts)" in grounds
    assert "Texture is silent: 0.000 against a threshold of 0.050." in grounds


def test_what_was_turned_down_is_worded() -> None:
    headline, grounds = said(decision(bump(38, 40, 42, 4.0), min_length_s=0.4), min_length_s=0.4)
    assert headline == "No segment: what moved far enough did not last"
    assert re.search(
        r"change of motion in frames 3\d to 4\d is no segment: it lasts less than 0.4 s\.", grounds
    )
    _, grounds = said(decision(bump(10, 20, 30, 4.0), bump(60, 70, 80, 0.2)))
    assert "A change of texture in frames 65 to 75 is no segment: motion found a segment" in grounds


def test_a_drifting_head_is_turned_down_for_its_slowness() -> None:
    slow = {"min_speed_px_s": 50.0}
    headline, grounds = said(decision(bump(10, 40, 70, 4.0), **slow), **slow)
    assert headline == "No segment: what moved far enough moved too slowly"
    assert "it moves slower than 50 px per second" in grounds


def test_a_segment_that_texture_found_says_so() -> None:
    headline, grounds = said(decision(bump(30, 40, 50, 0.4), bump(30, 40, 50, 0.2)))
    assert headline.endswith("found by texture")
    assert "Texture changed by 0.200" in grounds
    assert "begins at half the prominence" in grounds


def test_frames_that_could_not_be_used_are_counted() -> None:
    track = explain_unusable(TRACK, {"": 1, "blurred": 30, "too_small": 9})
    assert track.headline == "no segment: too few usable frames; in 30 of 40 the face was blurred"
    assert track.curves is None
    assert explain_unusable(TRACK, {"": 1}).headline == "no segment: 1 usable frame, too few for a curve"


# Drawings


def test_curves_hold_what_was_decided_on_and_the_threshold(smile: Decision) -> None:
    truth = pd.DataFrame({"onset": [29], "offset": [51]})
    motion, angle, texture, fused = figures.curves_decision(view(smile, truth=truth)).axes
    np.testing.assert_allclose(curve(motion, "left mouth")[:-1], bump(30, 40, 50, 4.0))
    assert set(curve(motion, "threshold 1.00 px")) == {1.0}
    # onset and offset stand on the curve that ended there, at their times
    segment = smile.reasons[0].segment
    for marker, frame in ((">", segment.onset), ("*", 40), ("<", segment.offset)):
        assert mark(motion, marker) == pytest.approx((frame / FPS, bump(30, 40, 50, 4.0)[frame]))
    assert [text.get_text() for text in motion.texts] == [f"{segment.onset}", "frame 40", f"{segment.offset}"]
    annotated = next(patch for patch in motion.patches if patch.get_label() == "annotated")
    assert annotated.get_extents().transformed(motion.transData.inverted()).intervalx == pytest.approx(
        [29 / FPS, 51 / FPS]
    )
    assert set(curve(angle, "left mouth")) == {0.0}
    np.testing.assert_allclose(curve(texture, "mean, smoothed")[:-1], smile.curves.texture)
    assert curve(texture, f"threshold {smile.texture.threshold:.2f}")[0] == smile.texture.threshold
    assert np.nanmax(curve(fused, "mean of both")) == pytest.approx(1.0)
    assert fused.get_xlabel() == "time in the clip (s)"
    assert "px" in motion.get_ylabel()


def test_figures_5_to_7_stand_alone_too(smile: Decision) -> None:
    assert (
        len(figures.texture_decision(view(smile)).axes) == len(figures.fused_decision(view(smile)).axes) == 1
    )
    assert len(figures.flow_decision(view(smile)).axes) == 2


def test_stretches_are_drawn_with_the_hole_between_them(smile: Decision) -> None:
    later = replace(smile, curves=replace(smile.curves, times=smile.curves.times + 10), reasons=())
    (axes,) = figures.fused_decision(view(smile, later)).axes
    values = curve(axes, "mean of both")
    assert values.size == 202
    assert list(np.flatnonzero(np.isnan(values))) == [100, 201]


def test_moments_show_faces_with_moved_regions_and_the_polar_map(
    smile: Decision, crops: dict[tuple[str, int], np.ndarray]
) -> None:
    (explanation,) = explain_track(TRACK, view(smile, synthetic=True), crops).explanations
    segment = smile.reasons[0].segment
    assert explanation.segment_id == f"{TRACK}-{segment.onset}"
    *faces, polar = explanation.figure.axes
    assert [face.get_title().split("\n")[0] for face in faces] == [
        f"onset, frame {segment.onset}",
        "apex, frame 40",
        f"offset, frame {segment.offset}",
    ]
    shown = [float(np.asarray(face.images[0].get_array()).max()) for face in faces]
    assert shown == [segment.onset, 40, segment.offset]
    # the mouth counts, the brow does not: one arrow, to the right
    (arrow,) = faces[1].texts
    assert arrow.xy[0] > arrow.xyann[0]  # type: ignore[attr-defined]
    assert arrow.xy[1] == pytest.approx(arrow.xyann[1])  # type: ignore[attr-defined]
    assert polar.patches[0].get_radius() == 1.0  # type: ignore[attr-defined]
    assert mark(polar, "o") == pytest.approx((4.0, 0.0))
    low, high = polar.get_ylim()
    assert low > high  # down in the image is down in the drawing
    assert explanation.figure.get_suptitle() == "synthetic"


def test_without_a_segment_the_calmest_and_the_liveliest_face_are_shown(
    nothing: Decision, crops: dict[tuple[str, int], np.ndarray]
) -> None:
    assert [frame for _, frame in frames_shown(nothing, None)] == [0, 40]
    (explanation,) = explain_track(TRACK, view(nothing), crops).explanations
    assert explanation.segment_id == ""
    assert len(explanation.figure.axes) == 3
    assert not explanation.figure.axes[1].texts  # nothing moved far enough: no arrow


# The page and the picture


@pytest.fixture
def clip(smile: Decision, nothing: Decision, crops: dict[tuple[str, int], np.ndarray]) -> ClipExplanation:
    return ClipExplanation(
        "<a>.mp4",
        "aaaa000011112222",
        "default.yaml",
        [
            explain_track(TRACK, view(smile), crops),
            explain_track(TRACK, view(nothing), crops),
            explain_unusable("cccc", {"blurred": 3}),
        ],
        "A face needs 40 px.",
    )


SCORE = {
    "track": TRACK,
    "emotion": "happy",
    "confidence": 0.93,
    "abstained": "",
    "model_version": 4,
    "synthetic": True,
}


def test_the_page_says_why_and_what_it_resembles_and_loads_nothing(clip: ClipExplanation, tmp_path) -> None:
    target = tmp_path / "new" / "clip.html"
    write_explanation(target, clip, [SCORE | {"onset_s": begin(clip)}])
    page = target.read_text(encoding="utf-8")
    assert "&lt;a&gt;.mp4" in page
    assert "<a>.mp4" not in page
    for words in (
        "3 faces were followed, 1 expression segment found",
        "resembles happy (0.93), synthetic model",
        "champion, version 4",
        "No segment: the left mouth moved most",
        "in 3 of 3 the face was blurred",
        "apparent expression, never what a person feels; never identity",
    ):
        assert words in page
    assert page.count('<img src="data:image/png;base64,') == page.count("<img") == 4
    assert "http" not in page


def begin(clip: ClipExplanation) -> float:
    return clip.tracks[0].explanations[0].onset_s


def test_an_abstention_is_no_answer(clip: ClipExplanation, tmp_path) -> None:
    score = SCORE | {"onset_s": begin(clip), "abstained": "blurred", "synthetic": False}
    write_explanation(tmp_path / "clip.html", clip, [score])
    page = (tmp_path / "clip.html").read_text(encoding="utf-8")
    assert "no answer is given (blurred)" in page
    assert "synthetic" not in page


def test_without_a_face_the_page_says_what_a_face_needs(clip: ClipExplanation, tmp_path) -> None:
    for name in ("clip.html", "clip.png"):
        write_explanation(tmp_path / name, replace(clip, tracks=[]), [])
    page = (tmp_path / "clip.html").read_text(encoding="utf-8")
    assert "no face was followed, no expression segment found" in page
    assert "A face needs 40 px." in page
    assert "How to read it" not in page


def test_the_picture_holds_everything_below_each_other(clip: ClipExplanation, tmp_path) -> None:
    target = tmp_path / "clip.png"
    write_explanation(target, clip, [])
    with Image.open(io.BytesIO(target.read_bytes())) as image:
        assert image.format == "PNG"
        assert image.height > 2 * image.width


def test_a_clip_is_explained_as_it_is_spotted(astronaut_clip, parameters) -> None:
    with process_clip(astronaut_clip.path, features=parameters.features) as clip:
        explanation = explain_clip(clip, "smile.mp4", parameters)
    segments = spot_clip(astronaut_clip.path, config=parameters.features)
    (track,) = explanation.tracks
    assert [each.segment_id for each in track.explanations] == [
        f"{each.track_id}-{each.onset}" for each in segments
    ]
    assert explanation.headline == "1 face was followed, 1 expression segment found"
    assert explanation.name == "smile.mp4"
    assert len(track.explanations[0].figure.axes) == 4  # three faces and the polar map


def test_another_clip_is_never_drawn_over(clip: ClipExplanation, tmp_path) -> None:
    other = tmp_path / "other.mp4"
    other.write_bytes(b"film")
    with pytest.raises(
        ValueError, match=r"saw '.*other.mp4' as the file to draw into, expected .*\.html or \.png"
    ):
        write_explanation(other, clip, [])
    assert other.read_bytes() == b"film"
    check_suffix(tmp_path / "a.png")


def test_figures_are_small_enough_for_the_ui(
    smile: Decision, crops: dict[tuple[str, int], np.ndarray]
) -> None:
    track = explain_track(TRACK, view(smile), crops)
    drawn: list[Figure] = [track.explanations[0].figure]
    if track.curves is not None:
        drawn.append(track.curves)
    assert len(drawn) == 2
    for figure in drawn:
        assert len(figures.figure_markdown(figure)) <= figures.MARKDOWN_LIMIT
