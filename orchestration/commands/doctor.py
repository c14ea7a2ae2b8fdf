"""Examine an installation: versions, folders, registry, devices, clips that did not go all the way; try those again.

A clip that failed or was refused is a note: it says something about the clip, and the installation is sound.
"""

import platform
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import dagster as dg
from upath import UPath

from apexline.assets.explain import obstacles_of_days
from apexline.assets.ingest import quarantined
from apexline.assets.lake import (
    DamagedFile,
    Lake,
    forget_failure,
    lost_frames,
    recorded_failures,
    stored_camera_days,
)
from apexline.assets.parameters import load_parameters
from apexline.features import has_gpu, try_devices
from apexline.features.faces import make_detector
from apexline.orchestration.definitions import build_definitions
from apexline.orchestration.erasure import unfinished
from apexline.orchestration.line import open_line
from apexline.orchestration.operations.restore import UNFINISHED
from apexline.orchestration.resources import build_registry
from apexline.orchestration.settings import Settings
from apexline.orchestration.watching import (
    Problem,
    failed_checks,
    silent_daemons,
    unloadable_champion,
    waiting_clips,
    watched,
)

_PACKAGES = ("dagster", "mlflow", "duckdb", "torch", "numpy", "opencv-python", "factor_analyzer")
_LISTED = 100  # failed clips, and as many refused files


def examine(settings: Settings) -> list[dict[str, str]]:
    """Return findings, each with ``what``, ``state`` (``good``, ``note`` or ``wrong``) and ``detail``."""
    probes: dict[str, Callable[[], tuple[str, str]]] = {
        "python": lambda: ("good", platform.python_version()),
        "packages": lambda: ("good", ", ".join(f"{name} {version(name)}" for name in _PACKAGES)),
        "home": lambda: _home(settings),
        "parameters": lambda: ("good", f"{settings.parameter_file}: {_config_hash(settings)}"),
        "detector": lambda: _detector(settings),
        "gpu": lambda: _gpu(settings),
        "champion": lambda: _champion(settings),
        "lake": lambda: _content(lake),
    }
    lake = Lake(settings.home_path)
    return [
        *(_probe(name, probe) for name, probe in probes.items()),
        *_problems(settings, lake),
        *_notes("failed", lambda: [f"{each.stage}: {each}" for each in recorded_failures(lake)]),
        *_notes("damaged", lambda: [_damaged(each) for each in lake.damaged_files()]),
        *_unfinished_erasures(lake),
        *_notes("frames lost", lambda: _lost_frames(lake)),
        *_notes("not searchable", lambda: _not_searchable(lake, settings)),
        *_notes(
            "quarantined",
            lambda: [f"{each['name']}: {each['reason']}: {each['detail']}" for each in quarantined(lake)],
        ),
    ]


def retry(settings: Settings, clip_id: str | None) -> dict[str, Any]:
    """Try a clip that failed or has damaged files again, or all of them, and whatever follows from it.

    Damaged files are deleted first: each follows from the stage before it, and is made again.

    Returns
    -------
    dict
        Clips tried, and what is said about those that failed again.

    Raises
    ------
    LookupError
        Where no failure of the clip is on record, and none of its files damaged.
    """
    with open_line(settings) as line:
        failures = recorded_failures(line.lake, clip_id=clip_id)
        damaged = [each.path for each in line.lake.damaged_files(clip_id=clip_id) if not _is_score(each.path)]
        if clip_id is not None and not failures and not damaged:
            msg = f"no failure of a clip {clip_id!r} is on record; `apexline doctor` lists those that are"
            raise LookupError(msg)
        for each in failures:
            forget_failure(line.lake, each)
        for path in damaged:
            path.unlink()
        days = {each.camera_day for each in failures} | {_camera_day_of(path) for path in damaged}
        for camera_day in sorted(days):
            line.run("process_camera_day", camera_day=camera_day)
        tried = sorted({each.clip_id for each in failures} | {_clip_of(path) for path in damaged})
        again = [each for each in recorded_failures(line.lake) if each.clip_id in tried]
    return {"tried": tried, "failed again": [f"{each.stage}: {each}" for each in again]}


def _probe(name: str, probe: Callable[[], tuple[str, str]]) -> dict[str, str]:
    try:
        state, detail = probe()
    except Exception as error:  # a doctor reports what is broken instead of breaking
        state, detail = "wrong", f"{type(error).__name__}: {error}"
    return {"what": name, "state": state, "detail": detail}


def _problems(settings: Settings, lake: Lake) -> list[dict[str, str]]:
    """Give a finding for each thing that is the matter with runs, cameras, disks, daemons and the champion."""
    found: list[Problem] = []
    if any((root / UNFINISHED).exists() for root in {settings.home_path, UPath(settings.state_path)}):
        detail = "the home is not whole: give `apexline restore` again"
        found.append(Problem("unfinished restore", "", detail))
    try:
        keys = build_definitions(settings).resolve_asset_graph().asset_check_keys
        registry = build_registry(settings)
        with dg.DagsterInstance.from_config(str(settings.dagster_home)) as instance:
            found += watched(settings, lake, registry, instance)
            found += failed_checks(instance, keys)
            found += silent_daemons(instance)
        found += waiting_clips(lake)
        found += unloadable_champion(lake, registry)
    except Exception as error:  # as above
        found.append(Problem("operation", "", f"can't be looked at: {type(error).__name__}: {error}"))
    return [
        {"what": each.kind, "state": "wrong" if each.is_wrong else "note", "detail": each.detail}
        for each in found
    ]


def _content(lake: Lake) -> tuple[str, str]:
    try:
        return "good", f"content hash {lake.content_hash()}"
    except DamagedFile as error:
        return "note", f"no content hash: {error}"


def _damaged(error: DamagedFile) -> str:
    if _is_score(error.path):
        return f"{error}; what a model said can't be said again: put the file back from a copy, or delete it"
    return f"{error}; to make it again: apexline retry {_clip_of(error.path)}"


def _is_score(path: UPath) -> bool:
    return path.parent.parent.name == "segment_scores"


def _clip_of(path: UPath) -> str:
    return path.stem


def _camera_day_of(path: UPath) -> str:
    return path.parent.name.partition("=")[2]


def _not_searchable(lake: Lake, settings: Settings) -> list[str]:
    parameters = load_parameters(settings.parameter_file)
    return obstacles_of_days(lake, stored_camera_days(lake), parameters)


def _unfinished_erasures(lake: Lake) -> list[dict[str, str]]:
    remedy = "it was killed or found something in the end; run `apexline erase --resume`"
    try:
        details = [f"of {each.asked_at}, {each.by}: {remedy}" for each in unfinished(lake)]
    except Exception as error:  # as above
        details = [f"{type(error).__name__}: {error}"]
    return [{"what": "unfinished erasure", "state": "wrong", "detail": detail} for detail in details]


def _lost_frames(lake: Lake) -> list[str]:
    lost = lost_frames(lake, stored_camera_days(lake))
    return [f"{clip} of {day}: {each}" for (day, clip), each in lost.items()]


def _notes(name: str, list_them: Callable[[], Sequence[str]]) -> list[dict[str, str]]:
    """Give a finding for each entry of a list, up to so many, and one that counts the others."""
    try:
        entries = list_them()
    except Exception as error:  # as above
        return [{"what": name, "state": "wrong", "detail": f"{type(error).__name__}: {error}"}]
    details = list(entries[:_LISTED])
    if len(entries) > _LISTED:
        details.append(f"and {len(entries) - _LISTED} more")
    return [{"what": name, "state": "note", "detail": detail} for detail in details]


def _home(settings: Settings) -> tuple[str, str]:
    settings.prepare()
    probe = settings.home_path / ".doctor"
    probe.write_text("")
    probe.unlink()
    return "good", f"{settings.home_path} is writable"


def _config_hash(settings: Settings) -> str:
    return load_parameters(Path(settings.parameter_file)).hash_of("features", "training")


def _detector(settings: Settings) -> tuple[str, str]:
    config = load_parameters(settings.parameter_file).features.faces
    make_detector(config)
    return "good", config.detector


def _gpu(settings: Settings) -> tuple[str, str]:
    if not has_gpu():
        return "note", "none; everything runs on the CPU"
    features = load_parameters(settings.parameter_file).features
    if features.device == "cpu":
        return "note", "CUDA through CuPy, which the parameters leave alone (device: cpu)"
    trials = try_devices(features)
    said = [
        f"{stage}: failed, so that the CPU is used: {trial.failure}"
        if trial.failure
        else f"{stage}: {trial.num_faces / trial.cuda_s:,.0f} faces/s, on a core {trial.num_faces / trial.cpu_s:,.0f}"
        for stage, trial in trials.items()
    ]
    failed = any(trial.failure for trial in trials.values())
    chosen = [stage for stage, trial in trials.items() if features.device == "cuda" or trial.pays]
    text = f"CUDA through CuPy for {' and '.join(chosen) or 'nothing, since the CPU is faster'} ({'; '.join(said)})"
    return "wrong" if failed else "good" if chosen else "note", text


def _champion(settings: Settings) -> tuple[str, str]:
    version_number = build_registry(settings).get_alias("champion")
    if version_number is None:
        return "note", "none yet; the first scoring makes the model that ships with the package champion"
    return "good", f"models:/apexline-expression@champion is version {version_number}"
