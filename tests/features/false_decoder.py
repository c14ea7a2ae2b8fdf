"""A decoding process that went bad, for the tests of its parent: does what the file that it is asked about says.

A file that says nothing of the kind is read as it should be.
"""

import json
import os
import signal
import socket
import time

from apexline.features.video import decoder
from apexline.features.video.messages import REQUEST_BYTES, Head, Kind, pack, pack_text

PICTURE = Head(Kind.PLANES, width=64, height=48)
BYTES = 64 * 48 + 2 * 32 * 24


def main():
    requests = socket.socket(fileno=os.dup(0))
    os.write(1, pack(Head(Kind.READY)))
    while True:
        request, files, _, _ = socket.recv_fds(requests, REQUEST_BYTES, 1)
        if not request:
            return
        act(os.pread(files[0], 100, 0), json.loads(request)["wanted"], files[0])
        os.close(files[0])


def act(content, wanted, file):
    match content.decode(errors="replace"):
        case "segmentation fault":
            os.kill(os.getpid(), signal.SIGSEGV)
        case "exit":
            os._exit(3)
        case "silence":
            time.sleep(60)
        case "a frame, then silence":
            os.write(1, pack(PICTURE) + bytes(BYTES))
            time.sleep(60)
        case "half a frame, then the end":
            os.write(1, pack(PICTURE) + bytes(BYTES // 2))
            os._exit(0)
        case "a hoax of a head":
            os.write(1, b"x" * 200)
        case "a picture too large":
            os.write(1, pack(PICTURE._replace(width=100_000, height=100_000)))
        case "a picture of nothing":
            os.write(1, pack(PICTURE._replace(width=0)))
        case "a frame over again":
            os.write(1, 2 * (pack(PICTURE) + bytes(BYTES)))
        case "a time that is none":
            os.write(1, pack(PICTURE._replace(time_s=float("nan"))) + bytes(BYTES))
        case "a text too long":
            os.write(1, pack(Head(Kind.END, text_bytes=1 << 30)))
        case "a text that is no JSON":
            os.write(1, pack(Head(Kind.END, text_bytes=4)) + b"[[[[")
        case "numbers that are none":
            os.write(1, pack_text(Kind.END, {"num_corrupt": "many", "reasons": {}}))
        case "a reason that is none":
            os.write(1, pack_text(Kind.UNREADABLE, {"reason": "whim", "detail": "?"}))
        case "an error of its own":
            os.write(1, pack_text(Kind.FAILED, {"detail": "KeyError: 'x'"}))
        case _:
            for pieces in decoder._answers(wanted, file):
                decoder._send(1, pieces)
            return
    time.sleep(60)


if __name__ == "__main__":
    main()
