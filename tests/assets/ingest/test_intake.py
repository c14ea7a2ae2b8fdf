import json
import os
from pathlib import Path

import av
import numpy as np
import pytest
from upath import UPath

from apexline.assets.ingest import intake
from apexline.assets.ingest import quarantine as quarantine_module
from apexline.assets.ingest.entries import clips_in, kind_of
from apexline.assets.ingest.intake import summarise, take_in
from apexline.assets.ingest.quarantine import quarantined
from apexline.assets.lake.clips import find_clip, read_clip, stored_camera_days
from apexline.assets.lake.storage import Lake
from apexline.assets.publishing.warehouse_build import build_warehouse
from apexline.assets.publishing.warehouse_read import open_warehouse, read_relation
from tests.assets.small_lake import GOOD, MANIFEST


def test_good_clip_is_stored_under_its_hash(lake, tmp_path, clip_bytes, put):
    result = take_in(lake, put(tmp_path / "in", "a.mp4", clip_bytes))
    assert (result.status, result.camera_day) == ("accepted", "2026-03-03_gate-03")
    stored = read_clip(lake, result.camera_day, result.clip_id)
    assert stored.path.read_bytes() == clip_bytes
    assert stored.sha256.startswith(result.clip_id)
    assert stored.manifest == GOOD
    assert stored_camera_days(lake) == ["2026-03-03_gate-03"]
    assert (tmp_path / "in" / "a.mp4").exists()


def test_same_content_under_two_names_counts_once(lake, tmp_path, clip_bytes, put):
    first = take_in(lake, put(tmp_path / "in", "a.mp4", clip_bytes))
    second = take_in(lake, put(tmp_path / "in", "b.mp4", clip_bytes, {**MANIFEST, "camera": "gate-99"}))
    assert second.status == "duplicate"
    assert second.clip_id == first.clip_id
    assert second.camera_day == first.camera_day
    assert stored_camera_days(lake) == ["2026-03-03_gate-03"]


WITHOUT_PURPOSE = {key: value for key, value in MANIFEST.items() if key != "purpose"}
TOO_LATE = {"subject": "s", "emotion": "happy", "onset": 2, "apex": 9, "offset": 40, "box": [0, 0, 9, 9]}


@pytest.mark.parametrize(
    ("reason", "manifest"),
    [
        ("zero_bytes", MANIFEST),
        ("truncated", MANIFEST),
        ("not_a_video", MANIFEST),
        ("no_video_stream", MANIFEST),
        ("unreadable_codec", MANIFEST),
        ("no_manifest", None),
        ("unreadable_manifest", "{camera:"),
        ("missing_field", WITHOUT_PURPOSE),
        ("invalid_field", {**MANIFEST, "camera": "gate/../3"}),
        ("invalid_field", {**MANIFEST, "captured_at": "2026-03-02T10:00:00"}),
        ("invalid_field", {**MANIFEST, "annotations": [TOO_LATE]}),
    ],
)
def test_bad_file_is_quarantined_with_its_reason(
    lake, tmp_path, clip_bytes, broken_clips, reason, manifest, put
):
    folder = tmp_path / "in"
    content = broken_clips.get(reason, clip_bytes)
    result = take_in(lake, put(folder, "bad.mp4", content, manifest), move=True)
    assert (result.status, result.reason) == ("quarantined", reason)
    assert result.detail
    [record] = quarantined(lake)
    assert (record["name"], record["reason"]) == ("bad.mp4", reason)
    assert stored_camera_days(lake) == []
    assert not (folder / "bad.mp4").exists()
    assert not (folder / "bad.json").exists()


def test_missing_field_is_named(lake, tmp_path, clip_bytes, put):
    incomplete = {k: v for k, v in MANIFEST.items() if k != "legal_basis"}
    assert "legal_basis" in take_in(lake, put(tmp_path / "in", "a.mp4", clip_bytes, incomplete)).detail


def test_options_stand_in_for_a_missing_sidecar_but_never_override_one(lake, tmp_path, clip_bytes, put):
    options = GOOD.model_copy(update={"camera": "from-options"})
    with_sidecar = take_in(lake, put(tmp_path / "in", "a.mp4", clip_bytes), manifest=options)
    assert with_sidecar.camera_day.endswith("gate-03")
    bare = put(tmp_path / "other", "b.mp4", clip_bytes, None)
    other = Lake(UPath(tmp_path / "home2"))
    assert take_in(other, bare, manifest=options).camera_day.endswith("from-options")


def test_the_same_bad_file_is_recorded_once(lake, tmp_path, put):
    bad = put(tmp_path / "in", "bad.mp4", b"")
    take_in(lake, bad)
    take_in(lake, bad)
    assert len(quarantined(lake)) == 1


def test_summary_counts_by_status(lake, tmp_path, clip_bytes, put):
    good = put(tmp_path / "in", "a.mp4", clip_bytes)
    results = [take_in(lake, clip) for clip in (good, good, put(tmp_path / "in", "z.mp4", b""))]
    summary = summarise(results)
    assert (summary["accepted"], summary["duplicates"], len(summary["quarantined"])) == (1, 1, 1)
    assert find_clip(lake, results[0].clip_id) is not None
    assert find_clip(lake, "0" * 16) is None


# --- what is no ordinary file ------------------------------------------------------------------------------


def test_odd_entries_go_to_quarantine_unopened_and_the_good_clip_goes_on(
    lake, tmp_path, landing, put, clip_bytes
):
    outside = tmp_path / "outside.mp4"
    outside.write_bytes(clip_bytes)
    (landing / "outward.mp4").symlink_to(outside)
    (landing / "broken.mp4").symlink_to(landing / "nowhere")
    (landing / "endless.mp4").symlink_to("endless.mp4")
    os.mkfifo(landing / "pipe.mp4")
    put(landing / "folder.mp4", "inside.mp4", clip_bytes)
    put(landing, "good.mp4", clip_bytes)
    put(landing, "table.xlsx", b"PK", None)
    results = {path.name: take_in(lake, path, move=True) for path in sorted(landing.iterdir())[::-1]}
    assert {name: each.reason or each.status for name, each in results.items() if "json" not in name} == {
        "outward.mp4": "symbolic_link",
        "broken.mp4": "symbolic_link",
        "endless.mp4": "symbolic_link",
        "pipe.mp4": "not_a_file",
        "folder.mp4": "not_a_file",
        "good.mp4": "accepted",
        "table.xlsx": "not_a_video",
    }
    assert outside.read_bytes() == clip_bytes
    [kept] = (lake.home / "quarantine").glob("*-outward.mp4.quarantined")
    assert Path(kept).readlink() == outside
    [folder] = (lake.home / "quarantine").glob("*-folder.mp4.quarantined")
    assert (folder / "inside.mp4").read_bytes() == clip_bytes
    assert all(record["detail"] for record in quarantined(lake))


def test_odd_entries_of_a_named_folder_are_recorded_once_and_left(lake, tmp_path):
    link, pipe = UPath(tmp_path / "link.mp4"), UPath(tmp_path / "pipe.mp4")
    link.symlink_to("/etc/hostname")
    os.mkfifo(pipe)
    for entry in (link, pipe, link, pipe):
        assert take_in(lake, entry).status == "quarantined"
    assert [record["name"] for record in quarantined(lake)] == ["link.mp4", "pipe.mp4"]
    assert link.is_symlink()
    assert pipe.exists()


@pytest.mark.parametrize("kind", ["folder", "pipe", "link", "large", "latin-1"])
def test_a_sidecar_that_can_not_be_read_goes_along(lake, landing, put, clip_bytes, kind):
    clip = put(landing, "a.mp4", clip_bytes, None)
    sidecar = landing / "a.JSON"
    make = {
        "folder": lambda: put(sidecar, "inside.json", b"{}", None),
        "pipe": lambda: os.mkfifo(sidecar),
        "link": lambda: sidecar.symlink_to("/dev/zero"),
        "large": lambda: sidecar.write_bytes(b" " * (5 << 20)),
        "latin-1": lambda: sidecar.write_bytes(b'{"camera": "\xe9t\xe9"}'),
    }
    make[kind]()
    result = take_in(lake, clip, move=True)
    assert result.status == "quarantined"
    assert result.reason == ("manifest_too_large" if kind == "large" else "unreadable_manifest")
    assert list(landing.iterdir()) == []
    [record] = quarantined(lake)
    kept = lake.home / "quarantine" / record["sidecar"]
    if kind == "latin-1":
        assert kept.read_bytes() == b'{"camera": "\xe9t\xe9"}'
    assert kind_of(kept) == {"folder": "folder", "pipe": "named pipe", "link": "symbolic link"}.get(
        kind, "file"
    )


def test_the_sidecar_of_a_refused_clip_is_kept_whatever_it_said(lake, landing, put, broken_clips):
    """Each of two tries with the same clip keeps its own."""
    for purpose in ("first", "second"):
        clip = put(landing, "a.mp4", broken_clips["truncated"], {**MANIFEST, "purpose": purpose})
        take_in(lake, clip, move=True)
    kept = [json.loads(path.read_bytes()) for path in (lake.home / "quarantine").glob("*.sidecar")]
    assert sorted(each["purpose"] for each in kept) == ["first", "second"]
    assert len(quarantined(lake)) == 1


def test_two_clips_may_share_a_sidecar(lake, landing, put, noise_clip, broken_clips):
    put(landing, "a.mp4", noise_clip(seed=0))
    put(landing, "a.mov", noise_clip(seed=1))
    put(landing, "a.mkv", broken_clips["truncated"])
    results = [take_in(lake, clip, move=True) for clip in clips_in(landing)]
    assert [each.reason or each.status for each in results] == ["truncated", "accepted", "accepted"]
    assert list(landing.iterdir()) == []


@pytest.mark.parametrize(
    "name",
    [
        "x" * 251 + ".mp4",
        "é" * 125 + ".mp4",
        "12:30:00.mp4",
        "a[1]*?{2}.mp4",
        "new\nline.mp4",
        "[red]%s.MP4",
        os.fsdecode(b"\xe9t\xe9.mp4"),
    ],
    ids=["long", "long-utf-8", "colons", "pattern", "newline", "markup", "no-utf-8"],
)
def test_any_name_can_be_refused_and_shown(lake, landing, put, name, tmp_path):
    result = take_in(lake, put(landing, name, b"no video", None), move=True)
    assert result.reason == "not_a_video"
    assert list(landing.iterdir()) == []
    json.dumps(summarise([result])).encode()
    result.name.encode()
    (lake.home / "lake").mkdir()
    build_warehouse(lake.home / "lake", tmp_path / "w.duckdb")
    with open_warehouse(tmp_path / "w.duckdb") as connection:
        [shown] = read_relation(connection, "quarantine")["name"]
    assert shown == result.name


def test_files_of_a_refused_folder_are_no_records(lake, landing, put, tmp_path):
    put(landing / "folder.mp4", "inside.mp4", b"x", {"unlike": "a record"})
    take_in(lake, landing / "folder.mp4", move=True)
    (lake.home / "lake").mkdir()
    counts = build_warehouse(lake.home / "lake", tmp_path / "w.duckdb")
    assert counts["quarantine"] == 1


def test_names_with_colons_and_capitals_are_sound(lake, tmp_path, put, clip_bytes, monkeypatch):
    put(tmp_path / "in", "12:30.MP4", clip_bytes)
    (tmp_path / "in" / "12:30.json").rename(tmp_path / "in" / "12:30.JSON")
    monkeypatch.chdir(tmp_path / "in")
    assert take_in(lake, UPath("12:30.MP4")).status == "accepted"


# --- what goes wrong with one entry ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (PermissionError(13, "Permission denied", "a.mp4"), "unreadable_file"),
        (MemoryError(), "intake_failed"),
        (RuntimeError("nobody thought of it"), "intake_failed"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "x"), "intake_failed"),
    ],
)
def test_whatever_goes_wrong_is_a_reason(lake, landing, put, clip_bytes, monkeypatch, error, reason):
    def fail(path):
        raise error

    clip = put(landing, "a.mp4", clip_bytes)
    with monkeypatch.context() as patch:
        patch.setattr(intake, "probe_video", fail)
        result = take_in(lake, clip, move=True)
    assert (result.status, result.reason) == ("quarantined", reason)
    assert type(error).__name__ in result.detail or str(error) in result.detail
    assert list(landing.iterdir()) == []


def test_a_file_that_can_not_be_read_is_moved_unread(lake, landing, put, clip_bytes, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    clip = put(landing, "a.mp4", clip_bytes)
    for module, name in ((intake, "probe_video"), (quarantine_module, "hash_file")):
        monkeypatch.setattr(module, name, refuse)
    assert take_in(lake, clip, move=True).reason == "unreadable_file"
    [record] = quarantined(lake)
    assert record["sha256"] == ""
    assert list(landing.iterdir()) == []
    [kept] = (lake.home / "quarantine").glob("*.quarantined")
    assert kept.read_bytes() == clip_bytes


@pytest.mark.parametrize("step", ["shutil.copyfileobj", f"{intake.__name__}.hash_file"])
def test_a_full_disk_is_not_the_clips_fault(lake, landing, put, clip_bytes, monkeypatch, step):
    def full(*files):
        raise OSError(28, "No space left on device", "a.mp4")

    clip = put(landing, "a.mp4", clip_bytes)
    with monkeypatch.context() as patch:
        patch.setattr(step, full)
        result = take_in(lake, clip, move=True)
    assert (result.status, result.reason[:4]) == ("postponed", "not_")
    assert quarantined(lake) == []
    assert take_in(lake, clip, move=True).status == "accepted"


def test_a_quarantine_that_can_not_be_written_postpones(lake, landing, put):
    bad = put(landing, "bad.mp4", b"")
    (lake.home / "quarantine").write_bytes(b"a file in the place of the folder")
    result = take_in(lake, bad, move=True)
    assert (result.status, result.reason) == ("postponed", "zero_bytes")
    assert bad.exists()


@pytest.mark.parametrize("step", ["probe_video", "hash_file", "find_clip"])
def test_a_file_that_grows_while_it_is_read_waits(lake, landing, put, clip_bytes, monkeypatch, step):
    clip = put(landing, "a.mp4", clip_bytes[:-100] if step == "probe_video" else clip_bytes)
    real = getattr(intake, step)

    def grow(*arguments):
        with clip.open("ab") as file:
            file.write(clip_bytes[-100:])
        return real(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(intake, step, grow)
        result = take_in(lake, clip, move=True)
    assert (result.status, result.reason) == ("postponed", "still_changing")
    assert clip.exists()
    assert quarantined(lake) == []
    assert stored_camera_days(lake) == []


def test_a_clip_that_can_not_be_removed_is_stored_all_the_same(lake, landing, put, clip_bytes, monkeypatch):
    clip = put(landing, "a.mp4", clip_bytes)
    remove = type(clip).unlink

    def refuse(path, missing_ok=False):
        if path == clip:
            raise PermissionError(1, "Operation not permitted", str(path))
        remove(path, missing_ok=missing_ok)

    with monkeypatch.context() as patch:
        patch.setattr(type(clip), "unlink", refuse)
        result = take_in(lake, clip, move=True)
    assert (result.status, result.reason) == ("accepted", "not_removed")
    assert len(summarise([result])["postponed"]) == 1


def test_a_picture_beside_a_clip_on_its_way_leaves_the_sidecar_to_the_clip(lake, landing, put, clip_bytes):
    put(landing, "a.jpg", b"picture")
    assert take_in(lake, landing / "a.jpg", move=True).reason == "not_a_video"
    clip = put(landing, "a.mp4", clip_bytes, None)
    assert take_in(lake, clip, move=True).status == "accepted"


# --- what recorders write ----------------------------------------------------------------------------------


def written(path, container, codec):
    """Write a dozen frames of noise, as a recorder would."""
    rng = np.random.default_rng(0)
    with av.open(str(path), "w", format=container) as file:
        stream = file.add_stream(codec, rate=25)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        for _ in range(12):
            picture = rng.integers(0, 255, (64, 64, 3), np.uint8)
            file.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        file.mux(stream.encode(None))


@pytest.mark.parametrize(
    ("suffix", "container", "codec"),
    [
        (".MPG", "mpeg", "mpeg2video"),
        (".mpeg", "mpeg", "mpeg1video"),
        (".vob", "vob", "mpeg2video"),
        (".dav", "mpeg", "mpeg2video"),
        (".ts", "mpegts", "libx264"),
        (".m2ts", "mpegts", "libx264"),
        (".MTS", "mpegts", "libx264"),
        (".wmv", "asf", "wmv2"),
        (".asf", "asf", "mpeg4"),
        (".flv", "flv", "flv"),
        (".3gp", "3gp", "libx264"),
        (".3g2", "3g2", "mpeg4"),
        (".avi", "avi", "mpeg4"),
        (".m4v", "mp4", "libx264"),
    ],
)
def test_files_of_recorders_are_taken_in(lake, landing, put, suffix, container, codec):
    clip = put(landing, f"CAM{suffix}", b"")
    written(clip, container, codec)
    result = take_in(lake, clip, move=True)
    assert result.status == "accepted", result.detail
    stored = read_clip(lake, result.camera_day, result.clip_id)
    assert stored.path.suffix == suffix.lower()
    assert list(landing.iterdir()) == []


@pytest.mark.parametrize(
    ("suffix", "container", "codec"),
    [
        (".h264", "h264", "libx264"),
        (".264", "h264", "libx264"),
        (".mxf", "mxf", "mpeg2video"),
        (".mjpeg", "mjpeg", "mjpeg"),
    ],
)
def test_files_that_the_reader_can_not_time_have_an_answer_too(lake, landing, put, suffix, container, codec):
    clip = put(landing, f"CAM{suffix}", b"")
    written(clip, container, codec)
    result = take_in(lake, clip, move=True)
    assert result.status in {"accepted", "quarantined"}
    assert result.status == "accepted" or result.detail
    assert list(landing.iterdir()) == []
