"""What a served model is not asked for: too much, and files outside of its folder."""

import os
import socket
import subprocess
import sys

import cv2
import numpy as np
import pytest
from pydantic import ValidationError

from apexline.assets import serving_limits
from apexline.assets.serving_limits import ServingLimits, Tally
from apexline.governance import audit_lines


@pytest.fixture
def clips(tmp_path, noise_clip):
    """A folder of clips, with a secret beside it."""
    folder = tmp_path / "clips"
    (folder / "gate").mkdir(parents=True)
    (folder / "gate" / "a.mp4").write_bytes(noise_clip())
    (tmp_path / "secret.mp4").write_bytes(noise_clip(seed=1))
    return folder


def test_the_environment_sets_the_limits(monkeypatch, clips):
    monkeypatch.setenv("APEXLINE_SERVING_CLIPS", str(clips))
    monkeypatch.setenv("APEXLINE_SERVING_MAX_ROWS", "3")
    limits = ServingLimits()
    assert (limits.clips, limits.max_rows) == (clips, 3)
    monkeypatch.setenv("APEXLINE_SERVING_CLIPS", str(clips / "nowhere"))
    with pytest.raises(ValidationError, match="does not point to a directory"):
        ServingLimits()


def test_rows_are_counted():
    limits = ServingLimits(max_rows=2)
    limits.check_number(2)
    with pytest.raises(ValueError, match="3 rows, expected at most 2; .* APEXLINE_SERVING_MAX_ROWS"):
        limits.check_number(3)


def test_pictures_to_be_searched_are_counted():
    limits = ServingLimits(max_searches=2)
    face = [[1, 2], [3, 4]]
    aligned = {"image": face, "onset": face, "aligned": True}
    limits.check_pictures([{"image": face}, {"image": face}, *[aligned] * 5, {"clip": "a.mp4"}])
    with pytest.raises(
        ValueError, match=r"found in 3 pictures, .* at most 2; .* APEXLINE_SERVING_MAX_SEARCHES"
    ):
        limits.check_pictures([{"image": face}, {"image": face, "onset": face, "aligned": False}])


def test_pixels_are_counted_over_the_whole_request():
    limits = ServingLimits(max_pixels=1000)
    face = np.zeros((20, 20), np.uint8)
    encoded = cv2.imencode(".png", face)[1].tobytes()
    limits.check_pictures([{"image": encoded}, {"image": face.tolist(), "aligned": True}])
    message = "row 1, onset has 20 x 20 px, which makes 1200 px in all, expected at most 1000; .*_MAX_PIXELS"
    with pytest.raises(ValueError, match=message):
        limits.check_pictures([{"image": face}, {"image": encoded, "onset": face}])


def test_a_bad_picture_is_named_by_its_row():
    with pytest.raises(ValueError, match="row 1, image: image has 3 bytes that are no encoded picture"):
        ServingLimits().check_pictures([{"image": [[1]]}, {"image": b"abc"}])


def test_without_a_folder_no_clip_is_read():
    with pytest.raises(ValueError, match="reads no clips; APEXLINE_SERVING_CLIPS names the folder"):
        ServingLimits().allowed_clips(["/etc/passwd"])
    assert ServingLimits().allowed_clips([]) == []


def test_a_clip_is_named_from_the_folder_or_absolutely(clips, tmp_path):
    real = (clips / "gate" / "a.mp4").resolve()
    limits = ServingLimits(clips=clips)
    (clips / "inner.mp4").symlink_to("gate/a.mp4")
    for name in ("gate/a.mp4", "./gate//a.mp4", str(clips / "gate" / "a.mp4"), "inner.mp4"):
        assert limits.allowed_clips([name]) == [real]
    (tmp_path / "linked").symlink_to(clips)
    through_link = ServingLimits(clips=tmp_path / "linked")
    for name in ("gate/a.mp4", str(tmp_path / "linked" / "gate" / "a.mp4"), str(real)):
        assert through_link.allowed_clips([name]) == [real]


def test_nothing_outside_of_the_folder_is_read_and_nothing_said_of_it(clips, tmp_path):
    (clips / "out.mp4").symlink_to(tmp_path / "secret.mp4")
    (clips / "dangling.mp4").symlink_to(tmp_path / "nowhere.mp4")
    (clips / "up").symlink_to(tmp_path)
    (clips / "round").symlink_to(clips / "round")
    os.mkfifo(clips / "pipe.mp4")
    (tmp_path / "clips-not").mkdir()
    (tmp_path / "clips-not" / "a.mp4").write_bytes(b"x")
    limits = ServingLimits(clips=clips)
    names = [
        str(tmp_path / "secret.mp4"),
        str(tmp_path / "nowhere.mp4"),
        str(tmp_path / "clips-not" / "a.mp4"),
        *("../secret.mp4", "gate/../../secret.mp4", "gate/../gate/a.mp4", f"{clips}/../secret.mp4"),
        *("out.mp4", "dangling.mp4", "up/secret.mp4", "round", "pipe.mp4", "gate", "", ".", "/"),
        *("/dev/zero", "/proc/self/environ", "~/secret.mp4", "nowhere.mp4", "gate/a.mp4/x"),
        *("http://127.0.0.1/a.mp4", f"file://{clips}/gate/a.mp4", "concat:gate/a.mp4"),
        *("gate/a.mp4\0", "\ud800.mp4", "x" * 5000, "a/" * 3000, None, 7, ["gate/a.mp4"], b"gate/a.mp4"),
    ]
    said = set()
    for name in names:
        with pytest.raises(
            ValueError, match="is no file below the folder that APEXLINE_SERVING_CLIPS"
        ) as refused:
            limits.allowed_clips([name])
        said.add(
            str(refused.value).replace(f"{name!r:.200}" if isinstance(name, str) else repr(name), "NAME")
        )
    assert len(said) == 1


def test_a_socket_is_no_clip(clips, monkeypatch):
    monkeypatch.chdir(clips)  # names of sockets are short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s.mp4")
        with pytest.raises(ValueError, match="is no file below"):
            ServingLimits(clips=clips).allowed_clips(["s.mp4"])


def test_clips_are_bounded_together(clips):
    size = (clips / "gate" / "a.mp4").stat().st_size
    limits = ServingLimits(clips=clips, max_clip_bytes=2 * size, max_clip_pixels=2 * 12 * 64 * 64)
    assert len(limits.allowed_clips(["gate/a.mp4"] * 2)) == 2
    with pytest.raises(ValueError, match=f"have {3 * size} bytes, .*APEXLINE_SERVING_MAX_CLIP_BYTES"):
        limits.allowed_clips(["gate/a.mp4"] * 3)
    long = limits.model_copy(update={"max_clip_bytes": 10**9})
    with pytest.raises(ValueError, match=r"have 147456 px, .*APEXLINE_SERVING_MAX_CLIP_PIXELS"):
        long.allowed_clips(["gate/a.mp4"] * 3)


def test_answers_are_on_record_a_minute_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setenv("APEXLINE_HOME", str(tmp_path))
    clock = [100.0]
    monkeypatch.setattr(serving_limits, "monotonic", lambda: clock[0])
    tally = Tally("gate-01")
    for at, rows in ((100.0, 2), (130.0, 3), (159.0, 4), (160.0, 5), (161.0, 6)):
        clock[0] = at
        tally.add(rows)
    lines = audit_lines(tmp_path)
    assert [(each["action"], each["who"], each["camera"], each["rows"]) for each in lines] == [
        ("score", "serving", "gate-01", 2),
        ("score", "serving", "gate-01", 12),
    ]
    tally.settle()
    tally.settle()
    assert [each["rows"] for each in audit_lines(tmp_path)] == [2, 12, 6]


def test_what_was_answered_last_is_on_record_when_the_server_has_ended(tmp_path):
    script = (
        "from apexline.assets.serving_limits import Tally\n"
        "tally = Tally('gate-01')\n"
        "for rows in (1, 2, 3): tally.add(rows)\n"
    )
    environment = {**os.environ, "APEXLINE_HOME": str(tmp_path)}
    subprocess.run([sys.executable, "-c", script], check=True, env=environment)
    assert [each["rows"] for each in audit_lines(tmp_path)] == [1, 5]
