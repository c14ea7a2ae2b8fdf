"""Fixtures of the intake's tests: a lake, a landing folder, and clips with sidecars put into it."""

import json

import pytest
from upath import UPath

from apexline.assets.lake.storage import Lake
from tests.assets.small_lake import MANIFEST


@pytest.fixture
def lake(tmp_path):
    return Lake(UPath(tmp_path / "home"))


@pytest.fixture
def landing(lake):
    folder = lake.home / "landing"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def clip_bytes(noise_clip):
    return noise_clip()


@pytest.fixture
def put():
    """Put a file and its sidecar (a dict, a text, bytes, or None for none) into a folder."""

    def write(folder, name, content, manifest=MANIFEST):
        path = UPath(folder) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        if manifest is not None:
            encoded = manifest if isinstance(manifest, bytes | str) else json.dumps(manifest)
            content = encoded if isinstance(encoded, bytes) else encoded.encode()
            path.with_suffix(".json").write_bytes(content)
        return path

    return write
