"""What a killed writer leaves is deleted, what a living one works on is not."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from apexline.assets.lake.unfinished import scratch_file, scratch_folder, sweep_scratch

# Each writes half a face, says so, and waits to be told to end, or to be killed.
WRITER = """
import sys
from pathlib import Path
from upath import UPath
from apexline.assets.lake.storage import Lake
home = UPath(sys.argv[1])
with Lake(home).replacing(home / "clips" / "day" / "face.mp4") as file:
    file.write(b"half a face")
    file.flush()
    print("written", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def writer(tmp_path):
    """A process in the middle of a file of the home ``tmp_path``."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout.readline() == "written\n"
        yield process
        process.kill()


def contents(folder):
    return [path.read_bytes() for path in folder.rglob("*") if path.is_file()]


def test_what_a_killed_writer_left_is_deleted(writer, tmp_path):
    os.kill(writer.pid, signal.SIGKILL)
    writer.wait()
    assert b"half a face" in contents(tmp_path)
    assert sweep_scratch(tmp_path / "tmp") == 1
    assert contents(tmp_path) == []
    assert list((tmp_path / "tmp").iterdir()) == []
    assert not (tmp_path / "clips" / "day" / "face.mp4").exists()


def test_a_living_writer_comes_to_its_end(writer, tmp_path):
    assert sweep_scratch(tmp_path / "tmp") == 0
    writer.communicate("go on\n", timeout=60)
    assert contents(tmp_path) == [b"half a face"]
    assert list((tmp_path / "tmp").iterdir()) == []


def test_leftovers_of_older_versions_have_no_lock_and_go(tmp_path):
    (tmp_path / "0123456789abcdef-clip.mp4").write_bytes(b"half a face")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "face").write_bytes(b"half a face")
    outside = tmp_path.parent / "outside"
    outside.mkdir()
    (tmp_path / "link").symlink_to(outside)
    (tmp_path / "lost.lock").touch()
    assert sweep_scratch(tmp_path) == 3
    assert list(tmp_path.iterdir()) == []
    assert outside.is_dir()


def test_a_writer_swept_before_it_held_its_lock_takes_another(tmp_path, monkeypatch):
    from apexline.assets.lake import unfinished

    locked = unfinished.fcntl.flock
    taken = []

    def late(file, operation):
        if not taken:
            Path(file.name).unlink()
        taken.append(file.name)
        locked(file, operation)

    monkeypatch.setattr(unfinished.fcntl, "flock", late)
    with scratch_folder(tmp_path) as folder:
        (folder / "a").touch()
        assert len(set(taken)) == 2
    assert list(tmp_path.iterdir()) == []


def test_only_its_owner_sees_what_is_unfinished(tmp_path):
    for lend in (scratch_file, scratch_folder):
        with lend(tmp_path / lend.__name__) as aside:
            assert aside.parent.stat().st_mode & 0o777 == 0o700


def test_a_file_left_in_its_place_goes_with_the_block(tmp_path):
    with scratch_file(tmp_path, suffix=".mp4") as file:
        file.write_bytes(b"half a face")
        assert file.suffix == ".mp4"
        assert sweep_scratch(tmp_path) == 0
    assert list(tmp_path.iterdir()) == []


def test_without_a_folder_there_is_nothing_to_sweep(tmp_path):
    assert sweep_scratch(tmp_path / "tmp") == 0
