"""What an entry of a folder is, by name and kind."""

import os
import socket

import pytest
from upath import UPath

from apexline.assets.ingest.entries import (
    clips_in,
    is_clip,
    is_unfinished,
    kind_of,
    passed_over,
    printable,
    shares_sidecar,
    sidecar_of,
    signature_of,
)

RECORDED = (
    ".mpg .mpeg .ts .m2ts .mts .wmv .asf .flv .3gp .3g2 .vob .dav .h264 .h265 .264 .265 .webm .mkv .mov .avi .m4v "
    ".mxf .ogv .mjpeg .mp4"
)


@pytest.mark.parametrize("suffix", RECORDED.split())
def test_what_a_recorder_writes_is_a_clip_in_any_case(suffix):
    assert is_clip(f"cam{suffix}")
    assert is_clip(f"CAM{suffix.upper()}")


@pytest.mark.parametrize("name", [".a.mp4", "a.mp4.part", "a.mp4~", "a.MP4.TMP", "a.mp4.crdownload"])
def test_hidden_and_unfinished_names_are_no_clips(name):
    assert is_unfinished(name)
    assert not is_clip(name)


def test_clips_in_leaves_out_hidden_and_foreign_files_and_says_which(tmp_path):
    for name in ("b.mp4", "a.MOV", ".partial.mp4", "notes.txt", "a.json", "c.mp4.part", "noextension"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "cam1").mkdir()
    assert [path.name for path in clips_in(UPath(tmp_path))] == ["a.MOV", "b.mp4"]
    assert [path.name for path in passed_over(UPath(tmp_path))] == ["cam1", "noextension", "notes.txt"]


def test_kinds_are_told_without_opening_or_following(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # names of sockets are short
    os.mkfifo("pipe")
    (tmp_path / "link").symlink_to("/dev/zero")
    (tmp_path / "broken").symlink_to("nowhere")
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        kinds = {path.name: kind_of(UPath(path)) for path in tmp_path.iterdir()}
    assert kinds == {
        "pipe": "named pipe",
        "link": "symbolic link",
        "broken": "symbolic link",
        "folder": "folder",
        "file": "file",
        "socket": "socket",
    }
    assert kind_of(UPath("/dev/null")) == "device"


@pytest.mark.parametrize("name", ["CAM.json", "CAM.JSON", "CAM.Json"])
def test_a_sidecar_is_found_in_any_case_of_its_extension(tmp_path, name):
    (tmp_path / name).touch()
    found = sidecar_of(UPath(tmp_path / "CAM.MP4"))
    assert found is not None
    assert found.name == name


def test_a_name_too_long_for_a_sidecar_has_none(tmp_path):
    clip = UPath(tmp_path / ("x" * 251 + ".mp4"))
    clip.touch()
    assert sidecar_of(clip) is None
    assert sidecar_of(UPath(tmp_path / ("y" * 300 + ".mp4"))) is None


def test_a_sidecar_may_belong_to_two_clips(tmp_path):
    for name in ("a.mp4", "a.ts", "a.json", "b.mp4", "b.json", "b.txt"):
        (tmp_path / name).touch()
    assert shares_sidecar(UPath(tmp_path / "a.mp4"))
    assert not shares_sidecar(UPath(tmp_path / "b.mp4"))


def test_a_change_shows_though_size_and_mtime_are_put_back(tmp_path):
    clip = UPath(tmp_path / "a.mp4")
    clip.write_bytes(b"one")
    os.utime(clip, (1e9, 1e9))
    before = signature_of(clip)
    assert signature_of(clip) == before
    while signature_of(clip) == before:  # the clock of a file system ticks in milliseconds
        clip.write_bytes(b"two")
        os.utime(clip, (1e9, 1e9))
    assert signature_of(None, UPath(tmp_path / "gone")) == "- -"


def test_a_name_that_is_no_text_can_be_shown():
    assert printable(os.fsdecode(b"\xe9t\xe9.mp4")) == "\\udce9t\\udce9.mp4"
    assert printable("été.mp4") == "été.mp4"
