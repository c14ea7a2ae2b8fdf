"""The page and the picture that explain one clip."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from apexline.assets.explain.clip_page import (
    ClipExplanation,
    check_suffix,
    explain_clip,
    write_explanation,
)
from apexline.assets.explain.wording import explain_track, explain_unusable
from apexline.assets.lake.clip_stages import process_clip
from apexline.features.pipeline import spot_clip
from apexline.features.spotting.decisions import Decision
from tests.assets.decided_track import TRACK, view


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
    "abstained": False,
    "reasons": [],
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
    score = SCORE | {"onset_s": begin(clip), "abstained": True, "reasons": ["blurred"], "synthetic": False}
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
