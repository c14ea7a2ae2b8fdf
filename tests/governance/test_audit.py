import json
import random
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from apexline.governance import audit
from apexline.governance.audit import (
    BrokenAudit,
    audit_lines,
    cut,
    export_head,
    record,
    verify,
)

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


@pytest.fixture
def home(tmp_path):
    for number in range(30):
        record(tmp_path, "ingest", who=f"ada {number % 3}", why="a test", now=NOW, clip=f"{number:020x}")
    return tmp_path


def log(home):
    return home / "governance" / "audit.jsonl"


def test_what_was_recorded_is_read_again(home):
    lines = audit_lines(home)
    assert [each["n"] for each in lines] == list(range(1, 31))
    assert lines[4] == {
        "n": 5,
        "at": "2026-11-29T12:00:00.000+00:00",
        "who": "ada 1",
        "action": "ingest",
        "why": "a test",
        "clip": f"{4:020x}",
    }
    assert audit_lines(home, actions=["export"]) == []
    assert audit_lines(home, since=NOW + timedelta(seconds=1)) == []


def test_a_thousand_changes_are_all_found(home):
    """Edits, deletions, swaps and truncations, at random places of a sound audit."""
    sound = log(home).read_bytes()
    lines = sound.splitlines(keepends=True)
    random_ = random.Random(16)
    for _ in range(1000):
        log(home).write_bytes(changed(sound, lines, random_))
        with pytest.raises(BrokenAudit):
            verify(home)
    log(home).write_bytes(sound)
    assert verify(home).count == 30


def changed(sound, lines, random_):
    kind = random_.choice(["edit", "delete", "swap", "truncate"])
    if kind == "edit":
        place = random_.randrange(len(sound))
        other = random_.choice([byte for byte in range(32, 127) if byte != sound[place]])
        return sound[:place] + bytes([other]) + sound[place + 1 :]
    if kind == "truncate":
        return sound[: random_.randrange(len(sound))]
    first, second = sorted(random_.sample(range(len(lines)), 2))
    if kind == "delete":
        return b"".join(lines[:first] + lines[first + 1 :])
    swapped = [*lines]
    swapped[first], swapped[second] = lines[second], lines[first]
    return b"".join(swapped)


def test_a_last_line_that_was_written_anew_is_found(home):
    """It follows on the line before it and is as long as it was: the head alone tells."""
    *others, last = log(home).read_text().splitlines()
    fields = {name: value for name, value in json.loads(last).items() if name != "hash"}
    forged, _ = audit._linked(fields.pop("before"), {**fields, "who": "eve 2"})
    log(home).write_text("\n".join([*others, forged, ""]))
    with pytest.raises(BrokenAudit, match=r"as audit\.head\.json says"):
        verify(home)


def test_a_rewritten_chain_does_not_hold_against_a_head_that_was_handed_out(home, tmp_path_factory):
    handed_out = export_head(home)
    record(home, "score", who="ada", now=NOW)
    assert verify(home, known=handed_out).count == 31
    forged = tmp_path_factory.mktemp("forged")
    for number in range(31):
        record(forged, "ingest", who="eve", now=NOW, clip=f"{number:020x}")
    for name in ("audit.jsonl", "audit.head.json"):
        (home / "governance" / name).write_bytes((forged / "governance" / name).read_bytes())
    assert verify(home).count == 31
    with pytest.raises(BrokenAudit, match="handed out"):
        verify(home, known=handed_out)


def test_nothing_is_appended_to_a_broken_audit(home):
    log(home).write_bytes(log(home).read_bytes()[:-40])
    with pytest.raises(BrokenAudit, match="cut off or added"):
        record(home, "ingest", who="ada", now=NOW)


def test_a_head_that_is_gone_is_missed(home):
    (home / "governance" / "audit.head.json").unlink()
    with pytest.raises(BrokenAudit, match="gone"):
        verify(home)


@pytest.mark.parametrize("left", ["whole line", "part of a line"])
def test_a_writer_that_was_killed_leaves_a_chain_that_goes_on(home, left):
    head = home / "governance" / "audit.head.json"
    before = head.read_bytes()
    record(home, "score", who="ada", now=NOW)
    head.write_bytes(before)  # the line is there, the head was not written
    if left == "part of a line":
        log(home).write_bytes(log(home).read_bytes()[:-7])
    record(home, "review", who="ada", now=NOW)
    assert [each["action"] for each in audit_lines(home)[30:]] == [
        *(["score"] if left == "whole line" else []),
        "review",
    ]


def test_a_first_line_whose_head_could_not_be_written_is_taken_up(tmp_path):
    with pytest.MonkeyPatch.context() as patch:
        write_head, written = audit._write_head, []

        def killed_at_the_second(folder, head):
            written.append(head)
            if len(written) > 1:
                raise KeyboardInterrupt
            write_head(folder, head)

        patch.setattr(audit, "_write_head", killed_at_the_second)
        with pytest.raises(KeyboardInterrupt):
            record(tmp_path, "ingest", who="ada", now=NOW)
    record(tmp_path, "review", who="ada", now=NOW)
    assert [each["action"] for each in audit_lines(tmp_path)] == ["ingest", "review"]


def test_writers_side_by_side_make_one_chain(tmp_path):
    script = (
        "import sys\nfrom datetime import UTC, datetime\nfrom pathlib import Path\n"
        "from apexline.governance import record\n"
        "for k in range(20): record(Path(sys.argv[1]), 'score', who=sys.argv[2], now=datetime.now(UTC))\n"
    )
    writers = [subprocess.Popen([sys.executable, "-c", script, tmp_path, str(k)]) for k in range(3)]
    assert [each.wait() for each in writers] == [0, 0, 0]
    assert verify(tmp_path).count == 60


def test_who_reads_while_others_write_finds_a_chain_that_holds(tmp_path):
    script = (
        "import sys\nfrom datetime import UTC, datetime\nfrom pathlib import Path\n"
        "from apexline.governance import record\n"
        "for k in range(300): record(Path(sys.argv[1]), 'score', who='ada', now=datetime.now(UTC))\n"
    )
    record(tmp_path, "ingest", who="ada", now=NOW)
    writer = subprocess.Popen([sys.executable, "-c", script, tmp_path])
    seen = []
    while writer.poll() is None:
        seen.append((verify(tmp_path).count, len(audit_lines(tmp_path))))
    assert writer.returncode == 0
    assert len({count for count, _ in seen}) > 10
    assert all(count <= lines for count, lines in seen)


@pytest.mark.parametrize("left", ["whole line", "part of a line"])
def test_what_a_killed_writer_left_is_no_break(home, left):
    head = home / "governance" / "audit.head.json"
    before = head.read_bytes()
    record(home, "score", who="ada", now=NOW)
    head.write_bytes(before)
    if left == "part of a line":
        log(home).write_bytes(log(home).read_bytes()[:-7])
    assert verify(home).count == (31 if left == "whole line" else 30)
    assert cut(home, before=NOW - timedelta(days=400), who="purge", now=NOW) == 0
    assert len(audit_lines(home)) == verify(home).count


def test_a_copy_that_nobody_can_write_to_is_verified(home, monkeypatch):
    monkeypatch.setattr(audit.os, "access", lambda *_: False)
    monkeypatch.setattr(audit, "locked", lambda _: pytest.fail("it asked for a lock"))
    assert verify(home).count == len(audit_lines(home)) == 30


def test_a_log_that_is_gone_is_missed(home):
    log(home).unlink()
    for ask in (verify, lambda home: record(home, "score", who="ada", now=NOW)):
        with pytest.raises(BrokenAudit, match="0 bytes"):
            ask(home)
    assert not log(home).exists()


def test_old_lines_are_cut_off_and_the_rest_still_holds(tmp_path):
    for days in (500, 450, 300, 1):
        record(tmp_path, "ingest", who="ada", now=NOW - timedelta(days=days))
    handed_out = export_head(tmp_path)
    assert cut(tmp_path, before=NOW - timedelta(days=400), who="purge", now=NOW) == 2
    assert [(each["n"], each["action"]) for each in audit_lines(tmp_path)] == [
        (3, "ingest"),
        (4, "ingest"),
        (5, "cut"),
    ]
    assert verify(tmp_path, known=handed_out).first == 3
    kept = next((tmp_path / "governance").glob("audit-*.jsonl"))
    kept.write_bytes(b"".join(kept.read_bytes().splitlines(keepends=True)[1:]))
    with pytest.raises(BrokenAudit):
        verify(tmp_path)


def test_an_audit_that_does_not_hold_stays_whole_for_who_looks_into_it(tmp_path):
    for days in (500, 450, 300):
        record(tmp_path, "ingest", who="ada", now=NOW - timedelta(days=days))
    changed = log(tmp_path).read_bytes().replace(b'"who": "ada"', b'"who": "eve"', 1)
    log(tmp_path).write_bytes(changed)
    with pytest.raises(BrokenAudit, match="line 1"):
        cut(tmp_path, before=NOW - timedelta(days=400), who="purge", now=NOW)
    assert log(tmp_path).read_bytes() == changed


def test_the_last_six_months_are_never_cut_off(home):
    with pytest.raises(ValueError, match="183 days"):
        cut(home, before=NOW - timedelta(days=100), who="purge", now=NOW)


def test_an_unknown_action_is_refused(tmp_path):
    with pytest.raises(ValueError, match="'forget'"):
        record(tmp_path, "forget", who="ada", now=NOW)


def test_the_file_is_for_its_owner_alone(home):
    assert log(home).stat().st_mode & 0o077 == 0
    assert json.loads(log(home).read_text().splitlines()[0])["before"] == "0" * 64
