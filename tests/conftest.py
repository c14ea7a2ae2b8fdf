"""Fixtures that several test packages share: clips with exact truth, without a face, broken; kernels; the wheel."""

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

# Two workers share the cores with the processes that they start. Threads of OpenMP wait for each other by spinning:
# where all of them want two, a test of seconds stands for many minutes. Set before NumPy and torch are imported.
for _threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


@pytest.fixture(autouse=True)
def _no_test_runs_before_all_others() -> Iterator[None]:
    """Take back the real-time priority that SVT-AV1 gives to who encodes by it as root: nothing else would run."""
    yield
    if sys.platform == "linux" and os.sched_getscheduler(0) != os.SCHED_OTHER:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


@pytest.fixture(scope="session", autouse=True)
def _every_camera_is_registered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let cameras in that no register knows: what the doors refuse is for tests with `strict_register`.

    A program without settings takes a home of its own, not the folder that the tests are run in.
    """
    from apexline.governance import folder, register
    from tests.governance.lenient import check_statement, found, state_below

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(folder, "_State", state_below(tmp_path_factory.mktemp("home of nobody")))
        patch.setattr(register, "_found", found)
        patch.setattr(register, "_check_statement", check_statement)
        yield


@pytest.fixture
def strict_register(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse what the register does not know, as it is outside of tests."""
    from apexline.governance import register
    from tests.governance import lenient

    monkeypatch.setattr(register, "_found", lenient.FOUND)
    monkeypatch.setattr(register, "_check_statement", lenient.CHECK_STATEMENT)


@dataclass(frozen=True)
class BuiltClip:
    """A generated clip: its file, its sidecar manifest as read from disk, and the plan it was drawn from."""

    path: Path
    manifest: dict[str, Any]
    plan: Any

    @property
    def annotations(self) -> list[dict[str, Any]]:
        return self.manifest["annotations"]


@pytest.fixture(scope="session")
def build_clip(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., BuiltClip]:
    """Builder of small clips: ``build_clip([(variant, (emotion, ...)), ...], index=0, **config)``.

    Keywords other than ``index`` and ``folder`` are fields of ``sample.plan.SampleConfig``. The same
    arguments give the same clip, drawn once per test session unless a ``folder`` is named.
    """
    from apexline.sample.clips import make_puppets, write_clip
    from apexline.sample.plan import SampleConfig, plan_clip

    built: dict[Any, BuiltClip] = {}
    session_folder = tmp_path_factory.mktemp("sample")

    def build(
        cast: Sequence[tuple[int, tuple[str, ...]]],
        *,
        index: int = 0,
        folder: Path | None = None,
        **config: Any,
    ) -> BuiltClip:
        key = (tuple(cast), index, tuple(sorted(config.items())))
        if folder is None and key in built:
            return built[key]
        plan = plan_clip(cast, index=index, config=SampleConfig(**config))
        target = folder if folder is not None else session_folder / str(len(built))
        path = write_clip(target, plan, puppets=make_puppets([plan]))
        clip = BuiltClip(path, json.loads(path.with_suffix(".json").read_text()), plan)
        if folder is None:
            built[key] = clip
        return clip

    return build


@pytest.fixture(scope="session")
def astronaut_clip(build_clip: Callable[..., BuiltClip]) -> BuiltClip:
    """One face, 320x240, about 2.8 s at 25 fps: still, then a smile, then still."""
    return build_clip([(0, ("happy",))], face_px=(100.0, 100.0))


@pytest.fixture
def tracker_calls(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often a clip was decoded (``read_frames``) and tracked (``track_faces``), by any module that has the name."""
    from apexline.features.tracking import tracker as tracks
    from apexline.features.video import guarded as video

    calls: Counter[str] = Counter()

    def counted(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            calls[function.__name__] += 1
            return function(*args, **options)

        return call

    for function in (tracks.track_faces, video.read_frames):
        replacement = counted(function)
        for module in list(sys.modules.values()):
            if getattr(module, function.__name__, None) is function:
                monkeypatch.setattr(module, function.__name__, replacement)
    return calls


@pytest.fixture(scope="session")
def noise_clip(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., bytes]:
    """Builder of a good clip of half a second without a face, as bytes: ``noise_clip(seed=0)``."""
    import numpy as np

    from apexline.features.video.writer import write_video

    folder = tmp_path_factory.mktemp("noise")

    @cache
    def build(*, seed: int = 0) -> bytes:
        path = folder / f"{seed}.mp4"
        rng = np.random.default_rng(seed)
        write_video(path, (rng.integers(0, 255, (64, 64, 3), np.uint8) for _ in range(12)), fps=25)
        return path.read_bytes()

    return build


@pytest.fixture(scope="session")
def broken_clips(
    noise_clip: Callable[..., bytes], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, bytes]:
    """Content that can't be decoded, by the reason that intake gives for it."""
    good = noise_clip()
    assert b"avc1" in good
    return {
        "zero_bytes": b"",
        "truncated": good[: len(good) // 2],
        "not_a_video": b"dear diary\n" * 50,
        "no_video_stream": _audio_only(tmp_path_factory.mktemp("audio") / "audio.mp4"),
        "unreadable_codec": good.replace(b"avc1", b"zzz1"),
    }


def _audio_only(path: Path) -> bytes:
    import av
    import numpy as np

    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 16000
        container.mux([*stream.encode(frame), *stream.encode(None)])
    return path.read_bytes()


@pytest.fixture(scope="session")
def build_wheel() -> Callable[[Path, Path], Path]:
    """Builder of wheels without a network: ``build_wheel(project, folder)``."""

    def build(project: Path, folder: Path) -> Path:
        command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
        subprocess.run([*command, "--wheel-dir", folder, project], check=True)
        (wheel,) = folder.glob("apexline-*.whl")
        return wheel

    return build


@pytest.fixture(scope="session")
def built_wheel(build_wheel: Callable[[Path, Path], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    return build_wheel(Path(__file__).resolve().parent.parent, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def still_crops() -> Any:
    """(40, 128, 128) uint8: a drawn face, not moving, with camera noise."""
    import numpy as np

    from tests.features.drawn_faces import draw_faces

    crops = draw_faces(np.zeros(40)).astype(float)
    crops += np.random.default_rng(3).normal(0, 1.0, crops.shape)
    return np.clip(np.rint(crops), 0, 255).astype(np.uint8)


@pytest.fixture
def compile_with(monkeypatch: pytest.MonkeyPatch):
    """Have launches take their modules from another compiler."""
    from apexline.features import cuda

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
    """Build kernels for the processor, each once in a module of tests."""
    from tests.features.host_kernels import HostModule

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
