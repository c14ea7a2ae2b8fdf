"""Fixtures of the orchestration tests: clips as they arrive, and installations in folders of their own."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

SIDECAR = {
    "camera": "gate-03",
    "captured_at": "2026-03-02T08:15:00Z",
    "purpose": "test",
    "legal_basis": "own recording",
}


@pytest.fixture(scope="session", autouse=True)
def _no_settings_from_outside() -> Iterator[None]:
    """Keep the settings of whoever runs the tests out of them."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("APEXLINE_") or name == "DAGSTER_HOME"]:
            patch.delenv(name)
        yield


@pytest.fixture(scope="session")
def deliver():
    """Put a file with its sidecar into a folder: ``deliver(folder, name, content, **changes of the sidecar)``."""

    def put(folder: Path, name: str, content: bytes, *, sidecar: bool = True, **changes: object) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / name
        path.write_bytes(content)
        if sidecar:
            fields = {key: value for key, value in {**SIDECAR, **changes}.items() if value is not None}
            path.with_suffix(".json").write_text(json.dumps(fields))
        return path

    return put
