"""Assets of texture, flow and words: one factory, three tables; of the two that are older the fingerprints stay."""

import pickle

import numpy as np
import pytest
from upath import UPath

from apexline.assets.lake.clips import hash_file
from apexline.assets.lake.storage import Lake, fingerprint
from apexline.assets.lake.workers import ClipWorkers
from apexline.assets.spotting import face_features
from apexline.assets.spotting.face_features import (
    EXPRESSION_CODE_VERSION,
    expression_features,
    flow_features,
    texture_features,
)
from apexline.features.expression import shipped_network
from apexline.features.expression.network import WEIGHTS
from apexline.features.faces.alignment import CROP_SIZE

DAY, CLIP, TRACKS = "2026-03-02_gate-03", "aaaa000011112222", "stamp of the tracks"
ASSETS = {
    "texture_features": texture_features,
    "flow_features": flow_features,
    "expression_features": expression_features,
}


class PicklingWorkers(ClipWorkers):
    """Hands `compute` on as a worker process gets it."""

    def run(self, compute, jobs):
        return super().run(pickle.loads(pickle.dumps(compute)), jobs)


@pytest.fixture
def lake(tmp_path):
    """A camera-day with the crops of one track: a picture that moves a little."""
    lake = Lake(UPath(tmp_path))
    picture = np.random.default_rng(3).integers(0, 255, (CROP_SIZE, CROP_SIZE), np.uint8)
    crops = [
        {
            "clip_id": CLIP,
            "track_id": "t",
            "frame": frame,
            "time_s": frame / 25,
            "crop": np.roll(picture, frame % 3, axis=0).tobytes(),
        }
        for frame in range(12)
    ]
    lake.write("face_crops", CLIP, crops, stamp=TRACKS, camera_day=DAY)
    lake.write("face_tracks", CLIP, [], stamp=TRACKS, camera_day=DAY)
    return lake


@pytest.mark.parametrize(
    ("name", "section", "column", "listed_as", "listed"),
    [
        ("texture_features", "features.texture", "difference", "kinds", {"sl", "sr"}),
        ("flow_features", "features.flow", "magnitude", "regions", {"lips", "left_brow"}),
    ],
)
def test_rows_and_fingerprint(materialise, parameters, lake, name, section, column, listed_as, listed):
    found = materialise(ASSETS[name], camera_day=DAY, lake=lake, workers=PicklingWorkers())
    rows = lake.read(name, CLIP, camera_day=DAY)
    assert rows.num_rows == found.metadata["dagster/row_count"].value > 0
    assert np.isfinite(rows[column].to_numpy()).all()
    assert listed <= set(found.metadata[listed_as].value)
    # A home made by an earlier release holds this very fingerprint: another one would compute every clip again.
    wanted = fingerprint([name], fingerprint(TRACKS), "2", parameters.hash_of(section))
    assert lake.fingerprint_of(name, CLIP, camera_day=DAY) == wanted


def test_the_second_run_computes_nothing(materialise, lake):
    for asset in ASSETS.values():
        counts = [
            materialise(asset, camera_day=DAY, lake=lake).metadata["clips_computed"].value for _ in range(2)
        ]
        assert counts == [1, 0]


def test_words_have_a_row_for_each_crop_and_follow_no_parameter(materialise, lake):
    found = materialise(expression_features, camera_day=DAY, lake=lake, workers=PicklingWorkers())
    rows = lake.read("expression_features", CLIP, camera_day=DAY).to_pylist()
    assert [row["frame"] for row in rows] == list(range(12))
    crops = lake.read("face_crops", CLIP, camera_day=DAY).to_pylist()
    pixels = np.stack([np.frombuffer(row["crop"], np.uint8).reshape(CROP_SIZE, CROP_SIZE) for row in crops])
    np.testing.assert_allclose([row["words"] for row in rows], shipped_network()(pixels), atol=1e-4)
    assert found.metadata["dagster/row_count"].value == 12
    # other weights see other words in the same faces
    wanted = fingerprint(
        ["expression_features"], fingerprint(TRACKS), EXPRESSION_CODE_VERSION, hash_file(WEIGHTS)
    )
    assert lake.fingerprint_of("expression_features", CLIP, camera_day=DAY) == wanted


def test_other_weights_compute_words_anew_and_nothing_else(materialise, lake, monkeypatch, other_file):
    def computed():
        return {
            name: materialise(asset, camera_day=DAY, lake=lake).metadata["clips_computed"].value
            for name, asset in ASSETS.items()
        }

    assert computed() == dict.fromkeys(ASSETS, 1)
    monkeypatch.setattr(face_features, "WEIGHTS", other_file)
    assert computed() == dict.fromkeys(ASSETS, 0) | {"expression_features": 1}
