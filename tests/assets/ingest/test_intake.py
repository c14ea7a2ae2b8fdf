import json

import pytest
from upath import UPath

from apexline.assets.ingest.intake import clips_in, quarantined, summarise, take_in
from apexline.assets.lake.clips import find_clip, stored_camera_days, stored_clips
from apexline.assets.lake.storage import Lake
from tests.assets.small_lake import GOOD, MANIFEST


@pytest.fixture
def lake(tmp_path):
    return Lake(UPath(tmp_path / "home"))


@pytest.fixture
def clip_bytes(noise_clip):
    return noise_clip()


def put(folder, name, content, manifest=MANIFEST):
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_bytes(content)
    if manifest is not None:
        text = manifest if isinstance(manifest, str) else json.dumps(manifest)
        path.with_suffix(".json").write_text(text)
    return UPath(path)


def test_good_clip_is_stored_under_its_hash(lake, tmp_path, clip_bytes):
    result = take_in(lake, put(tmp_path / "in", "a.mp4", clip_bytes))
    assert (result.status, result.camera_day) == ("accepted", "2026-03-03_gate-03")
    [stored] = stored_clips(lake, result.camera_day)
    assert stored.path.read_bytes() == clip_bytes
    assert stored.sha256.startswith(result.clip_id)
    assert stored.manifest == GOOD
    assert stored_camera_days(lake) == ["2026-03-03_gate-03"]
    assert (tmp_path / "in" / "a.mp4").exists()


def test_same_content_under_two_names_counts_once(lake, tmp_path, clip_bytes):
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
def test_bad_file_is_quarantined_with_its_reason(lake, tmp_path, clip_bytes, broken_clips, reason, manifest):
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


def test_missing_field_is_named(lake, tmp_path, clip_bytes):
    incomplete = {k: v for k, v in MANIFEST.items() if k != "legal_basis"}
    assert "legal_basis" in take_in(lake, put(tmp_path / "in", "a.mp4", clip_bytes, incomplete)).detail


def test_options_stand_in_for_a_missing_sidecar_but_never_override_one(lake, tmp_path, clip_bytes):
    options = GOOD.model_copy(update={"camera": "from-options"})
    with_sidecar = take_in(lake, put(tmp_path / "in", "a.mp4", clip_bytes), manifest=options)
    assert with_sidecar.camera_day.endswith("gate-03")
    bare = put(tmp_path / "other", "b.mp4", clip_bytes, None)
    other = Lake(UPath(tmp_path / "home2"))
    assert take_in(other, bare, manifest=options).camera_day.endswith("from-options")


def test_the_same_bad_file_is_recorded_once(lake, tmp_path):
    bad = put(tmp_path / "in", "bad.mp4", b"")
    take_in(lake, bad)
    take_in(lake, bad)
    assert len(quarantined(lake)) == 1


def test_clips_in_leaves_out_hidden_and_foreign_files(tmp_path):
    for name in ("b.mp4", "a.MOV", ".partial.mp4", "notes.txt", "a.json"):
        (tmp_path / name).write_bytes(b"x")
    assert [path.name for path in clips_in(UPath(tmp_path))] == ["a.MOV", "b.mp4"]


def test_summary_counts_by_status(lake, tmp_path, clip_bytes):
    good = put(tmp_path / "in", "a.mp4", clip_bytes)
    results = [take_in(lake, clip) for clip in (good, good, put(tmp_path / "in", "z.mp4", b""))]
    summary = summarise(results)
    assert (summary["accepted"], summary["duplicates"], len(summary["quarantined"])) == (1, 1, 1)
    assert find_clip(lake, results[0].clip_id) is not None
    assert find_clip(lake, "0" * 16) is None
