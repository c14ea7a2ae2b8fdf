"""The CUDA kernels: run on the host against the CPU's code, compiled by NVRTC, run on a GPU where there is one."""

import re
import types
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from apexline.features import cuda
from apexline.features.backend import has_gpu, to_numpy
from apexline.features.flow import compiled as flow_kernels
from apexline.features.flow import cuda as flow_cuda
from apexline.features.flow import resample
from apexline.features.flow import solver as flow
from apexline.features.flow.stream import FlowConfig, FlowStream
from apexline.features.modc import codes as modc
from apexline.features.modc import cuda as modc_cuda
from apexline.features.modc import differences
from apexline.features.modc.rings import Rings
from apexline.features.modc.stream import TextureConfig, TextureStream
from apexline.features.rows import join_columns
from tests.features.host_kernels import HostModule, signatures

Pairs = list[tuple[Any, Any]]
ARCHITECTURES = ("sm_80", "sm_90", "sm_120")
NO_EXTRA = "the [gpu] extra is not installed: make test-kernels installs it"
REGISTERS = re.compile(r"Compiling entry function '(\w+)'.*?Used (\d+) registers", re.DOTALL)

_POWERS_4 = (1, 4, 16, 64)
RINGS = {
    "all_kinds": Rings((2, 4, 6), tuple(modc.KINDS.values()), (_POWERS_4, _POWERS_4)),
    "base7": Rings((1, 3, 5), ((0, 1, 1),), ((1, 7, 49, 343), (1, 7, 49, 343))),
    "split": Rings((2, 2, 7), ((0, -1, -1), (0, 0, 0)), (_POWERS_4, (256, 1024, 4096, 16384))),
}


def codes_and_histograms(to: Callable[..., Any], rings: Rings) -> Pairs:
    # few grey levels: ties are frequent
    images = np.random.default_rng(1).integers(100, 108, (3, 37, 50)).astype(np.uint8)
    pairs = [(modc_cuda.ring_codes(to(images), rings), modc.ring_codes(images, rings))]
    if rings.num_codes < 10_000:
        for grid in ((1, 1), (4, 3)):
            expected = modc.ring_histograms(images, rings, grid=grid)
            pairs.append((modc_cuda.ring_histograms(to(images), rings, grid), expected))
    return pairs


def sweeps(to: Callable[..., Any], cross: bool) -> Pairs:
    """Smaller than a tile's halo; two tiles by three, last launch shorter; a stack."""
    rng = np.random.default_rng(2)
    pairs: Pairs = []
    for shape, count in (((5, 7), 3), ((61, 103), 19)):
        reference, moving = (rng.uniform(0, 255, shape).astype(np.float32) for _ in range(2))
        start = rng.normal(0, 2, (2, *shape)).astype(np.float32)
        expected = flow_kernels.refine(reference, moving, start, np.float32(225), count, cross)
        found = flow_cuda.refine(to(reference), to(moving), to(start), 225.0, count, cross)
        stacks = (to(np.stack([each, each[..., ::-1]])) for each in (reference, moving, start))
        stacked = flow_cuda.refine(*stacks, 225.0, count, cross)
        pairs += [(found, expected), (stacked[0], expected)]
    return pairs


def resampled(to: Callable[..., Any]) -> Pairs:
    rng = np.random.default_rng(3)
    image = rng.uniform(0, 255, (21, 34)).astype(np.float32)
    moved = rng.normal(0, 4, (2, 21, 34)).astype(np.float32)
    warped, inside = resample.warp(image, moved)
    assert 0 < inside.mean() < 1
    pairs = list(zip(flow_cuda.warp(to(image), to(moved)), (warped, inside), strict=True))
    pairs.append((flow_cuda.halve(to(image)), resample.halve(np, image)))
    for shape in ((41, 67), (42, 68)):
        pairs.append((flow_cuda.enlarge(to(moved), shape), resample.enlarge(np, moved, shape)))
    return pairs


def distances(to: Callable[..., Any]) -> Pairs:
    histograms, other = _histograms(), _histograms()[::-1].copy()
    return [
        (modc_cuda.chi_square_blocks(to(histograms), to(reference)), in_lanes(histograms, reference))
        for reference in (other, other[:1])
    ]


def in_lanes(histograms: np.ndarray, reference: np.ndarray, lanes: int = 32) -> np.ndarray:
    """Chi-square distances in the kernel's order: lane by lane, then lanes in halves."""
    difference, total = histograms - reference, histograms + reference
    terms = difference * difference / np.where(total > 0, total, np.float32(1))
    frames, planes, rows, cols, bins = terms.shape
    sums = np.zeros((frames, rows * cols, lanes), dtype=np.float32)
    for plane in range(planes):
        flat = terms[:, plane].reshape((frames, rows * cols, bins))
        for first in range(0, bins, lanes):
            part = flat[..., first : first + lanes]
            sums[..., : part.shape[-1]] += part
    while sums.shape[-1] > 1:
        half = sums.shape[-1] // 2
        sums = sums[..., :half] + sums[..., half:]
    return sums[..., 0] / np.float32(planes)


def _histograms() -> np.ndarray:
    counts = np.random.default_rng(4).poisson(0.4, (3, 2, 2, 3, 511)).astype(np.float32)
    return counts / counts.sum(axis=-1, keepdims=True)


CASES: dict[str, Callable[[Callable[..., Any]], Pairs]] = {
    **{name: lambda to, rings=rings: codes_and_histograms(to, rings) for name, rings in RINGS.items()},
    "cross": lambda to: sweeps(to, True),
    "eight_neighbours": lambda to: sweeps(to, False),
    "resample": resampled,
    "chi_square": distances,
}


def assert_same_bits(pairs: Pairs) -> None:
    for found, expected in pairs:
        found = to_numpy(found)
        assert found.dtype == expected.dtype
        assert found.shape == expected.shape
        np.testing.assert_array_equal(found, expected)
        assert np.ascontiguousarray(found).tobytes() == np.ascontiguousarray(expected).tobytes()


@pytest.mark.usefixtures("on_host")
@pytest.mark.parametrize("case", CASES)
def test_kernels_give_the_bits_of_the_cpu(case):
    assert_same_bits(CASES[case](np.asarray))


@pytest.mark.gpu
@pytest.mark.skipif(not has_gpu(), reason="CuPy sees no CUDA device")
@pytest.mark.parametrize("case", CASES)
def test_kernels_give_the_bits_of_the_cpu_on_a_device(case):
    import cupy

    assert_same_bits(CASES[case](cupy.asarray))


@pytest.mark.usefixtures("on_host")
def test_flat_image_codes_to_510():
    codes = modc_cuda.ring_codes(
        np.full((1, 13, 14), 7, np.uint8), Rings((2, 4, 6), ((0, 1, 1),), (_POWERS_4,) * 2)
    )
    assert codes.shape == (1, 1, 2, 1, 2)
    assert (codes == 510).all()


@pytest.mark.usefixtures("on_host")
def test_no_images_give_no_results():
    rings = RINGS["base7"]
    assert modc_cuda.ring_codes(np.empty((0, 20, 30), np.uint8), rings).shape == (1, 0, 2, 10, 20)
    assert modc_cuda.chi_square_blocks(_histograms()[:0], _histograms()[:1]).shape == (0, 6)


@pytest.mark.usefixtures("on_host")
def test_still_images_do_not_move(rng):
    image = rng.uniform(0, 255, (20, 30)).astype(np.float32)
    found = flow_cuda.refine(image, image, np.zeros((2, 20, 30), np.float32), 225.0, 10, True)
    assert not found.any()


@pytest.mark.usefixtures("on_host")
def test_distances_agree_with_numpy_to_rounding():
    histograms = _histograms()
    found = modc_cuda.chi_square_blocks(histograms, histograms[:1])
    np.testing.assert_allclose(
        found, differences.chi_square_blocks(histograms, histograms[:1]), rtol=1e-5, atol=1e-7
    )
    assert not found[0].any()


@pytest.fixture
def described_by_kernels(on_host, monkeypatch):
    """Codes, histograms and flow take NumPy arrays for CuPy's."""
    for module in (flow, modc, resample):
        monkeypatch.setattr(module, "is_numpy", lambda *arrays: False)
        monkeypatch.setattr(module, "is_cupy", lambda *arrays: True)


@pytest.fixture
def numpy_as_cupy(described_by_kernels, monkeypatch):
    """All public functions take NumPy arrays for CuPy's."""
    monkeypatch.setattr(differences, "is_numpy", lambda *arrays: False)
    monkeypatch.setattr(differences, "is_cupy", lambda *arrays: True)


def public_results() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(5)
    images = rng.integers(100, 108, (2, 35, 40)).astype(np.uint8)
    histograms = _histograms()
    return {
        "codes": modc.modc_codes(images[0], kind=tuple(modc.KINDS)),
        "histograms": modc.modc_histograms(images, kind=tuple(modc.KINDS), grid=(2, 3)),
        "opposite codes": modc.modc_codes(images[0], kind=("sl", "sr"), planes="opposite"),
        "opposite histograms": modc.modc_histograms(images, kind="outer", grid=(2, 3), planes="opposite"),
        "single": flow.horn_schunck(images[0], images[1], num_sweeps=9),
        "pyramid": flow.horn_schunck_pyramid(images[0], images[1], num_warps=2, num_sweeps=3, median=0),
        "differences": differences.block_differences(histograms, k=1),
        "first": differences.block_differences(histograms, k=1, curve="first"),
    }


def test_public_functions_launch_the_kernels(request):
    expected = public_results()
    request.getfixturevalue("numpy_as_cupy")
    found = public_results()
    for name in ("differences", "first"):
        np.testing.assert_allclose(found.pop(name), expected.pop(name), rtol=1e-5, atol=1e-7)
    assert_same_bits([(found[name], each) for name, each in expected.items()])


def stream_columns(crops: np.ndarray, size: int) -> dict[str, np.ndarray]:
    """Columns of both streams, crops shown in blocks."""
    found: dict[str, np.ndarray] = {}
    times = np.arange(len(crops)) / 25
    for stream in (
        TextureStream(TextureConfig(), "cpu"),
        FlowStream(FlowConfig(num_levels=2, num_warps=1, num_sweeps=3), "cpu"),
    ):
        blocks = [
            stream.push_block(crops[k : k + size], np.arange(len(crops))[k : k + size], times[k : k + size])
            for k in range(0, len(crops), size)
        ]
        columns = join_columns([block.columns for block in (*blocks, stream.flush_block())])
        found |= {f"{stream.row_type.__name__}.{name}": values for name, values in columns.items()}
    return found


@pytest.mark.parametrize("size", [1, 2, 3])
def test_streams_launch_the_kernels(request, smiling_crops, size):
    """In blocks too, and with the bits of the processor, crop by crop: histograms and flow are compared there."""
    crops = smiling_crops[24:27]
    expected = stream_columns(crops, 1)
    request.getfixturevalue("described_by_kernels")
    found = stream_columns(crops, size)
    assert len(found["FlowRow.drow"]) == 3 * 7
    assert_same_bits([(found[name], each) for name, each in expected.items() if each.dtype != object])


@pytest.mark.parametrize("missing", [0, 1])
def test_a_missing_barrier_shows(compile_with, build_for_host, missing):
    """The host runs threads in an order that a kernel must not rely on."""

    def build_without(code: str, macros: tuple[str, ...]) -> HostModule:
        parts = code.split("__syncthreads();")
        if len(parts) > 2:
            parts[missing : missing + 2] = [parts[missing] + parts[missing + 1]]
        return build_for_host("__syncthreads();".join(parts), macros)

    compile_with(build_without)
    (found, expected), *_ = sweeps(np.asarray, True)
    assert not np.array_equal(found, expected)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("case", CASES)
def test_kernels_compile_for(case, architecture, compile_with):
    """All parameter sets that the other tests launch, for each generation of devices."""
    pytest.importorskip("cupy_backends", reason=NO_EXTRA)
    compile_with(lambda code, macros: NvrtcModule(code, macros, architecture))
    CASES[case](np.asarray)


class NvrtcModule:
    """A module compiled for an architecture and not loaded; a launch checks what it would need."""

    def __init__(self, code: str, macros: tuple[str, ...], architecture: str) -> None:
        from cupy_backends.cuda.libs import nvrtc

        options = (f"--gpu-architecture={architecture}", "--std=c++17", "--fmad=false", "--ptxas-options=-v")
        program = nvrtc.createProgram(code, "kernel.cu", [], [])
        try:
            nvrtc.compileProgram(program, [*options, *macros])
            assert len(nvrtc.getCUBIN(program)) > 0
            ptx, log = nvrtc.getPTX(program), nvrtc.getProgramLog(program)
        finally:
            nvrtc.destroyProgram(program)
        self._registers = {name: int(count) for name, count in REGISTERS.findall(log)}
        assert self._registers.keys() == signatures(code).keys()
        # one rounding for each operation, and the right one; denormals kept
        assembly = ptx.decode() if isinstance(ptx, bytes) else ptx
        assert re.findall(r"fma\.|\.approx|\.ftz", assembly) == []
        # nothing in memory of the thread's own
        clean = log.count("0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads")
        assert clean == len(self._registers), f"0 bytes stack frame expected of every kernel:\n{log}"

    def get_function(self, name: str) -> Callable[..., None]:
        def check(grid: tuple[int, ...], block: tuple[int, ...], arguments: tuple[Any, ...]) -> None:
            # registers are given out by eights; a multiprocessor has 65,536
            needed = -(-self._registers[name] // 8) * 8 * block[0] * block[1] * block[2]
            assert needed <= 65_536

        return check


def test_samples_indexed_by_a_variable_would_be_refused(compile_with):
    """What the compile-time turns are for."""
    pytest.importorskip("cupy_backends", reason=NO_EXTRA)
    turns = "constexpr int turns[KINDS][3] = {TURNS};"

    def compile_unknown(code: str, macros: tuple[str, ...]) -> NvrtcModule:
        assert turns in code
        variable = "int turns[KINDS][3];\n    for (auto& each : turns)\n        each[0] = each[1] = each[2] = image[0];"
        return NvrtcModule(code.replace(turns, variable), macros, "sm_90")

    compile_with(compile_unknown)
    with pytest.raises(AssertionError, match="0 bytes stack frame"):
        codes_and_histograms(np.asarray, RINGS["base7"])


def test_a_module_is_compiled_without_contraction(monkeypatch):
    fake = types.SimpleNamespace(RawModule=lambda **given: given)
    monkeypatch.setattr(cuda.importlib, "import_module", lambda name: {"cupy": fake}[name])
    given = cuda.compile_module("code", ("-DTILE=1",))
    assert given == {
        "code": "code",
        "options": ("--std=c++17", "--fmad=false", "-DTILE=1"),
        "backend": "nvrtc",
    }
