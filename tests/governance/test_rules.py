from datetime import timedelta

import pytest

from apexline.governance.rules import CLASSES, Retention, read_retention


def test_without_a_file_the_defaults_hold(tmp_path):
    found = read_retention(tmp_path)
    assert found == Retention()
    assert found.age("clips") == timedelta(hours=72)
    assert found.age("crops") == timedelta(days=30)
    assert CLASSES == ("clips", "crops", "features", "scores", "ratings", "models", "logs")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("clips_h: 1000", "longer and longer"),
        ("logs_d: 100", "logs_d"),
        ("videos_h: 3", "videos_h"),
        ("clips_h: -1", "clips_h"),
        ("[", "can't be read"),
    ],
)
def test_limits_that_cannot_be_meant_are_refused(tmp_path, text, expected):
    (tmp_path / "governance").mkdir()
    (tmp_path / "governance" / "retention.yaml").write_text(text)
    with pytest.raises(ValueError, match=expected):
        read_retention(tmp_path)
