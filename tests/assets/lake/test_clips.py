"""Which clips are stored, and what their manifests say."""

from tests.assets.small_lake import GOOD


def test_camera_day_is_the_day_in_utc():
    assert GOOD.camera_day == "2026-03-03_gate-03"
