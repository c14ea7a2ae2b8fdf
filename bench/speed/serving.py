"""Latency of answers: in process up to the stored row, and over `mlflow models serve` on loopback.

The three versions are trained for one epoch on noise and registered in a folder of their own: what an answer costs does
not depend on what the weights say. The face is the portrait that scikit-image brings.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage import data as pictures
from threadpoolctl import threadpool_limits
from upath import UPath

from apexline.assets.lake import Lake
from apexline.assets.scoring import score_faces
from apexline.assets.serving import ExpressionServer
from apexline.assets.training import FEATURE_VERSION, VERSIONS
from apexline.bench.page import Rows, write_speed
from apexline.bench.recognition import read_plan
from apexline.bench.speed.processes import ONE_THREAD, cpu_s
from apexline.features import FeatureConfig, segment_features
from apexline.features.faces import align_raw_crop
from apexline.governance import OWN_RECORDINGS, enter_synthetic
from apexline.ml import EMOTIONS, AbstentionConfig, emotion_pad
from apexline.ml.datasets import INPUT_SIZE, ExpressionDataset, one_hot, split_by_subject
from apexline.ml.registry import MODEL_NAME, ModelRegistry

_ROUNDS = 300
_EXAMPLES = 96
_START_S = 180.0

_WORDS = f"""Latency of answers.

From one face to its answer, {_ROUNDS} times each after warming up. *In process*: crop to the answer stored as a Parquet
row in the lake (features, network, adjectives, limits, write and rename). *Served*: `mlflow models serve --env-manager
local` on 127.0.0.1, one connection, JSON there and back. In a raw crop the face is found and aligned first: one second
look of the detector where its box was cut out, a search where there is rim. The portrait is scikit-image's. Networks
are as wide as the shipped one; their weights come from one epoch on noise, which cost the same. CPU time is this
process's own, which other work on the machine stretches less; served, that is the client's. *First answer*: from the
command to its first answer, looked for twice a second, with the CPU time of all its processes."""


@threadpool_limits.wrap(limits=1, user_api="blas")  # as in the line's own processes
def bench_serving() -> Rows:
    """Return median and 95th percentile of the time from a face to its answer, ms."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        with TemporaryDirectory() as folder:
            home = Path(folder)
            registry = ModelRegistry(
                f"sqlite:///{home / 'mlflow.db'}",
                str(home / "artifacts"),
                loader_module=ExpressionServer.__module__,
            )
            _register_versions(registry)
            stated = {"purpose": "benchmark", "legal_basis": "drawn faces"}
            enter_synthetic(home, OWN_RECORDINGS, **stated, by="bench", now=datetime.now(UTC))
            return [
                *_in_process(registry, Lake(UPath(home))),
                *_served(registry, home),
                _first_answer(registry, home),
            ]
    finally:
        cv2.setNumThreads(threads)


def write_serving_page(rows: Rows, out: Path) -> None:
    """Write ``speed_serving.md`` into `out`."""
    write_speed(out, "speed_serving", _WORDS, rows, [])


def _raw_crops() -> dict[str, NDArray[np.uint8]]:
    """Colour pictures of one face: as a detector's box cuts it out, and with rim."""
    portrait = pictures.astronaut()[..., ::-1]
    return {
        "raw, 126 x 88": np.ascontiguousarray(portrait[61:187, 177:265]),
        "raw with rim, 180 x 160": np.ascontiguousarray(portrait[20:200, 145:305]),
    }


def _register_versions(registry: ModelRegistry) -> None:
    """Train the three versions on noise, register them in order, and make the last champion."""
    from apexline.ml.deepid import train_deepid
    from apexline.ml.evaluation import evaluate

    shape = read_plan("full").performers
    rng = np.random.default_rng(0)
    crops = rng.integers(0, 256, (2, 128, 128), np.uint8)
    texture, flow = segment_features(crops[0], crops[1], config=FeatureConfig())
    assert flow is not None
    classes = np.arange(_EXAMPLES) % len(EMOTIONS)
    data = ExpressionDataset(
        images=rng.integers(0, 256, (_EXAMPLES, INPUT_SIZE, INPUT_SIZE), np.uint8),
        labels=one_hot([EMOTIONS[k] for k in classes]),
        pad=emotion_pad().to_numpy()[classes].astype(np.float32),
        texture=rng.random((_EXAMPLES, len(texture)), np.float32),
        flow=rng.normal(0, 1, (_EXAMPLES, len(flow))).astype(np.float32),
        flow_mask=np.ones(_EXAMPLES, np.float32),
        onsets=rng.integers(0, 256, (_EXAMPLES, INPUT_SIZE, INPUT_SIZE), np.uint8),
        subjects=np.array([f"s{k // 4}" for k in range(_EXAMPLES)]),
        ids=np.array([f"noise-{k}" for k in range(_EXAMPLES)]),
        synthetic=True,
    )
    split = split_by_subject(data.subjects, data.labels, ids=data.ids)
    for number, version in enumerate(VERSIONS, start=1):
        run = train_deepid(
            data,
            split,
            version=version,
            config=replace(shape, epochs=1),
            seed=0,
            pad_anchors=emotion_pad().to_numpy(),
            feature_version=FEATURE_VERSION,
        )
        folds = data.take(split.train), data.take(split.valid)
        run = replace(run, model=run.model.learn_limits(*folds, config=AbstentionConfig()))
        registry.log_version(
            run,
            evaluate(run.model, data, split.test),
            data=data,
            split=split,
            parameters={"features": {}},
            tags={"fingerprint": version, "dagster_run_id": "bench"},
            figures={},
        )
        registry.set_alias("champion", number)


def _in_process(registry: ModelRegistry, lake: Lake) -> Rows:
    raw = _raw_crops()
    rows: Rows = []
    for number, version in enumerate(VERSIONS, start=1):
        server = ExpressionServer(registry.load_model(number), FeatureConfig())
        aligned = align_raw_crop(next(iter(raw.values())), server.detector)
        assert aligned is not None
        rows_sent = {
            "aligned, 128 x 128": {"image": aligned[0], "aligned": True},
            **{name: {"image": image} for name, image in raw.items()},
        }
        for crop, row in rows_sent.items():
            times = _times(partial(_store_answer, server, row, lake, number, count()))
            rows.append(
                {"task": "in process, to the stored answer", "version": version, "crop": crop, **times}
            )
    return rows


def _store_answer(
    server: ExpressionServer, sent: Mapping[str, Any], lake: Lake, number: int, ordinals: Iterator[int]
) -> None:
    [answer] = score_faces(server.model, [server.face(sent)], features=server.features)
    del answer["mapped_emotion"]  # follows from the stored PAD coordinates
    origin = {"clip_id": "0" * 16, "track_id": "t", "segment_id": "t-0", "dagster_run_id": "bench"}
    model = {"model_version": number, "version": server.model.version, "scored_at": datetime.now(UTC)}
    row = {**origin, **model, **answer, "synthetic": True}
    # As in the line, every answer is a new file: renaming over an old one makes the file system wait for the disk.
    name = f"v{number}-{next(ordinals)}-{len(sent['image'])}"
    lake.write("segment_scores", name, [row], stamp="bench", camera_day="bench")


def _served(registry: ModelRegistry, home: Path) -> Rows:
    raw = _raw_crops()
    grey = cv2.cvtColor(next(iter(raw.values())), cv2.COLOR_BGR2GRAY)
    small = cv2.resize(grey, (128, 128), interpolation=cv2.INTER_AREA)
    sent = {
        "aligned, 128 x 128, base64": {
            "image": base64.b64encode(small.tobytes()).decode(),
            "aligned": True,
        },
        "aligned, 128 x 128, nested lists": {"image": small.tolist(), "aligned": True},
        **{
            f"{name}, base64 PNG": {"image": base64.b64encode(_png(image)).decode()}
            for name, image in raw.items()
        },
    }
    task = {"task": "mlflow models serve, loopback", "version": VERSIONS[-1]}
    with _serving(registry.tracking_uri, home) as (connection, _):
        return [
            {
                **task,
                "crop": name,
                **_times(partial(_ask, connection, json.dumps({"dataframe_records": [row]}))),
            }
            for name, row in sent.items()
        ]


def _first_answer(registry: ModelRegistry, home: Path) -> dict[str, Any]:
    """Seconds from the command to the answer to a raw crop."""
    name, image = next(iter(_raw_crops().items()))
    body = json.dumps({"dataframe_records": [{"image": base64.b64encode(_png(image)).decode()}]})
    started = time.perf_counter()
    with _serving(registry.tracking_uri, home) as (connection, server):
        _ask(connection, body)
        return {
            "task": "mlflow models serve, first answer",
            "version": VERSIONS[-1],
            "crop": f"{name}, base64 PNG",
            "wall s": time.perf_counter() - started,
            "cpu s": cpu_s(server.pid),
        }


def _png(image: NDArray[np.uint8]) -> bytes:
    return cv2.imencode(".png", image)[1].tobytes()


@contextmanager
def _serving(
    tracking_uri: str, home: Path
) -> Generator[tuple[http.client.HTTPConnection, subprocess.Popen[bytes]]]:
    """Serve the champion in a process of its own until the block ends; the connection to it, and the process."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "mlflow",
        "models",
        "serve",
        "--model-uri",
        f"models:/{MODEL_NAME}@champion",
    ]
    command += ["--env-manager", "local", "--host", "127.0.0.1", "--port", str(port)]
    # MLflow starts `uvicorn` by name.
    search = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    settings = {"MLFLOW_TRACKING_URI": tracking_uri, "PATH": search, "APEXLINE_HOME": str(home)}
    environment = {**os.environ, **dict.fromkeys(ONE_THREAD, "1"), **settings}
    with TemporaryFile() as log:
        # A session of its own: the command starts the server as a child, and both have to go.
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            if not _answers(connection, server):
                log.seek(0)
                msg = f"`{' '.join(command)}` does not answer; it said {log.read()[-2000:].decode()}"
                raise RuntimeError(msg)
            yield connection, server
            connection.close()
        finally:
            if server.poll() is None:
                os.killpg(server.pid, signal.SIGTERM)
            server.wait()


def _answers(connection: http.client.HTTPConnection, server: subprocess.Popen[bytes]) -> bool:
    """Wait until the server answers; false where it ended, or takes too long."""
    deadline = time.monotonic() + _START_S
    while server.poll() is None and time.monotonic() < deadline:
        try:
            connection.request("GET", "/ping")
            connection.getresponse().read()
        except OSError:  # not yet: nothing listens there
            connection.close()
            time.sleep(0.5)
        else:
            return True
    return False


def _ask(connection: http.client.HTTPConnection, body: str) -> list[dict[str, Any]]:
    connection.request("POST", "/invocations", body, {"Content-Type": "application/json"})
    response = connection.getresponse()
    answer = json.loads(response.read())
    if response.status != http.HTTPStatus.OK:
        msg = f"the server said {response.status}: {answer}"
        raise RuntimeError(msg)
    return answer["predictions"]


def _times(call: Callable[[], Any]) -> dict[str, float]:
    for _ in range(10):
        call()
    seconds: list[float] = []
    busy: list[float] = []
    for _ in range(_ROUNDS):
        started, worked = time.perf_counter(), time.process_time()
        call()
        seconds.append(time.perf_counter() - started)
        busy.append(time.process_time() - worked)
    middle, slow = np.quantile(seconds, [0.5, 0.95])
    return {
        "p50 ms": 1e3 * float(middle),
        "p95 ms": 1e3 * float(slow),
        "p50 CPU ms": 1e3 * float(np.median(busy)),
    }
