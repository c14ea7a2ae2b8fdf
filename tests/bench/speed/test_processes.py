"""What processes have taken, seen from outside."""

import os
import subprocess
import sys
import time

import pytest

from apexline.bench.speed.processes import cpu_s, peak_mib


def test_the_time_of_a_process_holds_that_of_its_children_living_and_ended():
    burn = "import time\nwhile time.process_time() < 0.4: pass\n"
    before = cpu_s(os.getpid())
    subprocess.run([sys.executable, "-c", burn], check=True)
    assert cpu_s(os.getpid()) - before > 0.38
    living = subprocess.Popen([sys.executable, "-c", f"{burn}time.sleep(60)"])
    try:
        for _ in range(600):
            if cpu_s(os.getpid()) - before > 0.75:
                break
            time.sleep(0.1)
        else:
            pytest.fail("the children's time was not seen")
    finally:
        living.kill()
        living.wait()


def test_the_peak_of_a_process_is_kept_and_that_of_a_living_child_added():
    hold = "a = bytearray(200 << 20); del a; print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdout.readline()
        alone, both = peak_mib(child.pid), peak_mib(os.getpid())
        child.stdin.close()
    assert 200 < alone < 300
    assert both - alone == pytest.approx(peak_mib(os.getpid()), rel=0.05)
    assert peak_mib(child.pid) == 0
