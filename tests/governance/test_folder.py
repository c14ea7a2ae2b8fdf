from pathlib import Path

from upath import UPath

from apexline.governance.folder import governance_folder, opaque


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
