"""Damaged videos: whole ones of many containers and codecs, seeded damage to them, and what reading one gave.

``python -m tests.features.damaged`` (``make fuzz``) tries far more of them than the tests have time for.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

import av
import numpy as np

from apexline.features.video.containers import UnreadableVideo
from apexline.features.video.guarded import probe_video, read_frames

# Container, encoder, pixel format.
PAIRS = (
    ("mp4", "libx264", "yuv420p"),
    ("mkv", "libx264", "yuv420p"),
    ("ts", "libx264", "yuv420p"),
    ("webm", "libvpx-vp9", "yuv420p"),
    ("avi", "mpeg4", "yuv420p"),
    ("mov", "prores_ks", "yuv422p10le"),
)
MORE_PAIRS = (
    ("mov", "libx264", "yuv420p"),
    ("mp4", "libx264", "yuv420p10le"),
    ("mp4", "libx265", "yuv420p"),
    ("mp4", "libsvtav1", "yuv420p"),
    ("mkv", "libsvtav1", "yuv420p"),
    ("mkv", "ffv1", "yuv420p"),
    ("mkv", "mjpeg", "yuvj420p"),
    ("mkv", "prores_ks", "yuv422p10le"),
    ("webm", "libvpx", "yuv420p"),
    ("avi", "libx264", "yuv420p"),
    ("ts", "mpeg2video", "yuv420p"),
    ("mpg", "mpeg2video", "yuv420p"),
)
# A clip of twelve small pictures takes milliseconds.
SLOW_S = 10.0


def whole_video(container: str, codec: str, pixel_format: str) -> bytes:
    """Encode twelve moving pictures of 64 x 48 in two groups."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"whole.{container}"
        with av.open(str(path), "w") as output:
            stream = cast("av.VideoStream", output.add_stream(codec, rate=25, width=64, height=48))
            stream.pix_fmt = pixel_format
            stream.codec_context.thread_count = 1
            stream.codec_context.gop_size = 6
            ramp = np.add.outer(np.arange(48), np.arange(64))
            for number in range(12):
                image = np.repeat((5 * ramp + 9 * number)[..., None] % 256, 3, axis=2).astype(np.uint8)
                output.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
            output.mux(stream.encode(None))
        return path.read_bytes()


def video_that_loses_a_frame() -> bytes:
    """ProRes whose fifth picture says a size that none has: intake, which decodes the end alone, does not see it."""
    data = bytearray(whole_video("mov", "prores_ks", "yuv422p10le"))
    at = -1
    for _ in range(5):
        at = data.index(b"icpf", at + 1)
    data[at + 12 : at + 16] = bytes(4)
    return bytes(data)


def damage(data: bytes, rng: np.random.Generator) -> bytes:
    """Flip bits, overwrite, cut, drop, repeat or exchange pieces of a file, one to four times."""
    damaged = bytearray(data)
    for _ in range(int(rng.integers(1, 5))):
        size = len(damaged)
        # Headers are small, and where most ways to fail lie.
        at = int(rng.integers(0, min(size, 1500) if rng.random() < 0.5 else size))
        length = int(rng.integers(1, 200))
        match int(rng.integers(6)):
            case 0:
                damaged[at] ^= 1 << int(rng.integers(8))
            case 1:
                damaged[at : at + length] = rng.bytes(min(length, size - at))
            case 2:
                damaged[at : at + 4] = int(rng.choice([0, 1, 2**31 - 1, 2**32 - 1])).to_bytes(4, "big")
            case 3:
                del damaged[at : at + length]
            case 4:
                damaged[at:at] = damaged[at : at + length]
            case _:
                damaged[at:] = damaged[at : max(at + 1, int(size * rng.uniform(0.5, 1)))]
        if not damaged:
            break
    return bytes(damaged)


def outcome(path: Path) -> str:
    """Read a video to its end as the line does: ``read``, or the reason why it can't be.

    Raises
    ------
    Exception
        Any other than `UnreadableVideo`: what is looked for.
    AssertionError
        If frames and losses do not add up, or it took too long.
    """
    started = time.monotonic()
    try:
        info = probe_video(path)
        reader = read_frames(path)
        times = [frame.time_s for frame in reader if frame.image.ndim + frame.gray.ndim == 5]
    except UnreadableVideo as error:
        found = error.reason
    else:
        assert np.isfinite(info.timestamps).all()
        assert np.all(np.diff(info.timestamps) > 0)
        assert times == sorted(times)
        assert len(times) + reader.num_corrupt == info.num_frames
        assert reader.reasons.total() == reader.num_corrupt
        found = "read"
    assert time.monotonic() - started < SLOW_S, f"took {time.monotonic() - started:.0f} s"
    return found


def damaged_videos(pairs: tuple[tuple[str, str, str], ...], folder: Path, *, seed: int) -> Iterator[Path]:
    """Write one damaged video after the other, each pair in turn, without end; the same ones for the same seed."""
    whole = [(pair[0], whole_video(*pair)) for pair in pairs]
    rng = np.random.default_rng(seed)
    while True:
        for suffix, data in whole:
            path = folder / f"damaged.{suffix}"
            path.write_bytes(damage(data, rng))
            yield path


def main() -> None:
    """Try damaged videos until the time is over; keep those that raise and exit with 1."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, default=Path("fuzz"))
    options = parser.parse_args()
    found: Counter[str] = Counter()
    with TemporaryDirectory() as folder:
        started = time.monotonic()
        videos = damaged_videos(PAIRS + MORE_PAIRS, Path(folder), seed=options.seed)
        for number, path in zip(range(options.count), videos, strict=False):
            try:
                found[outcome(path)] += 1
            except Exception as error:
                options.keep.mkdir(exist_ok=True)
                path.rename(options.keep / f"{options.seed}-{number}{path.suffix}")
                found[f"RAISED {type(error).__name__}"] += 1
                print(f"{options.seed}-{number}{path.suffix}: {type(error).__name__}: {error}")
            if time.monotonic() - started > options.seconds:
                break
    print("\n".join(f"{count:6d} {what}" for what, count in found.most_common()))
    sys.exit(any(what.startswith("RAISED") for what in found))


if __name__ == "__main__":
    main()
