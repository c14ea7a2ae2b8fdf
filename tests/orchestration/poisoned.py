"""Camera-days of tiny clips, some of them poisoned in the ways that files go bad in transfers and on disks.

``make many-days`` runs 300 of them, 20 poisoned; nearly all of its minutes are Dagster's records of 1,800 steps.
"""

import argparse
import json
import os
import signal
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest import mock

import numpy as np
from upath import UPath

from apexline.assets.ingest.entries import clips_in
from apexline.assets.ingest.intake import take_in
from apexline.assets.lake.clips import clip_ids
from apexline.assets.lake.storage import Lake
from apexline.assets.lake.workers import ClipWorkers
from apexline.features.video.writer import write_video
from apexline.governance import enter_synthetic
from apexline.orchestration import resources
from apexline.orchestration.commands.doctor import examine
from apexline.orchestration.commands.ingest import ingest_paths
from apexline.orchestration.jobs import CLIP_ASSETS
from apexline.orchestration.settings import Settings


def put_folder(path: Path) -> None:
    path.unlink()
    (path / "inside").mkdir(parents=True)


def put_pipe(path: Path) -> None:
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def put_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


def corrupt_middle(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[4 : len(content) // 2] = b"\xa5" * (len(content) // 2 - 4)
    path.write_bytes(content)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


Poison = Callable[[Path], None]
# What arrives, by the reason that intake gives for it.
LANDED: dict[str, tuple[str, Poison]] = {
    "not_a_video": (".mp4", lambda path: path.write_bytes(b"dear diary" * 50)),
    "truncated": (".mp4", cut),
    "zero_bytes": (".mp4", lambda path: path.write_bytes(b"")),
    "not_a_file": (".mp4", put_folder),
    "symbolic_link": (".mp4", put_link),
    "unreadable_manifest": (".json", lambda path: path.write_text('{"a":' * 100_000)),
    "missing_field": (".json", lambda path: path.write_text('{"camera": "gate"}')),
}
PIPE = "pipe.mp4"
# What goes bad of a stored clip before it is processed.
STORED: dict[str, tuple[str, Poison]] = {
    "a record that is no JSON": (".json", lambda path: path.write_text("{")),
    "an empty record": (".json", lambda path: path.write_text("")),
    "a record of another clip": (
        ".json",
        lambda path: path.write_text(
            json.dumps(json.loads(path.read_text()) | {"sha256": "0" * 64, "file": "../../other.mp4"})
        ),
    ),
    "a pipe for a record": (".json", put_pipe),
    "a video that is none": (".mp4", lambda path: path.write_bytes(b"dear diary" * 50)),
    "a video that is gone": (".mp4", Path.unlink),
    "a folder for a video": (".mp4", put_folder),
    "a pipe for a video": (".mp4", put_pipe),
}
# What goes bad of what was computed.
DERIVED: dict[str, Poison] = {"a Parquet file that is damaged inside": corrupt_middle}
KILLER = "a clip that kills its process"
KINDS = (*LANDED, *STORED, *DERIVED, KILLER)


@dataclass
class Deadly:
    """A computation that ends its process at some clips, as a crash in a decoder or the kernel's killer does."""

    compute: Callable[[str, str, str], None]
    victims: frozenset[str]

    def __call__(self, camera_day: str, clip_id: str, stamp: str) -> None:
        if clip_id in self.victims:
            os.kill(os.getpid(), signal.SIGKILL)
        self.compute(camera_day, clip_id, stamp)


class DeadlyWorkers(ClipWorkers):
    """Workers, two at once, that some clips kill."""

    victims: frozenset[str] = frozenset()

    def run(self, compute, jobs):
        return ClipWorkers(2).run(Deadly(compute, self.victims), jobs)


@dataclass
class Days:
    """Camera-days as they were made: sound clips by day, and what doctor must name of the poisoned ones."""

    lake: Lake
    sound: dict[str, list[str]] = field(default_factory=dict)
    # What names the poisoned clip (its id, or the name it arrived under), by the words that its finding holds.
    poisoned: list[tuple[str, str]] = field(default_factory=list)
    seconds: float = 0.0
    findings: list[str] = field(default_factory=list)

    def unprocessed(self) -> list[str]:
        """Sound clips that did not come to a file of every stage."""
        return [
            f"{asset}: {clip_id} of {day}"
            for day, clips in self.sound.items()
            for asset in CLIP_ASSETS
            for clip_id in set(clips)
            - {name.partition("-")[0] for name in self.lake.names(asset, camera_day=day)}
        ]

    def unnamed(self) -> list[tuple[str, str]]:
        """Poisoned clips that doctor does not name."""
        return [
            (name, kind)
            for name, kind in self.poisoned
            if not any(name in each and (kind in each or kind not in LANDED) for each in self.findings)
        ]


def run_days(settings: Settings, *, days: int, poisoned: int) -> Days:
    """Take in camera-days of one or two clips through the landing folder, process them twice, and examine them.

    Every kind of poison in turn; a poisoned camera-day has a sound clip beside the poisoned one.
    """
    lake = Lake(settings.home_path)
    made = Days(lake)
    landing = settings.state_path / "landing"
    landing.mkdir(parents=True)
    stated = {"purpose": "test", "legal_basis": "own recording"}
    enter_synthetic(lake.home, "gate-03", **stated, by="a test", now=datetime.now(UTC))
    kinds = {day * days // poisoned: KINDS[day % len(KINDS)] for day in range(poisoned)}
    for day in range(days):
        _deliver(landing, day, "sound")
        if day in kinds:
            suffix, poison = LANDED.get(kinds[day], ("", None))
            clip = _deliver(landing, day, "bad")
            if poison is not None:
                poison(clip.with_suffix(suffix))
                made.poisoned.append((clip.name, kinds[day]))
    os.mkfifo(landing / PIPE)
    made.poisoned.append((PIPE, "not_a_file"))
    started = time.monotonic()
    results = {clip.name: take_in(lake, clip, move=True) for clip in list(clips_in(lake.home / "landing"))}
    victims: dict[str, str] = {}
    for day in range(days):
        sound = results[f"{day:03d}-sound.mp4"]
        made.sound[sound.camera_day] = [sound.clip_id]
        kind = kinds.get(day, "")
        if kind and kind not in LANDED:
            bad = results[f"{day:03d}-bad.mp4"].clip_id
            victims[bad] = kind
            made.poisoned.append((bad, kind))
            if kind in STORED:
                suffix, poison = STORED[kind]
                poison(Path(str(lake.home / "clips" / sound.camera_day / f"{bad}{suffix}")))
    killers = frozenset(clip for clip, kind in victims.items() if kind == KILLER)
    with (
        mock.patch.object(resources, "ClipWorkers", DeadlyWorkers),
        mock.patch.object(DeadlyWorkers, "victims", killers),
    ):
        ingest_paths(settings, [], manifest=None, on_step=_silent)
        for clip, kind in victims.items():
            if kind in DERIVED:
                day = next(day for day in made.sound if clip in clip_ids(lake, day))
                DERIVED[kind](Path(str(lake.path("texture_features", clip, camera_day=day))))
        ingest_paths(settings, [], manifest=None, on_step=_silent)
    made.findings = [
        each["detail"] for each in examine(settings) if each["what"] in {"failed", "quarantined", "damaged"}
    ]
    made.seconds = time.monotonic() - started
    return made


def _deliver(landing: Path, day: int, name: str) -> Path:
    path = landing / f"{day:03d}-{name}.mp4"
    rng = np.random.default_rng([day, len(name)])
    write_video(path, (rng.integers(0, 255, (64, 64, 3), np.uint8) for _ in range(6)), fps=25)
    captured_at = datetime(2026, 1, 1, 8, tzinfo=UTC) + timedelta(days=day)
    sidecar = {
        "camera": "gate-03",
        "captured_at": captured_at.isoformat(),
        "purpose": "test",
        "legal_basis": "own recording",
    }
    path.with_suffix(".json").write_text(json.dumps(sidecar))
    return path


def _silent(text: str, done: int, total: int) -> None:
    """Say nothing about progress."""


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=300)
    parser.add_argument("--poisoned", type=int, default=20)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(home=str(UPath(folder) / "home"))
        made = run_days(settings, days=arguments.days, poisoned=arguments.poisoned)
        print(*made.findings, sep="\n")
        print(
            f"{arguments.days} camera-days, {len(made.poisoned)} poisoned entries, {made.seconds:.0f} s; "
            f"not processed: {made.unprocessed()}; not named: {made.unnamed()}"
        )
        raise SystemExit(bool(made.unprocessed() or made.unnamed()))


if __name__ == "__main__":
    main()
