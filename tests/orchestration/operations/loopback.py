"""A camera on this machine that stalls, drops its connection and changes its resolution, and knows what it sent.

Time is compressed: it sends as fast as it is read, and its clock goes on by a second with each picture.
"""

import socket
import threading
import time
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np

RATE = 1  # pictures a second of its own clock
# Pictures that may be under way: while the recorder probes, and afterwards.
PROBED, AHEAD = 60, 4


@dataclass(frozen=True)
class Act:
    """Pictures that a connection sends, and what happens then: ``go on``, ``stall``, ``pause`` or ``drop``."""

    num_pictures: int
    size: tuple[int, int]
    then: str = "go on"
    missing: int = 0  # pictures that the camera takes and never sends


class LoopbackCamera:
    """MPEG-TS over TCP; ``sent`` are the pictures that left it, numbered by its clock."""

    def __init__(self, acts, *, stall_s):
        self.acts = acts
        self.stall_s = stall_s
        self.began = 1_772_438_400.0  # 2026-03-02T08:00:00Z
        self.number = 0
        self.sent = []
        self.lost = []
        self.received = lambda: 0
        self.ended = threading.Event()
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"tcp://127.0.0.1:{self._server.getsockname()[1]}"
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def clock(self):
        return self.began + self.number / RATE

    def close(self):
        self._server.close()
        self._thread.join(timeout=10)

    def _run(self):
        acts = iter(self.acts)
        act = next(acts)
        try:
            while act is not None:
                connection, _ = self._server.accept()
                act = self._serve(connection, act, acts)
        finally:
            self.ended.set()

    def _serve(self, connection, act, acts):
        """Send acts until one ends the connection; returns the next act."""
        self._sent_before, self._read_before = len(self.sent), self.received()
        with connection, connection.makefile("wb", buffering=0) as file:
            while act is not None:
                try:
                    self._send(file, act)
                except (OSError, av.FFmpegError):  # the recorder has gone
                    return next(acts, None)
                for _ in range(act.missing):
                    self.lost.append(self.number)
                    self.number += 1
                if act.then == "drop":
                    return next(acts, None)
                if act.then == "stall":
                    self._wait(3 * self.stall_s)
                if act.then == "pause":
                    self._wait(0.3 * self.stall_s)
                act = next(acts, None)
        return None

    def _wait(self, seconds):
        time.sleep(seconds)

    def _send(self, file, act):
        width, height = act.size
        with av.open(file, "w", format="mpegts", options={"flush_packets": "1"}) as container:
            stream = container.add_stream(
                "libx264", rate=RATE, options={"preset": "ultrafast", "tune": "zerolatency"}
            )
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            stream.codec_context.gop_size = 5
            stream.codec_context.thread_count = 1
            stream.codec_context.time_base = Fraction(1, RATE)
            for _ in range(act.num_pictures):
                self._hold_back()
                level = np.full((height, width, 3), self.number * 7 % 255, np.uint8)
                picture = av.VideoFrame.from_ndarray(level, format="bgr24")
                picture.pts, picture.time_base = self.number, Fraction(1, RATE)
                number = self.number
                self.number += 1
                self.lost.append(number)
                for packet in stream.encode(picture):
                    container.mux_one(packet)
                self.sent.append(self.lost.pop())

    def _hold_back(self):
        until = time.monotonic() + 2 * self.stall_s  # who has gone reads nothing more
        while time.monotonic() < until:
            read = self.received() - self._read_before
            if len(self.sent) - self._sent_before - read <= (AHEAD if read else PROBED):
                return
            time.sleep(0.0005)
