"""Backends and images for the tests of features."""

from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import array_api_strict
import numpy as np
import pytest
import torch

from apexline.features.backend import has_gpu, to_numpy
from apexline.features.video.writer import write_video
from tests.features.clips import numbered_frames
from tests.features.drawn_faces import draw_faces, smooth_texture
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


@pytest.fixture
def texture_image(rng: np.random.Generator) -> np.ndarray:
    return smooth_texture(rng)


@pytest.fixture(scope="session")
def smiling_crops() -> np.ndarray:
    """(60, 128, 128) uint8: a drawn face whose mouth corners move up and out and back, frames 20 to 45."""
    return draw_faces(np.interp(np.arange(60), [20, 28, 37, 45], [0.0, 1.0, 1.0, 0.0]))


@pytest.fixture(scope="session")
def smiling_rows(smiling_crops: np.ndarray) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Texture and flow rows of `smiling_crops` under the default configuration."""
    return rows_of(smiling_crops, cpu())


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """An MP4 of numbered frames, its index in front."""
    path = tmp_path / "clip.mp4"
    write_video(path, numbered_frames(), fps=25)
    return path


@pytest.fixture
def histograms(rng):
    """(8, 2, 2, 2, 5) with empty bins."""
    counts = rng.integers(0, 4, (8, 2, 2, 2, 5)).astype(np.float32)
    counts[..., 0] += 1
    return counts / counts.sum(axis=-1, keepdims=True)
