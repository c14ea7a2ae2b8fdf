"""A home from a backup, at any path; and a home brought up to this release.

Belongs here: copying back with every hash checked, making the copy the home, migrating databases. Stays out: making
backups (``backup``).
"""

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import dagster as dg

from apexline.assets.lake import Lake, stored_camera_days
from apexline.orchestration.line import open_line
from apexline.orchestration.occupancy import alone
from apexline.orchestration.operations.backup import (
    MANIFEST,
    OnStep,
    back_up,
    copy_and_hash,
    latest_backup,
    read_manifest,
)
from apexline.orchestration.resources import build_registry
from apexline.orchestration.settings import Settings

# Stands in a home as long as it is not whole.
UNFINISHED = ".restoring"


def restore(settings: Settings, backup: Path, *, on_step: OnStep) -> dict[str, Any]:
    """Make the home of `settings`, which has to be empty, from a backup; the warehouse and the report are built anew.

    Parameters
    ----------
    backup : Path
        What `back_up` made, or the folder that it was told: then the newest in it.

    Raises
    ------
    FileExistsError
        Where something lies in the home already, and it is no restoring that was killed.
    ValueError
        Where a file is not as it was, or the backup was made by a later release.
    """
    backup = _chosen(backup)
    manifest = read_manifest(backup)
    _check_release(manifest)
    roots = _roots(settings, manifest)
    for root in roots.values():
        _check_empty(root)
        root.mkdir(parents=True, exist_ok=True)
        (root / UNFINISHED).touch()
    files = manifest["files"]
    for done, (name, known) in enumerate(files.items()):
        on_step("restoring", done, len(files))
        part, _, inside = name.partition("/")
        _restore(backup / name, roots[part] / inside, known)
    settings.prepare()
    build_registry(settings)  # its paths follow the home
    for root in roots.values():
        (root / UNFINISHED).unlink(missing_ok=True)  # the two may be one folder
    on_step("warehouse and report", 0, 0)
    with open_line(settings) as line:
        line.run("publish")
    return {
        "home": str(settings.home_path),
        "backup": str(backup),
        "made at": manifest["made_at"],
        "files": len(files),
        "bytes": sum(each["size"] for each in files.values()),
        "camera-days": len(stored_camera_days(Lake(settings.home_path))),
    }


def upgrade(settings: Settings, backups: Path, *, on_step: OnStep) -> dict[str, Any]:
    """Bring the databases of a home to what this release expects, after a backup of it.

    Files of the lake need nothing: columns that they lack are read as nulls.

    Raises
    ------
    BlockingIOError
        Where a run or a command works in the home.
    RuntimeError
        Where MLflow can't migrate its database; its words are in it.
    """
    kept = back_up(settings, backups, on_step=on_step)
    settings.prepare()
    said: list[str] = []
    with alone(settings):
        on_step("Dagster's databases", 0, 0)
        with dg.DagsterInstance.from_config(str(settings.dagster_home)) as instance:
            instance.upgrade(said.append)
            instance.reindex(said.append)
        on_step("MLflow's database", 0, 0)
        if settings.mlflow_file.exists() or settings.mlflow_tracking_uri.startswith(
            ("sqlite:", "postgresql")
        ):
            _upgrade_mlflow(settings.tracking_uri)
        build_registry(settings)
    return {"release": version("apexline"), "backup": kept["backup"], "Dagster": "; ".join(said)}


def _upgrade_mlflow(tracking_uri: str) -> None:
    command = [sys.executable, "-m", "mlflow", "db", "upgrade", tracking_uri]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        msg = f"MLflow could not migrate {tracking_uri}: {done.stderr.strip()[-1000:]}"
        raise RuntimeError(msg)


def _chosen(backup: Path) -> Path:
    if (backup / MANIFEST).is_file():
        return backup
    return (latest_backup(backup) if backup.is_dir() else None) or backup


def _check_release(manifest: dict[str, Any]) -> None:
    made_by, here = manifest["apexline"], version("apexline")
    if _parts(made_by) > _parts(here):
        msg = f"the backup was made by Apexline {made_by}, this is {here}; restore it by that release or a later one"
        raise ValueError(msg)


def _parts(release: str) -> tuple[int, ...]:
    return tuple(int(each) for each in release.split(".")[:3] if each.isdigit())


def _roots(settings: Settings, manifest: dict[str, Any]) -> dict[str, Path]:
    home = settings.home_path
    if not isinstance(home, Path):
        msg = f"{home} is an object store; restore into a local folder, and copy from there"
        raise ValueError(msg)
    if "state" in manifest["parts"]:
        return {"home": home, "state": settings.state_path}
    if settings.state_path != home:
        msg = f"the state of this backup lay in its home, saw {settings.state_path}; restore without APEXLINE_STATE"
        raise ValueError(msg)
    return {"home": home}


def _check_empty(root: Path) -> None:
    if root.is_dir() and any(root.iterdir()) and not (root / UNFINISHED).exists():
        msg = f"{root} is not empty; name another home by APEXLINE_HOME, or move that away first"
        raise FileExistsError(msg)


def _restore(source: Path, target: Path, known: dict[str, Any]) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if not source.is_file() or copy_and_hash(source, target) != known["sha256"]:
        msg = f"{source} is gone or not as it was when the backup was made; take another backup"
        raise ValueError(msg)
    os.utime(target, ns=(known["mtime_ns"], known["mtime_ns"]))
