"""CUDA code built by g++ and launched as CuPy would launch it, on NumPy arrays."""

import ctypes
import hashlib
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

_SHIM = Path(__file__).resolve().parents[1] / "shim"
# One rounding for each operation, as the device is told by --fmad=false.
_COMPILER = [
    "g++",
    "-std=c++17",
    "-O2",
    "-ffp-contract=off",
    "-fno-strict-aliasing",
    "-w",
    "-shared",
    "-fPIC",
]
_TYPES = {
    "unsigned char*": np.uint8,
    "unsigned short*": np.uint16,
    "unsigned int*": np.uint32,
    "float*": np.float32,
    "bool*": np.bool_,
    "int": np.int32,
    "float": np.float32,
}


class HostModule:
    """Stands in for ``cupy.RawModule``; refuses what a device would misread in silence."""

    def __init__(self, code: str, options: tuple[str, ...], folder: Path) -> None:
        self._signatures = signatures(code)
        self._barriers = "__syncthreads" in code
        name = hashlib.sha256(repr((code, options)).encode()).hexdigest()[:16]
        unit, library = folder / f"{name}.cpp", folder / f"{name}.so"
        launches = "\n".join(f"HOST_LAUNCH({kernel})" for kernel in self._signatures)
        unit.write_text(f'#include "cuda_on_host.h"\n{code}\n{launches}\n', encoding="utf-8")
        command = [*_COMPILER, f"-I{_SHIM}", *options, str(unit), "-o", str(library)]
        subprocess.run(command, check=True)
        self._library = ctypes.CDLL(str(library))

    def get_function(self, name: str) -> Callable[..., None]:
        launch, types = getattr(self._library, f"launch_{name}"), self._signatures[name]

        def run(grid: tuple[int, ...], block: tuple[int, ...], arguments: tuple[Any, ...]) -> None:
            assert len(grid) == len(block) == 3
            assert grid[0] >= 1
            assert all(1 <= side <= 65535 for side in grid[1:])
            assert block[0] * block[1] <= 1024
            values = [_c_value(*pair) for pair in zip(types, arguments, strict=True)]
            addresses = (ctypes.c_void_p * len(values))(*map(ctypes.addressof, values))
            launch((ctypes.c_uint * 6)(*grid, *block), addresses, ctypes.c_bool(self._barriers))

        return run


def signatures(code: str) -> dict[str, list[str]]:
    """Types of each kernel's parameters."""
    found = re.findall(r"__global__ void (?:__launch_bounds__\(\w+\) )?(\w+)\(([^)]*)\)", code)
    return {
        name: [each.strip().rpartition(" ")[0].removeprefix("const ") for each in parameters.split(",")]
        for name, parameters in found
    }


def _c_value(expected: str, argument: Any) -> Any:
    assert argument.dtype == _TYPES[expected], f"a kernel takes {expected}, the launch gives {argument.dtype}"
    if expected.endswith("*"):
        assert argument.flags.c_contiguous
        return ctypes.c_void_p(argument.ctypes.data)
    return (ctypes.c_char * 4).from_buffer_copy(argument.tobytes())
