"""Kernels, streams and the whole line on a GPU: equality with the CPU and speed, three tables.

``python -m apexline.bench.speed.gpu --out gpu-check.md``, or ``make gpu-check``. Exits with 1 where there is no GPU,
and where a result differs from the CPU's.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import sys
from pathlib import Path
from typing import Any

import cv2

from apexline.bench.page import Rows, four_digits
from apexline.bench.speed.gpu.kernels import cases, copy_bandwidth, device_seconds, grey_images, kernel_rows
from apexline.bench.speed.gpu.line import line_rows, stream_rows
from apexline.features import has_gpu
from apexline.ml.evaluation import markdown_pages

_CROPS = 1024


def main() -> int:
    """Print the tables and write them; 0 if every result is the CPU's."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, help="file to write the tables to, as Markdown")
    arguments = parser.parse_args()
    if not has_gpu():
        lacking = (
            "a CUDA device" if importlib.util.find_spec("cupy") else "CuPy, which make gpu-check installs"
        )
        print(f"gpu-check: nothing measured, this machine lacks {lacking}", file=sys.stderr)
        return 1
    cv2.setNumThreads(1)
    cupy: Any = importlib.import_module("cupy")
    properties = cupy.cuda.runtime.getDeviceProperties(cupy.cuda.Device().id)
    copy = copy_bandwidth(cupy, device_seconds)
    kernels = [
        row
        for count, shape in ((256, (128, 128)), (4, (1080, 1920)))
        for row in kernel_rows(cases(grey_images(count, shape), cupy.asarray), device_seconds, copy)
    ]
    streams = stream_rows(grey_images(_CROPS, (128, 128)))
    name = properties["name"].decode()
    text = page(f"Speed on {name}, copy {copy / 1e9:,.0f} GB/s", kernels, streams, line_rows())
    print(text)
    if arguments.out:
        arguments.out.write_text(text, encoding="utf-8")
    return 0 if all(row["as the CPU"] != "NO" for row in [*kernels, *streams]) else 1


def page(title: str, kernels: Rows, streams: Rows, lines: Rows) -> str:
    """Return the tables as Markdown."""
    template = markdown_pages("apexline.bench", four_digits).get_template("gpu.md.j2")
    return template.render(title=title, kernels=kernels, streams=streams, lines=lines)


if __name__ == "__main__":
    sys.exit(main())
