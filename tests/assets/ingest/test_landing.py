"""When an entry of the landing folder is complete."""

import os

import pytest

from apexline.assets.ingest.landing import GRACE_S, SETTLE_S, LandingQueue


@pytest.fixture
def look(landing):
    """Look at the landing folder with a queue that was kept as text since the last look, as a daemon keeps it."""
    kept = {"text": None}

    def run(now, *, handle=False):
        queue = LandingQueue(kept["text"])
        ready = queue.look(landing, now)
        if handle:
            for entry in ready:
                queue.handled(entry, now)
        kept["text"] = queue.to_text()
        run.queue = queue
        return [entry.name for entry in ready]

    return run


def change(path, content=b"more"):
    """Append, and set back what a copying program can set back."""
    # The clock of a file system ticks in milliseconds.
    before = max(each.stat().st_ctime_ns for each in path.parent.iterdir())
    while path.stat().st_ctime_ns <= before:
        with path.open("ab") as file:
            file.write(content)
        os.utime(path, (1e9, 1e9))


def test_a_sidecar_written_last_says_that_its_clip_is_whole(look, landing, put):
    put(landing, "a.mp4", b"clip")
    assert look(0) == ["a.mp4"]


def test_a_clip_written_after_its_sidecar_has_to_rest(look, landing, put):
    clip = put(landing, "a.mp4", b"clip")
    change(clip)
    assert look(0) == []
    assert look(SETTLE_S - 1) == []
    change(clip)
    assert look(SETTLE_S + 1) == []  # still growing, with an old mtime
    assert look(2 * SETTLE_S + 1) == ["a.mp4"]


def test_a_clock_that_was_set_back_lets_nothing_wait_for_it(look, landing, put):
    put(landing, "a.mp4", b"clip").with_suffix(".json").unlink()
    assert look(10_000) == []
    assert look(0) == []
    assert look(GRACE_S) == ["a.mp4"]


def test_grace_counts_from_the_first_look_not_from_an_old_mtime(look, landing, put):
    clip = put(landing, "old.mp4", b"clip", None)
    os.utime(clip, (1e9, 1e9))
    assert look(0) == []
    assert look(GRACE_S - 1) == []
    change(clip)
    assert look(GRACE_S + 1) == []
    assert look(2 * GRACE_S) == []
    assert look(2 * GRACE_S + 1) == ["old.mp4"]


def test_a_sidecar_that_comes_in_time_is_waited_for(look, landing, put):
    put(landing, "a.mp4", b"clip", None)
    assert look(0) == []
    (landing / "a.JSON").write_text("{}")
    assert look(1) == ["a.mp4"]


def test_foreign_files_wait_too_and_unfinished_ones_are_left_alone(look, landing, put):
    for name in ("table.xlsx", "noextension", "a.mp4.part", ".hidden.mp4", "b.mp4~", "alone.json"):
        (landing / name).write_bytes(b"x")
    assert look(0) == []
    assert look(GRACE_S) == ["noextension", "table.xlsx"]


def test_links_and_pipes_are_handled_at_once_and_folders_of_other_names_are_listed(look, landing):
    (landing / "a.mp4").symlink_to("nowhere")
    os.mkfifo(landing / "b.mp4")
    (landing / "c.mp4").mkdir()
    (landing / "cam1").mkdir()
    assert look(0) == ["a.mp4", "b.mp4"]
    assert look.queue.folders == ["cam1"]
    assert look(GRACE_S) == ["a.mp4", "b.mp4", "c.mp4"]


def test_what_could_not_be_handled_waits_longer_each_time_and_behind_the_others(look, landing, put):
    put(landing, "a.mp4", b"stuck")
    assert look(0, handle=True) == ["a.mp4"]
    assert look(GRACE_S, handle=True) == []
    put(landing, "b.mp4", b"new")
    assert look(2 * GRACE_S) == ["b.mp4", "a.mp4"]
    assert look(2 * GRACE_S, handle=True) == ["b.mp4", "a.mp4"]
    assert look(4 * GRACE_S + 1) == ["b.mp4"]
    put(landing, "a.mp4", b"mended, and another size")
    assert look(4 * GRACE_S + 2) == ["a.mp4", "b.mp4"]


def test_what_is_gone_is_forgotten(look, landing, put):
    clip = put(landing, "a.mp4", b"clip", None)
    look(0)
    assert len(look.queue) == 1
    clip.unlink()
    look(1)
    assert len(look.queue) == 0
