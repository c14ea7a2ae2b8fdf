import os

import pytest

from apexline.orchestration.resources import build_resources
from apexline.orchestration.settings import Settings


@pytest.mark.parametrize(
    ("own", "workers", "runs", "expected"),
    [(None, 3, 2, "15%"), (None, 64, 4, "1%"), ("1073741824", 3, 2, "1073741824")],
)
def test_processes_that_share_a_gpu_have_a_part_of_its_memory_each(
    tmp_path, monkeypatch, own, workers, runs, expected
):
    monkeypatch.delenv("CUPY_GPU_MEMORY_LIMIT", raising=False)
    if own is not None:
        monkeypatch.setenv("CUPY_GPU_MEMORY_LIMIT", own)
    build_resources(Settings(home=str(tmp_path), num_workers=workers, num_runs=runs))
    assert os.environ["CUPY_GPU_MEMORY_LIMIT"] == expected
