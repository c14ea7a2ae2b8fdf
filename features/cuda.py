"""CUDA kernels on CuPy arrays: how one is compiled from its source, and launched over which grid.

Belongs here: what the launchers share. Stays out: what a kernel computes (``features.modc.cuda``,
``features.flow.cuda``); the code of the kernels lies in the ``.cu`` files beside their launchers.
"""

from __future__ import annotations

import importlib
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from apexline.features.backend import Array, Namespace

# Threads of a block, one for each pixel of 32 columns by 8 rows.
BLOCK = (32, 8)


def compile_module(code: str, macros: tuple[str, ...]) -> Any:
    """CuPy module of CUDA code under some ``-D`` options; compiled when a kernel is first taken from it.

    Nothing is contracted into fused multiply-adds: the CPU rounds after every operation, and so do the kernels.
    """
    cupy: Any = importlib.import_module("cupy")
    return cupy.RawModule(code=code, options=("--std=c++17", "--fmad=false", *macros), backend="nvrtc")


@lru_cache(maxsize=64)
def _module(source: Path, macros: tuple[str, ...]) -> Any:
    return compile_module(source.read_text(encoding="utf-8"), macros)


@lru_cache(maxsize=256)
def load_kernel(source: Path, name: str, macros: tuple[str, ...] = ()) -> Any:
    """Kernel of a ``.cu`` file under some ``-D`` options, as `define_macros` gives them; compiled once."""
    return _module(source, macros).get_function(name)


def launch(
    kernel: Any, grid: tuple[int, int, int], block: tuple[int, int], *arguments: Array | float | int
) -> None:
    """Launch over a grid; Python numbers become the 32-bit types that all kernels take."""
    if 0 in grid:
        # no image, no result: CUDA refuses an empty grid
        return
    sized = [
        np.int32(each) if isinstance(each, int) else np.float32(each) if isinstance(each, float) else each
        for each in arguments
    ]
    kernel(grid, (*block, 1), tuple(sized))


def pixel_grid(images: int, height: int, width: int) -> tuple[int, int, int]:
    """Blocks of one thread for each pixel; images come first, where a grid may be as long as one likes."""
    return images, -(-height // BLOCK[1]), -(-width // BLOCK[0])


def dense(xp: Namespace, array: Array) -> Array:
    """Array whose memory runs in order, as kernels take it."""
    return xp.ascontiguousarray(array)


def floats(xp: Namespace, array: Array) -> Array:
    """Array as float32 whose memory runs in order."""
    return dense(xp, xp.astype(array, xp.float32, copy=False))


def define_macros(**macros: Any) -> tuple[str, ...]:
    """Options that define macros; lists become initialisers without their braces."""
    return tuple(
        f"-D{name}={value if isinstance(value, int) else ','.join(map(str, value))}"
        for name, value in macros.items()
    )
