"""Which sidecars are accepted, and what is said of the others."""

import json
import os

import pytest
from upath import UPath

from apexline.assets.ingest.sidecar import MAX_ANNOTATIONS, MAX_SIDECAR_BYTES, Rejected, read_manifest
from tests.assets.small_lake import GOOD, MANIFEST

LABEL = {"subject": "s", "emotion": "happy", "onset": 0, "apex": 1, "offset": 2, "box": [0, 0, 9, 9]}


@pytest.fixture
def read(tmp_path):
    """Read a sidecar with this content."""

    def run(content):
        sidecar = UPath(tmp_path / "a.json")
        sidecar.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        return read_manifest(UPath(tmp_path / "a.mp4"), sidecar)

    return run


def rejection(read, content):
    with pytest.raises(Rejected) as caught:
        read(content)
    return caught.value


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_encodings_with_and_without_a_byte_order_mark_are_sound(read, encoding):
    assert read(json.dumps(MANIFEST).encode(encoding)) == GOOD


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{camera:",
        b"\xff\xfe\xff",
        b'{"camera": "\xe9"}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"camera": ' + b"1" * 5000 + b"}",
    ],
    ids=["empty", "no-json", "half-a-mark", "latin-1", "deep-list", "deep-object", "huge-number"],
)
def test_what_is_no_json_is_unreadable(read, content):
    assert rejection(read, content).reason == "unreadable_manifest"


@pytest.mark.parametrize("document", [None, [], "text", 3, {"camera": []}])
def test_json_of_another_type_has_an_answer(read, document):
    assert rejection(read, document).reason in {"missing_field", "invalid_field"}


@pytest.mark.parametrize(
    "when",
    [
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00+05:00",  # before the first instant that Python has
        "9999-12-31T23:59:59Z",
        "9999-12-31T23:59:59-05:00",
        "10000-01-01T00:00:00Z",
        "1969-12-31T23:59:59Z",
        1e30,
        -1e30,
        "9" * 400,
        [],
        {},
        True,
    ],
    ids=str,
)
def test_times_that_no_clock_says_are_invalid(read, when):
    refused = rejection(read, {**MANIFEST, "captured_at": when})
    assert refused.reason == "invalid_field"
    assert "captured_at" in refused.detail


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_boxes_are_finite(read, number):
    text = json.dumps({**MANIFEST, "annotations": [LABEL]}).replace("[0, 0", f"[{number}, 0")
    refused = rejection(read, text.encode())
    assert refused.reason == "invalid_field"
    assert "annotations.0.box" in refused.detail


def test_names_that_are_no_folder_are_invalid(read):
    for camera in ("c" * 300, "../c", "", "a/b", 7, None):
        assert rejection(read, {**MANIFEST, "camera": camera}).reason == "invalid_field"


def test_text_that_can_not_be_stored_is_invalid(read):
    content = json.dumps(MANIFEST | {"purpose": "PURPOSE"}).replace("PURPOSE", "\\ud800")
    assert rejection(read, content.encode()).reason == "invalid_field"


def test_more_annotations_than_allowed_are_too_many(read):
    refused = rejection(read, {**MANIFEST, "annotations": [1] * (MAX_ANNOTATIONS + 1)})
    assert refused.reason == "manifest_too_large"
    assert str(MAX_ANNOTATIONS) in refused.detail
    allowed = read({**MANIFEST, "annotations": [LABEL] * MAX_ANNOTATIONS})
    assert len(allowed.annotations) == MAX_ANNOTATIONS


def test_a_large_file_is_not_read_to_its_end(tmp_path):
    sidecar = UPath(tmp_path / "a.json")
    with sidecar.open("wb") as file:
        file.truncate(1 << 40)  # a terabyte of zeros that takes no room
    assert MAX_SIDECAR_BYTES < 1 << 30
    with pytest.raises(Rejected, match="manifest_too_large"):
        read_manifest(UPath(tmp_path / "a.mp4"), sidecar)


def test_only_the_first_of_many_problems_are_told(read):
    refused = rejection(read, {**MANIFEST, "annotations": [{}] * 1000})
    assert len(refused.detail) < 1000
    assert "more" in refused.detail


def test_what_is_no_file_is_never_opened(tmp_path):
    clip = UPath(tmp_path / "a.mp4")
    pipe, link, folder = (UPath(tmp_path / name) for name in ("pipe", "link", "folder"))
    os.mkfifo(pipe)
    link.symlink_to("/dev/zero")
    folder.mkdir()
    for sidecar in (pipe, link, folder):
        with pytest.raises(Rejected, match="unreadable_manifest.*expected a JSON file"):
            read_manifest(clip, sidecar)
