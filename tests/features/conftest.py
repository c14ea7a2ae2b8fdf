"""Backends and images for the tests of features."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import array_api_strict
import numpy as np
import pytest
import torch

from apexline.features import cuda
from apexline.features.backend import has_gpu, to_numpy
from apexline.features.video.writer import write_video
from tests.features.clips import numbered_frames
from tests.features.host_kernels import HostModule
from tests.features.stream_rows import cpu, rows_of


@dataclass(frozen=True)
class Backend:
    """An array namespace, and the way into it and out of it."""

    name: str
    xp: ModuleType

    def array(self, values: Any) -> Any:
        return self.xp.asarray(values)

    @staticmethod
    def host(array: Any) -> np.ndarray:
        return to_numpy(array)


def _cupy() -> ModuleType:
    import cupy

    return cupy


_NAMESPACES = {
    "numpy": lambda: np,
    "array_api_strict": lambda: array_api_strict,
    "torch": lambda: torch,
    "cupy": _cupy,
}


@pytest.fixture(
    params=[
        "numpy",
        "array_api_strict",
        "torch",
        pytest.param(
            "cupy",
            marks=[pytest.mark.gpu, pytest.mark.skipif(not has_gpu(), reason="CuPy sees no CUDA device")],
        ),
    ]
)
def backend(request: pytest.FixtureRequest) -> Backend:
    """Each array backend in turn."""
    return Backend(request.param, _NAMESPACES[request.param]())


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20210128)


@pytest.fixture
def noise(rng: np.random.Generator) -> np.ndarray:
    """Two images of 21 x 24 with few grey levels, so that ties are frequent."""
    return rng.integers(100, 108, (2, 21, 24)).astype(np.uint8)


def smooth_texture(rng: np.random.Generator, size: int = 64) -> np.ndarray:
    """Image of random waves, 20..236, float64, smooth enough to be moved by a fraction of a pixel."""
    rows, cols = np.mgrid[:size, :size]
    image = np.zeros((size, size))
    for _ in range(12):
        row_wave, col_wave = rng.uniform(-0.6, 0.6, 2)
        image += np.sin(row_wave * rows + col_wave * cols + rng.uniform(0, 2 * np.pi))
    image -= image.min()
    return 20 + image * 216 / image.max()


@pytest.fixture
def texture_image(rng: np.random.Generator) -> np.ndarray:
    return smooth_texture(rng)


@pytest.fixture(scope="session")
def smiling_crops() -> np.ndarray:
    """(60, 128, 128) uint8: a drawn face whose mouth corners move up and out and back, frames 20 to 45."""
    return _draw_faces(np.interp(np.arange(60), [20, 28, 37, 45], [0.0, 1.0, 1.0, 0.0]))


@pytest.fixture(scope="session")
def still_crops() -> np.ndarray:
    """(40, 128, 128) uint8: the same face, not moving, with camera noise."""
    crops = _draw_faces(np.zeros(40)).astype(float)
    crops += np.random.default_rng(3).normal(0, 1.0, crops.shape)
    return np.clip(np.rint(crops), 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def smiling_rows(smiling_crops: np.ndarray) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Texture and flow rows of `smiling_crops` under the default configuration."""
    return rows_of(smiling_crops, cpu())


def _draw_faces(strength: np.ndarray) -> np.ndarray:
    """A skin of random waves warped about the mouth corners by up to 4 px up and outwards."""
    import cv2

    rng = np.random.default_rng(7)
    face = smooth_texture(rng, 128) * 0.3 + 90
    face += cv2.GaussianBlur(rng.normal(0, 60, (128, 128)), (0, 0), 1.5)
    rows, cols = np.mgrid[:128, :128].astype(np.float32)
    crops = []
    for value in strength:
        drow, dcol = np.zeros((128, 128)), np.zeros((128, 128))
        for centre, outwards in ((45, -1), (83, 1)):
            bump = np.exp(-((rows - 88.5) ** 2 + (cols - centre) ** 2) / (2 * 9.0**2))
            drow += -3.0 * value * bump
            dcol += 2.0 * outwards * value * bump
        moved = cv2.remap(
            face.astype(np.float32),
            (cols - dcol).astype(np.float32),
            (rows - drow).astype(np.float32),
            cv2.INTER_CUBIC,
            borderMode=cv2.BORDER_REPLICATE,
        )
        crops.append(np.clip(np.rint(moved), 0, 255).astype(np.uint8))
    return np.stack(crops)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """An MP4 of numbered frames, its index in front."""
    path = tmp_path / "clip.mp4"
    write_video(path, numbered_frames(), fps=25)
    return path


@pytest.fixture
def compile_with(monkeypatch: pytest.MonkeyPatch):
    """Have launches take their modules from another compiler."""

    def forget() -> None:
        cuda._module.cache_clear()
        cuda.load_kernel.cache_clear()

    def install(compile_module: Callable[[str, tuple[str, ...]], Any]) -> None:
        forget()
        monkeypatch.setattr(cuda, "compile_module", compile_module)

    yield install
    forget()


@pytest.fixture(scope="module")
def build_for_host(tmp_path_factory: pytest.TempPathFactory):
    if shutil.which("g++") is None:
        pytest.skip("g++ is not installed: the kernels can't be run on the host")
    folder: Path = tmp_path_factory.mktemp("kernels")
    built: dict[Any, HostModule] = {}

    def build(code: str, macros: tuple[str, ...]) -> HostModule:
        if (code, macros) not in built:
            built[code, macros] = HostModule(code, macros, folder)
        return built[code, macros]

    return build


@pytest.fixture
def on_host(compile_with, build_for_host) -> None:
    """Launch on the host, NumPy arrays in the place of CuPy's."""
    compile_with(build_for_host)


@pytest.fixture
def histograms(rng):
    """(8, 2, 2, 2, 5) with empty bins."""
    counts = rng.integers(0, 4, (8, 2, 2, 2, 5)).astype(np.float32)
    counts[..., 0] += 1
    return counts / counts.sum(axis=-1, keepdims=True)
