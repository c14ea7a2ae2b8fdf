"""A home with something of a clip in every place, written by hand, and a searcher that knows nothing of ours."""

import contextlib
import gzip
import hashlib
import json
import os
import sqlite3
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import duckdb
import numpy as np
import pyarrow.parquet as pq
from dagster._core.remote_origin import (
    ManagedGrpcPythonEnvCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    InstigatorType,
    SensorInstigatorData,
    TickData,
    TickStatus,
)
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from upath import UPath

from apexline.assets.ingest.intake import take_in
from apexline.assets.lake.camera_days import CAMERA_DAYS
from apexline.assets.lake.failures import Failure, record_failure
from apexline.assets.lake.schemas import TABLES
from apexline.assets.lake.storage import Lake
from apexline.ml.semantic_space.space import SemanticSpace
from apexline.orchestration.settings import Settings
from tests.assets.small_lake import MANIFEST, blank

DAY, OTHER_DAY = "2026-03-03_gate-03", "2026-03-03_gate-07"
NAME = "anna-müller 'gate'.mp4"
LABEL = {"subject": "s", "emotion": "happy", "onset": 1, "apex": 2, "offset": 3, "box": [0, 0, 9, 9]}


@dataclass(frozen=True)
class SmallHome:
    """A home with three clips, the first of which has something everywhere."""

    settings: Settings
    doomed: str
    sha256: str
    kept: str
    elsewhere: str

    @property
    def lake(self):
        return Lake(self.settings.home_path)


def build_home(settings: Settings, incoming: Path, noise_clip) -> SmallHome:
    """Three clips, each with rows in every table; of the first there are traces in every other place too."""
    lake, home = Lake(settings.home_path), settings.home_path
    settings.prepare()
    ids = []
    for seed, camera in enumerate(("gate-03", "gate-03", "gate-07")):
        clip = _deliver(incoming, f"clip-{seed}.mp4", noise_clip(seed=seed), camera=camera)
        ids.append(take_in(lake, clip).clip_id)
    content = noise_clip(seed=0)
    for clip_id, day in zip(ids, (DAY, DAY, OTHER_DAY), strict=True):
        _fill_tables(lake, clip_id, day)
    _fill_shared_tables(lake, ids)
    # The same content as it arrived again, well and badly.
    _deliver(home / "landing", "again.mp4", content)
    take_in(lake, _deliver(incoming, NAME, content, purpose=""))
    (home / "archive").mkdir()
    (home / "archive" / "copy of it.bin").write_bytes(content)
    (home / "tmp").mkdir(exist_ok=True)
    (home / "tmp" / "left").write_bytes(pixels(ids[0], 0))
    record_failure(lake, Failure("face_tracks", DAY, ids[0], *("",) * 6))
    _write_surveys(home, ids)
    _write_space(home, ids)
    _write_mlflow(settings, ids)
    for folder in ("reports/old", "plots", "receipts"):
        (home / folder).mkdir(parents=True)
    (home / "reports/old/index.html").write_text(f"<p>{track(ids[0])}</p>")
    (home / "plots" / f"{Path(NAME).stem}-{ids[0]}.html").write_text(f"<h1>{NAME}</h1>")
    (home / "receipts" / f"{ids[0]}.json").write_text("{}")
    with duckdb.connect(str(settings.warehouse_path)) as connection:
        connection.execute("create table clips as select ? as clip_id", [ids[0]])
    settings.warehouse_path.with_name("warehouse.duckdb.wal").write_bytes(ids[0].encode())
    _write_records(settings, ids)
    return SmallHome(settings, ids[0], hashlib.sha256(content).hexdigest(), ids[1], ids[2])


def track(clip_id: str) -> str:
    return hashlib.md5(clip_id.encode(), usedforsecurity=False).hexdigest()[:12]


def pixels(clip_id: str, frame: int, side: int = 128) -> bytes:
    rng = np.random.default_rng([int(clip_id[:8], 16), frame, side])
    return rng.integers(0, 256, (side, side), np.uint8).tobytes()


def _deliver(folder, name, content, **changes):
    folder.mkdir(parents=True, exist_ok=True)
    path = UPath(folder) / name
    path.write_bytes(content)
    path.with_suffix(".json").write_text(json.dumps({**MANIFEST, "annotations": [LABEL], **changes}))
    return path


def row(table, **values):
    schema = TABLES[table]
    return {field.name: values.get(field.name, blank(field.type)) for field in schema}


def _fill_tables(lake, clip_id, day):
    own = {"clip_id": clip_id, "track_id": track(clip_id), "segment_id": f"{track(clip_id)}-4"}
    for table, name in (
        *((each, clip_id) for each in ("clip_manifest", "annotations", "face_tracks", "texture_features")),
        *((each, clip_id) for each in ("flow_features", "expression_features", "expression_segments")),
        ("segment_scores", f"{clip_id}-v1-0a1b"),
    ):
        lake.write(table, name, [row(table, **own, annotation_id=f"{clip_id}-a0")], stamp="f", camera_day=day)
    for reviewer in ("anna7", "r2"):
        name = f"{clip_id}-r{reviewer}"
        said = row("reviews", **own, review_id=name, reviewer=reviewer, verdict="expression", emotion="happy")
        lake.write("reviews", name, [said], stamp="f", camera_day=day)
    crops = [row("face_crops", **own, frame=k, crop=pixels(clip_id, k)) for k in range(3)]
    lake.write("face_crops", clip_id, crops, stamp="f", camera_day=day)


def _fill_shared_tables(lake, ids):
    examples = [
        row(
            "training_set",
            example_id=f"{clip_id}-a0-{k}",
            clip_id=clip_id,
            track_id=track(clip_id),
            image=pixels(clip_id, k, 48),
            onset=pixels(clip_id, 9, 48),
        )
        for clip_id in ids
        for k in range(2)
    ]
    lake.write("training_set", "examples", examples, stamp="trained")
    for name, raters in (("page-anna7", ["anna7"]), ("import", ["anna7", "r2"])):
        rows = [
            row("ratings", rater=rater, segment=segment, pair="happy_sad", level=2, source=f"{name}.csv")
            for rater in raters
            for clip_id in ids
            for segment in (f"{clip_id}-a0", f"{track(clip_id)}-4")
        ]
        lake.write("ratings", name, rows, stamp=name)


def _write_surveys(home, ids):
    (home / "surveys").mkdir()
    page = [f"anna7,{clip_id}-a0,happy_sad,2" for clip_id in ids]
    (home / "surveys" / "page-anna7.csv").write_text("\n".join(["rater,segment,pair,level", *page, ""]))
    rows = [f'{clip_id}-a0;"Zoë; r";happy_sad;4' for clip_id in ids] + [
        f"{track(ids[0])}-4;anna7;happy_sad;1"
    ]
    text = "\r\n".join(["Segment;Rater;Pair;Level", *rows, f'{ids[0]}-a0;"torn', ""])
    (home / "surveys" / "import.csv").write_bytes(text.encode("cp1252"))
    sessions = {"a1b2": {"rater": "anna7", "consent": True}, "c3d4": {"rater": "r2", "consent": True}}
    (home / "surveys" / "sessions.json").write_text(json.dumps(sessions))


def _write_space(home, ids):
    square = np.eye(2)
    space = SemanticSpace(
        pairs=("happy_sad", "calm_tense"),
        axes=("factor_1", "factor_2"),
        segments=tuple(f"{clip_id}-a0" for clip_id in ids),
        loadings=square,
        scores=np.arange(6.0).reshape(3, 2),
        center=np.zeros(2),
        scale=np.ones(2),
        correlation=square,
        shrinkage=0.0,
        target=np.zeros((2, 0)),
        offset=np.zeros(0),
        gain=np.zeros((2, 0)),
        congruence={"factor_1": 0.5, "factor_2": 0.5},
        kmo=0.5,
        bartlett_p=0.5,
        eigenvalues=np.ones(2),
        parallel_k=1,
        dropped=(),
        imputed=0,
        method="minres",
        rotation="none",
    )
    refused = {
        "stamp": "t",
        "problems": [f"{ids[0]}-a0 stands alone"],
        "sources": ["page-anna7.csv", "x.csv"],
    }
    record = {
        "stamp": "s",
        "space": space.to_json(),
        "diagnostics": {"source": "import.csv, page-anna7.csv", "synthetic": False},
        "refused": refused,
    }
    (home / "pad_space").mkdir()
    (home / "pad_space" / "pad_space.json").write_text(json.dumps(record))


def _write_mlflow(settings, ids):
    folder = Path(settings.artifact_root) / "apexline" / "0f" / "artifacts"
    folder.mkdir(parents=True)
    lines = [f"{clip_id}-a0-1,s,happy" for clip_id in ids]
    (folder / "test_predictions.csv").write_text("\n".join(["example_id,subject,target", *lines, ""]))


def _write_records(settings, ids):
    """A run that recorded each clip's camera-day, what it printed, and a sensor that saw the files wait."""

    @dg.asset(name="face_tracks", partitions_def=CAMERA_DAYS)
    def drawn(context):
        print(f"printed {context.partition_key}: {ids[0]}")  # noqa: T201  (into the log of the run)
        context.log.info(f"tracked {track(ids[0])}" if context.partition_key == DAY else "tracked")
        own = ids[:2] if context.partition_key == DAY else ids[2:]
        return dg.MaterializeResult(metadata={"why": json.dumps([track(each) for each in own] * 999)})

    with dg.DagsterInstance.from_config(str(settings.dagster_home)) as instance:
        instance.add_dynamic_partitions(str(CAMERA_DAYS.name), [DAY, OTHER_DAY])
        for day in (OTHER_DAY, DAY):
            dg.materialize([drawn], instance=instance, partition_key=day)
        location = ManagedGrpcPythonEnvCodeLocationOrigin(LoadableTargetOrigin(module_name="m"), "here")
        origin = RemoteInstigatorOrigin(RemoteRepositoryOrigin(location, "repository"), "landing_sensor")
        cursor = json.dumps({NAME: ["1:2:3", 0.0, 0]})
        data = SensorInstigatorData(cursor=cursor)
        state = InstigatorState(origin, InstigatorType.SENSOR, InstigatorStatus.RUNNING, data)
        instance.add_instigator_state(state)
        tick = TickData(
            origin.get_id(),
            "landing_sensor",
            InstigatorType.SENSOR,
            TickStatus.SKIPPED,
            datetime(2026, 3, 3, tzinfo=UTC).timestamp(),
            cursor=cursor,
            selector_id=state.selector_id,
        )
        instance.create_tick(tick)
    log = settings.dagster_home / "storage" / "landing_sensor" / "tick.err"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text(json.dumps({"quarantined": [{"name": NAME}]}))


def remains(home: Path, needles: list[str], faces: set[bytes] = frozenset(), content: str = "-") -> list[str]:
    """Look for strings and pixels in everything below a folder: names, bytes, Parquet, SQLite, DuckDB, archives."""
    wanted = [form.encode() for each in needles for form in {each, json.dumps(each)[1:-1]}]
    found = []

    def look(data, where):
        found.extend(f"{where}: {each!r}" for each in wanted if each in data)

    for folder, _, names in os.walk(home):
        for name in names:
            path = Path(folder) / name
            if not path.exists():  # the log of a database that was opened and closed
                continue
            where, data = str(path.relative_to(home)), path.read_bytes()
            look(where.encode(), "name of " + where)
            look(data, where)
            if hashlib.sha256(data).hexdigest() == content or any(face in data for face in faces):
                found.append(f"{where}: content")
            if data.startswith(b"PAR1"):
                rows = pq.read_table(path).to_pylist()
                look(repr(rows).encode(), "rows of " + where)
                cells = {value for each in rows for value in each.values() if isinstance(value, bytes)}
                found.extend(f"{where}: pixels" for _ in cells & faces)
            elif data.startswith(b"SQLite"):
                with contextlib.closing(sqlite3.connect(path)) as connection:
                    for (table,) in connection.execute(
                        "select name from sqlite_master where type='table'"
                    ).fetchall():
                        look(repr(connection.execute(f'select * from "{table}"').fetchall()).encode(), where)  # noqa: S608
            elif data[8:12] == b"DUCK":
                with duckdb.connect(str(path), read_only=True) as connection:
                    for schema, table in connection.execute(
                        "select schema_name, table_name from duckdb_tables() where not internal"
                    ).fetchall():
                        rows = connection.execute(f'select * from "{schema}"."{table}"').fetchall()  # noqa: S608
                        look(repr(rows).encode(), f"{where}: {table}")
            elif data.startswith(b"\x1f\x8b"):
                look(gzip.decompress(data), where)
            elif zipfile.is_zipfile(path):
                with zipfile.ZipFile(path) as archive:
                    look(b"".join(archive.read(each) for each in archive.namelist()), where)
    return found
