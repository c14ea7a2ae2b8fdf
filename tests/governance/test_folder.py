import resource
from contextlib import contextmanager
from pathlib import Path

import pytest
from upath import UPath

from apexline.governance.folder import append_line, governance_folder, opaque


def test_an_opaque_id_is_the_same_again_and_tells_nothing(tmp_path):
    first, again, other = (opaque(tmp_path, name) for name in ("a" * 16, "a" * 16, "b" * 16))
    assert first == again != other
    assert len(first) == 20
    assert opaque(tmp_path / "another home", "a" * 16) != first
    assert (tmp_path / "opaque.key").stat().st_mode & 0o077 == 0


def test_the_folder_lies_in_a_local_home_and_beside_an_object_store(tmp_path, monkeypatch):
    assert governance_folder(tmp_path) == tmp_path / "governance"
    monkeypatch.setenv("APEXLINE_STATE", str(tmp_path / "state"))
    assert governance_folder(UPath("memory://bucket/home")) == Path(tmp_path / "state" / "governance")


@contextmanager
def room_for(num_bytes: int):
    """Let no file grow beyond so many bytes: a part is written before the rest is refused, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_line_that_finds_no_room_is_not_there_at_all(tmp_path):
    path = tmp_path / "log"
    append_line(path, "before")
    with room_for(12), pytest.raises(OSError, match="too large"):
        append_line(path, "a line that does not fit")
    append_line(path, "after")
    assert path.read_text() == "before\nafter\n"
