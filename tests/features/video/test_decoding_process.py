"""The decoding process and the process that started it: programs, forks, ends."""

import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from apexline.features.video import decoding_process
from apexline.features.video.decoding_process import DecoderStopped, DecodingProcess, Patience


def run(script, *arguments, **options):
    """Run a program as a user writes one: a plain file, without a guard around its main part."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        **options,
    )


def is_gone(pid, *, within_s=10.0):
    """Whether a process ends in time; a zombie has ended."""
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except FileNotFoundError:
            return True
        time.sleep(0.02)
    return False


def test_a_plain_script_reads_videos(clip):
    done = run(
        """
        import sys
        from apexline.features.video import probe_video, read_frames
        print(probe_video(sys.argv[1]).num_frames, sum(1 for _ in read_frames(sys.argv[1])))
        """,
        clip,
    )
    assert (done.stdout, done.stderr, done.returncode) == ("30 30\n", "", 0)


def test_the_process_looks_for_code_where_its_parent_does(clip):
    script = f"""
        import sys
        sys.path[:0] = {[str(Path(entry).absolute()) for entry in sys.path]!r}
        from apexline.features.video import probe_video
        print(probe_video({str(clip)!r}).num_frames)
        """
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    assert run(script, env=environment, cwd=clip.parent.parent).stdout == "30\n"


def test_secrets_of_the_environment_stay_with_the_parent(monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush")
    decoding_process.end_all()
    with decoding_process.decoding_process(1 << 31) as process:
        assert "hush" not in Path(f"/proc/{process.pid}/environ").read_text()


@pytest.mark.parametrize("end", ["os.kill(os.getpid(), 9)", "os._exit(0)", "sys.exit()"])
@pytest.mark.parametrize("reading", [True, False])
def test_it_ends_with_its_parent(clip, end, reading):
    done = run(
        f"""
        import os, sys
        from apexline.features.video import decoding_process, probe_video, read_frames
        frames = read_frames({str(clip)!r})
        next(frames) if {reading} else probe_video({str(clip)!r})
        print([process.pid for process in decoding_process._living][0], flush=True)
        {end}
        """
    )
    assert is_gone(int(done.stdout)), done.stderr
    assert done.stderr == ""


def test_it_outlives_the_thread_that_started_it(clip):
    done = run(
        f"""
        import threading, time
        from apexline.features.video import decoding_process, probe_video
        thread = threading.Thread(target=probe_video, args=({str(clip)!r},))
        thread.start()
        thread.join()
        [process] = decoding_process._living
        time.sleep(0.3)
        assert process.is_alive()
        probe_video({str(clip)!r})
        assert [process] == list(decoding_process._living)
        """
    )
    assert (done.stderr, done.returncode) == ("", 0)


def test_a_fork_has_a_process_of_its_own(clip):
    done = run(
        f"""
        import os, sys
        from apexline.features.video import decoding_process, probe_video, read_frames
        probe_video({str(clip)!r})
        [parents] = [process.pid for process in decoding_process._living]
        frames = read_frames({str(clip)!r})
        next(frames)
        fork = os.fork()
        if not fork:
            assert not decoding_process._living
            assert probe_video({str(clip)!r}).num_frames == 30
            assert parents not in [process.pid for process in decoding_process._living]
            try:
                next(frames)
            except RuntimeError as error:
                assert "before the process forked; open the clip again" in str(error)
                sys.exit(7)
        assert os.waitstatus_to_exitcode(os.waitpid(fork, 0)[1]) == 7
        assert len(list(frames)) == 29
        assert probe_video({str(clip)!r}).num_frames == 30
        """
    )
    assert (done.stderr, done.returncode) == ("", 0)


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_workers_of_a_pool_read_videos(clip, tmp_path, method):
    (tmp_path / "pool.py").write_text(
        textwrap.dedent(
            f"""
            import multiprocessing
            from concurrent.futures import ProcessPoolExecutor
            from apexline.features.video import probe_video

            if __name__ == "__main__":
                probe_video({str(clip)!r})
                context = multiprocessing.get_context({method!r})
                with ProcessPoolExecutor(2, mp_context=context) as pool:
                    print([info.num_frames for info in pool.map(probe_video, [{str(clip)!r}] * 4)])
            """
        )
    )
    done = subprocess.run(
        [sys.executable, tmp_path / "pool.py"], capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.stdout, done.returncode) == ("[30, 30, 30, 30]\n", 0), done.stderr


def test_ctrl_c_is_the_parents(clip):
    process = DecodingProcess(1 << 31)
    assert os.getpgid(process.pid) != os.getpgid(0)
    os.kill(process.pid, 2)
    time.sleep(0.1)
    assert process.is_alive()
    process.kill()


def test_a_process_with_another_allowance_is_replaced():
    decoding_process.end_all()
    with decoding_process.decoding_process(1 << 31) as process:
        first = process.pid
    with decoding_process.decoding_process(1 << 30) as process:
        assert process.pid != first
    assert is_gone(first)
    assert [each.memory_bytes for each in decoding_process._living] == [1 << 30]


def test_waiting_has_an_end():
    process = DecodingProcess(1 << 31)
    patience = Patience(0.1, "stall_s")
    with pytest.raises(DecoderStopped, match="APEXLINE_VIDEO_STALL_S"):
        process.answer(patience)
    assert patience.left_s <= 0.01
    process.kill()
