"""A home with one stored clip and a segment in it, written by hand."""

import json

import pytest
from upath import UPath

from apexline.assets.ingest.intake import take_in
from apexline.assets.lake.clips import read_clip
from apexline.assets.lake.storage import Lake
from apexline.orchestration.settings import Settings
from tests.assets.small_lake import MANIFEST, T1, clip, face, put, segment

DAY = "2026-03-03_gate-03"
FRAMES = 12  # at 25 fps


@pytest.fixture
def seen(tmp_path, noise_clip):
    """Settings of the home."""
    arrived = UPath(tmp_path / "smile.mp4")
    arrived.write_bytes(noise_clip())
    arrived.with_suffix(".json").write_text(json.dumps(MANIFEST))
    home = tmp_path / "home"
    lake = Lake(UPath(home))
    clip_id = take_in(lake, arrived).clip_id
    stored = read_clip(lake, DAY, clip_id)
    about = {"sha256": stored.sha256, "width": 64, "height": 64, "duration_s": FRAMES / 25}
    rows = [clip(clip_id, "gate-03", stored.manifest.captured_at, **about)]
    put(home / "lake", "clip_manifest", clip_id, rows, DAY)
    put(home / "lake", "annotations", clip_id, [], DAY)
    put(home / "lake", "face_tracks", clip_id, [face(clip_id, T1, k) for k in range(FRAMES)], DAY)
    put(home / "lake", "expression_segments", clip_id, [segment(clip_id, T1, 2, 5, 9)], DAY)
    crops = [
        {"clip_id": clip_id, "track_id": T1, "frame": k, "time_s": k / 25, "crop": bytes([9 * k] * 128**2)}
        for k in range(FRAMES)
    ]
    put(home / "lake", "face_crops", clip_id, crops, DAY)
    return Settings(home=str(home))
