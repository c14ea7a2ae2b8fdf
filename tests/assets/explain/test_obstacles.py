"""Why faces have no curve, or a clip no face."""

from __future__ import annotations

import re

import numpy as np
import pytest

from apexline.assets.explain.clip_page import explain_clip, write_explanation
from apexline.assets.explain.obstacles import (
    drop_reasons,
    obstacles_in,
    obstacles_of_days,
    unfound,
    unusable_headline,
)
from apexline.assets.lake.clip_stages import LakeClip, process_clip
from apexline.assets.lake.pictures import Pictures
from apexline.features.config import FeatureConfig
from apexline.features.video.reader import read_frames
from apexline.features.video.writer import write_video
from tests.assets.small_lake import row_of


def video(folder, pictures, *, fps=25):
    path = folder / "clip.mp4"
    write_video(path, iter(pictures), fps=fps)
    return path


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (
            lambda picture: picture * 0.05,
            r"no face was followed; too dark to find faces: saw a mean grey level of \d+ of",
        ),
        (lambda picture: picture * 0.01 + 120, r"no face was followed; too little contrast to find faces"),
        (lambda picture: picture[::-1], r"upside down; turn the camera's picture|no face was followed"),
    ],
)
def test_a_clip_that_cannot_be_searched_says_why(astronaut_clip, parameters, tmp_path, made, reason) -> None:
    pictures = [np.rint(made(each.image)).astype(np.uint8) for each in read_frames(astronaut_clip.path)]
    with process_clip(video(tmp_path, pictures), features=parameters.features) as clip:
        [said] = unfound(clip, parameters)
        page = tmp_path / "page.html"
        write_explanation(page, explain_clip(clip, "clip.mp4", parameters), [])
        assert clip.lake.read("expression_segments", clip.clip_id, camera_day=clip.camera_day).num_rows == 0
    assert re.search(reason, said)


def test_one_frame_a_second_is_too_few(astronaut_clip, parameters, tmp_path) -> None:
    picture = next(iter(read_frames(astronaut_clip.path))).image
    with process_clip(video(tmp_path, [picture] * 12, fps=1), features=parameters.features) as clip:
        assert unfound(clip, parameters) == [
            "frame rate too low: saw 1 fps, needs at least 7.2 fps; set the recorder to more"
        ]
        [track] = explain_clip(clip, "clip.mp4", parameters).tracks
        [said] = obstacles_of_days(clip.lake, [clip.camera_day], parameters)
    assert track.headline.startswith("no segment: frame rate too low")
    assert said.startswith(f"{clip.clip_id} of {clip.camera_day}: frame rate too low")


def test_a_clip_that_is_too_short_says_what_a_face_needs(astronaut_clip, parameters, tmp_path) -> None:
    pictures = [each.image for each in read_frames(astronaut_clip.path) if each.index < 4]
    with process_clip(video(tmp_path, pictures), features=parameters.features) as clip:
        [said] = unfound(clip, parameters)
    assert said.startswith("no face was followed. A face is followed once it was seen 3 times")


def test_a_clip_that_was_searched_needs_no_reason(astronaut_clip, parameters) -> None:
    with process_clip(astronaut_clip.path, features=parameters.features) as clip:
        assert unfound(clip, parameters) == []
        assert obstacles_of_days(clip.lake, [clip.camera_day], parameters) == []


def test_an_upside_down_face_has_a_remedy() -> None:
    headline = unusable_headline({"upside_down": 30})
    assert headline.endswith(
        "in 30 of 30 the face was upside down; turn the camera's picture, or set its rotation"
    )


def test_what_stands_in_the_way_of_all_comes_first() -> None:
    slow = obstacles_in(Pictures(1.0, 120, 40, faceless=False), FeatureConfig())
    assert slow == ["frame rate too low: saw 1 fps, needs at least 7.2 fps; set the recorder to more"]
    assert unusable_headline({"": 9}, slow) == f"no segment: {slow[0]}"
    dark = obstacles_in(Pictures(25.0, 12, 5, faceless=True), FeatureConfig())
    assert dark == [
        "too dark to find faces: saw a mean grey level of 12 of 255 and a contrast of 5; "
        "light the place, or raise the camera's exposure"
    ]
    assert obstacles_in(Pictures(25.0, 120, 40, faceless=True), FeatureConfig()) == []


def test_frames_of_other_tracks_are_not_counted(lake) -> None:
    clip = LakeClip(lake, "2026-03-02_gate-03", "aaaa000011112222")
    rows = [
        row_of("face_tracks", clip_id=clip.clip_id, track_id=track, frame=frame)
        | {"drop_reason": "" if track == "b" else "blurred"}
        for frame in range(3)
        for track in "acb"
    ]
    lake.write("face_tracks", clip.clip_id, rows, stamp="s", camera_day=clip.camera_day)
    assert drop_reasons(clip, "b") == {"": 3}
    assert drop_reasons(clip, "c") == {"blurred": 3}
