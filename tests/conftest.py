"""Fixtures that several test packages share: clips with exact truth from the embedded sample."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest


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

    Keywords other than ``index`` and ``folder`` are fields of ``features.sample_plan.SampleConfig``. The same
    arguments give the same clip, drawn once per test session unless a ``folder`` is named.
    """
    from features.sample import make_puppets, write_clip
    from features.sample_plan import SampleConfig, plan_clip

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
