"""The program of the decoding process: what it denies itself, how fast it starts."""

import subprocess
import sys
from pathlib import Path

from apexline.features.video import decoding_process
from apexline.features.video.decoding_process import DecodingProcess


def test_it_has_no_more_rights_and_room_than_it_needs():
    process = DecodingProcess(1_000_000_000)
    limits = Path(f"/proc/{process.pid}/limits").read_text()
    status = Path(f"/proc/{process.pid}/status").read_text()
    working_directory = Path(f"/proc/{process.pid}/cwd").readlink()
    process.kill()
    found = {line[:26].strip(): line[26:].split()[:2] for line in limits.splitlines()[1:]}
    soft, hard = map(int, found["Max address space"])
    assert soft == hard
    assert 1_000_000_000 < soft < 2_000_000_000
    assert found["Max file size"] == ["0", "0"]
    assert found["Max core file size"] == ["0", "0"]
    assert found["Max open files"] == ["32", "32"]
    assert "NoNewPrivs:\t1" in status
    assert working_directory == Path("/")


def test_it_imports_what_decoding_takes_and_no_more():
    script = (
        "import sys, apexline.features.video.decoder\n"
        "heavy = {'scipy', 'numba', 'pydantic', 'pydantic_settings', 'pandas', 'multiprocessing', 'yaml'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_it_starts_in_a_moment():
    decoding_process.end_all()
    spent = []
    for _ in range(3):
        process = DecodingProcess(1 << 31)
        fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
        spent.append((int(fields[11]) + int(fields[12])) / 100)
        process.kill()
    # The processor's time, not the clock's: others may be at work.
    assert min(spent) < 0.6
